//! The one place where text from agents is made harmless, measured and cut.
//!
//! Everything that comes from an agent is hostile: an escape sequence moves the cursor, a bidi override swaps
//! what an approver reads, a zero-width character hides a difference. [`clean`] turns each of these into a mark
//! that can be seen, before the terminal, the clipboard, the window title, a log or the command line gets it.

mod format;

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use format::{age, ago, count, latency, percent, plural, short, wire_word, word};

/// Zero-width marks allowed on one character. Real scripts stay below; a pile of hundreds smears over the lines
/// above and below.
const MARKS_PER_CHARACTER: usize = 4;

/// Effect of a character on a terminal or on a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Newline,
    /// The `\r` of `\r\n`: the newline after it says it all.
    Return,
    Tab,
    Hidden,
}

/// One line of harmless text: newlines become `⏎`, tabs become a space, and each hidden character becomes a
/// visible mark, `␛` for the escape character and `⟨U+202E⟩` for a bidi override. Doing it twice changes nothing.
pub fn clean(text: &str) -> Cow<'_, str> {
    rewrite(text, "⏎", " ")
}

/// The same as [`clean`] for views of many lines: newlines stay, a tab becomes four spaces.
pub fn clean_block(text: &str) -> Cow<'_, str> {
    if text.contains(['\t', '\r']) || text.split('\n').any(|line| !is_printable_ascii(line)) {
        rewrite(text, "\n", "    ")
    } else {
        Cow::Borrowed(text)
    }
}

/// The text without the byte order mark that some editors and shells put before it: it is no part of what was written.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Number of characters of the text a reader would not see or would be fooled by. Newlines and tabs do not count.
pub fn hidden(text: &str) -> usize {
    if is_printable_ascii(text) {
        return 0;
    }
    judged(text).filter(|&(_, kind)| kind == Kind::Hidden).count()
}

/// True when the text can be shown as it is: printable ASCII and nothing else.
pub fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// JSON text in which every character that is hidden on its own is written as `\uXXXX`: the same JSON to a
/// program, harmless to a terminal. Expects what a JSON writer wrote, so that such characters stand in strings.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let is_safe = |character: char| match character {
        '\n' | ' '..='~' => true,
        _ => {
            !character.is_control() && !is_invisible(character) && character.width().is_some_and(|columns| columns > 0)
        }
    };
    if json.chars().all(is_safe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_safe(character) {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}"); // writing to a String cannot fail
            }
        }
    }
    Cow::Owned(out)
}

fn rewrite<'a>(text: &'a str, newline: &str, tab: &str) -> Cow<'a, str> {
    if is_printable_ascii(text) || judged(text).all(|(_, kind)| kind == Kind::Plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (character, kind) in judged(text) {
        match kind {
            Kind::Plain => out.push(character),
            Kind::Newline => out.push_str(newline),
            Kind::Return => {}
            Kind::Tab => out.push_str(tab),
            Kind::Hidden => push_mark(&mut out, character),
        }
    }
    Cow::Owned(out)
}

/// Writes the visible mark of a hidden character: its control picture when Unicode has one, else its code point.
fn push_mark(out: &mut String, character: char) {
    let code = u32::from(character);
    let picture = match code {
        0..0x20 => char::from_u32(0x2400 + code),
        0x7F => Some('␡'),
        _ => None,
    };
    match picture {
        Some(picture) => out.push(picture),
        None => {
            let _ = write!(out, "⟨U+{code:04X}⟩"); // writing to a String cannot fail
        }
    }
}

/// Every character with its kind. The context is one character back (emoji) and forward (`\r\n`), and the
/// number of zero-width characters since the last one with a width.
fn judged(text: &str) -> impl Iterator<Item = (char, Kind)> {
    let mut characters = text.chars().peekable();
    let (mut before, mut marks) = (' ', 0);
    std::iter::from_fn(move || {
        let character = characters.next()?;
        let kind = match character {
            ' '..='~' => Kind::Plain,
            '\n' => Kind::Newline,
            '\r' if characters.peek() == Some(&'\n') => Kind::Return,
            '\t' => Kind::Tab,
            '\u{FE0E}' | '\u{FE0F}' if is_emoji_base(before) => Kind::Plain,
            _ if character.is_control() || is_invisible(character) => Kind::Hidden,
            _ if character.width() == Some(0) => {
                marks += 1;
                if marks > MARKS_PER_CHARACTER { Kind::Hidden } else { Kind::Plain }
            }
            _ => Kind::Plain,
        };
        if character.width() != Some(0) {
            marks = 0;
        }
        before = character;
        Some((character, kind))
    })
}

