//! The tasks, looping and stalled first.

use crate::keymap::Action;

use super::desk::Desk;
use super::screen::{Offer, Screen};
use super::world::World;

/// The tasks, looping and stalled first.
#[derive(Debug, Default)]
pub struct Tasks {}

impl Screen for Tasks {
    fn refresh(&mut self, _world: &World) {}

    fn offers(&self, _world: &World) -> Vec<Offer> {
        Vec::new()
    }

    fn act(&mut self, _desk: &mut Desk<'_>, _action: Action) {}
}
