//! The dead letters by what failed.

use crate::keymap::Action;

use super::desk::Desk;
use super::screen::{Offer, Screen};
use super::world::World;

/// The dead letters by what failed.
#[derive(Debug, Default)]
pub struct DeadLetters {}

impl Screen for DeadLetters {
    fn refresh(&mut self, _world: &World) {}

    fn offers(&self, _world: &World) -> Vec<Offer> {
        Vec::new()
    }

    fn act(&mut self, _desk: &mut Desk<'_>, _action: Action) {}
}
