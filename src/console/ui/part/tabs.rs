//! A line of tabs.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::domain::text;
use crate::theme::{Role, Theme};

/// Draws titles on one line and says where each lies, for the mouse. When they do not all fit, the line starts
/// further right, so that the chosen one is always seen.
pub fn tabs(titles: &[&str], chosen: usize, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Vec<Range<u16>> {
    let mut places = vec![area.x..area.x; titles.len()];
    let widths: Vec<usize> = titles.iter().map(|title| text::width(title) + 2).collect();
    let end = (chosen + 1).min(titles.len());
    let mut first = 0;
    while first + 1 < end && widths[first..end].iter().sum::<usize>() > usize::from(area.width) {
        first += 1;
    }
    if area.is_empty() {
        return places;
    }
    let mut x = area.x;
    for (at, title) in titles.iter().enumerate().skip(first) {
        let style = theme.style(if at == chosen { Role::ButtonFocus } else { Role::Dim });
        let used = put(buffer, x, area.y, area.right().saturating_sub(x), &format!(" {title} "), style);
        places[at] = x..x + used;
        x += used;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    const TITLES: [&str; 4] = ["Brief", "Contract", "Payload", "Raw"];

    #[test]
    fn the_chosen_tab_is_always_seen() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        let places = tabs(&TITLES, 3, buffer.area, &mut buffer, &Theme::default());
        assert_eq!(rows(&buffer), [" Payload  Raw"]);
        assert_eq!(places[3], 9..14);
    }

    #[test]
    fn fits_every_size() {
        at_every_size(|area, buffer, theme| {
            for chosen in [0, 3, 9] {
                tabs(&TITLES, chosen, area, buffer, theme);
                super::super::clear(area, buffer, theme);
            }
        });
    }
}
