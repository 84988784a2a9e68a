//! The logic of the console: messages in, effects out. Pure: no terminal, no clock, no I/O.
//!
//! The shell turns everything that happens into a [`Msg`] and calls [`update`]; what comes back is plain data
//! ([`Effect`]) that the shell carries out. When all messages that were ready are handled, the shell calls
//! [`State::prepare`] and draws once. Nothing moves between two draws: a key acts on what is seen.
//!
//! The way of an act, from the key to the result:
//!
//! 1. `keys` looks the key up and `perform` finds it among [`State::bindings`]; [`Screen::act`] makes a [`Proposal`],
//!    a snapshot of ids and states, and gives it to [`screen_context::ScreenContext::propose`].
//! 2. `flow` opens the layers: questions ([`layer::Ask`]), then the confirmation ([`layer::Dialog`]), which `conflict`
//!    keeps up to date. A button comes back as [`overlay::Outcome::Press`].
//! 3. [`act::in_flight::Acting`] holds a dismissal back, or sends: the form becomes chunks, each an
//!    [`Effect::Perform`] with a [`Ticket`].
//! 4. The shell asks the source and answers with [`Msg::Answered`]; `flow::answer` sends the next chunk or says what
//!    came of all. What changed in the world comes by itself, as [`Msg::Heard`].
//!
//! To add a screen:
//!
//! 1. `app/x.rs`: a `#[derive(Debug, Default)] pub struct X` that implements [`Screen`]. `refresh` makes its rows
//!    from [`feed::Feed::figures`] or [`feed::Feed::ledger`] and settles them in a [`list::List`] of ids (the
//!    cursor and the marks stay on items, never on row numbers). `bindings` says what can be done now; only offered
//!    actions reach `act`, and footer, help and palette show the same list. What `act` wants goes to the
//!    [`screen_context::ScreenContext`]: open, go, fetch, copy, say, and `propose`, which asks for reasons, confirms,
//!    sends and shows results.
//! 2. `ui/x.rs`: `pub fn draw(screen: &X, state: &State, canvas: &mut Canvas)`, with the widgets of `ui/part`.
//! 3. A line in the tables of `app/place.rs` and `app/screens.rs`, and one in `ui.rs`.
//!
//! The events screen is the pattern; golden pictures of it are in `tests/screens.rs`.

#[deny(clippy::wildcard_enum_match_arm)]
pub mod act;
pub mod attention;
pub mod binding;
mod body;
#[deny(clippy::wildcard_enum_match_arm)]
mod conflict;
pub mod connection;
pub mod dead_letters;
pub mod edge_page;
pub mod edges;
pub mod empty_state;
pub mod events;
pub mod explain;
pub mod feed;
mod flow;
pub mod handoff;
pub mod inbox;
mod keys;
pub mod layer;
pub mod line;
pub mod list;
pub mod msg;
pub mod order;
pub mod overlay;
pub mod palette;
pub mod pipelines;
pub mod place;
pub mod screen;
pub mod screen_context;
pub mod screens;
pub mod scroll_view;
pub mod sources;
pub mod state;
pub mod tasks;
pub mod toast;
#[deny(clippy::wildcard_enum_match_arm)]
pub mod triage;
pub mod views;
pub mod world;

pub use act::{ActTarget, Proposal};
pub use connection::{Connection, Named, Place};
pub use flow::{edit_approve, propose};
pub use msg::{Effect, Msg, Reply, Size, Ticket};
pub use place::ScreenId;
pub use screen::Screen;
pub use state::{Start, State};

use crate::domain::port::{Batch, Report};
use crate::domain::time::SECOND;
use toast::Tone;

/// Handles one message. Dispatch only: the files of this folder decide.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    // A heartbeat (sign of life) changes nothing on the screen that the next tick does not change anyway.
    state.dirty |= !matches!(msg, Msg::Heard(_, Report::Batch(Batch::Alive { .. })) | Msg::Tick(_));
    match msg {
        Msg::Key(key) => keys::key(state, key),
        Msg::Paste(text) => keys::paste(state, &text),
        Msg::Mouse(pointer) => keys::mouse(state, &pointer),
        Msg::Resize(size) => {
            state.world.size = size;
            Vec::new()
        }
        Msg::Tick(now) => {
            tick(state, now);
            Vec::new()
        }
        Msg::Heard(source, report) => {
            let now = state.world.now;
            let Some(feed) = state.world.feeds.get_mut(usize::from(source.0)) else {
                return Vec::new();
            };
            feed.hear(report, now);
            flow::mend(feed, &mut state.acting.tickets)
        }
        Msg::Answered(ticket, reply) => flow::answered(state, ticket, reply),
        Msg::Edited(ticket, text) => flow::edited(state, ticket, text),
        Msg::Opened(ticket, opened) => flow::opened(state, ticket, opened),
        Msg::Said(text) => {
            state.say(text, Tone::Plain);
            Vec::new()
        }
    }
}

/// Lets time pass. Only a new second can be seen: clock, ages and countdowns show nothing smaller.
fn tick(state: &mut State, now: crate::domain::time::Time) {
    let second = now.millis().div_euclid(SECOND) != state.world.now.millis().div_euclid(SECOND);
    state.world.now = now;
    if second {
        state.dirty = true;
        state.toasts.expire(now);
        for feed in &mut state.world.feeds {
            feed.tick(now);
        }
    }
}
