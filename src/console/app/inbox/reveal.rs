//! What is masked in the body under the cursor, for as long as the user looks at it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::BodyId;
use crate::console::app::msg::{Reply, Ticket};
use crate::domain::port::{Fault, Found};
use crate::domain::time::Time;

/// Masked values by their JSON pointers, or why they are not here.
type Values = Result<BTreeMap<String, Value>, String>;

/// The masked values of one body, on their way or here.
#[derive(Debug, Default)]
pub(super) struct Reveal {
    /// The body that is asked about.
    asked: Option<(Ticket, BodyId)>,
    /// The body whose values are here, or why they are not.
    shown: Option<(BodyId, Values)>,
}

impl Reveal {
    /// Waits for the values of a body.
    pub(super) fn ask(&mut self, ticket: Ticket, of: BodyId) {
        *self = Self { asked: Some((ticket, of)), shown: None };
    }

    /// Takes the answer to what was asked; false when it is to something else.
    pub(super) fn answered(&mut self, ticket: Ticket, reply: &Result<Reply, Fault>, now: Time) -> bool {
        let Some((_, of)) = self.asked.take_if(|(it, _)| *it == ticket) else {
            return false;
        };
        let values = match reply {
            Ok(Reply::Found(Found::Revealed(it))) if of.2.is(&it.digest) => Ok(it.values.clone()),
            Ok(_) => Err("it changed while it was fetched".to_owned()),
            Err(fault) => Err(fault.told(now)),
        };
        self.shown = Some((of, values));
        true
    }

    /// Forgets what is of any other body than this one, which is under the cursor; `None` when none is looked at.
    pub(super) fn only(&mut self, looked_at: Option<&BodyId>) {
        self.asked.take_if(|(_, of)| Some(&*of) != looked_at);
        self.shown.take_if(|(of, _)| Some(&*of) != looked_at);
    }

    /// The values, or why there are none; `None` when nothing was asked or answered.
    pub(super) fn shown(&self) -> Option<&Values> {
        self.shown.as_ref().map(|(_, values)| values)
    }
}
