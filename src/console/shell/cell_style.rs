//! Style that a terminal writes with: colours and attributes, and the change from one to the next in the fewest bytes.

use std::io::{self, Write};

use crossterm::queue;
use crossterm::style::{Attribute, Colors, SetAttribute, SetColors};
use ratatui::backend::IntoCrossterm;
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// Colours and attributes of a cell. The default is that of a terminal after a reset.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CellStyle {
    fore: Color,
    back: Color,
    lit: Modifier,
}

/// Codes that switch an attribute on and off. Some can only be switched off together.
const ATTRIBUTES: [(Modifier, Attribute, Attribute); 9] = [
    (Modifier::BOLD, Attribute::Bold, Attribute::NormalIntensity),
    (Modifier::DIM, Attribute::Dim, Attribute::NormalIntensity),
    (Modifier::ITALIC, Attribute::Italic, Attribute::NoItalic),
    (Modifier::UNDERLINED, Attribute::Underlined, Attribute::NoUnderline),
    (Modifier::SLOW_BLINK, Attribute::SlowBlink, Attribute::NoBlink),
    (Modifier::RAPID_BLINK, Attribute::RapidBlink, Attribute::NoBlink),
    (Modifier::REVERSED, Attribute::Reverse, Attribute::NoReverse),
    (Modifier::HIDDEN, Attribute::Hidden, Attribute::NoHidden),
    (Modifier::CROSSED_OUT, Attribute::CrossedOut, Attribute::NotCrossedOut),
];

impl CellStyle {
    pub(super) const fn of(cell: &Cell) -> Self {
        Self { fore: cell.fg, back: cell.bg, lit: cell.modifier }
    }

    /// Tells a terminal that writes with this to write with another.
    pub(super) fn change(mut self, to: Self, out: &mut impl Write) -> io::Result<()> {
        for (modifier, _, off) in ATTRIBUTES {
            if (self.lit - to.lit).contains(modifier) {
                queue!(out, SetAttribute(off))?;
                let gone = ATTRIBUTES.iter().filter(|it| it.2 == off);
                self.lit -= gone.map(|it| it.0).collect();
            }
        }
        for (modifier, on, _) in ATTRIBUTES {
            if (to.lit - self.lit).contains(modifier) {
                queue!(out, SetAttribute(on))?;
            }
        }
        let colors = Colors {
            foreground: (self.fore != to.fore).then(|| to.fore.into_crossterm()),
            background: (self.back != to.back).then(|| to.back.into_crossterm()),
        };
        queue!(out, SetColors(colors))
    }
}
