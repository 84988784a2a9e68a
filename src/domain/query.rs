//! The filter language of `/` and `--filter`: words that must all occur, in any order and any case.
//!
//! `crm timeout` keeps rows with both words; `-patrol` drops rows with the word; `to:crm` looks at one field only,
//! `to:=crm` at all of it: exactly `crm`. What stands in quotes is text and nothing else, blanks, colons and dashes
//! too: `"error: -57"`; in quotes `\"` is a quote and `\\` a backslash. A quoted name is the whole name, as names are no
//! sentences: `to:"crm"` is `to:=crm`. A blank and `_` are the same letter: JSON writes `retry_storm`, a screen "retry
//! storm"; only the whole of a name is held to its letters. Which fields a row has says its [`Filterable`]; an unknown
//! field is an error that names the known ones, so that a typing mistake never looks like an empty list.

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
    wanted: Wanted,
}

/// What a text has to be for a term to be found in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// This occurs in it, as [`fold`] leaves both.
    Part(String),
    /// One line of it is this, as [`fold`] leaves both: for words that are the program's own.
    Word(String),
    /// It is this, letter by letter.
    Whole(String),
}

/// Fields of sentences and of names in parts, in which a quoted text is looked for; a quoted text of every other field is
/// all of it.
const SENTENCES: [&str; 7] = ["title", "detail", "question", "path", "errors", "signal", "event"];

/// Fields of words that are the program's own, and are read and written in more than one way.
const WORDS: [&str; 6] = ["verdict", "state", "health", "urgency", "kind", "code"];

/// A text as a filter takes it for nothing but this text.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The filter that keeps the rows whose field is exactly this text.
pub fn exactly(field: &str, text: &str) -> String {
    format!("{field}:={}", quoted(text))
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
                let implied = if old.negated {
                    new.wanted.follows_from(&old.wanted)
                } else {
                    old.wanted.follows_from(&new.wanted)
                };
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
                Some(nth) => texts.get(nth).is_some_and(|text| term.wanted.is_in(text)),
                None => texts.iter().any(|text| term.wanted.is_in(text)),
            };
            found != term.negated
        })
    }
}

impl Wanted {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => contains(text, part),
            Self::Word(word) => text.lines().any(|line| fold(line) == *word),
            Self::Whole(whole) => text == whole,
        }
    }

    /// Whether every text that has `other` has this, too, as far as that can be told from them.
    fn follows_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Part(part), Self::Part(text) | Self::Word(text)) => text.contains(part),
            (Self::Part(part), Self::Whole(text)) => contains(text, part),
            (Self::Word(_) | Self::Whole(_), _) => self == other,
        }
    }
}

/// A part of a filter between blanks.
#[derive(Default)]
struct Part {
    /// Its characters, and whether each is one of a text in quotes, which means nothing but itself.
    characters: Vec<(char, bool)>,
    /// The end of quotes was met in it.
    quoted: bool,
    /// Quotes were opened last, and not closed.
    open: bool,
}

/// Splits at blanks outside double quotes; an open quote runs to the end.
fn split(text: &str) -> Vec<Part> {
    let (mut parts, mut part) = (Vec::new(), Part::default());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&'"') || part.open && characters.peek() == Some(&'\\') => {
                part.characters.extend(characters.next().map(|c| (c, true)));
            }
            '"' => {
                part.quoted |= part.open;
                part.open = !part.open;
            }
            _ if c.is_whitespace() && !part.open => parts.push(std::mem::take(&mut part)),
            _ => part.characters.push((c, part.open)),
        }
    }
    parts.push(part);
    parts
}

