//! The filter language of `/` and `--filter`: words that must all occur, in any order and any case.
//!
//! `crm timeout` keeps rows with both words; `-patrol` drops rows with the word; `to:crm` looks at one field
//! only; `"two words"` are one. A blank and `_` are the same letter: JSON writes `retry_storm`, a screen "retry
//! storm". Which fields a row has says its [`Filterable`]; an unknown field is an error that names the known
//! ones, so that a typing mistake never looks like an empty list.

/// A row that a filter can be held against, wherever it is shown.
pub trait Filterable {
    /// Names that `field:word` can use.
    const FIELDS: &'static [&'static str];
    /// Holds the filter against the text of each field, in the order of [`FIELDS`](Self::FIELDS).
    fn passes(&self, query: &Query) -> bool;
}

/// A parsed filter. The empty one keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    /// Index of the field it looks at; none looks at all of them.
    field: Option<usize>,
    /// As [`folded`] leaves it.
    word: String,
}

impl Query {
    /// Reads a filter for rows with these fields.
    ///
    /// # Errors
    /// A sentence that names a field that does not exist and those that do.
    pub fn parse(text: &str, fields: &[&'static str]) -> Result<Self, String> {
        let terms = split(text).into_iter().filter_map(|part| term(&part, fields).transpose());
        Ok(Self { text: text.to_owned(), terms: terms.collect::<Result<_, _>>()? })
    }

    /// The filter as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it keeps everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when no row passes that did not pass `before`: what is typed letter by letter only needs to be
    /// looked for among what was found.
    pub fn narrows(&self, before: &Self) -> bool {
        before.terms.iter().all(|old| {
            self.terms.iter().any(|new| {
                let implied = if old.negated { old.word.contains(&new.word) } else { new.word.contains(&old.word) };
                implied && (new.negated, new.field) == (old.negated, old.field)
            })
        })
    }

    /// True when a row passes.
    pub fn matches(&self, row: &impl Filterable) -> bool {
        self.is_empty() || row.passes(self)
    }

    /// True when the texts of a row pass, one for each field that the filter was parsed with.
    pub fn keeps(&self, texts: &[&str]) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.field {
                Some(nth) => texts.get(nth).is_some_and(|text| contains(text, &term.word)),
                None => texts.iter().any(|text| contains(text, &term.word)),
            };
            found != term.negated
        })
    }
}

/// Splits at blanks outside double quotes; an open quote runs to the end.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if c.is_whitespace() && !quoted => parts.push(String::new()),
            _ => parts.last_mut().expect("starts with one part and only grows").push(c),
        }
    }
    parts
}

fn term(part: &str, fields: &[&'static str]) -> Result<Option<Term>, String> {
    let (negated, part) = part.strip_prefix('-').map_or((false, part), |rest| (true, rest));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let (field, word) = match part.split_once(':') {
        Some((name, word)) if is_name(name) && !fields.is_empty() => {
            let Some(known) = fields.iter().position(|it| *it == name) else {
                return Err(format!("there is no field `{name}` here; there is {}", fields.join(", ")));
            };
            (Some(known), word)
        }
        _ => (None, part),
    };
    let word = word.to_lowercase().replace('_', " ");
    Ok((!word.is_empty()).then_some(Term { negated, field, word }))
}

/// A byte of ASCII as it is compared: any case, and `_` is a blank.
const fn folded(byte: u8) -> u8 {
    if byte == b'_' { b' ' } else { byte.to_ascii_lowercase() }
}

/// Whether a folded word is in a text; ASCII rows take the short way.
fn contains(text: &str, word: &str) -> bool {
    if text.is_ascii() && word.is_ascii() {
        let (text, word) = (text.as_bytes(), word.as_bytes());
        let Some((first, rest)) = word.split_first() else {
            return true;
        };
        // Most places fail at the first letter.
        let begins = |at: &usize| text.get(*at).is_some_and(|it| folded(*it) == *first);
        let mut places = (0..(text.len() + 1).saturating_sub(word.len())).filter(begins);
        return places.any(|at| {
            let after = text.get(at + 1..at + word.len());
            after.is_some_and(|it| it.iter().map(|it| folded(*it)).eq(rest.iter().copied()))
        });
    }
    text.to_lowercase().replace('_', " ").contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["from", "to", "title", "verdict"];

    fn keeps(query: &str) -> bool {
        let query = Query::parse(query, FIELDS).unwrap();
        query.keeps(&["sales", "crm", "Lead: Acme, 40 seats", "retry_storm"])
    }

    #[test]
    fn every_word_must_occur_in_any_case() {
        assert!(keeps(""));
        assert!(keeps("acme STORM"));
        assert!(!keeps("acme refused"));
        assert!(keeps("\"40 seats\""));
        assert!(!keeps("\"seats 40\""));
    }

    #[test]
    fn fields_and_negation() {
        assert!(keeps("to:crm -from:crm"));
        assert!(!keeps("-acme"));
        assert!(!keeps("from:crm"));
    }

    #[test]
    fn a_word_that_grows_narrows_and_one_that_shrinks_does_not() {
        let narrows = |new: &str, old: &str| {
            let parse = |text| Query::parse(text, FIELDS).unwrap();
            parse(new).narrows(&parse(old))
        };
        assert!(narrows("acm", "ac") && narrows("acme timeout", "acme") && narrows("x", ""));
        assert!(!narrows("ac", "acm") && !narrows("timeout", "acme"));
        assert!(narrows("-ac", "-acm"), "more is left out");
        assert!(!narrows("-acm", "-ac") && !narrows("", "-ac") && !narrows("ac", "-ac"));
        assert!(narrows("to:crm", "to:c") && !narrows("crm", "to:c") && !narrows("to:crm", "crm"));
    }

    #[test]
    fn a_wrong_field_is_named_with_the_right_ones() {
        let why = Query::parse("too:crm", FIELDS).unwrap_err();
        assert!(why.contains("too") && why.contains("from, to, title"), "{why}");
    }

    #[test]
    fn letters_outside_ascii_fold_too() {
        let query = Query::parse("ÄRGER", &[]).unwrap();
        assert!(query.keeps(&["kein ärger"]));
    }

    #[test]
    fn a_word_is_found_as_json_writes_it_and_as_it_is_read() {
        assert!(keeps("verdict:retry_storm") && keeps("verdict:\"retry storm\"") && keeps("Y_S"));
        assert!(!keeps("verdict:retrystorm"));
        let query = Query::parse("ärger_im", &[]).unwrap();
        assert!(query.keeps(&["Ärger im Team"]) && query.keeps(&["ärger_im_team"]));
    }
}
