//! Files of `[[name]]` tables, such as policies and tokens, read so that every mistake is found at once, each with
//! its line.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Value;
use toml::de::{DeTable, ValueDeserializer};

/// What is wrong with a file.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<(usize, String)>);

impl Mistakes {
    /// Something is wrong in this line, counted from 1.
    pub fn note(&mut self, line: usize, what: impl Into<String>) {
        self.0.push((line, what.into()));
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// Every mistake as a sentence that begins with its line, in the order of the file.
    pub fn settle<T>(mut self, read: T) -> Result<T, Vec<String>> {
        if self.0.is_empty() {
            return Ok(read);
        }
        self.0.sort();
        let told = |(line, what)| format!("line {line}: {what}");
        Err(self.0.into_iter().map(told).collect())
    }
}

/// One `[[name]]` table.
#[derive(Debug)]
pub struct Table {
    /// The line of its heading, from 1.
    pub line: usize,
    /// Its members.
    pub members: Vec<Member>,
}

/// One `name = value` of a table.
#[derive(Debug)]
pub struct Member {
    /// The name.
    pub name: String,
    /// The line of the name, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

impl Member {
    /// The value as a `T`.
    ///
    /// # Errors
    /// Why it is none, to follow the name of the member.
    pub fn take<T: DeserializeOwned>(&self) -> Result<T, String> {
        let read = self.value.clone().try_into();
        read.map_err(|why: toml::de::Error| format!("is wrong: {}", why.message()))
    }
}

/// Every `[[name]]` table of a file that holds nothing else.
pub fn read(text: &str, name: &str, mistakes: &mut Mistakes) -> Vec<Table> {
    let line_of = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let (document, errors) = DeTable::parse_recoverable(text);
    for it in &errors {
        let at = it.span().map_or(0, |at| at.start);
        mistakes.note(line_of(at), it.message());
    }
    let mut tables = Vec::new();
    for (key, value) in document.get_ref() {
        let line = line_of(key.span().start);
        let items = value.get_ref().as_array();
        let Some(items) = items.filter(|_| key.get_ref() == name) else {
            let written = key.get_ref();
            mistakes.note(line, format!("`{written}` has no place here; there are [[{name}]] tables"));
            continue;
        };
        for item in items {
            let line = line_of(item.span().start);
            let Some(table) = item.get_ref().as_table() else {
                mistakes.note(line, format!("this is no [[{name}]] table"));
                continue;
            };
            let mut members = Vec::new();
            for (key, value) in table {
                let (line, name) = (line_of(key.span().start), key.get_ref().to_string());
                match Value::deserialize(ValueDeserializer::from(value.clone())) {
                    Ok(value) => members.push(Member { name, line, value }),
                    Err(why) => mistakes.note(line, format!("`{name}` {}", why.message())),
                }
            }
            tables.push(Table { line, members });
        }
    }
    tables
}
