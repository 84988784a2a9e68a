//! The filter language of `/` and `--filter`: words that must all occur, in any order and any case.
//!
//! `crm timeout` keeps rows with both words; `-patrol` drops rows with the word; `to:crm` looks at one field
//! only; `"two words"` are one. Which fields a row has is up to the list; an unknown field is an error that
//! names the known ones, so that a typing mistake never looks like an empty list.

/// A parsed filter. The empty one keeps everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    field: Option<&'static str>,
    /// In lower case.
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

    /// What was typed.
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

    /// True when a row passes. `field` gives the text of a named field; `whole` is what words without a field
    /// are looked for in.
    pub fn keeps<'a>(&self, whole: &[&str], field: impl Fn(&'static str) -> &'a str) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.field {
                Some(name) => contains(field(name), &term.word),
                None => whole.iter().any(|text| contains(text, &term.word)),
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
            let Some(known) = fields.iter().find(|it| **it == name) else {
                return Err(format!("there is no field `{name}` here; there is {}", fields.join(", ")));
            };
            (Some(*known), word)
        }
        _ => (None, part),
    };
    let word = word.to_lowercase();
    Ok((!word.is_empty()).then_some(Term { negated, field, word }))
}

/// Case-insensitive substring; ASCII rows take the short way.
fn contains(text: &str, word: &str) -> bool {
    if text.is_ascii() && word.is_ascii() {
        let (text, word) = (text.as_bytes(), word.as_bytes());
        let Some((first, rest)) = word.split_first() else {
            return true;
        };
        // Most places fail at the first letter.
        let begins = |at: &usize| text.get(*at).is_some_and(|it| it.eq_ignore_ascii_case(first));
        let mut places = (0..(text.len() + 1).saturating_sub(word.len())).filter(begins);
        return places.any(|at| {
            let after = text.get(at + 1..at + word.len());
            after.is_some_and(|it| it.eq_ignore_ascii_case(rest))
        });
    }
    text.to_lowercase().contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["from", "to"];

    fn keeps(query: &str) -> bool {
        let query = Query::parse(query, FIELDS).unwrap();
        query.keeps(&["Lead: Acme, 40 seats", "timeout"], |field| match field {
            "from" => "sales",
            _ => "crm",
        })
    }

    #[test]
    fn every_word_must_occur_in_any_case() {
        assert!(keeps(""));
        assert!(keeps("acme TIMEOUT"));
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
        assert!(why.contains("too") && why.contains("from, to"), "{why}");
    }

    #[test]
    fn letters_outside_ascii_fold_too() {
        let query = Query::parse("ÄRGER", &[]).unwrap();
        assert!(query.keeps(&["kein ärger"], |_| ""));
    }
}
