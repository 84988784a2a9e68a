//! The inbox: the decision card, and what can be answered when.

use std::sync::Arc;

use seamwatch::testing::console::app::msg::{Effect, Msg, Reply, Ticket};
use seamwatch::testing::domain::bearer::Roles;
use seamwatch::testing::domain::contract::Urgency;
use seamwatch::testing::domain::event::{Answer, DismissReason, Escalation, EscalationKind, Event, Fact, Timeout};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::port::{
    Act, ActKind, Body, Capabilities, Fault, Found, Report, Request, Revealed, Want,
};
use seamwatch::testing::domain::time::{HOUR, MINUTE, Millis, SECOND};
use serde_json::{Value, json};

use super::console::{Console, SOURCE, Story, at, emission, everything, terms};

const REFUND: (&str, &str, &str) = ("refunds", "billing", "stripe");

fn asked(question: &str, kind: EscalationKind, due: Millis) -> Escalation {
    Escalation {
        id: "e-1".to_owned(),
        kind,
        question: question.to_owned(),
        allow: vec![Answer::Approve, Answer::EditApprove, Answer::Reject, Answer::Dismiss],
        role: Some("operators".to_owned()),
        urgency: Urgency::Normal,
        due_at: Some(at(due)),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: None,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    }
}

fn question(id: &str, edge: (&str, &str, &str), ago: Millis, asked: Escalation) -> Vec<Event> {
    let run = format!("4bf92f3577b34da6a3ce929d{id}");
    let mut head = emission(Edge::new(edge.0, edge.1, edge.2), "Refund invoice 42", at(-ago - SECOND));
    terms(&mut head).digest = format!("sha256:{id}").into();
    let from = Actor::agent(edge.1);
    Story::new(&run)
        .then(-ago - SECOND, id, from.clone(), Fact::Emitted(Arc::new(head)))
        .then(-ago, id, from, Fact::EscalationOpened(Box::new(asked)))
        .events
}

/// A refund to approve, a question that is overdue, a loop.
fn three() -> Vec<Event> {
    let refund = Escalation {
        urgency: Urgency::High,
        proposed_action: Some(
            json!({"name": "stripe.refund", "args": {"invoice": 42, "amount": 1950, "currency": "EUR"}}),
        ),
        ..asked(
            "Refund invoice 42 (19.50 EUR) to customer Hansen because the item arrived broken.",
            EscalationKind::Approval,
            42 * MINUTE,
        )
    };
    let price = Escalation {
        allow: vec![Answer::Respond, Answer::Dismiss],
        requested_schema: Some(json!({"type": "object", "required": ["in_scope"], "properties": {
            "in_scope": {"type": "boolean", "description": "is vendor C's regional price in scope?"}}})),
        ..asked("Is vendor C's regional price in scope?", EscalationKind::Question, -4 * MINUTE)
    };
    let circles =
        asked("writer and reviewer have gone round 4 times without progress. Go on?", EscalationKind::Loop, 20 * HOUR);
    let mut events = question("h-8812", REFUND, 18 * MINUTE, refund);
    events.extend(question("h-7001", ("launch-article", "research", "writer"), HOUR, price));
    events.extend(question("h-7002", ("launch-article", "writer", "reviewer"), 3 * MINUTE, circles));
    events
}

fn contract() -> Value {
    let mut contract: Value = serde_json::from_str(include_str!("../../examples/contract.json")).unwrap();
    let brief = &mut contract["brief"];
    brief["title"] = json!("Refund invoice 42 of customer Hansen");
    brief["next_step"] = json!("send confirmation mail");
    brief["constraints"] = json!(["shipping address"]);
    brief["tried"] = json!(["replacement (out of stock)"]);
    brief["decisions"] = json!(["full amount, as it arrived broken"]);
    brief["current_state"] = json!("The customer returned the item; photos are in the ticket.");
    brief["definition_of_done"] =
        json!([{"item": "refund id stored", "met": false}, {"item": "mail sent", "met": false}]);
    brief["source_links"] = json!([{"url": "https://tickets.example/8812", "label": "ticket #8812"}]);
    contract["provenance"]["confidence"] = json!(0.71);
    contract["provenance"]["prompt"] = json!({"name": "refund", "version": "4"});
    contract["side_effects"] = json!([]);
    contract
}

