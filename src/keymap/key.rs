//! One key press, in our own words: the pure half of the console knows no terminal library.

use std::fmt;
use std::str::FromStr;

/// A key press with what was held down. Equal presses are equal values: see [`Key::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The character or named key, without its modifiers.
    pub code: Code,
    /// Whether control was held.
    pub ctrl: bool,
    /// Whether alt (Meta, Option) was held.
    pub alt: bool,
    /// Shift was held; always false for characters, where it is part of the character.
    pub shift: bool,
}

/// The keys a terminal can report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::missing_docs_in_private_items)] // the names on the keys say it
pub enum Code {
    /// A key that types something, as it was typed: `g` and `G` differ.
    Char(char),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// A function key, 1 to 12.
    F(u8),
}

const NAMES: [(&str, Code); 15] = [
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("space", Code::Char(' ')),
    ("backspace", Code::Backspace),
    ("delete", Code::Delete),
    ("insert", Code::Insert),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("home", Code::Home),
    ("end", Code::End),
    ("page-up", Code::PageUp),
    ("page-down", Code::PageDown),
];

impl Key {
    /// `ctrl-c`, which always quits.
    pub const INTERRUPT: Self = Self { code: Code::Char('c'), ctrl: true, alt: false, shift: false };

    /// A key press in its one normal form: shift disappears into the character (`shift-g` is `G`), and letters
    /// with control are small, as terminals cannot tell `ctrl-g` from `ctrl-G`.
    pub fn new(code: Code, ctrl: bool, alt: bool, shift: bool) -> Self {
        let Code::Char(typed) = code else {
            return Self { code, ctrl, alt, shift };
        };
        let typed = match (ctrl, shift) {
            (true, _) => typed.to_ascii_lowercase(),
            (false, true) => typed.to_ascii_uppercase(),
            (false, false) => typed,
        };
        Self { code: Code::Char(typed), ctrl, alt, shift: false }
    }

    /// The key alone, with nothing held down.
    pub fn plain(code: Code) -> Self {
        Self::new(code, false, false, false)
    }
}

/// Reads `ctrl-d`, `space`, `enter`, `G`, `?`, `shift-tab`, `f5`, `-`, `ctrl--`.
impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut rest, mut ctrl, mut alt, mut shift) = (text, false, false, false);
        while let Some((prefix, after)) = rest.split_once('-') {
            let flag = match prefix {
                "ctrl" => &mut ctrl,
                "alt" => &mut alt,
                "shift" => &mut shift,
                _ => break,
            };
            *flag = true;
            rest = after;
        }
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(typed), None) if !typed.is_control() && typed != ' ' => Some(Code::Char(typed)),
            _ => NAMES.iter().find(|(name, _)| *name == rest).map(|&(_, code)| code),
        };
        let function = || rest.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n)).map(Code::F);
        match code.or_else(function) {
            Some(code) => Ok(Self::new(code, ctrl, alt, shift)),
            None => Err(format!("`{text}` is not a key; a key looks like j, G, ?, space, enter, f5 or ctrl-d")),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, prefix) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(prefix)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            Code::Char(typed) => write!(f, "{typed}"),
            Code::F(number) => write!(f, "f{number}"),
            other => write!(f, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in
            ["j", "G", "?", "-", "space", "enter", "ctrl-d", "ctrl--", "alt-x", "shift-tab", "f12", "page-up", "é"]
        {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn equal_presses_are_equal() {
        assert_eq!("shift-g".parse::<Key>(), "G".parse());
        assert_eq!("ctrl-A".parse::<Key>(), "ctrl-a".parse());
        assert_eq!(Key::new(Code::Char('c'), true, false, true), Key::INTERRUPT);
    }

    #[test]
    fn refuses_what_no_keyboard_has() {
        for text in ["", " ", "ctrl-", "f13", "f0", "hyper-x", "jj", "Enter"] {
            assert!(text.parse::<Key>().unwrap_err().contains(text), "{text:?}");
        }
    }
}
