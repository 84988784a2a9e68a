//! JSON text from outside to a value, with one sentence about what is wrong with it.
//!
//! Stricter than a plain JSON reader: a member given twice is refused (readers disagree on which one counts),
//! and so is nesting deep enough to hurt, and `NaN`, which some producers write although it is not JSON.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::{Map, Number, Value};

use super::words::shown;
use crate::domain::contract::Violation;
use crate::domain::pointer::child;

/// The deepest nesting accepted.
pub const DEPTH_MAX: usize = 64;

/// The largest integer every JSON reader keeps exactly, `2^53 - 1`.
const EXACT_MAX: i64 = 9_007_199_254_740_991;

/// Reads JSON text into a value.
///
/// # Errors
/// One violation that names the place, as a JSON pointer as far as it was read, and the line.
pub fn parse(text: &[u8]) -> Result<Value, Violation> {
    let trail = RefCell::new(Vec::new());
    let text = std::str::from_utf8(text).map_err(|why| {
        Violation::new(
            "",
            "json",
            format!("the text is not UTF-8 from byte {} on: send JSON in UTF-8", why.valid_up_to()),
        )
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Strictly { trail: &trail }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|why| {
        let path = pointer(&trail.borrow());
        let place = format!("line {} column {}", why.line(), why.column());
        let reason = why.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        if let Some(name) = reason.strip_prefix(TWICE) {
            return Violation::new(path, "duplicate_key", format!("the member {name} is given twice ({place}): keep one of them"));
        }
        if reason == DEEP || reason.contains("recursion limit") {
            let message = format!("nested more than {DEPTH_MAX} levels deep ({place}): flatten it or pass it as a reference");
            return Violation::new(path, "nesting", message);
        }
        if reason.contains("number out of range") || not_a_number(text, why.line(), why.column()) {
            let message = format!("NaN, infinities and numbers beyond 64-bit floats are not JSON ({place}): use null, or leave the member out");
            return Violation::new(path, "number", message);
        }
        Violation::new(path, "json", format!("this is not JSON: {reason} ({place})"))
    })
}

/// Whether the reader stopped at a word that some producers write for a number.
fn not_a_number(text: &str, line: usize, column: usize) -> bool {
    let Some(line) = text.lines().nth(line.saturating_sub(1)) else {
        return false;
    };
    let from = column.saturating_sub(2);
    let near = line
        .bytes()
        .skip(from)
        .skip_while(|byte| matches!(byte, b' ' | b'-' | b':' | b'[' | b','))
        .take(8)
        .collect::<Vec<_>>();
    near.starts_with(b"NaN") || near.starts_with(b"nan") || near.starts_with(b"Inf") || near.starts_with(b"inf")
}

const TWICE: &str = "given twice: ";
const DEEP: &str = "nested too deep";

fn pointer(trail: &[String]) -> String {
    trail.iter().fold(String::new(), |path, name| child(&path, name))
}

/// Reads a value and keeps the trail of names down to it, so that an error can say where it happened.
struct Strictly<'a> {
    trail: &'a RefCell<Vec<String>>,
}

impl Strictly<'_> {
    fn enter<E: de::Error>(&self, name: String) -> Result<Self, E> {
        let mut trail = self.trail.borrow_mut();
        trail.push(name);
        if trail.len() > DEPTH_MAX { Err(E::custom(DEEP)) } else { Ok(Self { trail: self.trail }) }
    }

    fn leave(&self) {
        self.trail.borrow_mut().pop();
    }
}

impl<'de> DeserializeSeed<'de> for Strictly<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strictly<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        loop {
            let next = self.enter(read.len().to_string())?;
            let Some(item) = items.next_element_seed(next)? else {
                break;
            };
            self.leave();
            read.push(item);
        }
        self.leave();
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let next = self.enter(name.clone())?;
            if read.contains_key(&name) {
                return Err(A::Error::custom(format!("{TWICE}{}", shown(&name))));
            }
            let value = members.next_value_seed(next)?;
            self.leave();
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

