//! The connections.

use crate::keymap::Action;

use super::desk::Desk;
use super::screen::{Offer, Screen};
use super::world::World;

/// The connections.
#[derive(Debug, Default)]
pub struct Sources {}

impl Screen for Sources {
    fn refresh(&mut self, _world: &World) {}

    fn offers(&self, _world: &World) -> Vec<Offer> {
        Vec::new()
    }

    fn act(&mut self, _desk: &mut Desk<'_>, _action: Action) {}
}
