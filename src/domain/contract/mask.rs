//! Masking: the parts of a contract that are not shown (protocol section 2, redaction). From `confidential` on these
//! are the working memory and the places its classification lists, unless it lists them as no more than internal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Classification, Contract};
use crate::domain::pointer::child;

/// The text shown in the place of a masked one.
pub const MASK: &str = "••• masked";

/// Masks what is not to be shown, and names each masked value by its JSON pointer.
pub fn mask(contract: &mut Value) -> Vec<String> {
    let class = contract.get("classification");
    let level = class.and_then(|it| it.get("level"));
    let mut places: Vec<String> = Vec::new();
    // What was refused may have a level that nobody knows.
    if level.is_some_and(|it| it.as_str().is_none_or(hides)) {
        places.extend([FIELDS.to_owned(), "/working_memory/summary".to_owned()]);
    }
    let fields = class.and_then(|it| it.get("fields")).and_then(Value::as_object);
    for (path, class) in fields.into_iter().flatten() {
        if class.as_str().is_none_or(hides) {
            places.push(path.clone());
        }
    }
    let mut masked = Vec::new();
    for path in places {
        if let Some(place) = contract.pointer_mut(&path) {
            cover(place, path, &mut masked);
        }
    }
    masked.sort();
    masked.dedup();
    masked
}

/// A contract as it may be shown: what its classification hides is covered. Everything that is drawn, printed, copied
/// or handed to an editor is made from one, and there is no way to make one that does not mask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Masked(Value);

impl Masked {
    /// Masks a stored contract. What is masked already stays as it is.
    pub fn of(mut contract: Value) -> Self {
        mask(&mut contract);
        Self(contract)
    }

    /// Something in it is masked.
    pub fn hides(&self) -> bool {
        !mask(&mut self.0.clone()).is_empty()
    }

    /// Its JSON, each masked leaf replaced by [`MASK`], or by `null` where the shape allows no text.
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The masked JSON, taken out.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The id of the trace it belongs to; `None` where it names none.
    pub fn trace_id(&self) -> Option<&str> {
        self.0.get("trace_id")?.as_str()
    }

    /// The contract as it may be shown, split into its parts.
    ///
    /// # Errors
    /// Fails with a sentence: it is no contract, or it hides what makes it one.
    pub fn contract(&self) -> Result<Contract, String> {
        Contract::deserialize(&self.0).map_err(|why| format!("it is not a contract that can be shown: {why}"))
    }
}

impl Classification {
    /// Class of a value that was classified in the contract it was taken from.
    pub const INHERITED: &str = "inherited";

    /// Some place that it lists is not to be shown.
    pub fn hides_places(&self) -> bool {
        self.fields.iter().flatten().any(|(_, class)| hides(class))
    }
}

/// A place of this class is not to be shown. Any class but these two, such as `pii`, is a reason to hide.
fn hides(class: &str) -> bool {
    !matches!(class, "public" | "internal")
}

/// JSON pointer to the object in which a producer may use any member names.
const FIELDS: &str = "/working_memory/payload/fields";

/// Masks every leaf. Where the shape is fixed, only texts and what may be absent can be.
fn cover(place: &mut Value, path: String, masked: &mut Vec<String>) {
    match place {
        Value::Array(items) => {
            for (nth, item) in items.iter_mut().enumerate() {
                cover(item, child(&path, &nth.to_string()), masked);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                cover(member, child(&path, name), masked);
            }
        }
        leaf => {
            *leaf = if leaf.is_string() || path.starts_with(FIELDS) { MASK.into() } else { Value::Null };
            masked.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::contract::EXAMPLE;

    fn masked(contract: &Value) -> Masked {
        Masked::of(contract.clone())
    }

    #[test]
    fn confidential_contracts_and_listed_fields_are_covered() {
        let mut contract: Value = serde_json::from_str(EXAMPLE).unwrap();
        assert_eq!(*masked(&contract).value(), contract, "an internal contract with an internal field");
        contract["classification"]["fields"] = json!({"/brief/source_links": "pii"});
        let shown = masked(&contract);
        assert_eq!(shown.value().pointer("/brief/source_links/0/url"), Some(&json!(MASK)));
        assert_eq!(shown.value().pointer("/working_memory/payload"), contract.pointer("/working_memory/payload"));
        contract["classification"]["level"] = json!("restricted");
        let shown = masked(&contract);
        assert_eq!(shown.value().pointer("/working_memory/payload/fields/confidence"), Some(&json!(MASK)));
        assert_eq!(shown.value().pointer("/brief/title"), contract.pointer("/brief/title"));
        let named = mask(&mut contract.clone());
        assert!(named.contains(&"/working_memory/payload/fields/confidence".to_owned()));
        assert!(named.contains(&"/brief/source_links/0/url".to_owned()));
        assert!(shown.contract().is_ok(), "{:?}", shown.contract());
        assert_eq!(Masked::of(shown.value().clone()), shown, "masking twice changes nothing");
    }
}
