//! The page of one handoff.

use crate::domain::id::HandoffId;
use crate::domain::link::SourceId;
use crate::keymap::Action;

use super::desk::Desk;
use super::screen::{Offer, Screen};
use super::world::World;

/// The page of one handoff.
#[derive(Debug)]
pub struct Handoff {
    /// Where it lives.
    pub source: SourceId,
    /// Which one.
    pub id: HandoffId,
}

impl Handoff {
    /// Opens the page and fetches what it needs.
    pub const fn open(source: SourceId, id: HandoffId, _desk: &mut Desk<'_>) -> Self {
        Self { source, id }
    }
}

impl Screen for Handoff {
    fn refresh(&mut self, _world: &World) {}

    fn offers(&self, _world: &World) -> Vec<Offer> {
        Vec::new()
    }

    fn act(&mut self, _desk: &mut Desk<'_>, _action: Action) {}
}
