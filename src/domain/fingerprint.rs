//! Fingerprints: which failures are the same failure, and which work is the same work.
//!
//! A failure's fingerprint groups dead letters and violations (edge, code, place, message without its
//! accidents). The work fingerprint finds loops (protocol section 5, loop verdict): the same work handed over
//! again although nothing changed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::canonical::canonical;
use super::contract::Contract;
use super::key::hashed;

/// The longest folded message in characters; what differs only after that is the same failure.
const MESSAGE_MAX: usize = 160;

/// A group of failures that are the same failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FailureFingerprint {
    /// Stable and short: `f` and 10 hexadecimal digits.
    pub id: String,
    /// The failure in one line for people. It holds text of agents: clean it before showing.
    pub title: String,
}

/// The group a failure belongs to. `path` is the JSON pointer of a violation, or empty.
pub fn failure(edge: &str, code: &str, path: &str, message: &str) -> FailureFingerprint {
    let path = fold_path(path);
    let message = fold(message);
    let mut id = hashed("f", format!("failure/1\n{edge}\n{code}\n{path}\n{message}").as_bytes());
    id.truncate(11);
    let mut title = code.to_owned();
    if !path.is_empty() {
        title.push_str(" at ");
        title.push_str(&path);
    }
    if !message.is_empty() {
        title.push_str(": ");
        title.push_str(&message);
    }
    FailureFingerprint { id, title }
}

/// Array indexes differ between occurrences of one mistake.
fn fold_path(path: &str) -> String {
    let index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    path.split('/').map(|part| if index(part) { "#" } else { part }).collect::<Vec<_>>().join("/")
}