fn term(part: &Part, fields: &[&'static str]) -> Result<Option<Term>, String> {
    let (negated, rest) = match part.characters.as_slice() {
        [('-', false), rest @ ..] => (true, rest),
        all => (false, all),
    };
    let text = |characters: &[(char, bool)]| characters.iter().map(|it| it.0).collect::<String>();
    let is_name = |name: &[(char, bool)]| {
        !name.is_empty() && name.iter().all(|(c, quoted)| !quoted && (c.is_ascii_lowercase() || *c == '_'))
    };
    let colon = rest.iter().position(|it| *it == (':', false)).filter(|at| is_name(&rest[..*at]) && !fields.is_empty());
    let Some(colon) = colon else {
        let word = fold(&text(rest));
        return Ok((!word.is_empty()).then_some(Term { negated, field: None, wanted: Wanted::Part(word) }));
    };
    let name = text(&rest[..colon]);
    let Some(field) = fields.iter().position(|it| *it == name) else {
        return Err(format!(
            "there is no field `{name}` here: put it in quotes to find the text \"{name}:\"; the fields are {}",
            fields.join(", ")
        ));
    };
    let (asked, value) = match &rest[colon + 1..] {
        [('=', false), value @ ..] => (true, value),
        value => (false, value),
    };
    // While it is being typed, an open quote is the beginning of more.
    let in_quotes = part.quoted && !part.open && value.iter().all(|it| it.1);
    let value = text(value);
    let wanted = if asked && (in_quotes || !value.is_empty()) || in_quotes && !SENTENCES.contains(&&*name) {
        if WORDS.contains(&&*name) { Wanted::Word(fold(&value)) } else { Wanted::Whole(value) }
    } else if value.is_empty() {
        return Ok(None);
    } else {
        Wanted::Part(fold(&value))
    };
    Ok(Some(Term { negated, field: Some(field), wanted }))
}

/// A text as it is compared: any case, and `_` is a blank.
fn fold(text: &str) -> String {
    text.to_lowercase().replace('_', " ")
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
    fold(text).contains(word)
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
        assert!(narrows("to:=crm", "to:CR") && !narrows("to:crm", "to:=crm") && !narrows("to:=crms", "to:=crm"));
        assert!(narrows("-to:c", "-to:=crm") && !narrows("-to:=crm", "-to:c") && narrows("to:\"crm\"", "to:\"crm"));
    }

    #[test]
    fn a_wrong_field_is_named_with_the_right_ones() {
        let why = Query::parse("too:crm", FIELDS).unwrap_err();
        assert!(why.contains("too") && why.contains("from, to, title"), "{why}");
        assert!(Query::parse("https://crm.example", FIELDS).is_err_and(|why| why.contains("put it in quotes")));
    }

    #[test]
    fn quotes_quote() {
        let rows = [
            ["sales", "crm", "error: no answer from https://crm.example", "retry_storm"],
            ["sales", "crm-archive", "the balance is -57 EUR, it said \"no\" to C:\\dir", "fine"],
            ["sales", "CRM", "to:crm", "looping"],
        ];
        for (filter, wanted) in [
            (r#""error: no answer""#, vec!["crm"]),
            (r#""https://crm.example""#, vec!["crm"]),
            (r#""-57 EUR""#, vec!["crm-archive"]),
            (r#"-"-57 EUR""#, vec!["crm", "CRM"]),
            (r#"title:"is -57""#, vec!["crm-archive"]),
            (r#""said \"no\"" "C:\dir""#, vec!["crm-archive"]),
            (r#""C:\\dir""#, vec!["crm-archive"]),
            (r#"\"no\""#, vec!["crm-archive"]),
            (r#""to:crm""#, vec!["CRM"]),
            (r#""to":crm"#, vec!["CRM"]),
            (r#"to:"crm""#, vec!["crm"]),
            ("to:=crm", vec!["crm"]),
            ("-to:=crm", vec!["crm-archive", "CRM"]),
            (r#"to:"crm"#, vec!["crm", "crm-archive", "CRM"]),
            (r#"to:="cr"m"#, vec!["crm"]),
            ("to:crm", vec!["crm", "crm-archive", "CRM"]),
            ("to:=", vec!["crm", "crm-archive", "CRM"]),
            (r#"to:"""#, vec![]),
            (r#"from:=sales to:="crm-archive""#, vec!["crm-archive"]),
            ("title:=to:crm", vec!["CRM"]),
            (r#"verdict:="retry storm""#, vec!["crm"]),
            ("verdict:=Retry_Storm", vec!["crm"]),
            ("verdict:=retry", vec![]),
        ] {
            let query = Query::parse(filter, FIELDS).unwrap();
            let found: Vec<&str> = rows.iter().filter(|row| query.keeps(*row)).map(|row| row[1]).collect();
            assert_eq!(found, wanted, "{filter}");
        }
    }

    #[test]
    fn any_name_can_be_filtered_for_exactly() {
        for name in ["crm", "a \"b\" c", "-x: \\", "tail\\", "\"", ""] {
            let keeps = |filter: &str, to: &str| Query::parse(filter, FIELDS).unwrap().keeps(&["", to, "", ""]);
            assert!(keeps(&exactly("to", name), name), "{name:?}");
            assert!(!keeps(&exactly("to", name), &format!("{name}x")), "{name:?}");
            assert!(keeps(&quoted(name), &format!("x{name}x")), "{name:?}");
        }
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
