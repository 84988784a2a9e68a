//! Screens as SVG pictures, the same bytes for the same screen.
//!
//! Viewers have different fonts, so nothing is left to them that must line up: each run of text is stretched to
//! its columns, and lines and blocks are drawn as shapes.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use seamwatch::testing::theme::rgb_of;

#[path = "svg/shape.rs"]
mod shape;

use shape::{push_shape, shape};

/// What lies under a screen whose theme sets no background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// A dark terminal.
    Dark,
    /// A light terminal.
    Light,
}

/// The size of a cell, of the margin around the screen and of the bar with the title, in pixels.
const WIDTH: f64 = 8.5;
const HEIGHT: f64 = 18.0;
const MARGIN: f64 = 14.0;
const BAR: f64 = 32.0;

type Rgb = (u8, u8, u8);

/// The 16 ANSI colours of the pictures: muted, and readable on both backgrounds' own ground.
const DARK: [Rgb; 16] = [
    (0x2A, 0x30, 0x3B),
    (0xF2, 0x77, 0x7A),
    (0x8F, 0xCB, 0x8B),
    (0xE6, 0xC0, 0x74),
    (0x4A, 0x78, 0xB8),
    (0xC3, 0x9A, 0xE8),
    (0x6F, 0xC5, 0xD0),
    (0xC9, 0xD0, 0xDB),
    (0x7C, 0x87, 0x98),
    (0xFF, 0x8F, 0x8F),
    (0xA9, 0xDF, 0xA4),
    (0xF4, 0xD3, 0x90),
    (0x86, 0xBB, 0xF5),
    (0xD7, 0xB6, 0xF5),
    (0x93, 0xDD, 0xE6),
    (0xF4, 0xF6, 0xFA),
];
const LIGHT: [Rgb; 16] = [
    (0x22, 0x28, 0x30),
    (0xBF, 0x1F, 0x1F),
    (0x1B, 0x74, 0x34),
    (0x8A, 0x5A, 0x00),
    (0x2B, 0x5F, 0xB0),
    (0x7A, 0x3A, 0xA8),
    (0x0B, 0x6B, 0x80),
    (0x6B, 0x73, 0x80),
    (0x5D, 0x66, 0x73),
    (0xD6, 0x33, 0x33),
    (0x23, 0x8A, 0x40),
    (0xA0, 0x6A, 0x00),
    (0x35, 0x72, 0xCC),
    (0x8C, 0x4A, 0xC0),
    (0x10, 0x80, 0x98),
    (0xFF, 0xFF, 0xFF),
];

impl Background {
    const fn ground(self) -> Rgb {
        match self {
            Self::Dark => (0x14, 0x17, 0x1D),
            Self::Light => (0xFC, 0xFC, 0xFA),
        }
    }

    const fn ink(self) -> Rgb {
        match self {
            Self::Dark => (0xD0, 0xD6, 0xE0),
            Self::Light => (0x27, 0x2D, 0x36),
        }
    }

    /// The colour of a cell; nothing for the terminal's own.
    fn rgb(self, color: Color) -> Option<Rgb> {
        let ansi = match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
        };
        let index = match color {
            Color::Reset => return None,
            Color::Rgb(r, g, b) => return Some((r, g, b)),
            Color::Indexed(index) if index > 15 => return Some(rgb_of(index)),
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
        };
        Some(ansi[usize::from(index)])
    }
}

/// How a cell looks when everything is worked out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    front: Rgb,
    /// Nothing when it is the ground of the picture.
    back: Option<Rgb>,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell, on: Background) -> Self {
        let mut front = on.rgb(cell.fg).unwrap_or(on.ink());
        let mut back = on.rgb(cell.bg);
        if cell.modifier.contains(Modifier::REVERSED) {
            (front, back) = (back.unwrap_or(on.ground()), Some(front));
        }
        if cell.modifier.contains(Modifier::DIM) {
            front = between(front, back.unwrap_or(on.ground()));
        }
        Self { front, back, modifier: cell.modifier }
    }
}

/// Dim text: three fifths of the way from its background.
fn between(front: Rgb, back: Rgb) -> Rgb {
    let mix = |front: u8, back: u8| ((u16::from(front) * 3 + u16::from(back) * 2) / 5) as u8;
    (mix(front.0, back.0), mix(front.1, back.1), mix(front.2, back.2))
}

/// Cells beside each other that look the same.
struct Run {
    x: usize,
    columns: usize,
    text: String,
    look: Look,
}