/// Characters without a shape of their own: Unicode's `Default_Ignorable_Code_Point` (which holds the bidi
/// controls, zero-width characters, variation selectors and tags), line and paragraph separators, and the
/// interlinear annotation controls.
const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Characters after which an emoji or text variation selector is ordinary.
const fn is_emoji_base(character: char) -> bool {
    matches!(character,
        '#' | '*' | '0'..='9' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2BFF}'
        | '〰' | '〽' | '㊗' | '㊙' | '\u{1F000}'..='\u{1FAFF}')
}

/// Width of the text in terminal columns.
pub fn width(text: &str) -> usize {
    if is_printable_ascii(text) {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// At most `columns` wide. What does not fit is cut between whole characters and ends in `…`, so nothing is
/// ever missing without a mark.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if head(text, columns).len() == text.len() {
        return Cow::Borrowed(text);
    }
    match columns.checked_sub(1) {
        Some(room) => Cow::Owned(format!("{}…", head(text, room))),
        None => Cow::Borrowed(""),
    }
}

/// Cuts out of the middle, for ids whose both ends tell them apart: `0192f3…c41a`.
pub fn cut_middle(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let tail_room = room / 2;
    let mut start = text.len();
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used > tail_room {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("{}…{}", head(text, room - tail_room), &text[start..]))
}

/// The longest beginning of whole characters that fits into `columns`. Looks no further than that.
pub fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let cut_at = text.grapheme_indices(true).find_map(|(at, grapheme)| {
        used += grapheme.width();
        (used > columns).then_some(at)
    });
    &text[..cut_at.unwrap_or(text.len())]
}

/// Exactly `columns` wide: cut with `…` when longer, filled with spaces on the right when shorter.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns).into_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&out))));
    out
}

/// The lines of a text, none wider than `columns`, broken between words where that is possible. Spaces at a
/// break are not carried over; an empty line stays an empty line.
pub fn wrap(text: &str, columns: usize) -> Vec<&str> {
    text.split('\n').flat_map(|line| wrap_line(line, columns.max(1))).collect()
}

fn wrap_line(line: &str, columns: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = line;
    loop {
        let fits = head(rest, columns);
        if fits.len() == rest.len() {
            break;
        }
        // A character wider than the line still takes a line of its own, or this would never end.
        let fits = if fits.is_empty() { rest.graphemes(true).next().unwrap_or(rest) } else { fits };
        let broken_at_space = rest[fits.len()..].starts_with(' ');
        let end = match fits.rfind(' ') {
            Some(space) if !broken_at_space && !fits[..space].trim().is_empty() => space,
            _ => fits.len(),
        };
        lines.push(rest[..end].trim_end());
        rest = rest[end..].trim_start_matches(' ');
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// For terminals without UTF-8: every character becomes printable ASCII of the same width, the ones the console
/// draws with a likeness, all others `?`. Zero-width characters vanish, newlines stay.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if is_printable_ascii(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let columns = character.width().unwrap_or(0);
        out.extend(std::iter::repeat_n(likeness(character), columns));
        if character == '\n' {
            out.push('\n');
        }
    }
    Cow::Owned(out)
}

const fn likeness(character: char) -> char {
    match character {
        ' '..='~' => character,
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{3000}' => ' ',
        '…' => '~',
        '⏎' | '␀'..='␡' | '△' | '↑' => '^',
        '●' | '•' => '*',
        '○' | '◯' => 'o',
        '▲' => '!',
        '✕' | '✗' | '×' => 'x',
        '◆' => '@',
        '·' | '▁' => '.',
        '▂' | '─' | '–' | '—' | '━' => '-',
        '▃' | '▄' => '=',
        '▇'..='▏' => '#',
        '│' | '┃' | '║' => '|',
        '▅' | '▆' | '┌'..='╋' | '╭'..='╰' => '+',
        '▸' | '▶' | '→' | '›' | '≥' | '⟩' | '↳' => '>',
        '✓' | '✔' | '▾' | '▼' | '↓' => 'v',
        '◀' | '←' | '‹' | '≤' | '⟨' | '↩' => '<',
        '‘' | '’' => '\'',
        '“' | '”' | '„' => '"',
        _ => '?',
    }
}

/// The longest piece of a foreign value in a message, in characters.
const SHOWN_MAX: usize = 60;

