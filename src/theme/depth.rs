//! Colours of the terminal: how many it has, and the nearest one it can show.

use ratatui::style::Color;

/// The colours a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// None: `NO_COLOR` is set, or the terminal is dumb. Bold, dim, underline and reverse still work.
    None,
    /// The 16 ANSI colours.
    Ansi16,
    /// The xterm palette of 256.
    Ansi256,
    /// 24 bits: 16 million colours.
    True,
}

impl Depth {
    /// Depth that the environment tells, by the values of `NO_COLOR` (any text that is not empty switches colour off,
    /// no-color.org), `TERM` and `COLORTERM`. The last is not forwarded by ssh, so terminals known to have 24
    /// bits are also recognised by their `TERM`.
    pub fn detect(no_color: Option<&str>, term: Option<&str>, colorterm: Option<&str>) -> Self {
        let term = term.unwrap_or_default();
        let full = ["direct", "kitty", "ghostty", "alacritty", "wezterm", "foot"];
        if no_color.is_some_and(|text| !text.is_empty()) || term == "dumb" {
            Self::None
        } else if matches!(colorterm, Some("truecolor" | "24bit")) || full.iter().any(|name| term.contains(name)) {
            Self::True
        } else if term.contains("256color") {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }

    /// The nearest colour of this depth; a colour that fits already stays as it is.
    pub fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (Self::None, _) => Color::Reset,
            (Self::Ansi256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_index((r, g, b))),
            (Self::Ansi16, Color::Rgb(r, g, b)) => nearest_ansi((r, g, b)),
            (Self::Ansi16, Color::Indexed(index)) => nearest_ansi(rgb_of(index)),
            (_, color) => color,
        }
    }

    /// True when a background cannot be told from the ground any more: both became the same colour, or it was
    /// only a tint, for which 16 colours are too coarse (the nearest one would shout, or hide the text).
    pub(super) fn swallows(self, back: Color, ground: Color) -> bool {
        let rgb = |color| match color {
            Color::Rgb(r, g, b) => Some((r, g, b)),
            _ => None,
        };
        let tint = rgb(back).zip(rgb(ground)).is_some_and(|(back, ground)| distance(back, ground) < TINT);
        self.nearest(back) == self.nearest(ground) || (self <= Self::Ansi16 && tint)
    }
}

/// The [`distance`] below which a background is a tint of the ground, found by looking at the built-in themes:
/// their tints are below 35,000, their filled backgrounds above 100,000.
const TINT: i64 = 50_000;

type Rgb = (u8, u8, u8);

/// The 16 ANSI colours with the values xterm gives them by default.
const ANSI: [(Color, Rgb); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (0, 0, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 0, 0)),
    (Color::LightGreen, (0, 255, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightBlue, (92, 92, 255)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::White, (255, 255, 255)),
];

/// The colour of an index of the xterm palette: 16 ANSI colours, a 6x6x6 cube, 24 greys.
pub fn rgb_of(index: u8) -> Rgb {
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    match index {
        0..=15 => ANSI[usize::from(index)].1,
        16..=231 => {
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

fn nearest_index(wanted: Rgb) -> u8 {
    (16..=255).min_by_key(|&index| distance(wanted, rgb_of(index))).unwrap_or(16)
}

/// With 16 colours the hue matters most: the nearest one would turn every soft red or green into a grey.
fn nearest_ansi((r, g, b): Rgb) -> Color {
    const GREYS: [usize; 4] = [0, 8, 7, 15];
    const HUES: [usize; 6] = [1, 2, 3, 4, 5, 6];
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let spread = u16::from(most - least);
    let nearest = |wanted: Rgb, among: &[usize]| {
        let nearest = among.iter().copied().min_by_key(|&index| distance(wanted, ANSI[index].1));
        nearest.unwrap_or_default()
    };
    if spread < 40 {
        return ANSI[nearest((r, g, b), &GREYS)].0;
    }
    // The pure colour of this hue, against the pure ANSI ones, which are 205 bright.
    let pure = |channel: u8| (u16::from(channel - least) * 205 / spread) as u8;
    let hue = nearest((pure(r), pure(g), pure(b)), &HUES);
    ANSI[if most >= 224 { hue + 8 } else { hue }].0
}

/// The weighted distance known as "redmean": close to how far apart colours look, in integers.
fn distance(a: Rgb, b: Rgb) -> i64 {
    let mean_red = i64::midpoint(i64::from(a.0), i64::from(b.0));
    let square = |x: u8, y: u8| (i64::from(x) - i64::from(y)).pow(2);
    (((512 + mean_red) * square(a.0, b.0)) >> 8) + 4 * square(a.1, b.1) + (((767 - mean_red) * square(a.2, b.2)) >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides() {
        let cases = [
            ((None, Some("xterm-256color"), Some("truecolor")), Depth::True),
            ((None, Some("xterm-256color"), None), Depth::Ansi256),
            ((None, Some("xterm-kitty"), None), Depth::True),
            ((None, Some("linux"), None), Depth::Ansi16),
            ((None, None, None), Depth::Ansi16),
            ((Some(""), Some("xterm"), None), Depth::Ansi16),
            ((Some("1"), Some("xterm-256color"), Some("truecolor")), Depth::None),
            ((None, Some("dumb"), Some("truecolor")), Depth::None),
        ];
        for ((no_color, term, colorterm), depth) in cases {
            assert_eq!(Depth::detect(no_color, term, colorterm), depth, "{no_color:?} {term:?} {colorterm:?}");
        }
    }

    #[test]
    fn colours_go_to_the_nearest_one() {
        assert_eq!(Depth::Ansi256.nearest(Color::Rgb(255, 0, 0)), Color::Indexed(196));
        assert_eq!(Depth::Ansi256.nearest(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(Depth::Ansi16.nearest(Color::Rgb(250, 10, 10)), Color::LightRed);
        assert_eq!(Depth::Ansi16.nearest(Color::Rgb(127, 201, 143)), Color::Green, "a soft green stays green");
        assert_eq!(Depth::Ansi16.nearest(Color::Rgb(18, 21, 27)), Color::Black);
        assert_eq!(Depth::Ansi16.nearest(Color::Indexed(21)), Color::LightBlue);
        assert_eq!(Depth::True.nearest(Color::Rgb(1, 2, 3)), Color::Rgb(1, 2, 3));
        assert_eq!(Depth::Ansi16.nearest(Color::Yellow), Color::Yellow);
    }
}
