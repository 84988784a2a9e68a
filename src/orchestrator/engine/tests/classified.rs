//! What is classified is told to nobody by the log, stays classified in what follows, and is shown to whoever decides.

use super::*;
use crate::domain::bearer::{Bearer, Roles};
use crate::domain::contract::Violation;
use crate::store::Filter;

/// What must not be told.
const SECRETS: [&str; 3] = ["Ms Secretname", "a@secret.example", "Plans of war"];

/// Work that hides all of them.
fn classified() -> Value {
    let mut body = work("research", "writer");
    let [title, mail, summary] = SECRETS;
    body["brief"]["title"] = json!(title);
    body["working_memory"]["summary"]["text"] = json!(summary);
    body["working_memory"]["payload"] = json!({"schema": "findings", "version": "1.0.0", "fields": {"mail": mail}});
    body["classification"] = json!({"level": "confidential", "fields": {"/brief/title": "pii"}});
    body["failure_modes"]["default"] = json!("dead_letter");
    body
}

/// Everything that anybody who may look is told: the log, the lists, what a console starts from.
async fn told(engine: &Engine) -> String {
    let lists = engine.list(Filter::default(), None, 100).await.unwrap().items;
    let (tail, snapshot) = (engine.tail(0, 1_000).await.unwrap(), engine.snapshot().await.unwrap());
    format!("{} {} {}", json!(tail), json!(snapshot), json!(lists))
}

async fn tells_nothing(engine: &Engine) {
    let told = told(engine).await;
    for secret in SECRETS {
        let at = told.find(secret).map(|at| &told[at.saturating_sub(200)..at + secret.len()]);
        assert_eq!(at, None);
    }
}

#[tokio::test]
async fn nothing_that_is_said_of_a_handoff_quotes_what_it_hides() {
    let engine = engine().await;
    let quoting = SECRETS.join(", ");
    let writer = agent(&engine, "writer");
    let by = engine.by(Actor::user("dana"));
    emit(&engine, classified()).await;
    let held_now = held(&claim(&engine, "writer").await);
    let failed = writer.fail(held_now, "broken", &format!("cannot use {quoting}")).await.unwrap();
    assert_eq!(failed.failure.unwrap().detail, "cannot use ••• masked, ••• masked, ••• masked");
    emit(&engine, classified()).await;
    let held_now = held(&claim(&engine, "writer").await);
    let wrong = Violation::new("/working_memory/payload/fields/mail", "format", "\"a@secret.example\" is no address");
    let other = Violation::new("/brief", "length", format!("too short: {quoting}"));
    writer.reject(held_now, vec![wrong, other]).await.unwrap();
    emit(&engine, classified()).await;
    let held_now = held(&claim(&engine, "writer").await);
    writer.acknowledge(held_now.clone()).await.unwrap();
    writer.return_to_source(held_now, vec![quoting.clone()], None).await.unwrap();
    let (run, _) = {
        let page = engine.list(Filter::default(), None, 100).await.unwrap();
        let dead = page.items.into_iter().find(|(_, it)| it.state == State::DeadLettered).unwrap();
        let on = target(&dead.0, &dead.1);
        let verdict = Act::Annotate { verdict: quoting.clone(), of_run: false };
        by.act(&verdict, &quoting, &on).await.unwrap();
        by.act(&Act::Escalate { force: false, role: String::new() }, &quoting, &on).await.unwrap();
        dead
    };
    let (run, events) = engine.timeline(&run).await.unwrap();
    let asked = run.handoffs.values().find_map(|it| it.escalation.clone()).unwrap();
    assert_eq!(asked.asked.question, "••• masked, ••• masked, ••• masked");
    assert!(events.len() > 4);
    tells_nothing(&engine).await;
}

