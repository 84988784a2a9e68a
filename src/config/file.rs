//! Reads `config.toml` and finds every mistake in it at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::toml_lines::{DeValue, Reader};

/// Every key of the file with what it takes.
const KEYS: [(&str, &str); 11] = [
    ("address", "what to connect to, as in \"http://127.0.0.1:7600\""),
    ("ascii", "true or false"),
    ("contracts", "the path of a directory of payload schemas"),
    ("environment", "a word such as \"PROD\""),
    ("keys", "the path of a key table"),
    ("operator", "your name"),
    ("policies", "the path of a file with the policies of edges"),
    ("readonly", "true or false"),
    ("theme", "the name of a theme"),
    ("token_command", "a command that prints the token"),
    ("token_file", "the path of a file (mode 0600) with the token"),
];

/// One value as text, and its line.
pub(super) struct Line {
    pub(super) value: String,
    pub(super) line: usize,
}

/// The values of the file by key, and what is wrong with it.
pub(super) fn read(text: &str) -> (Reader<'_>, BTreeMap<&'static str, Line>) {
    let (mut reader, document) = Reader::new(text);
    let mut values = BTreeMap::new();
    for (name, value) in document {
        let line = reader.line(&name.span());
        let written = name.get_ref().as_ref();
        let Some(&(key, takes)) = KEYS.iter().find(|(known, _)| *known == written) else {
            reader.note(line, unknown(written));
            continue;
        };
        let found = match value.get_ref() {
            DeValue::String(it) if !matches!(key, "ascii" | "readonly") => Some(it.to_string()),
            DeValue::Boolean(it) if matches!(key, "ascii" | "readonly") => Some(it.to_string()),
            _ => None,
        };
        match found {
            Some(value) => drop(values.insert(key, Line { value, line })),
            None => reader.note(line, format!("{key} takes {takes}")),
        }
    }
    (reader, values)
}

fn unknown(written: &str) -> String {
    if written == "token" {
        return "secrets are not kept here; set SEAM_TOKEN, or write token_file or token_command".to_owned();
    }
    let known: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
    format!("there is no setting {written:?}; the settings are {}", known.join(", "))
}

/// A path as people write it: a leading `~/` is the home directory.
pub(super) fn expand(path: &str, env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    match (path.strip_prefix("~/"), env("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
