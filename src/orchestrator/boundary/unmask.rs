//! Edits of a masked contract: what the editor could not read stays as it was (protocol section 2, redaction).

use json_patch::{Patch, PatchOperation, diff};
use serde_json::Value;

use crate::domain::contract::{Hidden, MASK, Violation, leaves, mask};

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

/// The places where an edit of `original` would show what that hides: it is declared as open, moved or copied to where it
/// is. `edit` is what led there, in which nothing may be tried out either.
pub fn uncovered(original: &Value, edit: &Patch, edited: &Value) -> Vec<Violation> {
    let (hidden, still) = (mask(&mut original.clone()), mask(&mut edited.clone()));
    let wrong = |path: String, message: &str| Violation::new(path, "masked", message);
    let mut found: Vec<Violation> = hidden
        .iter()
        .filter(|it| !still.contains(it) && edited.pointer(it).is_some_and(|now| original.pointer(it) == Some(now)))
        .map(|it| wrong(it.clone(), "is masked: an edit may change it, but not show it"))
        .collect();
    let held = Hidden::of(original);
    let mut open = Vec::new();
    leaves(edited, String::new(), &mut open);
    let shown =
        |it: &&String| edited.pointer(it).is_some_and(|now| held.holds(now) && original.pointer(it) != Some(now));
    let moved = open.iter().filter(|it| !still.contains(it)).filter(shown);
    found.extend(
        moved.map(|it| wrong(it.clone(), "would show what is masked elsewhere: leave masked values where they are")),
    );
    found.extend(edit.0.iter().filter_map(|it| match it {
        PatchOperation::Test(it) if touches(&hidden, &it.path.to_string()) => {
            Some(wrong(it.path.to_string(), "is masked, so what it holds cannot be tested"))
        }
        _ => None,
    }));
    found
}

/// Something hidden is at `path`, above or below it.
fn touches(hidden: &[String], path: &str) -> bool {
    let below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|it| it.is_empty() || it.starts_with('/'));
    hidden.iter().any(|it| below(it, path) || below(path, it))
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

    #[test]
    fn an_edit_shows_nothing_of_what_was_masked() {
        let places = |edit: Value| {
            let edit: Patch = serde_json::from_value(edit).unwrap();
            let mut edited = original();
            json_patch::patch(&mut edited, &edit).unwrap();
            uncovered(&original(), &edit, &edited).into_iter().map(|it| it.path).collect::<Vec<_>>()
        };
        let table = [
            (json!([{"op": "remove", "path": "/classification"}]), vec!["/notes/1", "/sizes/a~1b"]),
            (
                json!([{"op": "replace", "path": "/classification/fields/~1sizes", "value": "public"}]),
                vec!["/sizes/a~1b"],
            ),
            (json!([{"op": "copy", "from": "/notes/1", "path": "/step"}]), vec!["/step"]),
            (json!([{"op": "remove", "path": "/notes/0"}]), vec!["/notes/0"]),
            (json!([{"op": "test", "path": "/notes", "value": ["open", "secret"]}]), vec!["/notes"]),
            (json!([{"op": "test", "path": "/sizes/a~1b", "value": 7}]), vec!["/sizes/a~1b"]),
            (json!([{"op": "test", "path": "/step", "value": "old"}]), vec![]),
            (json!([{"op": "replace", "path": "/notes/1", "value": "no secret"}]), vec![]),
            (
                json!([{"op": "remove", "path": "/notes/1"}, {"op": "remove", "path": "/classification/fields/~1notes~11"}]),
                vec![],
            ),
            (json!([{"op": "replace", "path": "/classification/level", "value": "restricted"}]), vec![]),
        ];
        for (edit, expected) in table {
            assert_eq!(places(edit.clone()), expected, "{edit}");
        }
    }
}
