//! The pipelines and their edges.

use crate::keymap::Action;

use super::desk::Desk;
use super::screen::{Offer, Screen};
use super::world::World;

/// The pipelines and their edges.
#[derive(Debug, Default)]
pub struct Pipelines {}

impl Screen for Pipelines {
    fn refresh(&mut self, _world: &World) {}

    fn offers(&self, _world: &World) -> Vec<Offer> {
        Vec::new()
    }

    fn act(&mut self, _desk: &mut Desk<'_>, _action: Action) {}
}