/// What the console fetched last.
fn fetched(console: &Console) -> Option<(Ticket, Want)> {
    console.effects.iter().rev().find_map(|it| match it {
        Effect::Fetch(ticket, _, want) => Some((*ticket, want.clone())),
        _ => None,
    })
}

fn answer(console: &mut Console, value: Value) {
    let (ticket, want) = fetched(console).unwrap();
    let Want::Body(id) = want else { panic!("{want:?}") };
    let digest = format!("sha256:{id}");
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(Found::Body(Box::new(Body::contract(value, digest)))))));
}

/// The inbox with the refund under the cursor and its contract fetched.
fn refund(columns: u16, rows: u16) -> Console {
    let mut console = Console::with(columns, rows, three());
    console.keys("5j");
    answer(&mut console, contract());
    console
}

fn sent(console: &Console) -> Vec<&Request> {
    let sent = console.effects.iter().filter_map(|it| match it {
        Effect::Perform(_, _, request) => Some(request),
        _ => None,
    });
    sent.collect()
}

#[test]
fn the_question_first_then_what_it_rests_on() {
    refund(120, 40).golden("inbox");
    refund(80, 24).golden("inbox-80x24");
    refund(200, 60).golden("inbox-200x60");
}

#[test]
fn a_question_that_is_only_seen_says_neither_whom_it_asks_nor_until_when() {
    let seen = Escalation { role: None, due_at: None, ..asked("May it go?", EscalationKind::Observed, 0) };
    let mut it = Console::with(120, 40, question("h-1", REFUND, MINUTE, seen));
    it.keys("5").must_show("due time not said");
    it.must_show("billing (observed)");
}

#[test]
fn overdue_is_on_top_and_only_what_is_looked_at_is_fetched() {
    let mut it = Console::with(120, 40, three());
    assert_eq!(fetched(&it), None, "another screen is shown");
    it.keys("5");
    let (first, want) = fetched(&it).unwrap();
    assert_eq!(want, Want::Body("h-7001".into()), "the overdue one");
    it.must_show("overdue 4m, then: dead letter");
    // The cursor moves on before the answer is there: it is dropped.
    it.keys("j");
    assert!(it.effects.contains(&Effect::Cancel(first)));
    let (second, want) = fetched(&it).unwrap();
    assert_eq!(want, Want::Body("h-8812".into()));
    let late = Found::Body(Box::new(Body::contract(contract(), "sha256:h-7001".to_owned())));
    it.tell(Msg::Answered(first, Ok(Reply::Found(late))));
    it.must_show("fetching the contract");
    it.keys("A").must_show("the body is still being fetched");
    it.tell(Msg::Answered(second, Err(Fault::Transient("the server is busy".to_owned()))));
    it.must_show("the server is busy");
}

#[test]
fn approving_waits_until_the_whole_text_was_in_the_window() {
    let mut it = refund(80, 24);
    it.keys("A").must_show("not seen yet: ctrl-d scrolls");
    assert!(sent(&it).is_empty());
    it.keys("<ctrl-d><ctrl-d><ctrl-d>A");
    it.must_show("Will run: stripe.refund");
    it.keys("<tab><enter>");
    let Act::Resolve { answer, context_digest, .. } = &sent(&it)[0].act else { panic!("{:?}", sent(&it)) };
    assert_eq!((*answer, context_digest.as_str()), (Answer::Approve, "sha256:h-8812"));
    assert_eq!(sent(&it)[0].on[0].seen, 2.into());
    // On a large screen all of it is seen at once.
    let mut it = refund(120, 40);
    it.keys("A").must_show("It goes ahead exactly as shown");
}

