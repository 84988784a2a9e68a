//! Acting: proposed, asked about, confirmed, sent, answered. On a proposal of its own, so that what is tested is
//! the way of an act and not the screen it starts from.

use seamwatch::testing::console::app::act::{ActTarget, Proposal};
use seamwatch::testing::console::app::msg::{Effect, Msg, Reply, Ticket};
use seamwatch::testing::domain::contract::Violation;
use seamwatch::testing::domain::event::{Answer, DeadReason, DismissReason, Fact};
use seamwatch::testing::domain::id::{Actor, Edge, HandoffId};
use seamwatch::testing::domain::port::{Act, ActKind, Body, Fault, Found, Outcome, Report, Request, Target, Want};
use seamwatch::testing::domain::run::LastChange;
use seamwatch::testing::domain::time::SECOND;
use serde_json::json;

use super::console::{Console, SOURCE, Story, at, everything};

const EDGE: (&str, &str, &str) = ("launch-article", "writer", "reviewer");

/// A console that knows two handoffs, each at version 1.
fn console() -> Console {
    let mut story = Story::new("r1").emitted(-60 * SECOND, "h-1", EDGE, "One").events;
    story.extend(Story::new("r2").emitted(-30 * SECOND, "h-2", EDGE, "Two").events);
    let mut console = Console::with(100, 30, story);
    console.keys("6");
    console
}

fn target(id: &str) -> ActTarget {
    let run = if id == "h-1" { "r1" } else { "r2" };
    ActTarget {
        source: SOURCE,
        target: Target { run: run.into(), handoff: id.into(), seen: 1.into() },
        version: 1,
        label: id.to_owned(),
        edge: Edge::new(EDGE.0, EDGE.1, EDGE.2),
        since: at(-60 * SECOND),
        digest: String::new(),
    }
}

/// A question is bound to what was shown of it.
fn question(id: &str) -> ActTarget {
    ActTarget { digest: "sha256:00".to_owned(), ..target(id) }
}

fn both(act: ActKind) -> Proposal {
    Proposal::new(act, vec![target("h-1"), target("h-2")])
}

/// The requests sent so far.
fn sent(console: &Console) -> Vec<(Ticket, Request)> {
    let performed = console.effects.iter().filter_map(|it| match it {
        Effect::Perform(ticket, _, request) => Some((*ticket, request.clone())),
        _ => None,
    });
    performed.collect()
}

fn answer(console: &mut Console, items: &[(&str, Result<(), Fault>)]) {
    let (ticket, _) = sent(console).pop().unwrap();
    let items = items.iter().map(|(id, it)| (Some(HandoffId::from(*id)), it.clone())).collect();
    console.tell(Msg::Answered(ticket, Ok(Reply::Done(Outcome { items, note: None }))));
}

#[test]
fn a_confirmation_says_what_will_happen_and_starts_on_cancel() {
    let mut console = console();
    console.propose(both(ActKind::Requeue).notes(vec!["Safe: nothing committed.".to_owned()]));
    console.must_show("requeue 2 handoffs");
    console.must_show("2 handoffs on writer>reviewer, oldest 1m").must_show("Safe: nothing committed.");
    console.golden("confirm");
    console.keys("<enter>").must_not_show("requeue 2 handoffs");
    assert_eq!(sent(&console), [], "enter on a fresh confirmation is Cancel");
    console.propose(both(ActKind::Requeue));
    console.keys("<tab><enter>");
    let (_, request) = sent(&console).pop().unwrap();
    assert_eq!(request.act, Act::Requeue);
    assert_eq!((request.by.as_str(), request.on.len()), ("dana", 2));
}

#[test]
fn a_requeue_can_have_a_reason_and_needs_none() {
    let mut console = console();
    console.propose(both(ActKind::Requeue));
    console.keys("<tab><tab><enter>checker is back<esc>").must_show("requeue 2 handoffs").must_not_show("checker");
    assert_eq!(sent(&console), [], "esc only leaves the reason out");
    console.keys("<tab><enter>checker is back<enter>").must_show("In your words: checker is back");
    console.keys("y").must_not_show("In your words");
    let requests = sent(&console);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].1.why, "checker is back");
}

#[test]
fn what_a_source_says_besides_is_told_with_what_was_done() {
    let mut console = console();
    console.propose(Proposal::on_edge(ActKind::PauseEdge, SOURCE, Edge::new("lunch", "writer", "reviewer")));
    console.keys("typed by hand<enter>y");
    let (ticket, _) = sent(&console).pop().unwrap();
    let note = Some("no handoff was ever seen on it".to_owned());
    let outcome = Outcome { items: vec![(None, Ok(()))], note };
    console.tell(Msg::Answered(ticket, Ok(Reply::Done(outcome))));
    console.must_show("paused writer>reviewer, but no handoff was ever seen on it");
}

