//! Edits of a masked contract: what the editor could not read stays as it was (protocol section 2, redaction).

use json_patch::{Patch, PatchOperation, diff};
use serde_json::Value;

use crate::domain::contract::{MASK, Violation, mask};

/// The changes an edit makes to `original`. A place that is masked and still holds the mask was not edited.
///
/// # Errors
/// The places where the mask would replace content: somebody moved what they could not read.
pub fn unmasked_diff(original: &Value, mut edited: Value) -> Result<Patch, Vec<Violation>> {
    let mut shown = original.clone();
    let masked = mask(&mut shown);
    for path in &masked {
        if let (Some(place), Some(known)) = (edited.pointer_mut(path), original.pointer(path))
            && shown.pointer(path) == Some(place)
        {
            *place = known.clone();
        }
    }
    let patch = diff(original, &edited);
    let wrong: Vec<Violation> = patch
        .0
        .iter()
        .filter_map(|it| match it {
            PatchOperation::Add(it) => Some((&it.path, &it.value)),
            PatchOperation::Replace(it) => Some((&it.path, &it.value)),
            _ => None,
        })
        .filter(|(_, value)| !masked.is_empty() && holds_mask(value))
        .map(|(path, _)| {
            let message = "the mask would replace what it hides; leave masked values where they are";
            Violation::new(path.to_string(), "masked", message)
        })
        .collect();
    if wrong.is_empty() { Ok(patch) } else { Err(wrong) }
}

fn holds_mask(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(holds_mask),
        Value::Object(members) => members.values().any(holds_mask),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn original() -> Value {
        json!({"notes": ["open", "secret"], "step": "old", "sizes": {"a/b": 7},
            "classification": {"level": "internal", "fields": {"/notes/1": "restricted", "/sizes": "pii"}}})
    }

    fn shown() -> Value {
        let mut shown = original();
        assert_eq!(mask(&mut shown), ["/notes/1", "/sizes/a~1b"]);
        shown
    }

    #[test]
    fn an_edit_of_what_was_masked_keeps_what_it_hides() {
        let mut edited = shown();
        assert_eq!(edited["notes"], json!(["open", MASK]));
        edited["step"] = json!("new");
        let patch = unmasked_diff(&original(), edited).unwrap();
        let mut after = original();
        json_patch::patch(&mut after, &patch).unwrap();
        assert_eq!(after["notes"], json!(["open", "secret"]));
        assert_eq!(after["sizes"], json!({"a/b": 7}));
        assert_eq!(after["step"], "new");
    }

    #[test]
    fn a_masked_value_that_was_moved_is_refused_and_one_that_was_replaced_is_not() {
        let mut moved = shown();
        moved["notes"] = json!([MASK]);
        let wrong = unmasked_diff(&original(), moved).unwrap_err();
        assert_eq!(wrong[0].keyword, "masked");
        let mut replaced = shown();
        replaced["notes"][1] = json!("no secret");
        assert_eq!(unmasked_diff(&original(), replaced).unwrap().0.len(), 1);
    }
}
