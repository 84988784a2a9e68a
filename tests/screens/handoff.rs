//! The page of one handoff.

use std::sync::Arc;

use seamwatch::testing::console::app::msg::{Effect, Msg, Reply, Ticket};
use seamwatch::testing::domain::contract::Violation;
use seamwatch::testing::domain::event::{DeadReason, Event, Fact};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::port::{Act, Body, Capabilities, Found, Report, Want};
use seamwatch::testing::domain::time::{MINUTE, SECOND};
use serde_json::{Value, json};

use super::console::{Console, Story, at, emission, everything};

const RUN: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn story() -> Vec<Event> {
    let agent = Actor::agent;
    let lease = |attempt, holder: &str| Fact::Leased {
        attempt,
        total: attempt,
        lease: format!("l-{attempt}"),
        holder: holder.to_owned(),
        until: Some(at(MINUTE)),
        lease_ms: MINUTE,
        resumed_at: None,
    };
    let mut review = emission(
        Edge::new("launch-article", "writer", "reviewer"),
        "Review the pricing comparison article",
        at(-6 * MINUTE),
    );
    review.parent = Some("h-0001".into());
    Story::new(RUN)
        .emitted(
            -20 * MINUTE,
            "h-0001",
            ("launch-article", "research", "writer"),
            "Write the pricing comparison article",
        )
        .then(-19 * MINUTE, "h-0001", agent("writer"), lease(1, "writer-1"))
        .then(-19 * MINUTE + SECOND, "h-0001", agent("writer"), Fact::Acknowledged { until: None })
        .then(
            -6 * MINUTE,
            "h-0001",
            agent("writer"),
            Fact::Completed { emitted: vec!["h-0002".into()], result: None, note: String::new() },
        )
        .then(-6 * MINUTE, "h-0002", agent("writer"), Fact::Emitted(Arc::new(review)))
        .then(-5 * MINUTE, "h-0002", agent("reviewer"), lease(1, "reviewer-2"))
        .then(
            -4 * MINUTE,
            "h-0002",
            agent("reviewer"),
            Fact::RetryScheduled {
                attempt: 1,
                code: "timeout".to_owned(),
                detail: "no answer from the style checker".to_owned(),
                ready_at: at(-3 * MINUTE),
            },
        )
        .then(-3 * MINUTE, "h-0002", agent("reviewer"), lease(2, "reviewer-2"))
        .then(
            -2 * MINUTE,
            "h-0002",
            agent("reviewer"),
            Fact::DeadLettered {
                code: "schema_violation".to_owned(),
                reason: DeadReason::SchemaViolation,
                detail: String::new(),
                violations: vec![
                    Violation::new("/working_memory/payload/fields/word_count", "required", "word_count is missing"),
                    Violation::new("/working_memory/payload/fields/confidence", "type", "a number is expected"),
                ],
            },
        )
        .events
}

fn contract() -> Value {
    serde_json::from_str(include_str!("../../examples/contract.json")).unwrap()
}

/// What was fetched and not answered yet.
fn fetched(console: &Console) -> (Ticket, Want) {
    let all = console.effects.iter().rev();
    let mut fetches = all.filter_map(|it| match it {
        Effect::Fetch(ticket, _, want) => Some((*ticket, want.clone())),
        _ => None,
    });
    fetches.next().unwrap()
}

fn answer(console: &mut Console, value: Value) {
    let (ticket, want) = fetched(console);
    assert_eq!(want, Want::Body("h-0002".into()));
    let digest = "sha256:00".to_owned();
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(Found::Body(Box::new(Body::contract(value, digest)))))));
}

/// The page of the dead letter, with its contract.
fn page(columns: u16, rows: u16) -> Console {
    let mut console = Console::with(columns, rows, story());
    console.keys("4<enter>j<enter>");
    answer(&mut console, contract());
    console
}

#[test]
fn the_first_screen_is_enough_to_decide() {
    page(120, 40).golden("handoff-brief");
    let mut it = page(120, 40);
    it.keys("<tab><tab><tab><tab><tab><tab>").golden("handoff-trace");
}

#[test]
fn every_tab_says_what_it_has() {
    let mut it = page(120, 40);
    it.must_show("schema_violation").must_show("Write the pricing");
    it.keys("<tab>").must_show("SIX FIELDS").must_show("word_count is missing");
    it.must_show("BRIEF 88 OF 100").must_show("QUALITY, BY ITS SOURCE");
    it.keys("<tab>").must_show("✗ word_count is missing").must_show("key_findings");
    it.keys("<tab>").must_show("DELETE https://kb.example/r/881").must_show("no ledger of effects is kept yet");
    it.keys("<tab>").must_show("2 TOOL CALLS").must_show("1. web.fetch  812ms");
    it.keys("<tab>").must_show("Fetching the whole history").must_show("retry scheduled by reviewer");
    it.keys("<tab>").must_show("research>writer Write the pric").must_show("writer>reviewer");
    it.keys("<tab>").must_show("\"branch\": \"\"");
    it.keys("<tab>").must_show("next step");
    it.keys("h").must_show("\"branch\"");
    it.click("Payload").must_show("working_memory");
}