#[test]
fn every_request_has_a_key_of_its_own() {
    let mut console = console();
    for _ in 0..2 {
        console.propose(both(ActKind::Requeue));
        console.keys("y");
    }
    let keys: Vec<String> = sent(&console).into_iter().map(|(_, it)| it.key).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn what_changed_since_it_was_seen_is_said_and_skipped() {
    let mut console = console();
    console.propose(both(ActKind::Requeue));
    let leased = Fact::Leased {
        attempt: 1,
        total: 1,
        lease: "l".to_owned(),
        holder: "x".to_owned(),
        until: None,
        lease_ms: SECOND,
        resumed_at: None,
    };
    let mut later = Story::new("r2").emitted(-30 * SECOND, "h-2", EDGE, "Two");
    later = later.then(-SECOND, "h-2", Actor::agent("reviewer"), leased);
    console.happen(later.events);
    console.must_show("1 changed since you saw them, skipped.");
    console.keys("y").must_show("1 changed since you saw them, skipped");
    let (_, request) = sent(&console).pop().unwrap();
    let ids: Vec<&str> = request.on.iter().map(|it| it.handoff.as_str()).collect();
    assert_eq!(ids, ["h-1"]);
}

#[test]
fn the_person_who_was_faster_is_named_even_when_agents_moved_on() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Requeue, vec![target("h-2")]));
    let requeued = Fact::Requeued { reason: String::new() };
    let leased = Fact::Leased {
        attempt: 1,
        total: 1,
        lease: "l".to_owned(),
        holder: "x".to_owned(),
        until: None,
        lease_ms: SECOND,
        resumed_at: None,
    };
    let mut later = Story::new("r2").emitted(-30 * SECOND, "h-2", EDGE, "Two");
    later = later.then(-3 * SECOND, "h-2", Actor::user("robin"), requeued);
    later = later.then(-SECOND, "h-2", Actor::agent("reviewer"), leased);
    console.happen(later.events);
    console.must_show("robin requeued this 3s ago: nothing will be sent.");
    console.keys("y").must_show("not requeued: robin requeued this 3s ago");
    assert_eq!(sent(&console), []);
}

#[test]
fn the_loser_is_told_who_won_and_the_results_are_one_per_item() {
    let mut console = console();
    let long = "Review the draft about the history of the lighthouse and say what has to change in it";
    let named = ActTarget { label: long.to_owned(), ..target("h-2") };
    console.propose(Proposal::new(ActKind::Requeue, vec![target("h-1"), named]));
    console.keys("y");
    let by = LastChange { actor: Actor::user("robin"), event: "handoff.requeued".into(), at: at(-3 * SECOND) };
    let lost = Fault::Conflict { found: 2.into(), by: Some(by) };
    answer(&mut console, &[("h-1", Ok(())), ("h-2", Err(lost))]);
    console.must_show("Requeued 1 of 2").must_show("robin requeued this 3s ago");
    console.golden("results");
    console.keys("<esc>").must_not_show("robin");
}

/// So many items that nobody waits for one answer about all of them.
fn many(count: usize) -> Proposal {
    let targets = (0..count).map(|nth| target(&format!("m-{nth}")));
    Proposal::new(ActKind::Requeue, targets.collect())
}

/// Answers the latest request: every item is done but those that fail.
fn answer_all(console: &mut Console, failing: &[&str]) {
    let (_, request) = sent(console).pop().unwrap();
    let refused = || Fault::Refused("an effect is unknown".to_owned());
    let items: Vec<_> = request
        .on
        .iter()
        .map(|it| {
            let id = it.handoff.as_str();
            (id, if failing.contains(&id) { Err(refused()) } else { Ok(()) })
        })
        .collect();
    answer(console, &items);
}

#[test]
fn many_items_are_sent_in_portions_and_have_one_result() {
    let mut console = console();
    console.propose(many(250));
    console.keys("y");
    for (nth, size) in [100, 100, 50].into_iter().enumerate() {
        let all = sent(&console);
        assert_eq!(all.len(), nth + 1, "the next is sent when one is answered");
        assert_eq!(all[nth].1.on.len(), size);
        assert!(all[..nth].iter().all(|(_, it)| it.key != all[nth].1.key));
        answer_all(&mut console, &["m-7", "m-249"]);
    }
    assert_eq!(sent(&console).len(), 3);
    console.must_show("Requeued 248 of 250").must_show("m-7").must_show("m-249");
}

#[test]
fn a_portion_without_an_answer_ends_the_act_and_every_item_says_so() {
    let mut console = console();
    console.propose(many(250));
    console.keys("y");
    answer_all(&mut console, &[]);
    let (ticket, _) = sent(&console).pop().unwrap();
    let late = Fault::Transient("no answer within 30 s".to_owned());
    console.tell(Msg::Answered(ticket, Err(late)));
    assert_eq!(sent(&console).len(), 2, "it is not asked a hundred times");
    console.must_show("Requeued 100 of 250").must_show("no answer within 30 s");
    for _ in 0..12 {
        console.keys("<ctrl-d>");
    }
    console.must_show("not sent, because those before it failed");
}

