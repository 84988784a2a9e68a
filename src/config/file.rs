//! Reads `config.toml` and finds every mistake in it at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

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

/// Something wrong with one line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 when it is not in the file but in the environment.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

/// One value as text, and its line.
pub(super) struct Line {
    pub(super) value: String,
    pub(super) line: usize,
}

/// The values of the file by key, and what is wrong with it.
pub(super) fn read(text: &str) -> (BTreeMap<&'static str, Line>, Vec<Mistake>) {
    let line_of = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut values = BTreeMap::new();
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|it| Mistake { line: line_of(it.span().map_or(0, |at| at.start)), what: it.message().to_owned() })
        .collect();
    for (name, value) in document.get_ref() {
        let line = line_of(name.span().start);
        let written = name.get_ref().as_ref();
        let Some(&(key, takes)) = KEYS.iter().find(|(known, _)| *known == written) else {
            mistakes.push(Mistake { line, what: unknown(written) });
            continue;
        };
        let found = match value.get_ref() {
            DeValue::String(it) if !matches!(key, "ascii" | "readonly") => Some(it.to_string()),
            DeValue::Boolean(it) if matches!(key, "ascii" | "readonly") => Some(it.to_string()),
            _ => None,
        };
        match found {
            Some(value) => drop(values.insert(key, Line { value, line })),
            None => mistakes.push(Mistake { line, what: format!("{key} takes {takes}") }),
        }
    }
    (values, mistakes)
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
