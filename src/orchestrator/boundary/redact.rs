//! Redactions: what a contract declares is taken out, covered or hashed before anything is stored (protocol section 2).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use crate::domain::canonical::canonical;
use crate::domain::contract::{MASK, Redaction, RedactionMethod, Violation};
use crate::domain::key::hexadecimal;
use crate::domain::pointer;

/// JSON pointer to the payload fields.
pub(super) const FIELDS: &str = "/working_memory/payload/fields";

/// The key of a redaction by `hash`, 32 secret bytes: without it nobody can try out what a hash stands for.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

/// What a hash begins with; 64 hexadecimal digits follow.
const HASHED: &str = "hmac-sha256:";

/// Where texts stand that can be covered, beside the payload fields: nothing that the protocol itself goes by.
const TEXTS: [&str; 3] = ["/brief", "/working_memory/summary", "/ext"];

/// What was redacted in a contract.
#[derive(Debug, Default)]
pub(super) struct Redacted {
    /// JSON pointers of the payload fields that were taken out.
    pub(super) dropped: Vec<String>,
    /// JSON pointers of what is covered or hashed, by us or before it got here.
    pub(super) covered: Vec<String>,
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey") // it is a secret
    }
}

impl HashKey {
    /// Of these secret bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The text that stands for a value: the same for the same value.
    fn hash(&self, value: &Value) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&canonical(value));
        hexadecimal(HASHED, &mac.finalize().into_bytes())
    }
}

impl Redacted {
    /// What is at `path` is covered, so that nobody can say any more whether it is as it has to be.
    pub(super) fn covers(&self, path: &str) -> bool {
        self.covered.iter().any(|it| within(path, it))
    }
}

/// Whether `path` is the place `whole`, or a part of it.
fn within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A value can be taken out here.
fn droppable(path: &str) -> bool {
    path != FIELDS && within(path, FIELDS)
}

/// Values can be covered or hashed here.
fn coverable(path: &str) -> bool {
    droppable(path) || TEXTS.iter().any(|it| within(path, it))
}

fn declared(value: &Value) -> Vec<Value> {
    value.pointer("/classification/redactions").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Does what a producer declares as redacted and sent all the same. What is redacted already stays as it is. Where there is
/// no key for a hash, as for a contract that is only checked, the value is masked.
pub(super) fn redact(value: &mut Value, key: Option<&HashKey>) -> Redacted {
    let mut redacted = Redacted::default();
    for it in declared(value) {
        let method = it.get("method").and_then(|method| RedactionMethod::deserialize(method).ok());
        let (Some(method), Some(path)) = (method, it.get("path").and_then(Value::as_str)) else {
            continue;
        };
        match method {
            RedactionMethod::Drop => {
                if droppable(path) && drop_at(value, path) {
                    redacted.dropped.push(path.to_owned());
                }
            }
            RedactionMethod::Mask | RedactionMethod::Hash => {
                if let Some(place) = value.pointer_mut(path).filter(|_| coverable(path)) {
                    cover(place, key.filter(|_| method == RedactionMethod::Hash));
                    redacted.covered.push(path.to_owned());
                }
            }
            RedactionMethod::Tokenize => {}
        }
    }
    redacted
}

/// Takes a value out; false when there is none.
fn drop_at(value: &mut Value, path: &str) -> bool {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return false;
    };
    let removed = match value.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(&*pointer::name(name)),
        // The places of the others stay what the other redactions say they are.
        Some(Value::Array(items)) => {
            let item = name.parse().ok().and_then(|it: usize| items.get_mut(it));
            item.map(Value::take)
        }
        _ => None,
    };
    removed.is_some()
}

/// Puts a text in the place of each value: its hash, or without a key the mask.
fn cover(place: &mut Value, key: Option<&HashKey>) {
    match place {
        Value::Array(items) => {
            for item in items {
                cover(item, key);
            }
        }
        Value::Object(members) => {
            for member in members.values_mut() {
                cover(member, key);
            }
        }
        Value::Null => {}
        leaf if is_covered(leaf) && (key.is_some() || *leaf == MASK) => {}
        leaf => *leaf = key.map_or_else(|| MASK.to_owned(), |key| key.hash(leaf)).into(),
    }
}

/// A text that stands for what was redacted, and nothing else.
fn is_covered(leaf: &Value) -> bool {
    let digits = |it: &str| it.len() == 64 && it.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    leaf.as_str().is_some_and(|it| it == MASK || it.strip_prefix(HASHED).is_some_and(digits))
}

/// All that there is, if anything, is covered.
fn all_covered(place: &Value) -> bool {
    match place {
        Value::Array(items) => items.iter().all(all_covered),
        Value::Object(members) => members.values().all(all_covered),
        Value::Null => true,
        leaf => is_covered(leaf),
    }
}

/// The same for what was refused, and may be no contract. False when it declares something that cannot be read or done:
/// nobody knows what it would have taken out.
pub fn redact_refused(value: &mut Value, key: Option<&HashKey>) -> bool {
    let doable = |it: &Redaction| match it.method {
        RedactionMethod::Drop => droppable(&it.path),
        RedactionMethod::Mask | RedactionMethod::Hash => coverable(&it.path),
        RedactionMethod::Tokenize => false,
    };
    let readable = |it: &Value| Redaction::deserialize(it).is_ok_and(|it| doable(&it));
    let understood = match value.get("classification") {
        None | Some(Value::Null) => true,
        Some(Value::Object(class)) => match class.get("redactions") {
            None | Some(Value::Null) => true,
            Some(Value::Array(declared)) => declared.iter().all(readable),
            Some(_) => false,
        },
        Some(_) => false,
    };
    redact(value, key);
    understood
}

