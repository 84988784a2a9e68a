//! Reads a key table and finds every mistake in it at once.

use super::{Action, Context, Key, KeyBinding};
use crate::toml_lines::{Mistake, Node, Reader, Spanned};

/// One line of the file: these keys, and no others, do this action in this context.
struct TableEntry {
    context: Context,
    action: Action,
    keys: Vec<Key>,
    line: usize,
}

/// The bindings of the default table with those of the user on top.
pub(super) fn load(default: &str, user: &str) -> Result<Vec<KeyBinding>, Vec<Mistake>> {
    let (built_in, mut base) = entries(default);
    let (mut reader, wanted) = entries(user);
    for it in built_in.mistakes() {
        reader.note(it.line, it.what);
    }
    base.retain(|old| !wanted.iter().any(|new| new.context == old.context && new.action == old.action));

    let mut bindings: Vec<KeyBinding> = Vec::new();
    for entry in base.iter().chain(&wanted) {
        for &key in &entry.keys {
            match bindings.iter().find(|at| at.context == entry.context && at.key == key) {
                Some(taken) => reader.note(entry.line, conflict(entry, key, taken.action)),
                None => bindings.push(KeyBinding { context: entry.context, key, action: entry.action }),
            }
        }
    }
    reader.settle(bindings)
}

fn conflict(entry: &TableEntry, key: Key, taken: Action) -> String {
    let name = taken.name();
    if taken == entry.action {
        format!("`{key}` is given twice for {name}")
    } else {
        format!("`{key}` already does {name}; give that another key (`{name} = \"...\"`) or none (`{name} = []`)")
    }
}

fn entries(text: &str) -> (Reader<'_>, Vec<TableEntry>) {
    let (mut reader, document) = Reader::new(text);
    let mut entries = Vec::new();
    for (name, value) in &document {
        table(&mut reader, name, value, &mut entries);
    }
    // The parser sorts by name; people order by meaning, and the first key of an action is the one shown.
    entries.sort_by_key(|entry| entry.line);
    (reader, entries)
}

fn table(reader: &mut Reader<'_>, name: &Spanned<impl AsRef<str>>, value: &Node<'_>, entries: &mut Vec<TableEntry>) {
    let written = name.get_ref().as_ref();
    let Some(&(context, _)) = Context::ALL.iter().find(|(_, known)| *known == written) else {
        let known: Vec<&str> = Context::ALL.iter().map(|&(_, known)| known).collect();
        let what = format!("there is no table `{written}`; the tables are {}", known.join(", "));
        return reader.wrong(name.span(), what);
    };
    let Some(table) = value.get_ref().as_table() else {
        let what = format!("`{written}` is a table: write `[{written}]` on a line of its own");
        return reader.wrong(name.span(), what);
    };
    for (name, value) in table {
        match name.get_ref().parse() {
            Ok(Action::Interrupt) => reader.wrong(name.span(), "`ctrl-c` always quits; no other key can"),
            Ok(action) => {
                let (keys, line) = (keys(reader, value), reader.line(&name.span()));
                entries.push(TableEntry { context, action, keys, line });
            }
            Err(what) => reader.wrong(name.span(), what),
        }
    }
}

fn keys(reader: &mut Reader<'_>, value: &Node<'_>) -> Vec<Key> {
    match value.get_ref().as_array() {
        Some(several) => several.iter().filter_map(|value| key(reader, value)).collect(),
        None => key(reader, value).into_iter().collect(),
    }
}

fn key(reader: &mut Reader<'_>, value: &Node<'_>) -> Option<Key> {
    let parsed = match value.get_ref().as_str() {
        Some(text) => text.parse(),
        None => Err("a key is written in quotes, as in \"j\"; several as in [\"j\", \"down\"]".to_owned()),
    };
    match parsed {
        Ok(Key::INTERRUPT) => reader.wrong(value.span(), "`ctrl-c` always quits and cannot be bound"),
        Ok(key) => return Some(key),
        Err(what) => reader.wrong(value.span(), what),
    }
    None
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
