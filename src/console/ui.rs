//! Drawing: what [`super::app`] knows, on a grid of cells.
//!
//! One file per screen, mirroring `app/`; `frame` draws what is around every screen, `layer` what lies over it.
//! Drawing changes nothing but the [`Memo`]: where things were put and how far lists are scrolled.

pub mod canvas;
pub mod dead_letters;
pub mod doc;
pub mod edges;
pub mod events;
mod figure;
mod footer;
mod frame;
pub mod handoff;
pub mod inbox;
mod layer;
pub mod part;
pub mod pipelines;
pub mod sources;
mod status;
pub mod tasks;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::app::place::ScreenId;
use crate::console::app::{Size, State};
use crate::theme::{Glyphs, Role, Theme};

pub use canvas::{Canvas, Memo};

/// Below this nothing useful can be shown.
const SMALLEST: Size = Size { columns: 40, rows: 10 };

/// Draws everything. Costs by the cells of the screen, not by what is known.
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme, memo: &mut Memo) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    buffer.set_style(area, theme.style(Role::Ground));
    memo.hits.clear();
    memo.cursor = None;
    memo.last_offset = 0;
    let mut canvas = Canvas { area, buffer, theme, memo };
    if area.width < SMALLEST.columns || area.height < SMALLEST.rows {
        too_small(&mut canvas);
    } else {
        everything(&mut canvas, state);
    }
    if theme.glyphs == Glyphs::ASCII {
        part::ascii_only(canvas.buffer);
    }
    if let Some(at) = memo.cursor {
        frame.set_cursor_position(at);
    }
}

fn everything(canvas: &mut Canvas<'_>, state: &State) {
    let area = canvas.area;
    status::draw(canvas, state, Rect { height: 1, ..area });
    frame::strip(canvas, state, Rect { y: 1, height: 1, ..area });
    canvas.area = Rect { y: 2, height: area.height - 3, ..area };
    let screens = &state.views.screens;
    match (&state.views.page, state.views.edge(), state.views.at) {
        (Some(page), ..) => handoff::draw(page, state, canvas),
        (None, Some(page), _) => edges::page::draw(page, state, canvas),
        (None, None, ScreenId::Pipelines) => pipelines::draw(&screens.pipelines, state, canvas),
        (None, None, ScreenId::Edges) => edges::draw(&screens.edges, state, canvas),
        (None, None, ScreenId::Tasks) => tasks::draw(&screens.tasks, state, canvas),
        (None, None, ScreenId::DeadLetters) => dead_letters::draw(&screens.dead_letters, state, canvas),
        (None, None, ScreenId::Inbox) => inbox::draw(&screens.inbox, state, canvas),
        (None, None, ScreenId::Events) => events::draw(&screens.events, state, canvas),
        (None, None, ScreenId::Sources) => sources::draw(&screens.sources, state, canvas),
    }
    canvas.area = Rect { y: 2, height: area.height - 3, ..area };
    frame::toasts(canvas, state);
    layer::draw(canvas, state);
    footer::draw(canvas, state, Rect { y: area.bottom() - 1, height: 1, ..area });
}

fn too_small(canvas: &mut Canvas<'_>) {
    let Rect { width, height, .. } = canvas.area;
    let text = format!(
        "{width}x{height} is too small for seam: make the terminal {}x{} or larger",
        SMALLEST.columns, SMALLEST.rows
    );
    let style = canvas.theme.style(Role::Text);
    part::notice(canvas.area, canvas.buffer, style, &text);
}
