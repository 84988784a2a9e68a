//! Lines and blocks as shapes: they meet whatever font the viewer has.

use super::{HEIGHT, MARGIN, Rgb, WIDTH, Write, push_path, push_rect};

/// A character drawn as a shape.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Arms from the middle (1 up, 2 right, 4 down, 8 left), thick or not.
    Arms(u8, bool),
    /// A round corner from the middle of the side at the left (-1) or right (1) to that above (-1) or below (1).
    Corner(f64, f64),
    /// Part of the cell: eighths of the width from the left, eighths of the height from below.
    Block(u8, u8),
}

pub(super) fn shape(symbol: &str) -> Option<Shape> {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else {
        return None;
    };
    Some(match character {
        '─' => Shape::Arms(0b1010, false),
        '│' => Shape::Arms(0b0101, false),
        '┃' => Shape::Arms(0b0101, true),
        '╭' => Shape::Corner(1.0, 1.0),
        '╮' => Shape::Corner(-1.0, 1.0),
        '╰' => Shape::Corner(1.0, -1.0),
        '╯' => Shape::Corner(-1.0, -1.0),
        '┌' => Shape::Arms(0b0110, false),
        '┐' => Shape::Arms(0b1100, false),
        '└' => Shape::Arms(0b0011, false),
        '┘' => Shape::Arms(0b1001, false),
        '├' => Shape::Arms(0b0111, false),
        '┤' => Shape::Arms(0b1101, false),
        '┬' => Shape::Arms(0b1110, false),
        '┴' => Shape::Arms(0b1011, false),
        '┼' => Shape::Arms(0b1111, false),
        '▁'..='█' => Shape::Block(8, (u32::from(character) - 0x2580) as u8),
        '▉'..='▏' => Shape::Block((0x2590 - u32::from(character)) as u8, 8),
        _ => return None,
    })
}

pub(super) fn push_shape(out: &mut String, shape: Shape, left: f64, top: f64, color: Rgb) {
    match shape {
        Shape::Block(across, up) => {
            let (width, height) = (WIDTH * f64::from(across) / 8.0, (HEIGHT - 2.0) * f64::from(up) / 8.0);
            // A hair is left to the rows above and below, as bars in neighbouring rows must not merge.
            push_rect(out, left, HEIGHT - 1.0 - height, width, height, top, color);
        }
        Shape::Arms(arms, thick) => {
            let (x, y) = (MARGIN + left + WIDTH / 2.0, top + HEIGHT / 2.0);
            let ends = [(0.0, -HEIGHT / 2.0), (WIDTH / 2.0, 0.0), (0.0, HEIGHT / 2.0), (-WIDTH / 2.0, 0.0)];
            let mut path = String::new();
            for (arm, (dx, dy)) in ends.into_iter().enumerate() {
                if arms & (1 << arm) != 0 {
                    let _ = write!(path, "M{x:.2} {y:.2}l{dx:.2} {dy:.2}");
                }
            }
            push_path(out, &path, if thick { 3.0 } else { 1.2 }, color);
        }
        Shape::Corner(dx, dy) => {
            let (x, y) = (MARGIN + left + WIDTH / 2.0, top + HEIGHT / 2.0);
            let (side, end) = (x + dx * WIDTH / 2.0, y + dy * HEIGHT / 2.0);
            push_path(out, &format!("M{x:.2} {end:.2}Q{x:.2} {y:.2} {side:.2} {y:.2}"), 1.2, color);
        }
    }
}