/// True when a contract asks for a hash, for which there has to be a key.
pub fn needs_key(value: &Value) -> bool {
    declared(value).iter().any(|it| it.get("method").and_then(Value::as_str) == Some("hash"))
}

/// Finds what was declared and not done: nothing of it is stored, however little its edge demands.
pub(super) fn undone(value: &Value, found: &mut Vec<Violation>) {
    for (nth, it) in declared(value).iter().enumerate() {
        let Ok(it) = Redaction::deserialize(it) else { continue };
        let there = value.pointer(&it.path);
        let pointer = it.path.is_empty() || it.path.starts_with('/');
        let mut wrong = |member: &str, message: &str| {
            found.push(Violation::new(format!("/classification/redactions/{nth}/{member}"), UNDONE, message));
        };
        match it.method {
            RedactionMethod::Tokenize => wrong(
                "method",
                "tokenize is not served, as there is no vault that keeps what a token stands for: use hash, which gives \
                 the same value the same text, or mask; or put your own token in its place and leave this out",
            ),
            _ if !pointer => wrong("path", "is no JSON pointer, such as /working_memory/payload/fields/email"),
            RedactionMethod::Drop if there.is_some_and(|left| !left.is_null()) => wrong(
                "path",
                "is declared as dropped but was sent: only payload fields can be taken out here, so leave it out",
            ),
            RedactionMethod::Mask | RedactionMethod::Hash if there.is_some_and(|it| !all_covered(it)) => wrong(
                "path",
                "is declared as redacted but was sent: only payload fields and the texts of brief, summary and ext can \
                 be masked or hashed here, so put something else in its place",
            ),
            RedactionMethod::Drop | RedactionMethod::Mask | RedactionMethod::Hash => {}
        }
    }
}

/// Keyword of a violation by [`undone`].
pub(super) const UNDONE: &str = "redaction";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: HashKey = HashKey::new([7; 32]);

    fn redacted(fields: &Value, path: &str, method: &str, key: Option<&HashKey>) -> Value {
        let redactions = json!([{"path": path, "method": method}]);
        let mut value = json!({"working_memory": {"payload": {"fields": fields}},
            "classification": {"level": "internal", "redactions": redactions}});
        redact(&mut value, key);
        value["working_memory"]["payload"]["fields"].take()
    }

    #[test]
    fn each_value_of_a_place_is_covered_and_the_shape_stays() {
        let place = "/working_memory/payload/fields/who";
        let who = json!({"who": {"mail": "a@b.example", "ages": [40, null, true]}, "open": 1});
        let masked = json!({"who": {"mail": MASK, "ages": [MASK, null, MASK]}, "open": 1});
        assert_eq!(redacted(&who, place, "mask", Some(&KEY)), masked);
        assert_eq!(redacted(&who, place, "hash", None), masked, "without a key nothing is left in the clear");
        let hashed = redacted(&who, place, "hash", Some(&KEY));
        assert_eq!((&hashed["open"], &hashed["who"]["ages"][1]), (&json!(1), &Value::Null));
        assert_eq!(redacted(&hashed, place, "hash", Some(&KEY)), hashed, "what is redacted stays");
        assert_eq!(redacted(&hashed, place, "mask", Some(&KEY)), masked);
        assert_eq!(redacted(&masked, place, "hash", Some(&KEY)), masked);
    }

    #[test]
    fn a_hash_is_hmac_sha_256_of_the_canonical_value() {
        // python3 -c 'import hmac; print(hmac.new(bytes([7]*32), b"\"a@b.example\"", "sha256").hexdigest())'
        let digest = "3ec85db44ebf5e4deb04293567e6145747937513c893f4ad47b7ffc26db1e4f5";
        assert_eq!(KEY.hash(&json!("a@b.example")), format!("hmac-sha256:{digest}"));
        assert_ne!(KEY.hash(&json!("1")), KEY.hash(&json!(1)));
        assert_ne!(KEY.hash(&json!(1)), HashKey::new([8; 32]).hash(&json!(1)));
        assert_eq!(format!("{KEY:?}"), "HashKey");
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        let table = [
            ("/working_memory/payload/fields/a", "tokenize", Some("method")),
            ("/working_memory/payload/fields/none", "tokenize", Some("method")),
            ("/working_memory/payload/fields/a", "hash", None),
            ("/working_memory/payload/fields", "mask", Some("path")),
            ("working_memory/payload/fields/a", "mask", Some("path")),
            ("", "mask", Some("path")),
            ("/brief/title", "mask", None),
            ("/brief/title", "drop", Some("path")),
            ("/brief/none", "drop", None),
            ("/target/id", "hash", Some("path")),
            ("/target/none", "hash", None),
        ];
        for (path, method, wrong) in table {
            let redactions = json!([{"path": path, "method": method}]);
            let mut value = json!({"brief": {"title": "t"}, "target": {"id": "b"},
                "working_memory": {"payload": {"fields": {"a": "secret"}}},
                "classification": {"level": "internal", "redactions": redactions}});
            redact(&mut value, Some(&KEY));
            let mut found = Vec::new();
            undone(&value, &mut found);
            let found: Vec<&str> = found.iter().filter_map(|it| it.path.rsplit_once('/')).map(|it| it.1).collect();
            assert_eq!(found, Vec::from_iter(wrong), "{method} {path}");
        }
    }
}