#[test]
fn another_version_is_another_text() {
    let mut it = refund(80, 24);
    it.keys("<ctrl-d><ctrl-d><ctrl-d>");
    it.happen(vec![Event {
        seq: 3,
        ..Story::new("4bf92f3577b34da6a3ce929dh-8812")
            .then(SECOND, "h-8812", Actor::user("ben"), Fact::EscalationClaimed { until: at(15 * MINUTE) })
            .events
            .remove(0)
    }]);
    it.must_show("claimed by ben");
    it.keys("A").must_show("not seen yet: ctrl-d scrolls");
}

#[test]
fn a_decision_taken_elsewhere_disappears_and_says_who() {
    let mut it = refund(120, 40);
    it.keys("A").must_show("It goes ahead exactly as shown");
    it.happen(vec![Event {
        seq: 3,
        ..Story::new("4bf92f3577b34da6a3ce929dh-8812")
            .then(
                SECOND,
                "h-8812",
                Actor::user("ben"),
                Fact::Dismissed {
                    reason: seamwatch::testing::domain::event::DismissReason::Duplicate,
                    note: String::new(),
                },
            )
            .events
            .remove(0)
    }]);
    it.must_show("ben dismissed this");
    it.keys("<tab><enter>");
    assert!(sent(&it).is_empty());
    it.must_not_show("Hansen");
}

#[test]
fn a_question_is_answered_in_its_schema_and_a_rejection_needs_words() {
    let mut it = Console::with(120, 40, three());
    it.keys("5r").must_show("in_scope (boolean)");
    it.keys("<enter><tab><enter>");
    let Act::Resolve { value, .. } = &sent(&it)[0].act else { panic!() };
    assert_eq!(value, &Some(json!({"in_scope": true})));
    let mut it = refund(120, 40);
    it.keys("X<enter>").must_show("this cannot stay empty");
    it.keys("the invoice is paid by voucher<enter><tab><enter>");
    assert_eq!(sent(&it)[0].why, "the invoice is paid by voucher");
}

#[test]
fn you_are_who_the_source_says_you_are() {
    let mut it = refund(120, 40);
    it.happen(vec![Event {
        seq: 3,
        ..Story::new("4bf92f3577b34da6a3ce929dh-8812")
            .then(SECOND, "h-8812", Actor::user("ben"), Fact::EscalationClaimed { until: at(15 * MINUTE) })
            .events
            .remove(0)
    }]);
    it.must_show("operator dana").must_show("claimed by ben").must_show("c take over");
    it.hear(Report::Capabilities(Capabilities { you: Some("ben".to_owned()), ..everything() }));
    it.must_show("operator ben").must_show("claimed by you").must_show("c release");
    it.keys("c");
    let request = sent(&it)[0];
    assert_eq!((&request.act, request.by.as_str()), (&Act::Release, "ben"));
}

#[test]
fn a_question_to_a_role_that_you_do_not_have_says_so() {
    let with = |roles: &[&str]| {
        let mut it = refund(120, 40);
        let roles = Roles::Only(roles.iter().map(ToString::to_string).collect());
        it.hear(Report::Capabilities(Capabilities { roles, ..everything() }));
        it
    };
    for key in ["A", "X", "e", "c"] {
        let mut it = with(&["editors", "legal"]);
        it.keys(key).must_show("operators are asked, and your token has the role editors, legal only");
        assert!(sent(&it).is_empty(), "{key}");
    }
    with(&[]).keys("A").must_show("operators are asked, and your token has no role");
    with(&["operators"]).keys("A").must_show("It goes ahead exactly as shown");
}

