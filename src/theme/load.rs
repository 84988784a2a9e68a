//! Reads a theme file. A bad line is a warning, never a console that does not start.

use std::collections::HashMap;

use ratatui::style::{Color, Modifier, Style};

use super::{BUILT_IN, Role, Theme};
use crate::toml_lines::{self, DeTable, Mistake, Node};

/// Reads the text of a theme file:
///
/// ```toml
/// inherits = "dark"                  # a built-in theme (else `terminal`); what is not named here comes from it
/// [palette]
/// leaf = "#7fc98f"                   # names for colours, used below
/// [roles]
/// healthy = "leaf"                   # a colour: a palette name, an ANSI name, 0..255 or #rrggbb
/// critical = { fg = "red", bg = "black", modifiers = ["bold"] }
/// ```
///
/// Modifiers are `bold`, `dim`, `italic`, `underlined`, `reversed`, `crossed-out`. A role named here is described
/// in full: nothing of the inherited role shines through. All mistakes come at once, in the order of their lines;
/// the rest of the file is used.
pub fn load(text: &str) -> (Theme, Vec<Mistake>) {
    read(text, Theme::default)
}

/// Reads a theme text; `start` is the theme to start from when the text inherits from none.
pub(super) fn read(text: &str, start: impl FnOnce() -> Theme) -> (Theme, Vec<Mistake>) {
    let (lines, document) = toml_lines::Reader::new(text);
    let mut reader = Reader { lines, palette: HashMap::new() };
    let mut theme = document.get("inherits").map_or_else(start, |base| reader.base(base));
    if let Some(palette) = document.get("palette") {
        reader.palette(palette);
    }
    for (name, value) in &document {
        match name.get_ref().as_ref() {
            "inherits" | "palette" => {}
            "roles" => reader.roles(value, &mut theme),
            other => {
                let what = format!("`{other}` is unknown; a theme has inherits, [palette] and [roles]");
                reader.lines.wrong(name.span(), what);
            }
        }
    }
    (theme, reader.lines.mistakes())
}

struct Reader<'a> {
    lines: toml_lines::Reader<'a>,
    palette: HashMap<String, Color>,
}

impl Reader<'_> {
    fn base(&mut self, value: &Node<'_>) -> Theme {
        let name = value.get_ref().as_str().unwrap_or_default();
        Theme::named(name).unwrap_or_else(|| {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            self.lines.wrong(value.span(), format!("there is no theme `{name}` to inherit; there are {known}"));
            Theme::default()
        })
    }

    fn table<'v, 'i>(&mut self, value: &'v Node<'i>) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.lines.wrong(value.span(), "this is a table: write `[palette]` or `[roles]` on a line of its own");
        }
        table
    }

    fn palette(&mut self, value: &Node<'_>) {
        for (name, value) in self.table(value).into_iter().flatten() {
            if let Some(color) = self.color(value) {
                self.palette.insert(name.get_ref().to_string(), color);
            }
        }
    }

    fn roles(&mut self, value: &Node<'_>, theme: &mut Theme) {
        for (name, value) in self.table(value).into_iter().flatten() {
            let written = name.get_ref().as_ref();
            let Some(&role) = Role::ALL.iter().find(|role| role.name() == written) else {
                self.lines.wrong(name.span(), format!("there is no role `{written}`"));
                continue;
            };
            if let Some(style) = self.style(value) {
                theme.set(role, style);
            }
        }
    }

    /// A style; `None` when no part of it could be read, so that the inherited one stays.
    fn style(&mut self, value: &Node<'_>) -> Option<Style> {
        let Some(table) = value.get_ref().as_table() else {
            return self.color(value).map(|color| Style::new().fg(color));
        };
        let mut style = Style::new();
        let warned = self.lines.count();
        for (name, value) in table {
            match name.get_ref().as_ref() {
                "fg" => style.fg = self.color(value),
                "bg" => style.bg = self.color(value),
                "modifiers" => style = style.add_modifier(self.modifiers(value)),
                other => {
                    let what = format!("`{other}` is unknown; a style has fg, bg and modifiers");
                    self.lines.wrong(name.span(), what);
                }
            }
        }
        (warned == self.lines.count() || style != Style::new()).then_some(style)
    }

    fn color(&mut self, value: &Node<'_>) -> Option<Color> {
        let Some(written) = value.get_ref().as_str() else {
            self.lines.wrong(value.span(), "a colour is written in quotes, as in \"#7fc98f\", \"green\" or \"42\"");
            return None;
        };
        let known = self.palette.get(written).copied().or_else(|| written.parse().ok());
        if known.is_none() {
            let what = format!("`{written}` is no colour: not in [palette], no ANSI name, not 0..255, not #rrggbb");
            self.lines.wrong(value.span(), what);
        }
        known
    }

    fn modifiers(&mut self, value: &Node<'_>) -> Modifier {
        let Some(names) = value.get_ref().as_array() else {
            self.lines.wrong(value.span(), "modifiers are a list, as in [\"bold\"]");
            return Modifier::empty();
        };
        let mut modifiers = Modifier::empty();
        for name in names {
            modifiers |= match name.get_ref().as_str() {
                Some("bold") => Modifier::BOLD,
                Some("dim") => Modifier::DIM,
                Some("italic") => Modifier::ITALIC,
                Some("underlined") => Modifier::UNDERLINED,
                Some("reversed") => Modifier::REVERSED,
                Some("crossed-out") => Modifier::CROSSED_OUT,
                _ => {
                    let known = "bold, dim, italic, underlined, reversed, crossed-out";
                    self.lines.wrong(name.span(), format!("this is no modifier; there are {known}"));
                    Modifier::empty()
                }
            };
        }
        modifiers
    }
}
