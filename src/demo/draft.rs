//! Contracts as the simulated agents write them: all that a good producer says, as the JSON that goes over HTTP.

use fastrand::Rng;
use serde_json::{Value, json};

use super::words::{DILIGENCE, OPEN_QUESTIONS, TRIED, pick, some};
use crate::domain::key::{HandoffKey, effect_key};

/// A program that writes contracts, as its provenance names it.
pub(super) struct Maker {
    /// Name of the agent.
    pub(super) agent: &'static str,
    /// Version of the agent.
    pub(super) version: &'static str,
    /// Name and version of the model; `None` for a program that follows rules.
    pub(super) model: Option<(&'static str, &'static str)>,
    /// Name and version of the prompt.
    pub(super) prompt: Option<(&'static str, &'static str)>,
    /// Tools it may have called, in order.
    pub(super) tools: &'static [&'static str],
}

/// Target of a handoff: pipeline, stage, output and agent.
#[derive(Clone, Copy)]
pub(super) struct Route {
    /// Name and version of the pipeline.
    pub(super) pipeline: (&'static str, &'static str),
    /// Stage the target works at.
    pub(super) stage: &'static str,
    /// Kind of the output that is handed over.
    pub(super) output: &'static str,
    /// The agent that gets it.
    pub(super) to: &'static str,
}

/// A write to the outside world that the source made.
pub(super) struct Effect {
    pub(super) system: &'static str,
    pub(super) resource: String,
    pub(super) op: &'static str,
    /// The operation that undoes it; `None` when nothing does.
    pub(super) undo: Option<String>,
}

/// Error codes a receiver may meet, and how often it may try.
pub(super) struct Failures {
    pub(super) retryable: &'static [&'static str],
    pub(super) escalate: &'static [&'static str],
    pub(super) default: &'static str,
    pub(super) max_attempts: u32,
}

/// Failure rules of most handoffs.
pub(super) const COMMON: Failures = Failures {
    retryable: &["timeout", "rate_limited", "model_overloaded"],
    escalate: &["policy_violation", "missing_source"],
    default: "retry",
    max_attempts: 5,
};

/// A contract in the making.
pub(super) struct Draft {
    pub(super) maker: &'static Maker,
    pub(super) route: Route,
    pub(super) title: String,
    pub(super) goal: String,
    pub(super) state: String,
    pub(super) next: String,
    pub(super) decisions: Vec<String>,
    pub(super) constraints: Vec<String>,
    pub(super) completed: Vec<String>,
    pub(super) facts: Vec<String>,
    pub(super) done: Vec<(String, bool)>,
    pub(super) approvals: Vec<String>,
    pub(super) urgency: &'static str,
    pub(super) link: (String, &'static str),
    /// Name of the payload schema and the fields.
    pub(super) payload: (&'static str, Value),
    pub(super) open_issues: u32,
    pub(super) confidence: f64,
    pub(super) effects: Vec<Effect>,
    pub(super) failures: Failures,
    pub(super) regulations: &'static [&'static str],
    /// Members of the open place `ext`.
    pub(super) ext: Option<Value>,
}

impl Draft {
    /// A draft that says who makes it and where it goes; the rest is empty or usual.
    pub(super) fn new(maker: &'static Maker, route: Route) -> Self {
        Self {
            maker,
            route,
            title: String::new(),
            goal: String::new(),
            state: String::new(),
            next: String::new(),
            decisions: Vec::new(),
            constraints: Vec::new(),
            completed: Vec::new(),
            facts: Vec::new(),
            done: Vec::new(),
            approvals: Vec::new(),
            urgency: "normal",
            link: (String::new(), ""),
            payload: ("", Value::Null),
            open_issues: 0,
            confidence: 0.9,
            effects: Vec::new(),
            failures: COMMON,
            regulations: &[],
            ext: None,
        }
    }

