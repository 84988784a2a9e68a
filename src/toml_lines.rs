//! TOML that people write, such as settings, keys, themes, policies and tokens: read so that every mistake is found at
//! once, each with its line.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::ValueDeserializer;

pub use toml::de::{DeTable, DeValue};
pub use toml::{Spanned, Value};

/// A value of a file with its place.
pub type Node<'a> = Spanned<DeValue<'a>>;

/// Something wrong with one line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1; 0 when it is about no line of the file.
    pub line: usize,
    /// The mistake and what to write instead, in words.
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

/// A file that is being read, and what is wrong with it so far.
pub struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// Reads a text as far as it is TOML.
    pub fn new(text: &'a str) -> (Self, DeTable<'a>) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self { text, mistakes: Vec::new() };
        for it in errors {
            reader.wrong(it.span().unwrap_or(0..0), it.message());
        }
        (reader, document.into_inner())
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        self.text.get(..at.start).unwrap_or(self.text).matches('\n').count() + 1
    }

    /// Something is wrong at this place.
    pub fn wrong(&mut self, at: Range<usize>, what: impl Into<String>) {
        self.note(self.line(&at), what);
    }

    /// Something is wrong in this line, counted from 1.
    pub fn note(&mut self, line: usize, what: impl Into<String>) {
        self.mistakes.push(Mistake { line, what: what.into() });
    }

    /// Mistakes found so far.
    pub fn count(&self) -> usize {
        self.mistakes.len()
    }

    /// Every mistake, in the order of the file.
    pub fn mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|it| it.line);
        self.mistakes
    }

    /// The value that was read, if nothing is wrong.
    ///
    /// # Errors
    /// Every mistake, in the order of the file.
    pub fn settle<T>(self, read: T) -> Result<T, Vec<Mistake>> {
        if self.mistakes.is_empty() { Ok(read) } else { Err(self.mistakes()) }
    }
}

/// One `[[name]]` table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The line of its heading, from 1.
    pub line: usize,
    /// Its members, by name.
    pub members: Vec<Member>,
}

/// One `name = value` of a table.
#[derive(Debug)]
pub struct Member {
    /// Its name: the text before the equals sign.
    pub name: String,
    /// The line of the name, from 1.
    pub line: usize,
    /// Its value: what stands behind the equals sign.
    pub value: Value,
}

impl Member {
    /// The value as a `T`.
    ///
    /// # Errors
    /// The value has another shape: words that follow the name of the member.
    pub fn take<T: DeserializeOwned>(&self) -> Result<T, String> {
        let read = self.value.clone().try_into();
        read.map_err(|why: toml::de::Error| format!("is wrong: {}", why.message()))
    }
}

/// Every `[[name]]` table of a file that holds nothing else, by one of these names.
pub fn tables<'a>(text: &'a str, names: &[&str]) -> (Reader<'a>, Vec<Table>) {
    let known = names.iter().map(|it| format!("[[{it}]]")).collect::<Vec<_>>().join(" and ");
    let (mut reader, document) = Reader::new(text);
    let mut tables = Vec::new();
    for (key, value) in document {
        let items = value.get_ref().as_array();
        let name = key.get_ref().to_string();
        let Some(items) = items.filter(|_| names.contains(&&*name)) else {
            let what = format!("`{name}` has no place here; there are {known} tables");
            reader.wrong(key.span(), what);
            continue;
        };
        for item in items {
            let Some(table) = item.get_ref().as_table() else {
                reader.wrong(item.span(), format!("this is no [[{name}]] table"));
                continue;
            };
            let mut members = Vec::new();
            for (key, value) in table {
                let (line, name) = (reader.line(&key.span()), key.get_ref().to_string());
                match Value::deserialize(ValueDeserializer::from(value.clone())) {
                    Ok(value) => members.push(Member { name, line, value }),
                    Err(why) => reader.note(line, format!("`{name}` {}", why.message())),
                }
            }
            tables.push(Table { name: name.clone(), line: reader.line(&item.span()), members });
        }
    }
    (reader, tables)
}
