//! Keys and pasted text for the layer on top.

use super::{go, perform, set_filter};
use crate::console::app::flow;
use crate::console::app::layer::Layer;
use crate::console::app::msg::Effect;
use crate::console::app::palette::{Entry, Pick};
use crate::console::app::screen::Screen;
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::keymap::{Action, Key};

/// Gives a key to the layer that was on top. It is put back unless it is done.
pub(super) fn layer_key(state: &mut State, layer: Layer, key: Key, action: Option<Action>) -> Vec<Effect> {
    let last = state.last_offset(&layer);
    match layer {
        Layer::Ask(mut ask) => {
            match action {
                Some(Action::Back) if !ask.back() => return Vec::new(),
                Some(Action::Back) => {}
                Some(Action::Open) => {
                    if ask.go_on() {
                        return flow::asked(state, ask);
                    }
                }
                Some(Action::Up) => ask.choose(false),
                Some(Action::Down | Action::Complete) => ask.choose(true),
                _ if ask.question().is_some_and(|it| !it.choices.is_empty()) => match key.to_string().as_str() {
                    "j" => ask.choose(true),
                    "k" => ask.choose(false),
                    _ => {}
                },
                _ => {
                    ask.line.key(key);
                    ask.error = None;
                }
            }
            state.layers.push(Layer::Ask(ask));
        }
        Layer::Dialog(mut dialog) => {
            let harmless = dialog.buttons.first().map(|it| it.1);
            let chosen = match (action, key.to_string().as_str()) {
                (Some(Action::Back), _) | (None, "n") => harmless,
                (Some(Action::Open), _) => dialog.buttons.get(dialog.focus).map(|it| it.1),
                (None, "y") => dialog.buttons.get(1).map(|it| it.1),
                _ => None,
            };
            if let Some(press) = chosen {
                return flow::pressed(state, dialog, press);
            }
            match action {
                Some(Action::Left) => dialog.turn(false),
                Some(Action::Right) => dialog.turn(true),
                Some(scroll) => scroll_by(&mut dialog.offset, scroll, last),
                None => {}
            }
            state.layers.push(Layer::Dialog(dialog));
        }
        Layer::Filter { mut line, before, mut error } => {
            match action {
                Some(Action::Back) => {
                    set_filter(state, &before);
                    return Vec::new();
                }
                Some(Action::Open) if error.is_none() => return Vec::new(),
                Some(Action::Open) => {}
                _ => {
                    line.key(key);
                    error = filter_live(state, line.text());
                }
            }
            state.layers.push(Layer::Filter { line, before, error });
        }
        Layer::Palette(mut palette) => {
            match action {
                Some(Action::Back) => return Vec::new(),
                Some(Action::Open) => return pick(state, palette.picked().cloned()),
                Some(Action::Up) => palette.step(false),
                Some(Action::Down | Action::Complete) => palette.step(true),
                _ => {
                    palette.line.key(key);
                    palette.narrow();
                }
            }
            state.layers.push(Layer::Palette(palette));
        }
        Layer::Help(mut offset) => {
            let done = matches!(action, Some(Action::Back | Action::Open)) || key.to_string() == "?";
            if !done {
                action.inspect(|&it| scroll_by(&mut offset, it, last));
                state.layers.push(Layer::Help(offset));
            }
        }
        Layer::Results(mut results) => {
            if !matches!(action, Some(Action::Back | Action::Open)) {
                action.inspect(|&it| scroll_by(&mut results.offset, it, last));
                state.layers.push(Layer::Results(results));
            }
        }
    }
    Vec::new()
}

/// Scrolls a layer, at most to `last`.
pub(super) fn scroll_by(offset: &mut usize, action: Action, last: usize) {
    let moved = match action {
        Action::Down => offset.saturating_add(1),
        Action::HalfPageDown => offset.saturating_add(10),
        Action::Up => offset.saturating_sub(1),
        Action::HalfPageUp => offset.saturating_sub(10),
        _ => *offset,
    };
    *offset = moved.min(last);
}

fn filter_live(state: &mut State, text: &str) -> Option<String> {
    let world = &state.world;
    let set = match &mut state.page {
        Some(page) => page.set_filter(world, text),
        None => state.screens.get_mut(state.at).set_filter(world, text),
    };
    set.err()
}

pub(super) fn pick(state: &mut State, entry: Option<Entry>) -> Vec<Effect> {
    match entry.map(|it| it.does) {
        Some(Pick::Act(action)) => perform(state, action),
        Some(Pick::Go(screen, focus)) => {
            go(state, screen, &focus);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Pasted text goes where text is typed, and nowhere else: a paste never presses a key.
pub(in crate::console::app) fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    match state.layers.last_mut() {
        Some(Layer::Ask(ask)) if ask.question().is_some_and(|it| it.choices.is_empty()) => {
            ask.line.paste(text);
        }
        Some(Layer::Palette(palette)) => {
            palette.line.paste(text);
            palette.narrow();
        }
        Some(Layer::Filter { line, .. }) => {
            line.paste(text);
            let typed = line.text().to_owned();
            let wrong = filter_live(state, &typed);
            if let Some(Layer::Filter { error, .. }) = state.layers.last_mut() {
                *error = wrong;
            }
        }
        _ => state.say("nothing here takes pasted text", Tone::Plain),
    }
    Vec::new()
}