/// A message without what changes from one occurrence to the next: numbers, ids, hexadecimal strings and
/// UUIDs become `#`, quoted text becomes `"…"`, blanks are collapsed and letters lowered.
pub fn fold(message: &str) -> String {
    let mut folded = String::new();
    let mut rest = message;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let taken = if let Some(length) = quoted(rest, before) {
            folded.push_str("\"…\"");
            length
        } else if is_word(first) {
            let length = rest.find(|c: char| !is_word(c) && !joins(c)).unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or(rest);
            fold_word(word.trim_end_matches(joins), &mut folded);
            word.trim_end_matches(joins).len()
        } else {
            if !(first.is_whitespace() || first.is_control()) {
                folded.push(first);
            } else if !folded.ends_with(' ') {
                folded.push(' ');
            }
            first.len_utf8()
        };
        let (done, left) = rest.split_at(taken);
        before = done.chars().next_back().unwrap_or(' ');
        rest = left;
    }
    let folded = folded.trim();
    match folded.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", folded.get(..end).unwrap_or(folded)),
        None => folded.to_owned(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Characters inside an id or a number, such as `req-8f2a`, `1.5` or `10:07:41`.
fn joins(c: char) -> bool {
    matches!(c, '-' | '.' | ':')
}

/// The length in bytes of the quoted text `rest` begins with, when it begins with one.
fn quoted(rest: &str, before: char) -> Option<usize> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' | '`' => open,
        // An apostrophe inside a word, as in "can't", opens nothing.
        '\'' if !before.is_alphanumeric() => '\'',
        '“' => '”',
        '«' => '»',
        _ => return None,
    };
    let inner = rest.get(open.len_utf8()..)?;
    inner.find(close).map(|at| open.len_utf8() + at + close.len_utf8())
}

fn fold_word(word: &str, folded: &mut String) {
    let hex = |part: &str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if word.contains(|c: char| c.is_numeric()) || hex(word) {
        // "5 7" and "5" are the same shape of message: one mark is enough.
        if !folded.ends_with("# ") {
            folded.push('#');
        }
    } else {
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// Fingerprint of the work handed over, the same for each attempt: SHA-256 over the JCS bytes of target, stage,
/// payload fields, decisions and done items. Members named in `volatile` are left out at any depth.
///
/// Without a payload the references and the summary's text stand in for it; otherwise every handoff of an edge
/// that passes only summaries would look the same.
pub fn work(contract: &Contract, volatile: &[String]) -> String {
    let memory = &contract.working_memory;
    let fields = match &memory.payload {
        Some(payload) => without(&payload.fields, volatile),
        None => json!({
            "refs": memory.refs.iter().flatten().map(|reference| &reference.digest).collect::<Vec<_>>(),
            "summary": memory.summary.as_ref().map(|summary| &summary.text),
        }),
    };
    let work = json!({
        "target": contract.target,
        "stage": contract.pipeline.stage,
        "fields": fields,
        "decisions": contract.brief.decisions.as_deref().unwrap_or_default(),
        "done": contract.brief.definition_of_done,
    });
    hashed("sha256:", &canonical(&work))
}

fn without(fields: &Map<String, Value>, volatile: &[String]) -> Value {
    let kept = fields.iter().filter(|(name, _)| !volatile.contains(name));
    Value::Object(kept.map(|(name, value)| (name.clone(), without_in(value, volatile))).collect())
}

fn without_in(value: &Value, volatile: &[String]) -> Value {
    match value {
        Value::Object(fields) => without(fields, volatile),
        Value::Array(items) => items.iter().map(|item| without_in(item, volatile)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::contract::example;

    #[test]
    fn accidents_of_a_message_are_folded() {
        for (message, folded) in [
            ("Timed out after 30000 ms", "timed out after # ms"),
            ("timed out  after 12.5 ms", "timed out after # ms"),
            ("no record 'kb/r/881' in \"store\"", "no record \"…\" in \"…\""),
            ("request 0198f3aa-11c2-7d3e-9e0f-7b6a5c4d3e2f failed", "request # failed"),
            ("commit deadbeef is gone", "commit # is gone"),
            ("charge ch_3Nx9 declined", "charge # declined"),
            ("Can't read the vendor's page", "can't read the vendor's page"),
            ("at 2026-08-20T10:07:41.120Z: quota", "at #: quota"),
            ("line\n\tbroken", "line broken"),
            ("open 'quote", "open 'quote"),
            ("", ""),
        ] {
            assert_eq!(fold(message), folded, "{message}");
        }
        assert!(fold(&"word ".repeat(200)).ends_with('…'));
    }

    #[test]
    fn the_same_failure_has_one_id_and_another_has_another() {
        let one = failure("a>b", "timeout", "", "no answer from worker-17 after 30 s");
        let two = failure("a>b", "timeout", "", "No answer from worker-3 after 31 s");
        assert_eq!(one, two);
        assert_eq!(one.title, "timeout: no answer from # after # s");
        assert_eq!(one.id.len(), 11);
        assert_ne!(one.id, failure("a>c", "timeout", "", "no answer from worker-17 after 30 s").id);
        assert_ne!(one.id, failure("a>b", "refused", "", "no answer from worker-17 after 30 s").id);
        let path = failure("a>b", "schema_violation", "/side_effects/3/op", "");
        assert_eq!(path, failure("a>b", "schema_violation", "/side_effects/0/op", ""));
        assert_eq!(path.title, "schema_violation at /side_effects/#/op");
    }

    #[test]
    fn work_is_the_same_until_something_that_counts_changes() {
        let contract = example();
        let print = work(&contract, &[]);
        let mut same = contract.clone();
        same.step += 2;
        same.brief.current_state = "Worded another way".into();
        same.provenance.confidence = Some(0.1);
        assert_eq!(work(&same, &[]), print);
        let mut done = contract.clone();
        done.brief.definition_of_done[0].met = true;
        assert_ne!(work(&done, &[]), print);
        let mut changed = contract.clone();
        let fields = &mut changed.working_memory.payload.as_mut().unwrap().fields;
        fields.insert("confidence".into(), json!(0.5));
        fields.insert("nested".into(), json!([{"fetched_at": 1}]));
        assert_ne!(work(&changed, &[]), print);
        let volatile = ["confidence".to_owned(), "fetched_at".to_owned()];
        let mut again = changed.clone();
        again.working_memory.payload.as_mut().unwrap().fields.insert("nested".into(), json!([{"fetched_at": 2}]));
        assert_ne!(work(&changed, &[]), work(&again, &[]));
        assert_eq!(work(&changed, &volatile), work(&again, &volatile));
    }

    #[test]
    fn without_a_payload_the_summary_tells_work_apart() {
        let mut one = example();
        one.working_memory.payload = None;
        let mut two = one.clone();
        two.working_memory.summary.as_mut().unwrap().text.push_str(" And more.");
        assert_ne!(work(&one, &[]), work(&two, &[]));
    }

    proptest! {
        #[test]
        fn folding_never_panics_and_is_bounded(message in any::<String>()) {
            prop_assert!(fold(&message).chars().count() <= MESSAGE_MAX + 1);
        }
    }
}
