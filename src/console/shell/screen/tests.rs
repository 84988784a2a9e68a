use std::num::NonZero;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::*;

const AREA: Rect = Rect::new(0, 0, 9, 4);

/// Draws pictures one after the other.
fn draw(pictures: &[&Buffer], backend: impl Backend<Error = io::Error>) {
    let viewport = Viewport::Fixed(AREA);
    let options = TerminalOptions { viewport };
    let mut terminal = Terminal::with_options(backend, options).unwrap();
    for picture in pictures {
        let drawn = terminal.draw(|frame| frame.buffer_mut().clone_from(picture));
        drawn.unwrap();
    }
}

/// What a terminal shows after these bytes.
fn shown(bytes: &[u8]) -> vt100::Parser {
    shown_on(bytes, AREA.width)
}

/// The same on a terminal of so many columns.
fn shown_on(bytes: &[u8], columns: u16) -> vt100::Parser {
    let size = |cells| NonZero::new(cells).unwrap();
    let mut parser = vt100::Parser::new(size(AREA.height), size(columns), 0);
    parser.process(bytes);
    parser
}

/// What a terminal shows that was used in other colours before.
fn ours(pictures: &[&Buffer]) -> vt100::Parser {
    shown(&sent(pictures))
}

/// What is sent to it.
fn sent(pictures: &[&Buffer]) -> Vec<u8> {
    let mut bytes = b"\x1b[7;3;38;5;3m".to_vec();
    let screen = Screen::new(&mut bytes);
    screen.columns.set(AREA.width);
    draw(pictures, screen);
    bytes
}

/// Every cell; a blank is a blank, whether it was written or not.
fn cells(parser: &vt100::Parser) -> Vec<String> {
    let at = |y, x| {
        let cell = parser.screen().cell(y, x).unwrap();
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let colors = (cell.fgcolor(), cell.bgcolor());
        let weight = (cell.bold(), cell.dim());
        let others = (cell.italic(), cell.underline(), cell.inverse());
        format!("{y},{x} `{text}` {colors:?} {weight:?} {others:?}")
    };
    let rows = 0..AREA.height;
    rows.flat_map(|y| (0..AREA.width).map(move |x| at(y, x))).collect()
}

fn color() -> impl Strategy<Value = Color> {
    prop_oneof![Just(Color::Reset), Just(Color::Red), Just(Color::Indexed(200)), Just(Color::Rgb(1, 20, 200)),]
}

/// Not bold and dim at once: the terminal of these tests knows only one of them at a time.
fn style() -> impl Strategy<Value = Style> {
    let weight = prop_oneof![Just(Modifier::empty()), Just(Modifier::BOLD), Just(Modifier::DIM)];
    let others = prop_oneof![
        4 => Just(Modifier::empty()),
        1 => Just(Modifier::REVERSED),
        1 => Just(Modifier::UNDERLINED | Modifier::ITALIC),
        1 => Just(Modifier::UNDERLINED | Modifier::SLOW_BLINK),
    ];
    (color(), color(), weight, others)
        .prop_map(|(fore, back, weight, others)| Style::reset().fg(fore).bg(back).add_modifier(weight | others))
}

/// Pieces of text that look like this, anywhere and over each other.
fn picture(text: &'static str) -> impl Strategy<Value = Buffer> {
    let piece = (0..AREA.width, 0..AREA.height, text, style());
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| {
        let mut picture = Buffer::empty(AREA);
        for (x, y, text, style) in pieces {
            picture.set_string(x, y, text, style);
        }
        picture
    })
}

/// Three pictures, to be drawn one after the other.
fn pictures(text: &'static str) -> impl Strategy<Value = [Buffer; 3]> {
    [picture(text), picture(text), picture(text)]
}

