//! The environment of what is watched: its word, and the colour that goes with it wherever an act is confirmed.

use std::str::FromStr;

use super::text;

/// The most columns of the word; more of it is cut.
const WORD_COLUMNS: usize = 16;

/// Colour of a connection, named by its meaning: every theme has one of its own for each, and a terminal without
/// colours has the word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// That of production.
    Danger,
    /// That of what is worth a look.
    Warning,
    /// That of neutral news.
    #[default]
    Info,
    /// That of what is well.
    Healthy,
    /// That of what waits for a person.
    Waiting,
}

impl Color {
    /// All of them, the loudest first.
    pub const ALL: [Self; 5] = [Self::Danger, Self::Warning, Self::Info, Self::Healthy, Self::Waiting];

    /// The name in the configuration, that of the role in a theme.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Healthy => "healthy",
            Self::Waiting => "waiting",
        }
    }
}

impl FromStr for Color {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(())
    }
}

/// Environment that a person acts in. The default has no word, and is told nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    word: String,
    color: Color,
}

impl Environment {
    /// An environment by its word, such as `PROD`, made harmless and cut to 16 columns; empty for none. Without a colour
    /// production, which is every word that begins with `prod`, has that of danger.
    pub fn new(word: &str, color: Option<Color>) -> Self {
        let word = text::cut(text::clean(word).trim(), WORD_COLUMNS).into_owned();
        let production = word.to_ascii_lowercase().starts_with("prod");
        let usual = if production { Color::Danger } else { Color::Info };
        Self { word, color: color.unwrap_or(usual) }
    }

    /// The word; empty for none.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// The colour of the word.
    pub const fn color(&self) -> Color {
        self.color
    }

    /// What is done, and where: `requeue on PROD`; without a word just what is done.
    pub fn says(&self, what: &str) -> String {
        if self.word.is_empty() { what.to_owned() } else { format!("{what} on {}", self.word) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_known_by_its_word_and_a_colour_beats_that() {
        for (word, color, expected) in [
            ("PROD", None, Color::Danger),
            ("production-eu", None, Color::Danger),
            ("staging", None, Color::Info),
            ("staging", Some(Color::Warning), Color::Warning),
            ("PROD", Some(Color::Waiting), Color::Waiting),
        ] {
            assert_eq!(Environment::new(word, color).color(), expected, "{word}");
        }
    }

    #[test]
    fn a_word_is_short_and_harmless() {
        let it = Environment::new("PROD\u{1b}[2J and all that follows", None);
        assert_eq!(it.word(), "PROD␛[2J and al…");
        assert_eq!(it.says("requeue"), "requeue on PROD␛[2J and al…");
        assert_eq!(Environment::new("  ", None).says("requeue"), "requeue");
    }
}