/// Presses `D` as somebody who may do these acts, says why and lets the 10 s pass; what is sent.
fn dismissed(may: &[ActKind]) -> (Act, String) {
    let mut it = refund(120, 40);
    let why_not = |act| (!may.contains(&act)).then(|| "not with this token".to_owned());
    it.hear(Report::Capabilities(everything().without(why_not)));
    it.keys("D");
    if may.contains(&ActKind::Dismiss) {
        it.must_show("obsolete");
        it.keys("<enter>");
    }
    it.keys("not ours<enter>y");
    let Some(&Effect::Wait(ticket, _)) = it.effects.last() else {
        panic!("{:?}", it.effects);
    };
    it.tell(Msg::Answered(ticket, Ok(Reply::Waited)));
    let request = sent(&it)[0];
    (request.act.clone(), request.why.clone())
}

#[test]
fn who_may_answer_dismisses_a_question_as_an_answer_to_what_was_shown() {
    let answer = Act::Resolve { answer: Answer::Dismiss, context_digest: "sha256:h-8812".to_owned(), value: None };
    let approver = [ActKind::Approve, ActKind::Reject, ActKind::Respond];
    assert_eq!(dismissed(&approver), (answer, "not ours".to_owned()));
    // An operator who may answer nothing still ends handoffs.
    let operator = [ActKind::Requeue, ActKind::Dismiss];
    let reason = DismissReason::Obsolete;
    let act = Act::Dismiss { reason };
    assert_eq!(dismissed(&operator), (act, "not ours".to_owned()));
}

#[test]
fn claiming_asks_nothing_and_is_given_back_with_the_same_key() {
    let mut it = refund(120, 40);
    it.keys("c");
    assert_eq!(sent(&it)[0].act, Act::Claim);
    it.happen(vec![Event {
        seq: 3,
        ..Story::new("4bf92f3577b34da6a3ce929dh-8812")
            .then(SECOND, "h-8812", Actor::user("dana"), Fact::EscalationClaimed { until: at(15 * MINUTE) })
            .events
            .remove(0)
    }]);
    it.must_show("claimed by you").must_show("c release");
    it.keys("c");
    assert_eq!(sent(&it)[1].act, Act::Release);
}

#[test]
fn what_hides_in_a_text_is_shown_and_counted() {
    let mut it = Console::with(120, 40, three());
    it.keys("5j");
    let mut hostile = contract();
    hostile["brief"]["next_step"] = json!("pay \u{202e}001\u{202c} EUR\u{1b}]52;c;aGk=\u{7}");
    answer(&mut it, hostile);
    it.must_show("pay ⟨U+202E⟩001⟨U+202C⟩ EUR␛]52;c;aGk=␇");
    it.must_show("4 hidden characters in this text");
}

#[test]
fn the_editor_gets_the_contract_and_a_mistake_loses_nothing() {
    let mut it = refund(120, 40);
    it.keys("e");
    answer(&mut it, contract());
    let Some(Effect::Edit(ticket, text)) = it.effects.last().cloned() else { panic!("{:?}", it.effects.last()) };
    let edited = text.replace("send confirmation mail", "call the customer");
    it.tell(Msg::Edited(ticket, Ok(format!("{edited},"))));
    it.must_show("This is not JSON");
    it.keys("<enter>");
    let Some(Effect::Edit(again, kept)) = it.effects.last().cloned() else { panic!() };
    assert_eq!((again, kept), (ticket, format!("{edited},")), "nothing is lost");
    it.tell(Msg::Edited(ticket, Ok(edited)));
    it.must_show("/brief/next_step");
    it.keys("<tab><enter>");
    let Act::Resolve { answer, value: edited, .. } = &sent(&it)[0].act else { panic!() };
    assert_eq!(*answer, Answer::EditApprove);
    assert_eq!(edited.as_ref().unwrap()["brief"]["next_step"], "call the customer");
    assert!(it.effects.iter().all(|it| !matches!(it, Effect::Perform(_, source, _) if *source != SOURCE)));
}