proptest! {
    #[test]
    fn what_is_not_sent_again_is_there_already([first, second, third] in pictures("[a-c é│]{1,9}")) {
        let all = ours(&[&first, &second, &third]);
        prop_assert_eq!(cells(&all), cells(&ours(&[&third])));
    }

    /// So it is with wide characters that half cover others.
    #[test]
    fn half_of_a_wide_one_is_not_there_any_more([first, second, third] in pictures("[a好 │]{1,9}")) {
        let all = ours(&[&first, &second, &third]);
        prop_assert_eq!(cells(&all), cells(&ours(&[&third])));
    }
}

/// Flags, a skin tone, conjuncts, a family, a heart by a selector, a letter of two characters: this terminal has its own
/// view of how wide each is.
const CLUSTERS: [&str; 12] = [
    "a",
    " ",
    "好",
    "é",
    "🥲🏻",
    "🇩🇪🇫🇷",
    "🇩",
    "हिन्दी क्षत्रिय",
    "👩\u{200d}👩\u{200d}👧",
    "❤\u{fe0f}",
    "e\u{301}",
    "1\u{fe0f}\u{20e3}",
];

/// Texts of these, anywhere and over each other.
fn clusters() -> impl Strategy<Value = Buffer> {
    let text = proptest::collection::vec(proptest::sample::select(&CLUSTERS), 1..5).prop_map(|it| it.concat());
    let piece = (0..AREA.width, 0..AREA.height, text, style());
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| {
        let mut picture = Buffer::empty(AREA);
        for (x, y, text, style) in pieces {
            picture.set_string(x, y, text, style);
        }
        picture
    })
}

proptest! {
    /// However wide a terminal takes a character to be, what it showed is gone with it, and everything else is in its place.
    #[test]
    fn characters_of_several_leave_nothing_behind(
        [first, second] in [clusters(), clusters()], third in picture("[a-c é│]{1,9}"),
    ) {
        // The terminal does not wrap what it takes for too wide, as the console asks it: here it has more columns instead.
        let wide = |pictures: &[&Buffer]| cells(&shown_on(&sent(pictures), 100));
        prop_assert_eq!(wide(&[&first, &second]), wide(&[&second]));
        prop_assert_eq!(wide(&[&first, &second, &third]), wide(&[&third]));
    }
}

#[test]
fn half_of_a_wide_one_that_is_written_over_takes_no_colour_of_that() {
    let mut before = Buffer::with_lines(["", "   好好"]);
    let mut after = Buffer::empty(AREA);
    before.resize(AREA);
    after.set_string(4, 1, "好", ratatui::style::Style::new().reversed());
    assert_eq!(cells(&ours(&[&before, &after])), cells(&ours(&[&after])));
}

#[test]
fn an_emoji_over_letters_leaves_none_of_them_and_is_whole() {
    let before = Buffer::with_lines(["abcdefghi", "", "", ""]);
    let mut after = Buffer::with_lines(["a⚠\u{fe0f} efghi", "", "", ""]);
    after.resize(AREA);
    let screen = ours(&[&before, &after]);
    assert_eq!(screen.screen().contents(), "a⚠\u{fe0f} efghi");
}

#[test]
fn a_clear_is_not_in_the_colours_of_what_was_written_last() {
    let mut bytes = Vec::new();
    let mut screen = Screen::new(&mut bytes);
    let mut blue = Cell::new("x");
    blue.bg = Color::Blue;
    screen.draw([(0, 0, &blue)].into_iter()).unwrap();
    screen.clear().unwrap();
    screen.draw([(1, 0, &Cell::new("y"))].into_iter()).unwrap();
    Backend::flush(&mut screen).unwrap();
    let parser = shown(&bytes);
    assert_eq!(parser.screen().contents(), " y");
    let grounds = (0..3).map(|x| parser.screen().cell(0, x).unwrap().bgcolor());
    assert_eq!(grounds.collect::<Vec<_>>(), [vt100::Color::Default; 3]);
}

#[test]
fn a_frame_without_a_change_sends_nothing() {
    let picture = Buffer::with_lines(["123456789", "", "", ""]);
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    draw(&[&picture], Screen::new(&mut once));
    draw(&[&picture, &picture], Screen::new(&mut twice));
    assert!(!once.is_empty());
    assert_eq!(once, twice);
}
