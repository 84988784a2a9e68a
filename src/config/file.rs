//! Reads `config.toml` and finds every mistake in it at once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::toml_lines::{DeTable, DeValue, Node, Reader};

/// Shape that the value of a key has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// `true` or `false`.
    Switch,
    /// A list of texts, one at least.
    Texts,
}

/// One key of a table: its name, the shape of its value, and what it takes, in words.
pub(super) type Key = (&'static str, Shape, &'static str);

/// Every key of the file with what it takes; the tables of contexts come beside them.
const KEYS: &[Key] = &[
    ("address", Shape::Text, "what to connect to, as in \"http://127.0.0.1:7600\""),
    ("ascii", Shape::Switch, "true or false"),
    ("context", Shape::Text, "the name of one of the [contexts.NAME] tables"),
    ("contracts", Shape::Text, "the path of a directory of payload schemas"),
    ("environment", Shape::Text, "a word such as \"PROD\""),
    ("keys", Shape::Text, "the path of a key table"),
    ("operator", Shape::Text, "your name"),
    ("policies", Shape::Text, "the path of a file with the policies of edges"),
    ("readonly", Shape::Switch, "true or false"),
    ("theme", Shape::Text, "the name of a theme"),
    ("token_command", Shape::Text, "a command that prints the token"),
    ("token_file", Shape::Text, "the path of a file (mode 0600) with the token"),
];

/// One value of the file, and its line.
#[derive(Clone)]
pub(super) struct Line {
    /// The value as text; several for a list only.
    pub(super) values: Vec<String>,
    /// Its line, from 1.
    pub(super) line: usize,
}

impl Line {
    /// The value of a key that takes one.
    pub(super) fn text(&self) -> String {
        self.values.concat()
    }
}

/// Values of a table by their keys.
pub(super) type Values = BTreeMap<&'static str, Line>;

/// The values of the file by key, the value of `contexts`, and what is wrong with the file.
pub(super) fn read(text: &str) -> (Reader<'_>, Values, Option<Node<'_>>) {
    let (mut reader, mut document) = Reader::new(text);
    let contexts = document.remove("contexts");
    let values = values(&mut reader, &document, KEYS, "");
    (reader, values, contexts)
}

/// The values of one table by key. `of` says what it is of, such as ` of a context`; empty for the file itself.
pub(super) fn values(reader: &mut Reader<'_>, table: &DeTable<'_>, keys: &[Key], of: &str) -> Values {
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let line = reader.line(&name.span());
        let written = name.get_ref().as_ref();
        let Some(&(key, shape, takes)) = keys.iter().find(|(known, ..)| *known == written) else {
            reader.note(line, unknown(written, keys, of));
            continue;
        };
        let found = match (shape, value.get_ref()) {
            (Shape::Text, DeValue::String(it)) => Some(vec![it.to_string()]),
            (Shape::Switch, DeValue::Boolean(it)) => Some(vec![it.to_string()]),
            (Shape::Texts, DeValue::Array(all)) if !all.is_empty() => {
                all.iter().map(|it| it.get_ref().as_str().map(str::to_owned)).collect()
            }
            _ => None,
        };
        match found {
            Some(found) => drop(values.insert(key, Line { values: found, line })),
            None => reader.note(line, format!("{key} takes {takes}")),
        }
    }
    values
}

fn unknown(written: &str, keys: &[Key], of: &str) -> String {
    if written == "token" {
        return "secrets are not kept here; set SEAM_TOKEN, or write token_file or token_command".to_owned();
    }
    let known = keys.iter().map(|(known, ..)| *known);
    let meant = nearest(written, known.clone()).map(|it| format!("did you mean {it}? "));
    let known: Vec<&str> = known.collect();
    let meant = meant.unwrap_or_default();
    format!("there is no setting {written:?}{of}; {meant}the settings{of} are {}", known.join(", "))
}

/// The name that somebody who wrote `text` may have meant, by the measure that clap uses for options.
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = names.map(|name| (strsim::jaro(text, name), name));
    let (alike, name) = alike.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (alike > 0.7).then_some(name)
}

/// A path as people write it: a leading `~/` is the home directory.
pub(super) fn expand(path: &str, env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    match (path.strip_prefix("~/"), env("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}