#[test]
fn leaving_in_the_middle_says_what_was_not_sent() {
    let mut console = console();
    console.propose(many(250));
    console.keys("y<ctrl-c>");
    let farewell = console.state.farewell.as_deref().unwrap();
    assert!(farewell.contains("100 acts were sent without an answer"), "{farewell}");
    assert!(farewell.contains("150 handoffs were not requeued"), "{farewell}");
}

#[test]
fn a_dismissal_needs_a_reason_waits_and_can_be_taken_back() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Dismiss, vec![target("h-1")]));
    console.must_show("obsolete").must_show("test data");
    console.keys("j<enter>not needed<enter>");
    console.must_show("Reason: duplicate").must_show("In your words: not needed");
    console.keys("y").must_show("dismissed in 10 s, z takes it back: h-1");
    assert_eq!(sent(&console), []);
    console.tick(4 * SECOND);
    console.must_show("in 6 s");
    let wait = console.effects.iter().find_map(|it| match it {
        Effect::Wait(ticket, 10_000) => Some(*ticket),
        _ => None,
    });
    console.keys("z").must_show("not dismissed: 1 handoff").must_not_show("dismissing");
    assert_eq!(console.effects.last(), wait.map(Effect::Cancel).as_ref());
    console.tell(Msg::Answered(wait.unwrap(), Ok(Reply::Waited)));
    assert_eq!(sent(&console), [], "a timer that was cancelled too late does nothing");
}

#[test]
fn a_dismissal_nobody_takes_back_is_sent() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Dismiss, vec![target("h-1")]));
    console.keys("<enter><enter>y");
    let Some(&Effect::Wait(ticket, _)) = console.effects.last() else {
        panic!("{:?}", console.effects);
    };
    console.tell(Msg::Answered(ticket, Ok(Reply::Waited)));
    let (_, request) = sent(&console).pop().unwrap();
    assert_eq!(request.act, Act::Dismiss { reason: DismissReason::Obsolete });
    answer(&mut console, &[("h-1", Ok(()))]);
    console.must_show("dismissed h-1").must_not_show("z takes it back");
}

#[test]
fn leaving_with_a_dismissal_that_waits_asks_what_becomes_of_it() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Dismiss, vec![target("h-1")]));
    console.keys("<enter><enter>yq").must_show("was not sent yet");
    console.keys("<esc>").must_not_show("was not sent yet");
    console.keys("q<tab><enter>");
    assert_eq!(sent(&console).len(), 1);
    assert!(!console.effects.contains(&Effect::Quit), "not before the answer");
    answer(&mut console, &[("h-1", Ok(()))]);
    assert_eq!(console.effects.last(), Some(&Effect::Quit));
    assert_eq!(console.state.farewell, None);
}

#[test]
fn an_interrupt_says_on_the_way_out_what_was_not_sent() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Dismiss, vec![target("h-1")]));
    console.keys("<enter><enter>y<ctrl-c>");
    assert_eq!(console.effects.last(), Some(&Effect::Quit));
    assert_eq!(sent(&console), []);
    let farewell = console.state.farewell.as_deref();
    assert_eq!(farewell, Some("the dismissal of 1 handoff was not sent"));
}

#[test]
fn a_reason_is_required_and_pasted_text_is_harmless() {
    let mut console = console();
    console.propose(Proposal::new(ActKind::Reject, vec![question("h-1")]));
    console.keys("<enter>").must_show("this cannot stay empty");
    console.tell(Msg::Paste("too long\nand \u{1b}[31mred".to_owned()));
    console.must_show("too long and ␛[31mred");
    console.keys("<enter>y");
    let (_, request) = sent(&console).pop().unwrap();
    assert_eq!(request.why, "too long and ␛[31mred");
    let Act::Resolve { answer, context_digest, .. } = request.act else {
        panic!("{request:?}");
    };
    assert_eq!((answer, context_digest.as_str()), (Answer::Reject, "sha256:00"));
}

#[test]
fn an_answer_has_the_shape_that_was_asked_for() {
    let mut console = console();
    let schema = json!({"type": "object", "required": ["amount"], "properties": {
        "amount": {"type": "integer"}, "currency": {"enum": ["EUR", "USD"]}}});
    let mut proposal = Proposal::new(ActKind::Respond, vec![question("h-1")]);
    proposal.schema = Some(schema);
    console.propose(proposal);
    console.must_show("amount (integer)");
    console.keys("lots<enter>j<enter>");
    console.must_show("amount is a integer; `lots` is not");
}

