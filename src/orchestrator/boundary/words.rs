//! Schema errors as sentences for people: what is wrong, and what is expected.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use crate::domain::contract::Violation;
use crate::domain::pointer::child;
pub(super) use crate::domain::text::shown;

/// The patterns of the shipped schemas, with their meaning in words.
const PATTERNS: [(&str, &str); 10] = [
    ("^hk1_[0-9a-f]{64}$", "hk1_ and 64 lower-case hexadecimal digits"),
    ("^ek1_[0-9a-f]{64}$", "ek1_ and 64 lower-case hexadecimal digits"),
    ("^sha256:[0-9a-f]{64}$", "sha256: and 64 lower-case hexadecimal digits"),
    ("^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"),
    (
        "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "a W3C traceparent, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    (r"^((0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*)?$", "empty or numbers joined by dots, such as 1.0"),
    (r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$", "a semantic version, such as 1.0.0"),
    ("^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", "a name of letters, digits and . _ : / @ - that starts with a letter or digit"),
    (r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", "a code of lower-case letters, digits and _, such as rate_limited"),
    (r"^[a-z0-9]+(\.[a-z0-9_-]+)+$", "a name like a reversed domain, such as com.example.ticket"),
];

/// A foreign value in a few words: scalars are quoted, larger things only named by kind and size.
pub(super) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => shown(value),
        Value::Array(items) => format!("a list of {}", count(items.len(), "item")),
        Value::Object(members) => format!("an object with {}", count(members.len(), "member")),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The violations in one schema error: usually one, one for each name when several members are unknown.
/// `base` is the JSON pointer of the part that was validated.
pub(super) fn violations(error: &ValidationError<'_>, base: &str) -> Vec<Violation> {
    let at = format!("{base}{}", error.instance_path().as_str());
    let keyword = error.kind().keyword().to_owned();
    let one = |path: String, message: String| vec![Violation { path, keyword: keyword.clone(), message }];
    let found = brief(error.instance());
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            one(child(&at, name), format!("{} is missing and required", shown(name)))
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = unexpected.iter().map(|name| Violation {
                path: child(&at, name),
                keyword: keyword.clone(),
                message: format!("{} is not a member this place knows: remove it, or correct its name", shown(name)),
            });
            known.collect()
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            one(
                child(&at, name),
                format!("the member name {} is not allowed: {}", shown(name), expectation(error.kind())),
            )
        }
        Kind::MinLength { limit: 1 } => one(at, "is empty: some text is required".to_owned()),
        Kind::MinProperties { limit: 1 } | Kind::MinItems { limit: 1 } => {
            one(at, "is empty: at least one entry is required".to_owned())
        }
        Kind::MaxLength { .. } | Kind::MinLength { .. } => {
            let length = error.instance().as_str().map_or(0, |text| text.chars().count());
            one(at, format!("is {} long: {}", count(length, "character"), expectation(error.kind())))
        }
        Kind::UniqueItems => one(at, "lists something twice: every entry has to be different".to_owned()),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // The alternative that fails deepest is the one that was meant.
            let meant = context.iter().flatten().max_by_key(|error| error.instance_path().as_str().len());
            let hint = meant.map_or_else(String::new, |error| {
                let place = error.instance_path().as_str();
                format!("; the nearest one: {place} {}", expectation(error.kind()))
            });
            one(at, format!("{found} fits none of the accepted forms{hint}"))
        }
        kind => one(at, format!("is {found}: {}", expectation(kind))),
    }
}

/// The expectation of a schema keyword, as the end of a sentence.
fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Type { kind } => match kind {
            TypeKind::Single(one) => format!("{one} expected"),
            TypeKind::Multiple(several) => {
                format!("{} expected", several.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "))
            }
        },
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            format!("one of {} expected", options.iter().map(brief).collect::<Vec<_>>().join(", "))
        }
        Kind::Constant { expected_value } => format!("{} expected", brief(expected_value)),
        Kind::Pattern { pattern } => match PATTERNS.iter().find(|(known, _)| known == pattern) {
            Some((_, words)) => format!("{words} expected"),
            None => format!("it has to match {}", shown(pattern)),
        },
        Kind::Format { format } if format == "date-time" => {
            "a time with date and offset expected, such as 2026-08-20T10:00:02Z".to_owned()
        }
        Kind::Format { format } => format!("{format} expected"),
        Kind::Minimum { limit } => format!("{} or more expected", brief(limit)),
        Kind::Maximum { limit } => format!("{} or less expected", brief(limit)),
        Kind::ExclusiveMinimum { limit } => format!("more than {} expected", brief(limit)),
        Kind::ExclusiveMaximum { limit } => format!("less than {} expected", brief(limit)),
        Kind::MinLength { limit } => format!("{limit} or more expected"),
        Kind::MaxLength { limit } => format!("{limit} or fewer expected"),
        Kind::MinItems { limit } | Kind::MinProperties { limit } => {
            format!("{limit} or more entries expected")
        }
        Kind::MaxItems { limit } | Kind::MaxProperties { limit } => {
            format!("{limit} or fewer entries expected")
        }
        Kind::AdditionalItems { limit } => format!("{limit} or fewer entries expected"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of} expected"),
        Kind::Contains => "one entry of the required form expected".to_owned(),
        Kind::Not { .. } | Kind::FalseSchema => "this is exactly what is not allowed here".to_owned(),
        Kind::OneOfMultipleValid { .. } => "it fits more than one of the accepted forms".to_owned(),
        Kind::Required { property } => format!("{} required", brief(property)),
        other => format!("the rule {} does not hold", other.keyword()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_shipped_schemas_has_words() {
        fn patterns(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        match member.as_str() {
                            Some(pattern) if name == "pattern" => found.push(pattern.to_owned()),
                            _ => patterns(member, found),
                        }
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| patterns(item, found)),
                _ => {}
            }
        }
        let schema: Value = serde_json::from_str(super::super::CONTRACT_SCHEMA).unwrap();
        let mut used = Vec::new();
        patterns(&schema, &mut used);
        assert!(used.len() >= PATTERNS.len());
        for pattern in used {
            assert!(PATTERNS.iter().any(|(known, _)| *known == pattern), "{pattern}");
        }
    }

    #[test]
    fn foreign_values_are_short_and_escaped() {
        assert_eq!(brief(&"a\u{1b}[2J\u{202e}".into()), "\"a\\u{1b}[2J\\u{202e}\"");
        assert!(brief(&"x".repeat(10_000).into()).len() < 100);
        assert_eq!(brief(&serde_json::json!([1])), "a list of 1 item");
        assert_eq!(brief(&serde_json::json!({})), "an object with 0 members");
    }
}
