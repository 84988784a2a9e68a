//! What is masked in a contract, shown to whoever decides on it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Doc, TextRole};

/// The masked values, each below its place; or why there are none.
pub fn revealed(doc: &mut Doc, values: &Result<BTreeMap<String, Value>, String>) {
    doc.head("MASKED, SHOWN TO YOU");
    match values {
        Ok(values) => {
            doc.paragraph(TextRole::Dim, "The log tells that you saw it. It is gone when you look away.");
            for (path, value) in values {
                doc.paragraph(TextRole::Dim, path);
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                doc.item((TextRole::Warn, "▲"), TextRole::Text, &text);
            }
        }
        Err(why) => doc.paragraph(TextRole::Bad, why),
    }
}