#[test]
fn acting_locks_and_says_why() {
    let act = || Proposal::new(ActKind::Requeue, vec![target("h-1")]);
    let mut stale = console();
    stale.tick(14 * SECOND);
    stale.propose(act());
    stale.must_show("the data is 14s old");
    let mut down = console();
    let fault = Fault::Transient("connection refused".to_owned());
    down.hear(Report::Down { fault, retry_in: SECOND });
    down.propose(act());
    down.must_show("acting waits for it");
    let mut readonly = console();
    readonly.state.world.locked = Some("the context prod is read-only".to_owned());
    readonly.propose(act());
    readonly.must_show("the context prod is read-only");
    let mut recording = console();
    recording.hear(Report::Capabilities(everything().without(|_| Some("a recording cannot be changed".to_owned()))));
    recording.propose(act());
    recording.must_show("a recording cannot be changed");
    for console in [&stale, &down, &readonly, &recording] {
        assert_eq!(sent(console), []);
    }
}

#[test]
fn an_annotation_is_confirmed_with_its_verdict_and_sent_whatever_happened_meanwhile() {
    let mut story = Story::new("r1").emitted(-60 * SECOND, "h-1", EDGE, "One");
    story = story.then(
        -30 * SECOND,
        "h-1",
        Actor::agent("editor"),
        Fact::DeadLettered {
            code: "timeout".to_owned(),
            reason: DeadReason::BudgetSpent,
            detail: String::new(),
            violations: Vec::new(),
        },
    );
    let mut console = Console::with(100, 30, story.events.clone());
    console.keys("4<enter>jV").must_show("verdict in a few words");
    console.keys("<enter>").must_show("this cannot stay empty");
    console.keys("root cause: editor<enter>step 7<enter>");
    console.must_show("annotate One").must_show("Verdict: root cause: editor").must_show("In your words: step 7");
    let requeued = story.then(0, "h-1", Actor::user("kim"), Fact::Requeued { reason: String::new() });
    console.happen(requeued.events.last().cloned().into_iter().collect());
    console.must_not_show("nothing will be sent");
    console.keys("<tab><enter>");
    let (_, request) = sent(&console).pop().unwrap();
    let act = Act::Annotate { verdict: "root cause: editor".to_owned(), of_run: false };
    assert_eq!((request.act, request.why.as_str()), (act, "step 7"));
    assert_eq!(request.on[0].handoff.as_str(), "h-1");
}

#[test]
fn a_link_that_breaks_under_an_open_confirmation_keeps_it_from_being_sent() {
    let mut console = console();
    console.propose(both(ActKind::Requeue));
    let fault = Fault::Transient("connection refused".to_owned());
    console.hear(Report::Down { fault, retry_in: SECOND });
    console.keys("y").must_show("Cannot be sent now");
    assert_eq!(sent(&console), []);
}

#[test]
fn an_invalid_edit_is_shown_with_its_path_and_nothing_typed_is_lost() {
    let mut console = console();
    console.edit_approve(question("h-1"));
    let Some(Effect::Fetch(ticket, _, Want::Body(_))) = console.effects.last().cloned() else {
        panic!("{:?}", console.effects);
    };
    let value = json!({"brief": {"title": "pay \u{202e}001"}, "amount": 10});
    let found = Found::Body(Box::new(Body::contract(value, "sha256:00".to_owned())));
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(found))));
    let Some(Effect::Edit(ticket, text)) = console.effects.last().cloned() else {
        panic!("{:?}", console.effects);
    };
    assert!(text.contains("\\u202e") && !text.contains('\u{202e}'), "{text}");
    console.tell(Msg::Edited(ticket, Ok("{ not json".to_owned())));
    console.must_show("This is not JSON");
    console.keys("<enter>");
    let Some(Effect::Edit(ticket, again)) = console.effects.last().cloned() else {
        panic!("{:?}", console.effects);
    };
    assert_eq!(again, "{ not json", "the text is as it was left");
    console.tell(Msg::Edited(ticket, Ok(text.replace("10", "-1"))));
    console.must_show("~ /amount -1");
    console.keys("y");
    let (_, request) = sent(&console).pop().unwrap();
    assert!(
        matches!(&request.act, Act::Resolve { answer: Answer::EditApprove, value: Some(it), .. } if it["amount"] == -1)
    );
    let wrong = Violation::new("/amount", "minimum", "-1 is less than the minimum of 0");
    answer(&mut console, &[("h-1", Err(Fault::Invalid(vec![wrong])))]);
    console.must_show("/amount").must_show("Edit again");
    console.golden("invalid-edit");
    console.keys("<enter>");
    let Some(Effect::Edit(_, text)) = console.effects.last() else {
        panic!("{:?}", console.effects);
    };
    assert!(text.contains("-1"), "{text}");
}
