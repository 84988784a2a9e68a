//! Colours by role: code says what a thing means, a theme says how that looks.
//!
//! A theme is a TOML file (see [`load()`] and `themes/`). Status is never colour alone: every health role comes
//! with a word and a glyph ([`Glyphs`]), so the `mono` theme and a printed picture lose nothing.

mod depth;
mod glyphs;
mod load;

use ratatui::style::{Color, Modifier, Style};

pub use depth::{Depth, rgb_of};
pub use glyphs::Glyphs;
pub use load::load;

/// One row per role: variant, name in the theme file, what it is for.
macro_rules! roles {
    ($($variant:ident $name:literal $meaning:literal;)*) => {
        /// Meaning of a piece of the screen, which the theme gives a style.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Role { $(#[doc = $meaning] $variant,)* }

        impl Role {
            /// All roles, in the order of the theme files.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in theme files, such as `border-focus`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

roles! {
    Ground "ground" "The empty screen; its background lies under everything.";
    Text "text" "Ordinary text.";
    Dim "dim" "What matters less: units, ids, secondary columns.";
    Strong "strong" "What is read first: names, titles, questions.";
    Accent "accent" "What can be followed or is current: the tab, the sort column.";
    Header "header" "Column titles and section titles.";
    Border "border" "Lines around and between things.";
    BorderFocus "border-focus" "The border of the pane that has the keys.";
    BorderDanger "border-danger" "The border of a dialog that changes something.";
    Selection "selection" "The row under the cursor; laid over the row's own styles.";
    Marked "marked" "Rows marked for a bulk act; laid over the row's own styles.";
    Healthy "healthy" "All is well.";
    Warning "warning" "Worth a look.";
    Critical "critical" "Broken: the worst thing on the screen.";
    Info "info" "Neutral news: replay, a hint.";
    Waiting "waiting" "Waits for a person.";
    Stale "stale" "A number that may be out of date.";
    Disabled "disabled" "A thing that does not work here and now.";
    Match "match" "The part of a row that matched the filter; laid over the row's own styles.";
    Hidden "hidden" "The visible mark of a hidden or hostile character.";
    Added "added" "In the new version only.";
    Removed "removed" "In the old version only.";
    Key "key" "A key in the footer or the help.";
    Word "word" "The word beside a key.";
    BadgeCritical "badge-critical" "A badge of the attention strip: act now.";
    BadgeWarning "badge-warning" "A badge of the attention strip: look soon.";
    BadgeInfo "badge-info" "A badge of the attention strip: waits for a person, or news.";
    Danger "danger" "The environment word of production.";
    Input "input" "A line being typed.";
    Button "button" "A button of a dialog.";
    ButtonFocus "button-focus" "The button that enter would press.";
    Bar "bar" "Bars and trends that carry no health.";
    Scrollbar "scrollbar" "The thumb of a scrollbar.";
}

/// Styles of all roles, and the signs that go with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
    /// The signs that go with the colours; [`Glyphs::ASCII`] for terminals without UTF-8.
    pub glyphs: Glyphs,
}

/// The themes that come with Seamwatch: name and text. The first is the default.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("terminal", include_str!("../themes/terminal.toml")),
    ("dark", include_str!("../themes/dark.toml")),
    ("light", include_str!("../themes/light.toml")),
    ("high-contrast", include_str!("../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../themes/deuteranopia.toml")),
    ("mono", include_str!("../themes/mono.toml")),
];

impl Default for Theme {
    fn default() -> Self {
        Self::named("terminal").unwrap_or_else(Self::bare)
    }
}

impl Theme {
    /// A built-in theme.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(load::read(text, Self::bare).0)
    }

    /// Every role in the terminal's own two colours, with Unicode glyphs: what the built-in themes start from.
    const fn bare() -> Self {
        Self { styles: [Style::new(); Role::ALL.len()], glyphs: Glyphs::UNICODE }
    }

    /// Style of a role. An array lookup.
    pub const fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    const fn set(&mut self, role: Role, style: Style) {
        self.styles[role as usize] = style;
    }

    /// The colour of a role for lines and bars, where a background or an underline would only disturb.
    pub fn ink(&self, role: Role) -> Style {
        let style = self.style(role);
        Style { fg: style.bg.or(style.fg), ..Style::new() }
    }

    /// The theme in the colours a terminal has: nearest ones, and no colour at all becomes the `mono` theme.
    /// A background that would vanish into the ground is left out; the cursor row and the focused button become
    /// reverse video instead, as they must be seen.
    #[must_use]
    pub fn at(mut self, depth: Depth) -> Self {
        if depth == Depth::None {
            let mono = Self::named("mono").unwrap_or_else(Self::bare);
            return Self { glyphs: self.glyphs, ..mono };
        }
        let ground = self.style(Role::Ground);
        let near = |color: Option<Color>| color.map(|color| depth.nearest(color));
        for &role in Role::ALL {
            let style = self.style(role);
            let vanishes = match (style.bg, ground.bg) {
                (Some(back), Some(ground)) => back != ground && depth.swallows(back, ground),
                _ => false,
            };
            let mut close = Style { fg: near(style.fg), bg: near(style.bg), ..style };
            if vanishes {
                close.bg = None;
            }
            if vanishes && matches!(role, Role::Selection | Role::ButtonFocus) {
                close = Style { fg: near(ground.fg), ..close }.add_modifier(Modifier::REVERSED);
            }
            self.set(role, close);
        }
        self
    }

    /// The same colours with ASCII signs, for terminals without UTF-8.
    #[must_use]
    pub const fn ascii(mut self) -> Self {
        self.glyphs = Glyphs::ASCII;
        self
    }
}

#[cfg(test)]
mod tests;