/// The screen as the text of an SVG file, in a calm window with a title.
pub fn svg(buffer: &Buffer, title: &str, background: Background) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = (columns as f64 * WIDTH + 2.0 * MARGIN, rows as f64 * HEIGHT + 2.0 * MARGIN + BAR);
    // The window takes the ground of the theme, which the first cell shows.
    let ground = buffer.content.first().and_then(|cell| background.rgb(cell.bg)).unwrap_or(background.ground());
    let mut out = String::with_capacity(columns * rows * 8);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"'JetBrains Mono','Cascadia Mono','DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <title>{}</title>\n\
         <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"9\" fill=\"{}\" stroke=\"{}\"/>\n",
        escape(title),
        width - 1.0,
        height - 1.0,
        hex(ground),
        hex(between(ground, (0x80, 0x88, 0x94))),
    );
    for (at, color) in ["#e8736c", "#e5b95c", "#78b86f"].into_iter().enumerate() {
        let _ = writeln!(out, "<circle cx=\"{}\" cy=\"17\" r=\"5\" fill=\"{color}\"/>", 20 + at * 18);
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"22\" text-anchor=\"middle\" fill=\"{}\">{}</text>",
        width / 2.0,
        hex(between(background.ink(), ground)),
        escape(title),
    );
    for (y, row) in buffer.content.chunks(columns.max(1)).enumerate() {
        let top = MARGIN + BAR + y as f64 * HEIGHT;
        let runs = runs(row, background);
        for run in &runs {
            push_background(&mut out, run, top, ground);
        }
        for run in &runs {
            push_run(&mut out, run, top);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The runs of a row. Shapes, wide cells and signs, which come from other fonts, are runs of their own; a gap of two spaces ends
/// a run, so that no viewer's idea of white space matters.
fn runs(row: &[Cell], background: Background) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut x = 0;
    while let Some(cell) = row.get(x) {
        let (symbol, look) = (cell.symbol(), Look::of(cell, background));
        let columns = symbol.width().max(1);
        let joins = |run: &Run| {
            let ended = run.text.ends_with("  ") && symbol != " ";
            run.look == look && !ended && !stands_alone(symbol) && !stands_alone(&run.text)
        };
        match runs.last_mut() {
            Some(run) if joins(run) => {
                run.text.push_str(symbol);
                run.columns += columns;
            }
            _ => runs.push(Run { x, columns, text: symbol.to_owned(), look }),
        }
        x += columns;
    }
    runs
}

/// True for a cell that must not be stretched together with its neighbours.
fn stands_alone(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().filter(|_| characters.next().is_none());
    text.width() != text.chars().count() || first.is_some_and(|sign| !sign.is_ascii() && !sign.is_alphanumeric())
}

fn push_background(out: &mut String, run: &Run, top: f64, ground: Rgb) {
    if let Some(back) = run.look.back.filter(|&back| back != ground) {
        push_rect(out, run.x as f64 * WIDTH, 0.0, run.columns as f64 * WIDTH, HEIGHT, top, back);
    }
}

fn push_rect(out: &mut String, x: f64, y: f64, width: f64, height: f64, top: f64, color: Rgb) {
    let _ = writeln!(
        out,
        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{}\" shape-rendering=\"crispEdges\"/>",
        MARGIN + x,
        top + y,
        hex(color),
    );
}

fn push_run(out: &mut String, run: &Run, top: f64) {
    let left = run.x as f64 * WIDTH;
    let shown = run.text.trim_end();
    if let Some(shape) = shape(&run.text) {
        return push_shape(out, shape, left, top, run.look.front);
    }
    let text = shown.trim_start();
    if text.is_empty() {
        return;
    }
    let indent = shown.chars().count() - text.chars().count();
    let columns = run.columns - indent - (run.text.chars().count() - shown.chars().count());
    let mut style = String::new();
    let modifier = run.look.modifier;
    for (flag, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ] {
        if modifier.contains(flag) {
            style.push_str(attribute);
        }
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.2}\" y=\"{:.2}\" textLength=\"{:.2}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{style}>{}</text>",
        MARGIN + left + indent as f64 * WIDTH,
        top + 13.5,
        columns as f64 * WIDTH,
        hex(run.look.front),
        escape(text),
    );
}

fn push_path(out: &mut String, path: &str, width: f64, color: Rgb) {
    let color = hex(color);
    let _ = writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linecap=\"round\"/>",
    );
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn screen() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 3));
        buffer.set_string(0, 0, "a <b> & c", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        buffer.set_string(2, 1, "漢字 ▁█ │", Style::new());
        buffer.set_string(0, 2, "chosen", Style::new().add_modifier(Modifier::REVERSED));
        buffer
    }

    #[test]
    fn text_is_escaped_placed_and_stretched() {
        let picture = svg(&screen(), "seam <demo>", Background::Dark);
        assert!(picture.contains("<title>seam &lt;demo&gt;</title>"));
        let expected = "<text x=\"14.00\" y=\"59.50\" textLength=\"76.50\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#f2777a\" font-weight=\"bold\">a &lt;b&gt; &amp; c</text>";
        assert!(picture.contains(expected), "{picture}");
        assert!(picture.contains("textLength=\"17.00\""), "a wide character takes two columns");
    }

    #[test]
    fn reverse_video_swaps_front_and_back() {
        let picture = svg(&screen(), "", Background::Light);
        assert!(picture.contains("width=\"51.00\" height=\"18.00\" fill=\"#272d36\""), "{picture}");
        assert!(picture.contains("fill=\"#fcfcfa\">chosen<"));
    }

    #[test]
    fn lines_and_blocks_are_shapes() {
        let picture = svg(&screen(), "", Background::Dark);
        assert!(!picture.contains('│') && !picture.contains('█'));
        assert_eq!(picture.matches("<path").count(), 1);
    }

    #[test]
    fn the_same_screen_is_the_same_picture_and_empty_screens_are_fine() {
        assert_eq!(svg(&screen(), "x", Background::Dark), svg(&screen(), "x", Background::Dark));
        assert!(svg(&Buffer::empty(Rect::ZERO), "", Background::Dark).ends_with("</svg>\n"));
    }
}
