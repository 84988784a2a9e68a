//! The contract that goes back to a source: what it handed over, and what has to change.

use serde_json::{Map, Value, json};

use super::admit::Candidate;
use super::{Problem, Requester, cut};
use crate::domain::command::Refusal;
use crate::domain::contract::{PartyKind, Relation, RelationKind, Violation};
use crate::domain::id::{Actor, RunId};
use crate::domain::key::{TraceId, next_position};
use crate::domain::run::Handoff;
use crate::orchestrator::boundary::Derive;

/// The longest title, the most items and the longest text of a contract, in characters.
const LIMITS: (usize, usize, usize) = (200, 20, 2_000);

/// Members the orchestrator derives, or that were true of the first handoff only.
const FRESH: [&str; 8] =
    ["idempotency_key", "trace_id", "traceparent", "tracestate", "step", "branch", "source", "delivery"];

impl Requester {
    /// The revision handed back to the source of `handoff`: `own` if given, else one built from its contract.
    pub(super) async fn revision(
        &self,
        run: &RunId,
        handoff: &Handoff,
        feedback: &[String],
        own: Option<Value>,
    ) -> Result<Candidate, Problem> {
        let emission = &handoff.emission;
        if emission.from.kind == PartyKind::External {
            let why = format!("{} cannot be sent back: its source is outside", handoff.id);
            return Err(Refusal::Invalid(why).into());
        }
        let wrong = |why: &dyn ToString| Problem::from(Refusal::Invalid(why.to_string()));
        let trace = TraceId::parse(run.as_str()).map_err(|why| wrong(&why))?;
        let (step, branch) = next_position(emission.step, &emission.branch, 0, 1).map_err(|why| wrong(&why))?;
        let stage = own.as_ref().map(|it| it.pointer("/pipeline/stage").and_then(Value::as_str).unwrap_or_default());
        let stage = stage.or(emission.stage.as_deref()).unwrap_or_default();
        let branch = match self.load(run).await? {
            Some((known, _)) => known.branch_for(step, branch, &emission.to, &emission.from.id, stage),
            None => branch,
        };
        let relation = Relation {
            of: Some(handoff.id.to_string()),
            feedback: Some(shortened(feedback)),
            ..Relation::plain(RelationKind::Revision)
        };
        let derive = Derive::new(emission.to.clone(), trace, step, branch, relation, self.now());
        // Its source need not be known to who sends it back.
        let own = own.map(|mut body| {
            if let Some(members) = body.as_object_mut() {
                members.entry("target").or_insert_with(|| json!(emission.from));
            }
            body
        });
        let candidate = if let Some(body) = &own {
            self.checked(&self.inheriting(handoff, body).await?, derive).await?
        } else {
            let original = self.contract_of(handoff).await?;
            let body = built(original, handoff, feedback, &self.by);
            self.prepare(&body).await?;
            let derive = self.after_the_last(&body, derive).await?;
            self.own_candidate(&body, derive)
        };
        let candidate = candidate.map_err(|violations| Problem::invalid(violations, None))?;
        if candidate.handoff.emission.to != emission.from {
            let path = "/target";
            let message = "is not the source: a revision goes back there, so leave it out";
            let found = vec![Violation::new(path, "target_mismatch", message)];
            return Err(Problem::invalid(found, None));
        }
        Ok(candidate)
    }
}

/// The texts, within the limits of a contract; empty ones are left out.
pub(super) fn shortened(texts: &[String]) -> Vec<String> {
    let said = texts.iter().filter(|it| !it.trim().is_empty());
    said.take(LIMITS.1).map(|it| cut(it, LIMITS.2)).collect()
}

/// The original, turned round: the feedback is what is to be done.
fn built(mut contract: Value, handoff: &Handoff, feedback: &[String], by: &Actor) -> Value {
    let emission = &handoff.emission;
    let feedback = shortened(feedback);
    let Some(members) = contract.as_object_mut() else {
        return contract;
    };
    for name in FRESH {
        members.remove(name);
    }
    members.remove("relation");
    members.insert("target".to_owned(), json!(emission.from));
    members.insert("side_effects".to_owned(), json!([]));
    let maker = json!({"name": emission.to.id, "version": "unspecified"});
    let provenance = json!({
        "agent": maker, "model": null, "prompt": null, "confidence": null, "tool_calls": [],
        "branch_reason": format!("returned by {}", by.id),
    });
    members.insert("provenance".to_owned(), provenance);
    let quality = json!({"completeness": 0.0, "open_issues": feedback.len(), "checks": []});
    members.insert("quality".to_owned(), quality);
    if let Some(brief) = members.get_mut("brief").and_then(Value::as_object_mut) {
        turn(brief, handoff, &feedback);
    }
    contract
}

fn turn(brief: &mut Map<String, Value>, handoff: &Handoff, feedback: &[String]) {
    let emission = &handoff.emission;
    // The stored title: the one of the log may be masked.
    let title = brief.get("title").and_then(Value::as_str).unwrap_or(&emission.title);
    let title = title.strip_prefix("Revise: ").unwrap_or(title).to_owned();
    let mut set = |name: &str, value: Value| brief.insert(name.to_owned(), value);
    set("title", cut(&format!("Revise: {title}"), LIMITS.0).into());
    let points = if feedback.len() == 1 { "point" } else { "points" };
    let state = format!("Returned by {} with {} {points} to change", emission.to.id, feedback.len());
    set("current_state", state.into());
    let first = feedback.first().map_or("the feedback", String::as_str);
    set("next_step", cut(&format!("Change what the feedback names: {first}"), LIMITS.2).into());
    let items: Vec<_> = feedback.iter().map(|it| json!({"item": it, "met": false})).collect();
    set("definition_of_done", items.into());
    set("owner", json!(emission.from));
    if emission.from.kind.is_people() {
        set("escalation_reason", "Returned with feedback".into());
        set("urgency", json!(handoff.urgency()));
    }
}
