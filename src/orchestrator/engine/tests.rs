use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::domain::command::Held;
use crate::domain::run::State;

async fn engine() -> Engine {
    Engine::open(Store::temporary().unwrap(), Settings::default())
        .await
        .unwrap()
}

/// The least a producer has to send.
fn work(from: &str, to: &str) -> Value {
    json!({
        "pipeline": {"name": "news", "version": "1.0.0", "stage": "draft", "output": "article"},
        "source": {"kind": "agent", "id": from},
        "target": {"kind": "agent", "id": to},
        "brief": {
            "title": "Write the article on tides", "goal": "Publish one article",
            "current_state": "Research is done", "next_step": "Write it",
            "definition_of_done": [{"item": "It is written", "met": false}],
            "owner": {"kind": "agent", "id": to},
        },
        "working_memory": {"summary": {"decision": "Go", "inputs_used": [], "open_questions": [], "text": "Tides."}},
        "provenance": {"agent": {"name": from, "version": "1"}, "model": null, "prompt": null,
            "tool_calls": [], "confidence": 0.9},
        "failure_modes": {"retryable": ["timeout"], "escalate": ["policy"], "default": "retry", "max_attempts": 2},
    })
}

fn claim_of(agent: &str) -> Claim {
    Claim {
        agent: agent.to_owned(),
        max: 1,
        wait: Duration::ZERO,
        lease_ms: None,
        holder: format!("{agent}-1"),
    }
}

async fn claim(engine: &Engine, agent: &str) -> Claimed {
    engine
        .claim(claim_of(agent))
        .await
        .unwrap()
        .pop()
        .expect("there is work")
}

fn held(claimed: &Claimed) -> Held {
    Held {
        handoff: claimed.handoff.id.clone(),
        lease: claimed.lease_id.clone(),
    }
}

#[tokio::test]
async fn work_goes_from_hand_to_hand() {
    let engine = engine().await;
    let research = Actor::agent("research");
    let emitted = engine
        .emit(&research, work("research", "writer"), None)
        .await
        .unwrap();
    assert!(!emitted.replayed);
    let writer = Actor::agent("writer");
    let claimed = claim(&engine, "writer").await;
    assert_eq!(claimed.handoff.id, emitted.handoff.id);
    assert_eq!((claimed.attempt, claimed.contract.get("source")), (1, None));
    engine.acknowledge(&writer, held(&claimed)).await.unwrap();
    let next = vec![work("writer", "editor")];
    let done = engine
        .complete(
            &writer,
            held(&claimed),
            Some(json!({"words": 900})),
            next.clone(),
        )
        .await
        .unwrap();
    assert_eq!(done.handoff.state, State::Completed);
    assert_eq!((done.next.len(), done.next[0].emission.step), (1, 1));
    let again = engine
        .complete(&writer, held(&claimed), None, next)
        .await
        .unwrap();
    assert_eq!(again.next[0].id, done.next[0].id, "the same answer again");
    let tail = engine.tail(0, 100).await.unwrap();
    let names: Vec<_> = tail.iter().map(|(_, event)| event.fact.name()).collect();
    assert_eq!(
        names,
        [
            "handoff.emitted",
            "handoff.leased",
            "handoff.acknowledged",
            "handoff.completed",
            "handoff.emitted"
        ]
    );
    assert_eq!(*engine.changed().borrow(), 5);
    engine.store().verify(&emitted.run).await.unwrap();
}