#[test]
fn every_size_shows_the_question_and_no_size_hides_a_line_silently() {
    for (columns, rows) in [(40, 10), (60, 16), (99, 25), (149, 33), (160, 20), (300, 80)] {
        let it = refund(columns, rows);
        it.must_show("INBOX").must_show("Refund invoice 42");
        let whole = it.shows("ticket #8812") || it.shows("more line");
        assert!(whole, "{columns}x{rows}:\n{}", it.rows().join("\n"));
    }
}

/// The inbox with a question under the cursor whose contract hides what its payload holds.
fn masked() -> Console {
    let mut console = Console::with(120, 50, three());
    console.keys("5j");
    let mut secret = contract();
    secret["classification"] = json!({"level": "restricted", "fields": {"/brief/goal": "pii"}});
    answer(&mut console, secret);
    console
}

/// The answer to what was asked last: what is masked in the contract with this digest.
fn revealed(console: &mut Console, digest: &str) -> Ticket {
    let (ticket, want) = fetched(console).unwrap();
    assert_eq!(want, Want::Revealed { handoff: "h-8812".into(), by: "dana".to_owned() });
    let values = [("/brief/goal".to_owned(), json!("Pay Hansen in cash")), ("/brief/size".to_owned(), json!(1234))];
    let found = Revealed { digest: digest.to_owned(), values: values.into() };
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(Found::Revealed(Box::new(found))))));
    ticket
}

#[test]
fn what_is_masked_is_shown_to_who_decides_for_as_long_as_they_look() {
    let mut it = masked();
    it.must_show("u show masked").must_not_show("in cash");
    it.keys("u");
    revealed(&mut it, "sha256:h-8812");
    it.must_show("MASKED, SHOWN TO YOU").must_show("/brief/goal").must_show("Pay Hansen in cash").must_show("1234");
    it.golden("inbox-masked");
    // Nothing of it is copied or given to an editor.
    it.keys("yY");
    let copies = it.effects.iter().filter(|it| matches!(it, Effect::Copy(_))).count();
    assert_eq!(copies, 2);
    assert!(!format!("{:?}", it.effects).contains("in cash"));
    it.keys("u").must_not_show("in cash");
    for away in ["k", "6", "<enter>"] {
        let mut it = masked();
        it.keys("u");
        revealed(&mut it, "sha256:h-8812");
        it.must_show("in cash");
        it.keys(away).must_not_show("in cash");
        it.keys(match away {
            "k" => "j",
            "6" => "5",
            _ => "<esc>",
        });
        it.must_not_show("in cash");
    }
}

#[test]
fn an_answer_that_comes_too_late_or_of_another_contract_shows_nothing() {
    let mut it = masked();
    it.keys("u65");
    let asked = it.effects.iter().find_map(|it| match it {
        Effect::Fetch(ticket, _, Want::Revealed { .. }) => Some(*ticket),
        _ => None,
    });
    let values = [("/brief/goal".to_owned(), json!("Pay Hansen in cash"))].into();
    let late = Found::Revealed(Box::new(Revealed { digest: "sha256:h-8812".to_owned(), values }));
    it.tell(Msg::Answered(asked.unwrap(), Ok(Reply::Found(late))));
    it.must_show("Refund invoice 42").must_not_show("in cash");
    it.keys("u");
    revealed(&mut it, "sha256:other");
    it.must_show("it changed while it was fetched").must_not_show("in cash");
    let mut it = refund(120, 40);
    it.must_not_show("show masked");
    it.keys("u").must_show("nothing here to show masked");
    let mut it = masked();
    it.hear(Report::Capabilities(
        everything().without(|act| (act == ActKind::Reveal).then(|| "no masks here".to_owned())),
    ));
    it.keys("u").must_show("no masks here");
    assert!(!it.effects.iter().any(|it| matches!(it, Effect::Fetch(_, _, Want::Revealed { .. }))));
}
