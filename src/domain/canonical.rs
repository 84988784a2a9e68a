//! The one way to write JSON as bytes, RFC 8785 (JCS), over which every digest is.
//!
//! Our own writer, because most of the time of an emit went into it: a value is a tree with its members at hand,
//! which need no buffer of text each to be put in order. Numbers, the hard part, are the library's.

use serde_json::{Number, Value};

/// The largest whole number that is written as it stands, `2^53 - 1`; beyond it, as the nearest double.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// The RFC 8785 bytes of `value`.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1_024);
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Null => to.extend_from_slice(b"null"),
        Value::Bool(true) => to.extend_from_slice(b"true"),
        Value::Bool(false) => to.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, to),
        Value::String(text) => write_text(text, to),
        Value::Array(items) => {
            to.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                write(item, to);
            }
            to.push(b']');
        }
        Value::Object(members) => {
            // By UTF-16 units, as JavaScript does, which beyond U+D7FF is another order than by characters.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            to.push(b'{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    to.push(b',');
                }
                write_text(name, to);
                to.push(b':');
                write(member, to);
            }
            to.push(b'}');
        }
    }
}

/// `serde_json` escapes exactly what RFC 8785 says, in the same spelling.
fn write_text(text: &str, to: &mut Vec<u8>) {
    serde_json::to_writer(to, text).expect("text can be written to memory");
}

fn write_number(number: &Number, to: &mut Vec<u8>) {
    let size = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
    if size.is_some_and(|it| it <= EXACT_MAX) {
        to.extend_from_slice(number.to_string().as_bytes());
    } else {
        let bytes = serde_json_canonicalizer::to_vec(number);
        to.extend(bytes.expect("a number in a JSON value is finite"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Any JSON, with numbers of every kind and names on both sides of the surrogates.
    fn json() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["\\PC{0,8}", "[\u{0}-\u{2f}\u{5c}\u{7f}\u{e000}-\u{10ffff}]{0,4}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1_000_i64..1_000).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-1_000..1_000).prop_map(|it| Value::from(f64::from(it) / 8.0)),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(text.clone(), inner, 0..6).prop_map(|it| it.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_library(value in json()) {
            prop_assert_eq!(canonical(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }
    }

    #[test]
    fn members_are_in_the_order_of_utf16_and_numbers_in_their_shortest_form() {
        let value = json!({"\u{ff21}": 1.0, "\u{1f600}": 1e21, "a\n": 9_007_199_254_740_993_u64});
        let text = "{\"a\\n\":9007199254740992,\"\u{1f600}\":1e+21,\"\u{ff21}\":1}";
        assert_eq!(canonical(&value), text.as_bytes());
    }
}
