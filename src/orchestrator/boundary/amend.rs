//! An approver's edit of a contract: JSON Patch (RFC 6902), inside limits.

use json_patch::{Patch, patch};
use serde_json::Value;

use super::CONTRACT_BYTES_MAX;
use crate::domain::contract::Violation;
use crate::domain::json::{exact_numbers, shallow};

/// The most operations in one edit.
const OPERATIONS_MAX: usize = 100;

/// Members that say who did what, where and when. An edit changes what is asked for, never the record of it.
const RECORD: [&str; 13] = [
    "schema_version",
    "idempotency_key",
    "trace_id",
    "traceparent",
    "tracestate",
    "step",
    "branch",
    "pipeline",
    "source",
    "target",
    "relation",
    "provenance",
    "side_effects",
];

/// Applies an edit to a stored contract. The result is a proposal: it still has to pass [`super::admit`].
///
/// # Errors
/// Fails when an operation does not apply, the result would be too large, or the edit touches the record. The path is
/// that of the operation or of the member.
pub fn amend(value: &Value, edit: &Patch) -> Result<Value, Vec<Violation>> {
    let one = |path: String, keyword: &str, message: String| Err(vec![Violation::new(path, keyword, message)]);
    if edit.0.len() > OPERATIONS_MAX {
        let message = format!("the edit has {} operations, {OPERATIONS_MAX} at most", edit.0.len());
        return one(String::new(), "patch", message);
    }
    let mut edited = value.clone();
    for (index, operation) in edit.0.iter().enumerate() {
        let path = operation.path().to_string();
        if let Err(why) = patch(&mut edited, std::slice::from_ref(operation)) {
            return one(path, "patch", format!("operation {} of the edit does not apply: {}", index + 1, why.kind));
        }
        // Copies of copies grow without bound, so every step is measured.
        if edited.to_string().len() > 2 * CONTRACT_BYTES_MAX || !shallow(&edited) {
            let message = format!("operation {} of the edit makes the contract too large", index + 1);
            return one(path, "too_large", message);
        }
    }
    // What was stored is: another spelling of the same number is no edit of the record.
    exact_numbers(&mut edited, &mut Vec::new());
    let touched: Vec<Violation> = RECORD
        .into_iter()
        .filter(|name| value.get(name) != edited.get(name))
        .map(|name| {
            let message = "belongs to the record of what happened and cannot be edited".to_owned();
            Violation::new(format!("/{name}"), "read_only", message)
        })
        .collect();
    if touched.is_empty() { Ok(edited) } else { Err(touched) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::example;

    fn edit(operations: Value) -> Result<Value, Vec<Violation>> {
        amend(&example().to_value(), &serde_json::from_value(operations).unwrap())
    }

    #[test]
    fn changes_what_is_asked_for() {
        let edited = edit(json!([
            {"op": "replace", "path": "/brief/next_step", "value": "Write 800 words"},
            {"op": "add", "path": "/brief/constraints/-", "value": "No discounts"},
        ]));
        let edited = edited.unwrap();
        assert_eq!(edited["brief"]["next_step"], "Write 800 words");
        assert_eq!(edited["brief"]["constraints"][1], "No discounts");
    }

    #[test]
    fn an_operation_that_does_not_apply_is_named() {
        let found = edit(json!([{"op": "remove", "path": "/brief/none"}])).unwrap_err();
        assert_eq!((found[0].path.as_str(), found[0].keyword.as_str()), ("/brief/none", "patch"));
        let found = edit(json!([{"op": "test", "path": "/brief/goal", "value": "another"}])).unwrap_err();
        assert_eq!(found[0].keyword, "patch");
    }

    #[test]
    fn the_record_cannot_be_edited() {
        for name in ["provenance", "side_effects", "source", "pipeline", "idempotency_key"] {
            let found = edit(json!([{"op": "remove", "path": format!("/{name}")}])).unwrap_err();
            assert_eq!((found[0].path.as_str(), found[0].keyword.as_str()), (&*format!("/{name}"), "read_only"));
        }
        assert_eq!(
            edit(json!([{"op": "replace", "path": "", "value": 1}])).unwrap_err().len(),
            12,
            "all but tracestate"
        );
    }

    #[test]
    fn copies_of_copies_stop() {
        let copies: Vec<Value> =
            (0..100).map(|n| json!({"op": "copy", "from": "/brief", "path": format!("/brief/x{n}")})).collect();
        assert_eq!(edit(json!(copies)).unwrap_err()[0].keyword, "too_large");
        let many = vec![json!({"op": "test", "path": "/step", "value": 2}); 101];
        assert_eq!(edit(json!(many)).unwrap_err()[0].keyword, "patch");
    }
}
