//! A line of small bars, such as the last hour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::put;
use crate::theme::{Role, Theme};

/// Draws values as bars, the latest at the right edge. No value is a gap, as "not measured" is not zero; zero is
/// the lowest bar. When there are more values than columns, a column shows the highest of its values.
///
/// The full height stands for the highest value or for `top`, whichever is more: a calm edge given its alarm
/// limit as `top` stays low instead of filling the line with noise.
pub fn trend(values: &[Option<u64>], top: u64, area: Rect, buffer: &mut Buffer, theme: &Theme, role: Role) {
    let columns = usize::from(area.width).min(values.len());
    let top = values.iter().flatten().copied().fold(top, u64::max).max(1);
    let left = area.right() - columns as u16;
    for (column, x) in (0..columns).zip(left..) {
        let of_column = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        let Some(value) = of_column.iter().flatten().max() else {
            continue;
        };
        let eighths = u128::from(*value) * u128::from(area.height) * 8 / u128::from(top);
        let mut eighths = (eighths as usize).max(1);
        for y in (area.top()..area.bottom()).rev() {
            let Some(tallest) = eighths.min(8).checked_sub(1) else {
                break;
            };
            put(buffer, x, y, 1, theme.glyphs.spark[tallest], theme.ink(role));
            eighths -= tallest + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at_every_size, rows};
    use super::*;

    fn line(values: &[Option<u64>], top: u64, width: u16, height: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        trend(values, top, buffer.area, &mut buffer, &Theme::default(), Role::Bar);
        rows(&buffer)
    }

    #[test]
    fn zero_is_low_and_no_value_is_a_gap() {
        assert_eq!(line(&[Some(0), None, Some(4), Some(8)], 0, 4, 1), ["▁ ▄█"]);
        assert_eq!(line(&[Some(1), Some(1)], 8, 4, 1), ["  ▁▁"]);
        assert_eq!(line(&[Some(8), Some(12), Some(16)], 0, 3, 2), [" ▄█", "███"]);
    }

    #[test]
    fn many_values_keep_their_peaks() {
        let mut values = vec![Some(1); 60];
        values[31] = Some(8);
        assert_eq!(line(&values, 0, 6, 1), ["▁▁▁█▁▁"]);
    }

    #[test]
    fn fits_every_size() {
        let values: Vec<_> = (0..60).map(|at| (at % 7 != 0).then_some(u64::MAX / 60 * at)).collect();
        at_every_size(|area, buffer, theme| {
            trend(&values, 0, area, buffer, theme, Role::Bar);
            trend(&[], 5, area, buffer, theme, Role::Bar);
        });
    }
}