/// A foreign text quoted, escaped and shortened, so that it cannot disturb a message.
pub fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_MAX).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_what_would_be_hidden() {
        assert_eq!(clean("a\u{1b}[2Jb\u{7}"), "a␛[2Jb␇");
        assert_eq!(clean("pay \u{202e}001\u{202c}"), "pay ⟨U+202E⟩001⟨U+202C⟩");
        assert_eq!(clean("a\u{200b}b\u{9b}"), "a⟨U+200B⟩b⟨U+009B⟩");
        assert_eq!(clean("\u{e0041}"), "⟨U+E0041⟩");
        assert_eq!(clean("one\r\ntwo\tthree\rfour"), "one⏎two three␍four");
        assert_eq!(clean_block("one\r\n\ttwo\n\u{1b}"), "one\n    two\n␛");
        assert!(matches!(clean_block("two\nlines"), Cow::Borrowed(_)));
    }

    #[test]
    fn leaves_ordinary_text_of_any_script_alone() {
        for text in ["", "plain", "Größe, naïve", "漢字かな", "ก็ดี", "⚠\u{fe0f} 3 × €", "e\u{301}", "👍🏽 🇩🇪"]
        {
            assert!(matches!(clean(text), Cow::Borrowed(_)), "{text:?}");
            assert_eq!(hidden(text), 0, "{text:?}");
        }
    }

    #[test]
    fn counts_hidden_characters_and_stops_piles_of_marks() {
        assert_eq!(hidden("a\u{200d}b\u{feff}\n\tc"), 2);
        let pile = format!("a{}", "\u{301}".repeat(50));
        assert_eq!(hidden(&pile), 46);
        assert_eq!(hidden("a\u{fe0f}"), 1, "a variation selector after a letter");
    }

    #[test]
    fn cuts_by_columns_with_a_mark() {
        assert_eq!(cut("handoff", 7), "handoff");
        assert_eq!(cut("handoff", 6), "hando…");
        assert_eq!(cut("漢字かな", 5), "漢字…");
        assert_eq!(cut("漢字かな", 4), "漢…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut_middle("0192f3aa-77c41a", 9), "0192…c41a");
        assert_eq!(pad("漢", 4), "漢  ");
    }

    #[test]
    fn wraps_between_words_and_keeps_empty_lines() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("漢字", 1), ["漢", "字"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn json_stays_the_same_json_without_a_hidden_character() {
        let hostile = "a\u{1b}]52;\u{7}\u{9b}\u{7f}\u{202e}\u{200b}e\u{301}漢\u{e0001}";
        let json = serde_json::to_string(hostile).unwrap();
        let safe = escape_json(&json);
        assert_eq!(hidden(&safe), 0, "{safe}");
        assert!(safe.contains('漢') && safe.contains("\\udb40\\udc01"), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
        assert!(matches!(escape_json("{\n \"a\": 1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn ascii_keeps_the_width() {
        assert_eq!(ascii("▲ P95 ≥41s … ○ open"), "! P95 >41s ~ o open");
        assert_eq!(ascii("漢"), "??");
    }

    proptest! {
        #[test]
        fn clean_text_is_clean_and_stays_the_same(text in any::<String>()) {
            let once = clean(&text).into_owned();
            prop_assert!(!once.chars().any(char::is_control));
            prop_assert_eq!(hidden(&once), 0);
            prop_assert_eq!(clean(&once), once.as_str());
            let block = clean_block(&text).into_owned();
            prop_assert!(!block.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert_eq!(clean_block(&block), block.as_str());
        }

        #[test]
        fn hostile_characters_never_survive(picks in proptest::collection::vec(
            prop_oneof![Just('\u{1b}'), Just('\u{202e}'), Just('\u{200d}'), Just('\u{fe0f}'), Just('\u{301}'),
                        Just('⚠'), Just('\r'), Just('\n'), Just('\u{2028}'), Just('\u{e0101}'), Just('a')], 0..40)) {
            let text: String = picks.into_iter().collect();
            let once = clean(&text).into_owned();
            let hostile = ['\u{1b}', '\u{202e}', '\u{200d}', '\r', '\n', '\u{2028}', '\u{e0101}'];
            prop_assert!(!once.contains(hostile));
            prop_assert_eq!(clean(&once), once.as_str());
        }

        #[test]
        fn nothing_is_wider_than_asked(text in any::<String>(), columns in 0usize..30) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
            prop_assert!(width(&cut_middle(&text, columns)) <= columns);
            prop_assert_eq!(width(&pad(&text, columns)), columns);
            for line in wrap(&text, columns) {
                prop_assert!(width(line) <= columns.max(2) || line.graphemes(true).count() == 1);
            }
        }

        #[test]
        fn wrapping_loses_nothing_but_spaces(text in "[a-z \n]{0,60}", columns in 1usize..12) {
            let letters = |s: &str| s.replace([' ', '\n'], "");
            prop_assert_eq!(letters(&wrap(&text, columns).concat()), letters(&text));
        }
    }
}
