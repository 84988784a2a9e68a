//! The last line: only keys that work here and now, from the list that handles the keys.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::part;
use crate::console::app::State;
use crate::console::app::msg::HitTarget;
use crate::console::app::overlay::{Hint, Overlay};
use crate::domain::text::width;
use crate::keymap::Action;
use crate::theme::Role;

/// Draws the line. `help` is always seen; the rest as far as there is room, the most useful first.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    if let Some(layer) = state.layers.last() {
        return of_layer(canvas, state, layer.overlay(), area);
    }
    let context = state.view_context();
    let bindings = state.bindings();
    let shown = bindings.iter().filter(|it| it.footer && it.locked.is_none());
    let mut items: Vec<(Action, String, String)> = shown
        .filter_map(|it| {
            let key = state.keymap.key_for(it.action, context)?;
            let word = it.word.clone().unwrap_or_else(|| it.action.word().to_owned());
            Some((it.action, key.to_string(), word))
        })
        .collect();
    let last: Vec<_> = items.extract_if(.., |it| matches!(it.0, Action::Help | Action::Palette)).collect();
    let size = |it: &(Action, String, String)| width(&it.1) + width(&it.2) + 3;
    let keep: usize = last.iter().map(size).sum();
    let mut room = usize::from(area.width).saturating_sub(keep + 1);
    items.retain(|it| {
        let fits = size(it) <= room;
        room = if fits { room - size(it) } else { 0 };
        fits
    });
    let mut x = area.x + 1;
    for (action, key, word) in items.into_iter().chain(last) {
        let start = x;
        x += text(canvas, area, x, Role::Key, &key) + 1;
        x += text(canvas, area, x, Role::Word, &word);
        let place = Rect { x: start, width: x.min(area.right()).saturating_sub(start), ..area };
        canvas.hit(place, HitTarget::Action(action));
        x += 2;
    }
}

fn text(canvas: &mut Canvas<'_>, area: Rect, x: u16, role: Role, text: &str) -> u16 {
    let style = canvas.theme.style(role);
    let room = area.right().saturating_sub(x);
    part::put(canvas.buffer, x, area.y, room, text, style)
}

fn of_layer(canvas: &mut Canvas<'_>, state: &State, layer: &dyn Overlay, area: Rect) {
    let mut x = area.x + 1;
    for hint in layer.hints(canvas.memo.last_offset > 0) {
        let (keys, word) = match hint {
            Hint::Typed(keys, word) => (keys.to_owned(), word),
            Hint::Keys(actions, word) => {
                let keys = actions.iter().filter_map(|it| state.keymap.key_for(*it, layer.context()));
                (keys.map(|it| it.to_string()).collect::<Vec<_>>().join(" "), word)
            }
        };
        if !keys.is_empty() {
            x += text(canvas, area, x, Role::Key, &keys) + 1;
            x += text(canvas, area, x, Role::Word, word) + 2;
        }
    }
}