    /// The contract as it is sent. Members that the server derives are left to it, except the position of a
    /// first handoff, which [`super::client::Client::emit`] adds. Effect keys are computed from `working_on`,
    /// the handoff the agent works on; without one there are no effects.
    pub(super) fn value(self, rng: &mut Rng, working_on: Option<&HandoffKey>) -> Value {
        let maker = self.maker;
        let model = maker.model.map(|(name, version)| json!({"provider": "example", "name": name, "version": version}));
        let prompt = maker.prompt.map(|(name, version)| json!({"name": name, "version": version}));
        let calls: Vec<Value> = (1..)
            .zip(maker.tools)
            .map(|(seq, name)| json!({"seq": seq, "name": name, "status": "ok", "ms": rng.u32(40..1_400)}))
            .collect();
        let done: Vec<Value> = self.done.iter().map(|(item, met)| json!({"item": item, "met": met})).collect();
        let met = self.done.iter().filter(|(_, met)| *met).count();
        let owner = json!({"kind": "agent", "id": self.route.to});
        let (schema, fields) = self.payload;
        let mut brief = json!({
            "title": self.title, "goal": self.goal, "current_state": self.state, "next_step": self.next,
            "decisions": self.decisions, "constraints": self.constraints, "completed": self.completed,
            "key_facts": self.facts, "definition_of_done": done, "owner": owner, "urgency": self.urgency,
            "pending_approvals": self.approvals,
            "source_links": [{"url": self.link.0, "label": self.link.1}],
        });
        // Not every agent says everything; the console shows what a brief lacks.
        if rng.u8(..4) > 0 {
            brief["tried"] = json!([pick(rng, TRIED)]);
        }
        if rng.u8(..3) > 0 {
            brief["blockers"] = json!([]);
        }
        let mut text: Vec<String> = vec![format!("{}.", self.state)];
        text.extend(some(rng, DILIGENCE, 10));
        let summary = json!({
            "decision": self.decisions.first().unwrap_or(&self.next),
            "inputs_used": [self.link.1, self.link.0],
            "open_questions": if self.open_issues > 0 { vec![pick(rng, OPEN_QUESTIONS)] } else { vec![] },
            "text": text.join(" "),
        });
        let mut contract = json!({
            "pipeline": {
                "name": self.route.pipeline.0, "version": self.route.pipeline.1,
                "stage": self.route.stage, "output": self.route.output, "pattern": "sequential",
            },
            "target": owner,
            "brief": brief,
            "working_memory": {
                "summary": summary,
                "payload": {"schema": schema, "version": "1.0.0", "fields": fields},
            },
            "provenance": {
                "agent": {"name": maker.agent, "version": maker.version}, "model": model, "prompt": prompt,
                "confidence": self.confidence, "tool_calls": calls,
            },
            "side_effects": effects(&self.effects, working_on),
            "failure_modes": {
                "retryable": self.failures.retryable, "escalate": self.failures.escalate,
                "default": self.failures.default, "max_attempts": self.failures.max_attempts,
            },
            "quality": {
                "completeness": met as f64 / self.done.len().max(1) as f64,
                "open_issues": self.open_issues, "sources_verified": rng.u8(2..6),
                "checks": [{"name": "self-review", "status": if self.open_issues > 0 { "fail" } else { "pass" }}],
            },
            "classification": {"level": "internal", "regulations": self.regulations},
        });
        if let Some(ext) = self.ext {
            contract["ext"] = ext;
        }
        contract
    }
}

fn effects(made: &[Effect], working_on: Option<&HandoffKey>) -> Vec<Value> {
    let Some(key) = working_on else {
        return Vec::new();
    };
    (1..)
        .zip(made)
        .filter_map(|(seq, it)| {
            let undo = it.undo.as_ref().map(|action| json!({"kind": "http", "action": action}));
            Some(json!({
                "seq": seq, "effect_key": effect_key(key, seq).ok()?.as_str(), "system": it.system,
                "resource": it.resource, "op": it.op, "status": "committed", "idempotent": true,
                "reversible": undo.is_some(), "compensation": undo,
            }))
        })
        .collect()
}
