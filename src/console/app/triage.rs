//! Acts on a dead letter or an open question, wherever it is shown: lists and page use the same.

use crate::domain::event::Answer;
use crate::domain::id::HandoffId;
use crate::domain::ledger::Ledger;
use crate::domain::port::{ActKind, Body, SourceId, Target};
use crate::domain::report::{InboxRow, inbox_row};
use crate::domain::run::{Handoff, Run, State};
use crate::domain::text;
use crate::keymap::Action;
use crate::page;

use super::act::{ActTarget, Proposal};
use super::binding::Binding;
use super::screen_context::ScreenContext;
use super::world::World;

/// One handoff as it is seen now, to act on. `None` when the ledger does not know it.
pub fn target(ledger: &Ledger, source: SourceId, id: &HandoffId) -> Option<ActTarget> {
    let (run, it) = ledger.run_of(id).zip(ledger.handoff(id))?;
    Some(target_of(source, run, it))
}

fn target_of(source: SourceId, run: &Run, it: &Handoff) -> ActTarget {
    let since = match (&it.escalation, &it.failure) {
        (Some(open), _) => open.opened_at,
        (None, Some(failure)) => failure.at,
        (None, None) => it.first_seen(),
    };
    ActTarget {
        source,
        target: Target { run: run.id.clone(), handoff: it.id.clone(), seen: it.seen() },
        version: it.version,
        label: label(it),
        edge: it.emission.edge.clone(),
        since,
        digest: String::new(),
    }
}

/// The title of a handoff, or its id when nothing gave it one.
fn label(it: &Handoff) -> String {
    let title = it.emission.title.trim();
    let label = if title.is_empty() { it.id.as_str() } else { title };
    text::cut(label, 60).into_owned()
}

/// The question of an escalated handoff as it stands now.
pub fn question(ledger: &Ledger, id: &HandoffId) -> Option<InboxRow> {
    let (run, it) = ledger.run_of(id).zip(ledger.handoff(id))?;
    (it.state == State::Escalated).then_some(())?;
    inbox_row(&run.id, it, ledger.present())
}

/// Answers that a question allows, the most useful first. `unseen` is the reason that nobody may say yes yet.
pub fn answers(world: &World, source: SourceId, row: &InboxRow, unseen: Option<&str>) -> Vec<Binding> {
    let allowed = |answer| row.allow.contains(&answer);
    let role = world.lacks_role(source, &row.role);
    let mut bindings = Vec::new();
    if allowed(Answer::Approve) {
        let binding = Binding::act(world, source, ActKind::Approve);
        bindings.push(binding.unless(role.clone()).unless(unseen));
    }
    if allowed(Answer::Respond) {
        bindings.push(Binding::act(world, source, ActKind::Respond).unless(role.clone()));
    }
    if allowed(Answer::Reject) {
        bindings.push(Binding::act(world, source, ActKind::Reject).unless(role.clone()));
    }
    if allowed(Answer::EditApprove) {
        let binding = Binding::act(world, source, ActKind::EditApprove);
        bindings.push(binding.unless(role.clone()).unless(unseen));
    }
    let (verb, act) = claim(world, source, row);
    let claim = Binding::new(Action::Act(ActKind::Claim)).word(verb).of(world, source, act);
    bindings.push(claim.unless(role.clone()));
    if allowed(Answer::Dismiss) {
        let right = dismissal(world, source);
        let binding = Binding::new(Action::Act(ActKind::Dismiss)).of(world, source, right);
        // An operator ends it whoever is asked; as an answer it needs the role.
        bindings.push(binding.unless(role.filter(|_| right == ActKind::Reject)));
    }
    bindings.push(Binding::act(world, source, ActKind::Annotate));
    bindings
}

/// Whose right a dismissal uses: it is an answer, as a rejection is. Who may answer nothing may be an operator, who
/// may end a handoff whatever is asked about it.
fn dismissal(world: &World, source: SourceId) -> ActKind {
    let may = |act| {
        let can = world.feed(source).and_then(|it| it.can());
        can.is_none_or(|can| can.may(act).is_ok())
    };
    if !may(ActKind::Reject) && may(ActKind::Dismiss) { ActKind::Dismiss } else { ActKind::Reject }
}

fn claim(world: &World, source: SourceId, row: &InboxRow) -> (&'static str, ActKind) {
    match &row.claimed_by {
        Some(by) if by == world.you(source) => ("release", ActKind::Release),
        Some(_) => ("take over", ActKind::Claim),
        None => ("claim", ActKind::Claim),
    }
}

/// Starts to answer a question. The answer is bound to the state and the digest of `row`: what was shown;
/// where the source gives the digest with the body only, to that of `body`.
pub fn decide(cx: &mut ScreenContext<'_>, source: SourceId, row: &InboxRow, body: Option<&Body>, action: Action) {
    let digest =
        if row.context_digest.is_empty() { body.map_or("", |it| it.digest.as_str()) } else { &row.context_digest };
    let mut target = ActTarget {
        source,
        target: Target { run: row.trace_id.clone(), handoff: row.handoff_id.clone(), seen: row.seen.clone() },
        version: row.version,
        label: text::cut(&row.question, 60).into_owned(),
        edge: row.edge.clone(),
        since: row.opened_at,
        digest: digest.to_owned(),
    };
    let Action::Act(act) = action else {
        return;
    };
    if act == ActKind::EditApprove {
        return cx.edit_approve(target);
    }
    let act = if act == ActKind::Claim { claim(cx.world, source, row).1 } else { act };
    if act == ActKind::Dismiss && dismissal(cx.world, source) == ActKind::Dismiss {
        target.digest.clear();
    }
    let mut proposal = Proposal::new(act, vec![target]);
    if act == ActKind::Approve
        && let Some(runs) = &row.proposed_action
    {
        proposal.notes.push(format!("Will run: {}", page::call(runs)));
    }
    if act == ActKind::Respond {
        proposal.schema.clone_from(&row.requested_schema);
    }
    cx.propose(proposal);
}

/// The message for an empty list of `what`, and whether it is good news. Data that is stale or missing is never
/// "none"; `good_news` ends the sentence that is good news.
pub fn empty_message(world: &World, what: &str, good_news: &str) -> (bool, String) {
    let (mut stale, mut recording) = (None, None);
    for feed in &world.feeds {
        match feed.heard_at() {
            None => {
                stale = Some(format!("Nothing was heard of {} yet: there may be {what}.", feed.name));
            }
            Some(at) if !feed.is_fresh(world.now) => {
                let ago = text::age(at.age(world.now));
                stale = Some(format!(
                    "No {what} were known {ago} ago. {} is silent since: there may be some now.",
                    feed.name
                ));
            }
            Some(_) if feed.is_recording() => {
                let at = world.stamp(feed.ledger().now(), feed.ledger().now());
                recording = Some(format!("{} shows no {what} up to {at}.", feed.name));
            }
            Some(_) => {}
        }
    }
    match stale.or(recording) {
        Some(why) => (false, why),
        None if world.feeds.is_empty() => (false, "There is no source to watch.".to_owned()),
        None => (true, format!("No {what}: {good_news}.")),
    }
}
