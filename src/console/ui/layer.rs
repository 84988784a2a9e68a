//! Layers over the screen: dialogs, questions, the filter line, the palette, help and results.

use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::part;
use super::part::dialog;
use crate::console::app::State;
use crate::console::app::layer::{Ask, Dialog, Layer, Results};
use crate::console::app::line::Line;
use crate::console::app::msg::HitTarget;
use crate::console::app::palette::Palette;
use crate::domain::environment::Environment;
use crate::domain::text;
use crate::keymap::Key;
use crate::theme::Role;

/// Draws the layer on top.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    match state.layers.last() {
        None => {}
        Some(Layer::Ask(it)) => ask(canvas, it),
        Some(Layer::Dialog(it)) => dialog(canvas, it, &state.place.environment),
        Some(Layer::Filter(it)) => filter(canvas, &it.line, it.error.as_deref()),
        Some(Layer::Palette(it)) => palette(canvas, it),
        Some(Layer::Help(it)) => help(canvas, state, it.offset),
        Some(Layer::Results(it)) => results(canvas, it),
    }
}

fn dialog(canvas: &mut Canvas<'_>, it: &Dialog, environment: &Environment) {
    let mut body: Vec<(Role, String)> = Vec::new();
    for line in &it.body {
        body.push((Role::Text, line.clone()));
    }
    // Below the line that says what it is about: at the end a small terminal would hide it.
    let news = it.news.iter().map(|line| (Role::Warning, line.clone()));
    body.splice(it.body.len().min(1)..it.body.len().min(1), news);
    let buttons: Vec<&str> = it.buttons.iter().map(|(label, _)| label.as_str()).collect();
    let environment = Some(environment).filter(|word| it.sends() && !word.word().is_empty());
    let role = match environment {
        Some(environment) => part::of_environment(environment),
        None if it.sends() => Role::BorderDanger,
        None => Role::BorderFocus,
    };
    let placed = dialog::Dialog {
        title: &it.title,
        body: &body,
        offset: it.offset,
        input: None,
        buttons: &buttons,
        focus: it.focus,
        role,
        environment: environment.map_or("", Environment::word),
    }
    .draw(room(canvas), canvas.buffer, canvas.theme);
    canvas.memo.last_offset = placed.last_offset;
    for (nth, place) in placed.buttons.into_iter().enumerate() {
        canvas.hit(place, HitTarget::Choice(nth));
    }
}

/// Area that a dialog may take: on a small terminal also the lines above the screen, as what it says comes first.
fn room(canvas: &Canvas<'_>) -> Rect {
    let all = canvas.buffer.area;
    match all.height {
        ..16 => Rect { height: all.height.saturating_sub(1), ..all },
        16.. => canvas.area,
    }
}

fn ask(canvas: &mut Canvas<'_>, it: &Ask) {
    let Some(question) = it.question() else {
        return;
    };
    let title = it.proposal.title();
    let mut body: Vec<(Role, String)> = Vec::new();
    let many = it.questions.len() > 1;
    let step = if many { format!(" ({}/{})", it.at + 1, it.questions.len()) } else { String::new() };
    let choices = !question.choices.is_empty();
    let room = usize::from(canvas.area.width.saturating_sub(11).min(71));
    let label = format!("{}{step}", question.label);
    // One line above choices, so that their places are known.
    let label = if choices { text::cut(&text::clean(&label), room).into_owned() } else { label };
    body.push((Role::Header, label));
    for (nth, choice) in question.choices.iter().enumerate() {
        let (role, sign) =
            if nth == it.chosen { (Role::Accent, canvas.theme.glyphs.cursor) } else { (Role::Text, " ") };
        body.push((role, format!("{sign} {choice}")));
    }
    if let Some(why) = &it.error {
        body.push((Role::Warning, why.clone()));
    }
    let (typed, cursor) = it.line.window(room);
    let placed = dialog::Dialog {
        title: &title,
        body: &body,
        offset: 0,
        input: (!choices).then_some((canvas.theme.glyphs.tree_closed, typed)),
        buttons: &[],
        focus: 0,
        role: Role::BorderFocus,
        environment: "",
    }
    .draw(canvas.area, canvas.buffer, canvas.theme);
    if let Some(input) = placed.input {
        canvas.memo.cursor = Some(Position { x: input.x + cursor as u16, y: input.y });
    }
    for nth in 0..question.choices.len() {
        let place = Rect { y: placed.area.y + 2 + nth as u16, height: 1, ..placed.area };
        if place.y < placed.area.bottom() {
            canvas.hit(place, HitTarget::Choice(nth));
        }
    }
}

/// The filter is typed in the line above the footer; what it finds is seen above it.
fn filter(canvas: &mut Canvas<'_>, line: &Line, error: Option<&str>) {
    let area = canvas.area;
    let y = area.height.saturating_sub(1);
    let place = Rect { y: area.y + y, height: 1, ..area };
    part::clear(place, canvas.buffer, canvas.theme);
    let used = canvas.put(1, y, Role::Key, "/") + 1;
    typing(canvas, used, y, line);
    if let Some(why) = error {
        let width = text::width(why) as u16 + 1;
        let beside = used + text::width(line.text()) as u16 + 2 + width <= area.width;
        // Above it where it would hide what is typed.
        let y = if beside { y } else { y.saturating_sub(1) };
        if !beside {
            let place = Rect { y: area.y + y, height: 1, ..area };
            part::clear(place, canvas.buffer, canvas.theme);
        }
        let x = area.width.saturating_sub(width).max(1);
        canvas.put(x, y, Role::Warning, why);
    }
}

