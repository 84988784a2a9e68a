//! Reads a key table and finds every mistake in it at once.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Action, Context, Key, KeyBinding};

/// Something wrong with one line of `keys.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// What one line asks for: these keys, and no others, do this action in this context.
struct Wish {
    context: Context,
    action: Action,
    keys: Vec<Key>,
    line: usize,
}

/// The bindings of the default table with those of the user on top.
pub(super) fn load(default: &str, user: &str) -> Result<Vec<KeyBinding>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut base = wishes(default, &mut mistakes);
    let wanted = wishes(user, &mut mistakes);
    base.retain(|old| !wanted.iter().any(|new| new.context == old.context && new.action == old.action));

    let mut bindings: Vec<KeyBinding> = Vec::new();
    for wish in base.iter().chain(&wanted) {
        for &key in &wish.keys {
            match bindings.iter().find(|at| at.context == wish.context && at.key == key) {
                Some(taken) => mistakes.push(conflict(wish, key, taken.action)),
                None => bindings.push(KeyBinding { context: wish.context, key, action: wish.action }),
            }
        }
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(bindings) } else { Err(mistakes) }
}

fn conflict(wish: &Wish, key: Key, taken: Action) -> Mistake {
    let name = taken.name();
    let what = if taken == wish.action {
        format!("`{key}` is given twice for {name}")
    } else {
        format!("`{key}` already does {name}; give that another key (`{name} = \"...\"`) or none (`{name} = []`)")
    };
    Mistake { line: wish.line, what }
}

fn wishes(text: &str, mistakes: &mut Vec<Mistake>) -> Vec<Wish> {
    let mut reader = Reader { text, mistakes, wishes: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        reader.mistake(&error.span().unwrap_or(0..0), error.message().to_owned());
    }
    for (name, value) in document.get_ref() {
        reader.table(name, value);
    }
    // The parser sorts by name; people order by meaning, and the first key of an action is the one shown.
    reader.wishes.sort_by_key(|wish| wish.line);
    reader.wishes
}

struct Reader<'a> {
    text: &'a str,
    mistakes: &'a mut Vec<Mistake>,
    wishes: Vec<Wish>,
}

impl Reader<'_> {
    fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn mistake(&mut self, at: &Range<usize>, what: String) {
        let line = self.line(at);
        self.mistakes.push(Mistake { line, what });
    }

    fn table(&mut self, name: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) {
        let written = name.get_ref().as_ref();
        let Some(&(context, _)) = Context::ALL.iter().find(|(_, known)| *known == written) else {
            let known: Vec<&str> = Context::ALL.iter().map(|&(_, known)| known).collect();
            let what = format!("there is no table `{written}`; the tables are {}", known.join(", "));
            return self.mistake(&name.span(), what);
        };
        let Some(table) = value.get_ref().as_table() else {
            return self
                .mistake(&name.span(), format!("`{written}` is a table: write `[{written}]` on a line of its own"));
        };
        for (name, value) in table {
            match name.get_ref().parse() {
                Ok(Action::Interrupt) => {
                    self.mistake(&name.span(), "`ctrl-c` always quits; no other key can".to_owned())
                }
                Ok(action) => {
                    let (keys, line) = (self.keys(value), self.line(&name.span()));
                    self.wishes.push(Wish { context, action, keys, line });
                }
                Err(what) => self.mistake(&name.span(), what),
            }
        }
    }

    fn keys(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Key> {
        match value.get_ref().as_array() {
            Some(several) => several.iter().filter_map(|value| self.key(value)).collect(),
            None => self.key(value).into_iter().collect(),
        }
    }

    fn key(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Key> {
        let parsed = match value.get_ref().as_str() {
            Some(text) => text.parse(),
            None => Err("a key is written in quotes, as in \"j\"; several as in [\"j\", \"down\"]".to_owned()),
        };
        match parsed {
            Ok(Key::INTERRUPT) => self.mistake(&value.span(), "`ctrl-c` always quits and cannot be bound".to_owned()),
            Ok(key) => return Some(key),
            Err(what) => self.mistake(&value.span(), what),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Keymap;

    #[test]
    fn tells_all_mistakes_at_once_with_their_lines() {
        let text = "[global]\nfilter = \"hyper-x\"\nfly = \"f\"\nsort = \"j\"\nmark = 3\n\n[kitchen]\nopen = \"o\"\n[edges]\nopen = \"ctrl-c\"\n";
        let mistakes = Keymap::load(text).unwrap_err();
        let told: Vec<(usize, &str)> = mistakes.iter().map(|at| (at.line, at.what.as_str())).collect();
        let expected = [
            (2, "hyper-x"),
            (3, "fly"),
            (4, "`j` already does down"),
            (5, "quotes"),
            (7, "kitchen"),
            (10, "always quits"),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((line, what), (expected_line, part)) in told.iter().zip(expected) {
            assert_eq!(*line, expected_line);
            assert!(what.contains(part), "{what}");
        }
    }

    #[test]
    fn text_that_is_no_toml_is_told_with_its_line() {
        let mistakes = Keymap::load("[global]\nfilter = \n").unwrap_err();
        assert_eq!(mistakes.first().map(|at| at.line), Some(2), "{mistakes:?}");
    }

    #[test]
    fn the_same_key_twice_is_told() {
        let mistakes = Keymap::load("[global]\nfilter = [\"x\", \"x\"]\n").unwrap_err();
        assert!(mistakes[0].to_string().starts_with("line 2: `x` is given twice"));
    }
}
