//! Verdicts of people on a run and on its handoffs.

use super::{Doc, TextRole};
use crate::domain::id::HandoffId;
use crate::domain::run::Annotated;
use crate::domain::time::Time;

/// Every verdict with who gave it and when, oldest first; nothing when there is none. `here` is the handoff of the page:
/// what was said of another one is left out, and what was said of the whole run says so. Without it all are told.
pub fn annotations(doc: &mut Doc, all: &[Annotated], here: Option<&HandoffId>, stamp: &dyn Fn(Time) -> String) {
    let shown = all.iter().filter(|it| here.is_none() || [None, here].contains(&it.annotation.handoff.as_ref()));
    for (nth, it) in shown.enumerate() {
        let of = match (&it.annotation.handoff, here) {
            (None, Some(_)) => " of the run",
            (Some(handoff), None) => &format!(" of {handoff}"),
            (Some(_), Some(_)) | (None, None) => "",
        };
        let note = if it.annotation.note.is_empty() { "" } else { ": " };
        let words = format!("{}{note}{} ({}{of}, {})", it.annotation.verdict, it.annotation.note, it.by, stamp(it.at));
        doc.field(if nth == 0 { "verdicts" } else { "" }, TextRole::Wait, &words);
    }
}
