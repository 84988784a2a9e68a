//! JSON text from outside to a value, with one sentence about what is wrong with it.
//!
//! Stricter than a plain JSON reader: a member given twice is refused (readers disagree on which one counts),
//! and so is nesting deep enough to hurt, and `NaN`, which some producers write although it is not JSON. A number that
//! would be another one afterwards is refused, too.

mod number;

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::{Map, Number, Value};

use super::contract::Violation;
use super::pointer::child;
use super::text::{shown, without_mark};
use number::Rounded;

/// The deepest nesting accepted.
pub const DEPTH_MAX: usize = 64;

/// The largest whole number every JSON reader keeps exactly, `2^53 - 1`.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// JSON text as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The value.
    pub value: Value,
    /// The numbers that are others in `value` than they were in the text, in its order; empty when all were kept.
    pub rounded: Vec<Violation>,
}

/// Reads JSON text into a value that says the same.
///
/// # Errors
/// One violation that names the place, as a JSON pointer as far as it was read, and the line; or the first number that
/// cannot be kept as it is.
pub fn parse(text: &[u8]) -> Result<Value, Violation> {
    let Read { value, rounded } = read(text)?;
    rounded.into_iter().next().map_or(Ok(value), Err)
}

/// The same for who can say more about it than its first number that cannot be kept.
///
/// # Errors
/// One violation that names the place, as a JSON pointer as far as it was read, and the line.
pub fn read(text: &[u8]) -> Result<Read, Violation> {
    let trail = RefCell::new(Vec::new());
    let text = std::str::from_utf8(text).map_err(|why| {
        let what = match text {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "the text is UTF-16: save or send JSON as UTF-8".to_owned(),
            _ => format!("the text is not UTF-8 from byte {} on: send JSON in UTF-8", why.valid_up_to()),
        };
        Violation::new("", "json", what)
    })?;
    let text = without_mark(text);
    let numbers = Numbers { next: Cell::new(0), rounded: number::rounded(text), found: RefCell::new(Vec::new()) };
    let mut reader = serde_json::Deserializer::from_str(text);
    let strictly = Strictly { trail: &trail, numbers: &numbers };
    let read = strictly.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    let read = read.map_err(|why| {
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
    })?;
    Ok(Read { value: read, rounded: numbers.found.into_inner() })
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

/// The numbers of a text while it is read.
struct Numbers {
    /// How many were read.
    next: Cell<usize>,
    /// Those that will not be what they were, in order.
    rounded: Vec<Rounded>,
    /// Those of them that were met, each with its place.
    found: RefCell<Vec<Violation>>,
}

/// Reads a value and keeps the trail of names down to it, so that an error can say where it happened.
struct Strictly<'a> {
    trail: &'a RefCell<Vec<String>>,
    numbers: &'a Numbers,
}

impl Strictly<'_> {
    fn enter<E: de::Error>(&self, name: String) -> Result<Self, E> {
        let mut trail = self.trail.borrow_mut();
        trail.push(name);
        if trail.len() > DEPTH_MAX { Err(E::custom(DEEP)) } else { Ok(Self { ..*self }) }
    }

    /// Looks whether the number that was read just now is still what it was.
    fn number(&self, it: Number) -> Value {
        let nth = self.numbers.next.replace(self.numbers.next.get() + 1);
        let its = self.numbers.rounded.binary_search_by_key(&nth, |it| it.nth);
        if let Some(its) = its.ok().and_then(|at| self.numbers.rounded.get(at)) {
            let message =
                format!("{} has more digits than can be kept: it would become {it}; send it as text", shown(&its.text));
            self.numbers.found.borrow_mut().push(Violation::new(pointer(&self.trail.borrow()), "number", message));
        }
        Value::Number(it)
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
        Ok(self.number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, |it| self.number(it)))
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

/// Writes every whole number as an integer (`2.0` becomes `2`, and `-0.0` `0`: the same number) and reports those that
/// some readers would round, however they are written: two different ones would have the same digest.
pub fn exact_numbers(value: &mut Value, found: &mut Vec<Violation>) {
    match value {
        Value::Number(number) => {
            let whole = match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Some(whole),
                // What is too large for it becomes the largest of all, which is too large, too.
                (None, Some(float)) if float.fract() == 0.0 => Some(float as i64),
                _ => None,
            };
            match whole {
                Some(whole) if whole.unsigned_abs() <= EXACT_MAX => *number = Number::from(whole),
                Some(_) => {
                    let message = format!(
                        "{number} is a larger whole number than every JSON reader keeps exactly: send it as text"
                    );
                    found.push(Violation::new("", "number", message));
                }
                None => {}
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
pub fn shallow(value: &Value) -> bool {
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
        assert!(parse(&[0xff, 0xfe, b'{', 0, b'}', 0]).unwrap_err().message.contains("UTF-16"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(parse("\u{feff}{\"a\":1}".as_bytes()).unwrap(), serde_json::json!({ "a": 1 }));
        assert!(parse("\u{feff}\u{feff}{}".as_bytes()).is_err(), "one mark, not many");
        assert_eq!(parse("\u{feff}".as_bytes()).unwrap_err().keyword, "json");
    }

    #[test]
    fn whole_numbers_become_integers_and_rounded_ones_are_reported() {
        let mut value =
            json!({"a": 2.0, "b": 2.5, "c": [9_007_199_254_740_991_i64, 9_007_199_254_740_993_i64], "d": -0.0});
        let mut found = Vec::new();
        exact_numbers(&mut value, &mut found);
        assert_eq!(value["a"], json!(2));
        assert_eq!(value["b"], json!(2.5));
        assert_eq!(value["d"].to_string(), "0");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "/c/1");
        let mut beyond = json!([1e16, -9_007_199_254_740_992_i64, u64::MAX, 1e300, -1e18]);
        let mut found = Vec::new();
        exact_numbers(&mut beyond, &mut found);
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn a_number_that_would_become_another_one_is_named_with_its_place() {
        let text = br#"{"a": [0.1, 18446744073709551616, "1e999", {"b/c": 4503599627370497.25}], "d": 7, "e": 1e-400}"#;
        let read = read(text).unwrap();
        let places: Vec<&str> = read.rounded.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(places, ["/a/1", "/a/3/b~1c", "/e"]);
        assert_eq!(
            read.rounded[1].message,
            "\"4503599627370497.25\" has more digits than can be kept: it would become 4503599627370497.0; send it as text"
        );
        assert_eq!(parse(text).unwrap_err(), read.rounded[0]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9NaIntrue\\-. ]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }
    }
}
