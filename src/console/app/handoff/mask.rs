//! What of a contract is not to be shown (protocol section 2, redaction): from `confidential` on the working
//! memory, and the places its classification lists, unless it lists them as no more than internal. Revealing is
//! an act with an audit record; until a source offers it, there is none.

use serde_json::Value;

use crate::domain::contract::Contract;

/// What stands in the place of a masked text.
pub const MASK: &str = "••• masked";

/// The contract as it may be shown.
pub fn mask(contract: &Value) -> Value {
    let mut shown = contract.clone();
    let class = contract.get("classification");
    let level = class.and_then(|it| it.get("level")).and_then(Value::as_str);
    if matches!(level, Some("confidential" | "restricted"))
        && let Some(memory) = shown.get_mut("working_memory")
    {
        if let Some(fields) = memory.pointer_mut("/payload/fields") {
            cover(fields, true);
        }
        if let Some(summary) = memory.get_mut("summary") {
            cover(summary, false);
        }
    }
    let fields = class
        .and_then(|it| it.get("fields"))
        .and_then(Value::as_object);
    for (path, class) in fields.into_iter().flatten() {
        // Any other class, such as `pii`, is a reason to hide.
        if matches!(class.as_str(), Some("public" | "internal")) {
            continue;
        }
        let free = path.starts_with("/working_memory/payload/fields");
        if let Some(place) = shown.pointer_mut(path) {
            cover(place, free);
        }
    }
    shown
}

/// Masks every leaf. Where the shape is fixed, only texts and what may be absent can be.
fn cover(place: &mut Value, free: bool) {
    match place {
        Value::Array(items) => items.iter_mut().for_each(|it| cover(it, free)),
        Value::Object(members) => members.values_mut().for_each(|it| cover(it, free)),
        Value::String(_) => *place = MASK.into(),
        _ if free => *place = MASK.into(),
        _ => *place = Value::Null,
    }
}

/// The masked contract with its parts.
pub fn read(contract: &Value) -> Result<Contract, String> {
    let shown = mask(contract);
    serde_json::from_value(shown)
        .map_err(|why| format!("it is not a contract that can be shown: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::EXAMPLE;

    #[test]
    fn confidential_contracts_and_listed_fields_are_covered() {
        let mut contract: Value = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(
            mask(&contract),
            contract,
            "an internal contract with an internal field"
        );
        contract["classification"]["fields"] = json!({"/brief/source_links": "pii"});
        let shown = mask(&contract);
        assert_eq!(
            shown.pointer("/brief/source_links/0/url"),
            Some(&json!(MASK))
        );
        assert_eq!(
            shown.pointer("/working_memory/payload"),
            contract.pointer("/working_memory/payload")
        );
        contract["classification"]["level"] = json!("restricted");
        let shown = mask(&contract);
        assert_eq!(
            shown.pointer("/working_memory/payload/fields/confidence"),
            Some(&json!(MASK))
        );
        assert_eq!(
            shown.pointer("/brief/title"),
            contract.pointer("/brief/title")
        );
        assert!(read(&contract).is_ok(), "{:?}", read(&contract));
    }
}
