//! The brief on a page: the part that the receiver reads first.

use super::{Doc, TextRole};
use crate::domain::contract::{Brief, Contract};
use crate::domain::run::Handoff;
use crate::domain::text::word;

/// One sentence, next step, definition of done, decisions, constraints, tried, owner, urgency, links: in this
/// order, so that the first screen is enough to decide.
pub(super) fn brief(doc: &mut Doc, contract: &Contract) {
    let brief = &contract.brief;
    doc.paragraph(TextRole::Strong, &brief.title);
    doc.gap();
    doc.field("next step", TextRole::Accent, &brief.next_step);
    done_when(doc, brief);
    for (name, items) in [("decided", &brief.decisions), ("must stay", &brief.constraints), ("tried", &brief.tried)] {
        said(doc, name, items.as_deref(), "none");
    }
    doc.field("owner", TextRole::Text, &format!("{} ({})", brief.owner, word(&brief.owner.kind)));
    let urgency = contract.urgency();
    let due = brief.due_at.map(|at| format!(", due {at}")).unwrap_or_default();
    doc.field("urgency", TextRole::Text, &format!("{}{due}", urgency.word()));
    links(doc, "links", brief);
    doc.gap();
    doc.field("goal", TextRole::Text, &brief.goal);
    doc.field("stands", TextRole::Text, &brief.current_state);
    for (name, items) in [
        ("completed", &brief.completed),
        ("key facts", &brief.key_facts),
        ("blockers", &brief.blockers),
        ("approvals", &brief.pending_approvals),
    ] {
        if items.is_some() {
            said(doc, name, items.as_deref(), "none");
        }
    }
}

/// The conditions of being done, each with a tick when it is met.
pub(super) fn done_when(doc: &mut Doc, brief: &Brief) {
    for (nth, done) in brief.definition_of_done.iter().enumerate() {
        let (role, tick) = if done.met { (TextRole::Good, "✓") } else { (TextRole::Text, "○") };
        doc.field(if nth == 0 { "done when" } else { "" }, role, &format!("{tick} {}", done.item));
    }
}

/// A list that a producer may leave out: an empty one reads `none`.
pub(super) fn said(doc: &mut Doc, name: &str, items: Option<&[String]>, none: &str) {
    match items {
        Some(items) => doc.list(name, TextRole::Text, items, none),
        None => doc.field(name, TextRole::Dim, "not said"),
    }
}

/// The links to the originals the work is based on.
pub(super) fn links(doc: &mut Doc, name: &str, brief: &Brief) {
    let links = brief.source_links.iter().flatten().map(|link| match &link.label {
        Some(label) => format!("{label}  {}", link.url),
        None => link.url.clone(),
    });
    doc.list(name, TextRole::Text, &links.collect::<Vec<_>>(), "none");
}

/// The head of a handoff whose contract is not there, with the reason why it is not.
pub(super) fn head(doc: &mut Doc, it: &Handoff, why: &str) {
    let emission = &it.emission;
    let title = if emission.title.is_empty() { it.id.as_str() } else { &emission.title };
    doc.paragraph(TextRole::Strong, title);
    doc.gap();
    doc.field("contract", TextRole::Dim, why);
    if let Some(terms) = &emission.terms {
        if !terms.owner.is_empty() {
            doc.field("owner", TextRole::Text, &terms.owner);
        }
        doc.field("urgency", TextRole::Text, terms.urgency.word());
    }
}