fn typing(canvas: &mut Canvas<'_>, x: u16, y: u16, line: &Line) {
    let (typed, cursor) = line.window(usize::from(canvas.area.width.saturating_sub(x + 2)));
    canvas.put(x, y, Role::Input, typed);
    canvas.memo.cursor = Some(Position { x: canvas.area.x + x + cursor as u16, y: canvas.area.y + y });
}

fn centred(canvas: &Canvas<'_>, width: u16, height: u16) -> Rect {
    let area = canvas.area;
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

fn open<'a>(canvas: &'a mut Canvas<'_>, place: Rect, title: &str) -> Canvas<'a> {
    part::clear(place, canvas.buffer, canvas.theme);
    let inside = part::frame(place, canvas.buffer, canvas.theme, title, Role::BorderFocus);
    canvas.within(inside)
}

fn palette(canvas: &mut Canvas<'_>, it: &Palette) {
    let place = centred(canvas, 76, 20);
    let mut inner = open(canvas, place, "go to or do");
    inner.put(1, 0, Role::Key, ":");
    typing(&mut inner, 3, 0, &it.line);
    let room = usize::from(inner.area.height.saturating_sub(1));
    let total = it.found().len();
    if total == 0 {
        inner.put(1, 1, Role::Dim, "nothing is called that");
    }
    let first = part::table::scroll_to(0, it.at, room, total);
    for (nth, entry) in it.found().enumerate().skip(first).take(room) {
        let y = (1 + nth - first) as u16;
        let role = if entry.locked.is_some() { Role::Disabled } else { Role::Text };
        let hint = entry.locked.as_deref().unwrap_or(&entry.hint);
        let hint_width = (text::width(&text::clean(hint)) as u16 + 1).min(inner.area.width / 2);
        let hint_at = inner.area.width - hint_width;
        let label = text::clean(&entry.label);
        inner.put(2, y, role, &text::cut(&label, usize::from(hint_at.saturating_sub(3))));
        inner.put(hint_at, y, Role::Dim, hint);
        let line = Rect { y: inner.area.y + y, height: 1, ..inner.area };
        if nth == it.at {
            let style = inner.theme.style(Role::Selection);
            inner.buffer.set_style(line, style);
            inner.put(0, y, Role::Accent, inner.theme.glyphs.cursor);
        }
        inner.hit(line, HitTarget::Choice(nth));
    }
}

fn help(canvas: &mut Canvas<'_>, state: &State, offset: usize) {
    let context = state.view_context();
    let mut lines: Vec<(Role, String, String)> = Vec::new();
    for binding in state.bindings() {
        let keys: Vec<String> =
            state.keymap.keys_for(binding.action, context).map(|key: Key| key.to_string()).collect();
        let (role, sentence) = match &binding.locked {
            Some(why) => (Role::Disabled, format!("{} Now: {why}.", binding.action.description())),
            None => (Role::Text, binding.action.description().to_owned()),
        };
        lines.push((role, keys.join(" "), sentence));
    }
    for (sign, meaning) in state.legend() {
        lines.push((Role::Dim, (*sign).to_owned(), (*meaning).to_owned()));
    }
    let place = centred(canvas, 90, lines.len() as u16 + 2);
    let title = match &state.views.page {
        Some(_) => "keys on this page".to_owned(),
        None => format!("keys on {}", state.views.at.title()),
    };
    let mut inner = open(canvas, place, &title);
    let keys = lines.iter().map(|(_, keys, _)| text::width(keys)).max().unwrap_or(0) as u16 + 3;
    scrolled(&mut inner, lines.len(), offset, |inner, nth, y| {
        if let Some((role, keys_text, sentence)) = lines.get(nth) {
            inner.put(1, y, Role::Key, keys_text);
            inner.put(keys, y, *role, sentence);
        }
    });
}

fn results(canvas: &mut Canvas<'_>, it: &Results) {
    let place = centred(canvas, 90, it.items.len() as u16 + 2);
    let mut inner = open(canvas, place, &it.title);
    let glyphs = inner.theme.glyphs;
    scrolled(&mut inner, it.items.len(), it.offset, |inner, nth, y| match it.items.get(nth) {
        Some((label, Ok(()))) => {
            inner.put(1, y, Role::Healthy, glyphs.done);
            inner.put(3, y, Role::Text, label);
        }
        Some((label, Err(why))) => {
            inner.put(1, y, Role::Critical, glyphs.failed);
            // Who was first matters more than the end of a long title.
            let room = usize::from(inner.area.width).saturating_sub(text::width(why) + 6);
            let label = text::cut(label, room.max(12));
            let used = inner.put(3, y, Role::Text, &label);
            inner.put(3 + used + 2, y, Role::Warning, why);
        }
        None => {}
    });
}

/// Draws the lines in the window, and a scrollbar when there are more.
fn scrolled(inner: &mut Canvas<'_>, total: usize, offset: usize, mut line: impl FnMut(&mut Canvas<'_>, usize, u16)) {
    let height = usize::from(inner.area.height);
    inner.memo.last_offset = total.saturating_sub(height);
    let first = offset.min(inner.memo.last_offset);
    for (y, nth) in (first..total).take(height).enumerate() {
        line(inner, nth, y as u16);
    }
    if total > height {
        let left = total - first - height.min(total - first);
        let words = format!(" {left} more below ");
        let x = inner.area.width.saturating_sub(text::width(&words) as u16);
        if left > 0 {
            inner.put(x, inner.area.height.saturating_sub(1), Role::Accent, &words);
        }
    }
}
