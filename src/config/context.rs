//! Contexts: the named connections of `config.toml`, a `[contexts.NAME]` table each.

use super::file::{self, Key, Line, Shape, Values};
use super::token::Token;
use super::{Origin, Setting};
use crate::domain::environment::Color;
use crate::source::Address;
use crate::toml_lines::{Node, Reader};

/// Every key of a context with what it takes.
const KEYS: &[Key] = &[
    ("address", Shape::Text, "what to connect to, as in \"http://127.0.0.1:7600\""),
    ("addresses", Shape::Texts, "a list of addresses, as in [\"https://eu.example\", \"https://us.example\"]"),
    ("color", Shape::Text, COLORS),
    ("environment", Shape::Text, "a word such as \"PROD\""),
    ("filter", Shape::Text, "what / takes on a screen, as in \"to:crm\""),
    ("read_only", Shape::Switch, "true or false"),
    ("token_command", Shape::Text, "a command that prints the token"),
    ("token_file", Shape::Text, "the path of a file (mode 0600) with the token"),
];

/// What `color` takes; a test holds it against [`Color::ALL`].
const COLORS: &str = "a meaning that every theme has a colour for: danger, warning, info, healthy or waiting";

/// The most characters of a name.
const NAME_CHARS: usize = 40;

/// A named connection.
#[derive(Clone, Debug)]
pub struct Context {
    /// Its name: letters, digits, `-`, `_` and `.`, at most 40 of them.
    pub name: String,
    /// Place of its table.
    pub origin: Origin,
    /// Addresses to connect to, in order; one at least, and each can be parsed.
    pub addresses: Setting<Vec<String>>,
    /// Word for the environment; `None` where the context says nothing.
    pub environment: Option<Setting<String>>,
    /// Colour of that word; `None` leaves it to the word.
    pub color: Option<Setting<Color>>,
    /// Act on nothing.
    pub read_only: Setting<bool>,
    /// Filter that the screens begin with; `None` begins with all rows.
    pub filter: Option<Setting<String>>,
    /// Place of its own token; `None` leaves it to the rest of the settings.
    pub(super) token: Option<Setting<Token>>,
}

/// Reads the value of `contexts`, in the order of the file. What is wrong with a context is noted, and the rest of it
/// kept: its name is known.
pub(super) fn read(
    reader: &mut Reader<'_>,
    contexts: Option<&Node<'_>>,
    origin: &dyn Fn(usize) -> Origin,
    env: &dyn Fn(&str) -> Option<String>,
) -> Vec<Context> {
    let Some(node) = contexts else {
        return Vec::new();
    };
    let Some(named) = node.get_ref().as_table() else {
        reader.wrong(node.span(), "contexts are tables: write [contexts.NAME] on a line of its own");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, node) in named {
        let line = reader.line(&name.span());
        let name = name.get_ref().as_ref();
        let Some(table) = node.get_ref().as_table() else {
            reader.note(line, format!("a context is a table: write [contexts.{name}] on a line of its own"));
            continue;
        };
        if let Err(why) = check_name(name) {
            reader.note(line, why);
            continue;
        }
        let values = file::values(reader, table, KEYS, " of a context");
        let at = |it: &Line| origin(it.line);
        let text = |key: &str| values.get(key).map(|it| Setting { value: it.text(), origin: at(it) });
        let token = text("token_file").map(|it| it.map(|path| Token::File(file::expand(&path, env))));
        let context = Context {
            name: name.to_owned(),
            origin: origin(line),
            environment: text("environment"),
            color: color(reader, &values, &at),
            read_only: text("read_only")
                .map_or(Setting { value: false, origin: Origin::Default }, |it| it.map(|it| it == "true")),
            filter: text("filter"),
            token: token.or_else(|| text("token_command").map(|it| it.map(Token::Command))),
            addresses: addresses(reader, name, line, &values, &at),
        };
        found.push((line, context));
    }
    found.sort_by_key(|(line, _)| *line);
    found.into_iter().map(|(_, context)| context).collect()
}

/// Names stand in sentences, on the command line and in the files of saved views.
fn check_name(name: &str) -> Result<(), String> {
    let is_plain = name.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it));
    if is_plain && (1..=NAME_CHARS).contains(&name.len()) && !name.starts_with('-') {
        return Ok(());
    }
    Err(format!(
        "the name of a context has letters, digits, -, _ and ., at most {NAME_CHARS}, and does not begin with -; {name:?} is none"
    ))
}

/// The addresses of a context; empty when they are wrong.
fn addresses(
    reader: &mut Reader<'_>,
    name: &str,
    line: usize,
    values: &Values,
    at: &dyn Fn(&Line) -> Origin,
) -> Setting<Vec<String>> {
    let mut wrong = |line: usize, what: String| {
        reader.note(line, what);
        Setting { value: Vec::new(), origin: Origin::Default }
    };
    let written = match (values.get("address"), values.get("addresses")) {
        (Some(one), None) => one,
        (None, Some(all)) => all,
        (Some(_), Some(all)) => {
            return wrong(all.line, "a context has an address or addresses, not both".to_owned());
        }
        (None, None) => {
            return wrong(line, format!("the context {name} has no address: write address or addresses"));
        }
    };
    for address in &written.values {
        if let Err(why) = Address::parse(address) {
            reader.note(written.line, why.to_string());
        }
    }
    Setting { value: written.values.clone(), origin: at(written) }
}

/// The colour of a context; `None` when it has none, or a wrong one.
fn color(reader: &mut Reader<'_>, values: &Values, at: &dyn Fn(&Line) -> Origin) -> Option<Setting<Color>> {
    let written = values.get("color")?;
    let color = written.text().parse().ok();
    if color.is_none() {
        reader.note(written.line, format!("color takes {COLORS}"));
    }
    color.map(|value| Setting { value, origin: at(written) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_named_in_the_words_for_a_wrong_one() {
        for color in Color::ALL {
            assert!(COLORS.contains(color.name()), "{}", color.name());
            assert_eq!(color.name().parse(), Ok(color));
        }
    }
}