/// Writes every whole number as an integer (`2.0` becomes `2`, the same number) and reports integers that some
/// readers would round: two different ones would have the same digest.
pub(super) fn exact_numbers(value: &mut Value, found: &mut Vec<Violation>) {
    match value {
        Value::Number(number) => {
            if number.is_f64() {
                if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT_MAX as f64) {
                    *number = Number::from(whole as i64);
                }
            } else if number.as_i64().is_none_or(|n| n.unsigned_abs() > EXACT_MAX.unsigned_abs()) {
                let message =
                    format!("{number} is a larger integer than every JSON reader keeps exactly: send it as text");
                found.push(Violation::new("", "number", message));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let first = found.len();
                exact_numbers(item, found);
                below(&index.to_string(), found, first);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let first = found.len();
                exact_numbers(member, found);
                below(name, found, first);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Puts what was found from `first` on under the member of this name: paths are made only for what is wrong.
fn below(name: &str, found: &mut [Violation], first: usize) {
    for it in found.iter_mut().skip(first) {
        it.path.insert_str(0, &child("", name));
    }
}

/// Whether `value` is nested at most [`DEPTH_MAX`] levels deep; for values that did not come through [`parse`].
pub(super) fn shallow(value: &Value) -> bool {
    fn within(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left > 0 && items.iter().all(|item| within(item, left - 1)),
            Value::Object(members) => left > 0 && members.values().all(|member| within(member, left - 1)),
            _ => true,
        }
    }
    within(value, DEPTH_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong(text: &str) -> Violation {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"a":[1,-2,3.5,"x",null,true,{"b":{}}],"é":"\u00e9"}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_member_given_twice_is_named_with_its_path() {
        let found = wrong(r#"{"brief":{"links":[0,{"a/b":1,"a/b":2}]}}"#);
        assert_eq!((found.path.as_str(), found.keyword.as_str()), ("/brief/links/1/a~1b", "duplicate_key"));
        assert!(found.message.contains("\"a/b\" is given twice (line 1 column "), "{}", found.message);
    }

    #[test]
    fn nan_and_infinities_are_explained() {
        for text in [
            "{\"a\":NaN}",
            "{\"a\": NaN}",
            "{\"a\":[1, -Infinity]}",
            "{\"a\":\n Infinity}",
            "{\"a\":1e999}",
            "{\"a\":nan}",
        ] {
            let found = wrong(text);
            assert_eq!(found.keyword, "number", "{text}: {}", found.message);
            assert!(found.path.starts_with("/a"), "{text}: {}", found.path);
        }
    }

    #[test]
    fn nesting_bombs_are_refused_before_they_hurt() {
        assert_eq!(wrong(&"[".repeat(100_000)).keyword, "nesting");
        assert_eq!(wrong(&"{\"a\":".repeat(100_000)).keyword, "nesting");
        let deepest = format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert_eq!(parse(deepest.as_bytes()).is_ok(), shallow(&serde_json::from_str(&deepest).unwrap()));
    }

    #[test]
    fn anything_else_says_where_reading_stopped() {
        let found = wrong("{\"a\":1,\n\"b\" 2}");
        assert_eq!(found.keyword, "json");
        assert!(found.message.contains("line 2"), "{}", found.message);
        assert_eq!(wrong("").keyword, "json");
        assert_eq!(wrong("{} {}").keyword, "json");
        assert!(parse(&[b'"', 0xff, b'"']).unwrap_err().message.contains("UTF-8"));
    }

    #[test]
    fn whole_numbers_become_integers_and_rounded_ones_are_reported() {
        let mut value =
            json!({"a": 2.0, "b": 2.5, "c": [9_007_199_254_740_991_i64, 9_007_199_254_740_993_i64], "d": -0.0});
        let mut found = Vec::new();
        exact_numbers(&mut value, &mut found);
        assert_eq!(value["a"], json!(2));
        assert_eq!(value["b"], json!(2.5));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "/c/1");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9NaIntrue\\-. ]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
