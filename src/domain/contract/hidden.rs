//! What a contract hides, and texts about it that quote it: messages, reports of failures, notes.

use serde_json::Value;

use super::{MASK, Violation, mask};
use crate::domain::pointer::child;

/// Shorter values are in many texts by chance.
const TELLING: usize = 4;

/// A value longer than this, in characters, may be cut where it is quoted.
const QUOTED: usize = 16;

/// The places and values of a contract that are not to be shown, or are taken out before it is stored.
#[derive(Debug, Default)]
pub struct Hidden {
    /// JSON pointers of the places.
    places: Vec<String>,
    /// The values that tell something, as they are.
    whole: Vec<Value>,
    /// The same as they may stand in a text, plain or escaped, the longest first.
    values: Vec<String>,
}

impl Hidden {
    /// What `contract` hides, which may be no contract but what was sent as one.
    pub fn of(contract: &Value) -> Self {
        let mut places = mask(&mut contract.clone());
        let redactions = contract.pointer("/classification/redactions").and_then(Value::as_array);
        for path in redactions.into_iter().flatten().filter_map(|it| it.get("path")?.as_str()) {
            places.push(path.to_owned());
            if let Some(place) = contract.pointer(path) {
                leaves(place, path.to_owned(), &mut places);
            }
        }
        let whole: Vec<Value> =
            places.iter().filter_map(|it| contract.pointer(it)).filter(|it| tells(it)).cloned().collect();
        let mut values: Vec<String> = whole.iter().filter_map(text_of).flat_map(forms).collect();
        values.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self { places, whole, values }
    }

    /// It is one of the values that are hidden, and tells something.
    pub fn holds(&self, value: &Value) -> bool {
        self.whole.contains(value)
    }

    /// Takes what is hidden out of messages about the contract: they quote what is wrong. The place and the keyword stay,
    /// and whoever may read the value finds it there.
    pub fn cover(&self, violations: &mut [Violation]) {
        for it in violations {
            let below = |place: &String| it.path == *place || it.path.starts_with(&format!("{place}/"));
            if self.places.iter().any(below) || self.quoted(&it.message) {
                it.message = format!("does not hold ({}); the value is masked", it.keyword);
            }
        }
    }

    /// A text by whoever could read the contract, with the mask in the place of what is hidden. Where only the beginning
    /// of it is quoted, nobody knows where it ends, and nothing of the text is left.
    pub fn covered(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.values {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), MASK);
            }
        }
        if self.quoted(&text) { MASK.to_owned() } else { text }
    }

    /// A hidden value stands in `text`, or the beginning of a long one.
    fn quoted(&self, text: &str) -> bool {
        self.values.iter().any(|it| text.contains(begun(it)))
    }
}

/// The part of a value that stands wherever it is quoted.
fn begun(value: &str) -> &str {
    value.char_indices().nth(QUOTED).and_then(|(end, _)| value.get(..end)).unwrap_or(value)
}

/// Adds the pointers of all values in `place`, which is at `path`, at every depth.
pub fn leaves(place: &Value, path: String, found: &mut Vec<String>) {
    match place {
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                leaves(item, child(&path, &nth.to_string()), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, child(&path, name), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(path),
    }
}

/// A value that is somewhere else only when it was taken from here.
fn tells(value: &Value) -> bool {
    text_of(value).is_some_and(|it| it.chars().count() >= TELLING && it != MASK)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text as it is, and as it is quoted.
fn forms(text: String) -> [String; 3] {
    let inner = |quoted: String| quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
    let (debug, json) = (inner(format!("{text:?}")), inner(Value::from(text.as_str()).to_string()));
    [text, debug, json]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hidden() -> Hidden {
        Hidden::of(&json!({
            "brief": {"title": "Payroll of Ms \"Q\" Secretname", "goal": "yes", "urgency": true},
            "working_memory": {"payload": {"fields": {"person": {"mail": "a@secret.example", "size": 7}}}},
            "classification": {"level": "internal",
                "fields": {"/brief/title": "pii", "/brief/goal": "pii", "/brief/urgency": "pii"},
                "redactions": [{"path": "/working_memory/payload/fields/person", "method": "tokenize"}]},
        }))
    }

    #[test]
    fn a_text_keeps_nothing_of_what_is_hidden_but_what_is_too_short_to_tell() {
        let table = [
            ("cannot mail a@secret.example today", "cannot mail ••• masked today"),
            ("about Payroll of Ms \"Q\" Secretname", "about ••• masked"),
            (r#"{"title": "Payroll of Ms \"Q\" Secretname"}"#, r#"{"title": "••• masked"}"#),
            (r#"about "Payroll of Ms \"Q…"#, "••• masked"),
            ("yes, true, 7", "yes, true, 7"),
            ("", ""),
        ];
        for (said, told) in table {
            assert_eq!(hidden().covered(said), told);
        }
        assert_eq!(Hidden::of(&json!({"brief": {"title": "open"}})).covered("open"), "open");
    }

    #[test]
    fn messages_keep_the_place_and_lose_the_value() {
        let at = |path: &str, message: &str| Violation::new(path, "format", message);
        let mut found = [
            at("/working_memory/payload/fields/person/size", "is 7"),
            at("/brief", "says a@secret.example"),
            at("/brief/urgency", "is true"),
            at("/brief/owner", "is nobody"),
        ];
        hidden().cover(&mut found);
        let told: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
        let masked = "does not hold (format); the value is masked";
        assert_eq!(told, [masked, masked, masked, "is nobody"]);
    }
}