#[test]
fn the_editor_shows_the_contract_with_nothing_hidden_in_it() {
    let mut it = page(80, 24);
    it.keys("o");
    let Some(Effect::Edit(ticket, text)) = it.effects.pop() else {
        panic!("the editor was not opened: {:?}", it.effects)
    };
    assert!(text.contains("\"working_memory\": {"), "{text}");
    assert!(text.bytes().all(|it| it == b'\n' || it >= b' '));
    let effects = it.effects.len();
    it.tell(Msg::Edited(ticket, Ok("{}".to_owned())));
    assert_eq!(it.effects.len(), effects, "it is read, not changed");
    it.must_show("HANDOFF  h-0002");
}

#[test]
fn the_tree_folds_and_the_cursor_stays() {
    let mut it = page(120, 40);
    it.keys("<tab><tab>jj").must_show("key_findings");
    it.keys("gh").must_not_show("key_findings").must_show("2 wrong inside");
    it.keys("l").must_show("key_findings");
    it.keys("Ggjjj");
    it.golden("handoff-payload");
}

#[test]
fn a_value_that_its_row_must_cut_is_read_below() {
    let mut it = page(80, 24);
    it.keys("<tab><tab>").must_not_show("used to confirm the figures");
    it.keys("G").must_show("/working_memory/summary/text");
    it.must_show("used to confirm the figures");
}

#[test]
fn the_trace_leads_to_the_other_handoffs() {
    let mut it = page(120, 40);
    it.keys("<tab><tab><tab><tab><tab><tab>k<enter>");
    it.must_show("HANDOFF  h-0001  completed");
    it.keys("<esc>").must_show("DEAD LETTERS");
}

#[test]
fn the_history_is_told_by_the_source_and_asked_for_once() {
    let mut it = page(120, 40);
    it.keys("<tab><tab><tab><tab><tab>");
    let (ticket, want) = fetched(&it);
    assert_eq!(want, Want::Timeline(RUN.into()));
    let mut run = seamwatch::testing::domain::run::Run::new(RUN.into(), at(-20 * MINUTE));
    run.version = 9;
    let found = Found::Timeline { run: Box::new(run), events: story() };
    it.tell(Msg::Answered(ticket, Ok(Reply::Found(found))));
    it.must_show("dead lettered by reviewer").must_not_show("Fetching");
    it.tick(SECOND);
    assert_eq!(fetched(&it).0, ticket, "not asked again while nothing changed");
}

#[test]
fn a_recording_says_what_it_does_not_have() {
    let mut it = Console::with(120, 40, story());
    it.hear(Report::Capabilities(Capabilities {
        kind: "recording".to_owned(),
        bodies: false,
        timelines: false,
        ..everything().without(|_| Some("a recording cannot be changed".to_owned()))
    }));
    it.keys("4<enter>j<enter>").must_show("This recording keeps no contracts.");
    assert!(!it.effects.iter().any(|it| matches!(it, Effect::Fetch(..))));
    for _ in 0..4 {
        it.keys("<tab>").must_show("This recording keeps no contracts.");
    }
    it.keys("<tab>").must_show("This recording tells no history").must_show("retry scheduled by reviewer");
    it.keys("<tab>").must_show("research>writer");
    it.keys("R").must_show("a recording cannot be changed");
}

#[test]
fn it_is_acted_on_from_its_page() {
    let mut it = page(120, 40);
    it.keys("R").must_show("would fail again: the contract is still invalid");
    it.keys("<tab><enter>");
    let request = it.effects.iter().find_map(|it| match it {
        Effect::Perform(_, _, request) => Some(request.clone()),
        _ => None,
    });
    let request = request.unwrap();
    assert_eq!((request.act, request.on[0].handoff.as_str()), (Act::Requeue, "h-0002"));
}

#[test]
fn what_is_confidential_is_masked_and_not_copied() {
    let mut it = Console::with(120, 40, story());
    it.keys("4<enter>j<enter>");
    let mut secret = contract();
    secret["classification"]["level"] = json!("restricted");
    answer(&mut it, secret);
    it.keys("<tab><tab>").must_show("••• masked").must_not_show("Vendor A is cheapest");
    it.keys("Y");
    let Some(Effect::Copy(copied)) = it.effects.last() else { panic!("{:?}", it.effects.last()) };
    assert!(!copied.contains("Vendor A is cheapest") && copied.contains("••• masked"));
}

#[test]
fn no_size_and_no_tab_is_too_much() {
    for (columns, rows) in [(40, 10), (60, 16), (80, 24), (149, 33), (300, 80)] {
        let mut it = page(columns, rows);
        for _ in 0..8 {
            it.keys("jj<ctrl-d>kG").must_show("HANDOFF");
            it.keys("<tab>");
        }
    }
}