#[tokio::test]
async fn what_is_handed_on_stays_classified() {
    let engine = engine().await;
    emit(&engine, classified()).await;
    let claimed = claim(&engine, "writer").await;
    let writer = agent(&engine, "writer");
    writer.acknowledge(held(&claimed)).await.unwrap();
    let mut next = work("writer", "editor");
    next["brief"]["title"] = json!(SECRETS[0]);
    next["brief"]["key_facts"] = json!([format!("Open"), SECRETS[1]]);
    let done = writer.complete(held(&claimed), None, vec![next]).await.unwrap();
    let (stored, _) = engine.contract(&done.next[0].id).await.unwrap();
    assert_eq!(stored["brief"]["title"], SECRETS[0], "its target reads it");
    let fields = json!({"/brief/key_facts/1": "inherited", "/brief/title": "inherited"});
    assert_eq!(stored["classification"]["fields"], fields);
    let claimed = claim(&engine, "editor").await;
    agent(&engine, "editor").acknowledge(held(&claimed)).await.unwrap();
    let back =
        agent(&engine, "editor").return_to_source(held(&claimed), vec!["Shorter".to_owned()], None).await.unwrap();
    assert_eq!(back.next[0].emission.title, "••• masked");
    tells_nothing(&engine).await;
}

#[tokio::test]
async fn an_edit_shows_nothing() {
    let engine = engine().await;
    let emitted = emit(&engine, classified()).await;
    let by = engine.by(Actor::user("dana"));
    let ask = Act::Escalate { force: false, role: String::new() };
    let asked = by.act(&ask, "?", &target(&emitted.run, &emitted.handoff)).await.unwrap();
    for edit in [
        json!([{"op": "remove", "path": "/classification"}]),
        json!([{"op": "copy", "from": "/working_memory/payload/fields/mail", "path": "/brief/goal"}]),
    ] {
        let seen = Seen { handoff: asked.id.clone(), version: asked.version };
        let edit = Edit::Patch(serde_json::from_value(edit).unwrap());
        let Err(Problem::Invalid { violations, .. }) = by.amend(seen, edit).await else { panic!("it must be refused") };
        assert!(violations.iter().all(|it| it.keyword == "masked"), "{violations:?}");
    }
    tells_nothing(&engine).await;
}

#[tokio::test]
async fn what_is_masked_is_shown_to_who_may_decide_once_the_log_says_so() {
    let engine = engine().await;
    let emitted = emit(&engine, classified()).await;
    let (run, id) = (emitted.run.clone(), emitted.handoff.id.clone());
    let dana = engine.by(Actor::user("dana"));
    assert!(dana.reveal(&id).await.is_err(), "nobody is asked");
    let ask = Act::Escalate { force: false, role: "privacy".to_owned() };
    let asked = dana.act(&ask, "?", &target(&run, &emitted.handoff)).await.unwrap();
    let only = |role: &str| Bearer { subject: "dana".into(), roles: Roles::Only([role.to_owned()].into()) };
    let other = dana.clone().bearer(only("editors")).reveal(&id).await;
    assert!(matches!(other, Err(Problem::Refused(Refusal::RoleNeeded { .. }))), "{other:?}");
    let before = engine.tail(0, 100).await.unwrap().len();
    let shown = dana.clone().bearer(only("privacy")).reveal(&id).await.unwrap();
    assert_eq!(shown.values["/brief/title"], SECRETS[0]);
    assert_eq!(shown.values["/working_memory/payload/fields/mail"], SECRETS[1]);
    assert_eq!(Some(&*shown.digest), asked.digest());
    assert!(!format!("{shown:?}").contains(SECRETS[0]));
    let tail = engine.tail(0, 100).await.unwrap();
    let [(_, Ok(event))] = &tail[before..] else { panic!("{tail:?}") };
    let said = (event.fact.name(), event.handoff.as_ref(), &*event.actor.id);
    assert_eq!(said, ("payload.revealed", Some(&id), "dana"));
    tells_nothing(&engine).await;
    // Whoever looked is not kept from acting on it.
    let yes = Act::Resolve { answer: Answer::Approve, context_digest: shown.digest, value: None };
    dana.act(&yes, "", &target(&run, &asked)).await.unwrap();
    engine.store().verify(&run).await.unwrap();

    let open = emit(&engine, work("research", "editor")).await;
    dana.act(&ask, "?", &target(&open.run, &open.handoff)).await.unwrap();
    let nothing = dana.reveal(&open.handoff.id).await;
    assert!(matches!(&nothing, Err(Problem::Refused(Refusal::Invalid(why))) if why.contains("nothing")), "{nothing:?}");
}
