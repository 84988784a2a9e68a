//! Four pipelines and what went wrong with them between 02:51 and 03:12: the scene of most pictures.

use std::sync::Arc;

use seamwatch::testing::domain::contract::{RelationKind, Urgency, Violation};
use seamwatch::testing::domain::event::{
    Answer, Boundary, DeadReason, Emission, Escalation, EscalationKind, Event, Fact, Rejection, Timeout,
};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::time::{HOUR, MINUTE, Millis, SECOND, Time};

use super::console::{Story, at, emission, terms};

type Names = (&'static str, &'static str, &'static str);

const RESEARCH: Names = ("launch-article", "research", "writer");
const REVIEW: Names = ("launch-article", "writer", "reviewer");
const REVISE: Names = ("launch-article", "reviewer", "writer");
const PUBLISH: Names = ("launch-article", "reviewer", "publisher");
const QUALIFY: Names = ("lead-to-crm", "intake", "sales");
const CRM: Names = ("lead-to-crm", "sales", "crm");
const TRIAGE: Names = ("support-to-kb", "support", "triage");
const ANSWER: Names = ("support-to-kb", "triage", "kb-writer");
const DOCS: Names = ("code-to-docs", "coder", "doc-writer");

/// Everything that happened, oldest first.
pub fn incident() -> Vec<Event> {
    let mut scene = Scene::default();
    // A quiet night first: what is usual.
    scene.traffic("r", RESEARCH, "draft", -5 * HOUR, -20 * SECOND, 40 * SECOND, 1_600);
    scene.traffic("w", REVIEW, "review", -5 * HOUR, -15 * MINUTE, 40 * SECOND, 2_100);
    scene.traffic("p", PUBLISH, "publish", -5 * HOUR, -16 * MINUTE, 90 * SECOND, 900);
    scene.traffic("q", QUALIFY, "qualify", -4 * HOUR, -48 * SECOND, 70 * SECOND, 2_600);
    scene.traffic("s", CRM, "store", -4 * HOUR, -11 * MINUTE, 70 * SECOND, 1_200);
    scene.traffic("t", TRIAGE, "triage", -3 * HOUR, -30 * SECOND, 60 * SECOND, 400);
    scene.traffic("k", ANSWER, "write", -3 * HOUR, -40 * SECOND, 80 * SECOND, 3_000);
    scene.traffic("d", DOCS, "document", -7 * HOUR, -3 * HOUR - 6 * MINUTE, 90 * SECOND, 5_000);
    scene.slow_reviewer();
    scene.refusals();
    scene.dead();
    scene.loops();
    scene.storm();
    scene.events.sort_by_key(|it| it.at);
    scene.events
}

#[derive(Default)]
struct Scene {
    events: Vec<Event>,
}

fn agent(name: &str) -> Actor {
    Actor::agent(name)
}

fn acked() -> Fact {
    Fact::Acknowledged { until: None }
}

fn leased(holder: &str, attempt: u32) -> Fact {
    Fact::Leased {
        attempt,
        total: attempt,
        lease: "l".to_owned(),
        holder: holder.to_owned(),
        until: None,
        lease_ms: MINUTE,
        resumed_at: None,
    }
}

fn completed() -> Fact {
    Fact::Completed { emitted: Vec::new(), result: None, note: String::new() }
}

/// Between 0.4 and 2.2, the same in every run: the golden ratio spreads evenly.
fn spread(nth: usize) -> f64 {
    0.4 + 1.8 * (nth as f64 * 0.618_034).fract().powi(3)
}

fn head(edge: Names, stage: &str, title: &str, at: Time) -> Emission {
    Emission { stage: Some(stage.into()), ..emission(Edge::new(edge.0, edge.1, edge.2), title, at) }
}

/// What a person is asked when a task goes round in circles.
fn question(opened: Millis) -> Escalation {
    Escalation {
        id: format!("esc-{opened}"),
        kind: EscalationKind::Loop,
        question: "Writer and reviewer cannot agree on this draft. How shall it go on?".to_owned(),
        allow: vec![Answer::Respond, Answer::Dismiss],
        role: Some("editor".to_owned()),
        urgency: Urgency::High,
        due_at: Some(at(opened + HOUR)),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: None,
        context_digest: Some("sha256:00".to_owned()),
        required: false,
        asker: None,
        cause: None,
    }
}

const TOPICS: [&str; 6] = [
    "Agent handoffs in production",
    "Why queues need a lease",
    "Contracts at the boundary",
    "What a dead letter tells",
    "Measuring the seam",
    "Approvals people can trust",
];

impl Scene {
    fn add(&mut self, story: Story) {
        self.events.extend(story.events);
    }

    /// One handoff after the other, each acknowledged after about `usual` and done some seconds later.
    #[allow(clippy::too_many_arguments)]
    fn traffic(
        &mut self,
        name: &str,
        edge: Names,
        stage: &str,
        from: Millis,
        until: Millis,
        every: Millis,
        usual: Millis,
    ) {
        let mut offset = from;
        let mut nth = 0;
        while offset < until {
            let id = format!("{name}-{nth:04x}");
            let wait = (usual as f64 * spread(nth)) as Millis;
            let title = TOPICS[nth % TOPICS.len()];
            let to = agent(edge.2);
            self.add(
                Story::new(&format!("run-{id}"))
                    .then(offset, &id, agent(edge.1), Fact::Emitted(Arc::new(head(edge, stage, title, at(offset)))))
                    .then(offset + wait / 2, &id, to.clone(), leased(edge.2, 1))
                    .then(offset + wait, &id, to.clone(), acked())
                    .then(offset + wait + 4 * SECOND, &id, to, completed()),
            );
            offset += every;
            nth += 1;
        }
    }

    /// The reviewer becomes slow at 02:58 and stops at 03:06.
    fn slow_reviewer(&mut self) {
        for nth in 0..52_usize {
            let offset = -15 * MINUTE + nth as Millis * 17 * SECOND;
            let id = format!("w2-{nth:02x}");
            let title = TOPICS[nth % TOPICS.len()];
            let emitted = Fact::Emitted(Arc::new(head(REVIEW, "review", title, at(offset))));
            let mut story = Story::new(&format!("run-{id}")).then(offset, &id, agent("writer"), emitted);
            let wait = 8 * SECOND + nth as Millis * 2_600;
            if nth < 22 && offset + wait < -6 * MINUTE {
                story = story
                    .then(offset + wait / 3, &id, agent("reviewer"), leased("reviewer-2", 1))
                    .then(offset + wait, &id, agent("reviewer"), acked())
                    .then(offset + wait + 9 * SECOND, &id, agent("reviewer"), completed());
            }
            self.add(story);
        }
    }

    /// Prompt version 18 of the researcher leaves a required field out.
    fn refusals(&mut self) {
        for nth in 0..6_i64 {
            let offset = -21 * MINUTE + nth * 200 * SECOND;
            let refused = Rejection {
                id: format!("rej-{nth}"),
                boundary: Boundary::Emit,
                edge: Edge::new(RESEARCH.0, RESEARCH.1, RESEARCH.2),
                producer: "research".to_owned(),
                model: Some("model-m@2026-07".to_owned()),
                prompt: Some("research-brief@18".to_owned()),
                key: None,
                digest: format!("sha256:{nth:02}"),
                again: false,
                before: 0,
                first_at: None,
                more: 0,
                errors: vec![Violation {
                    path: "/payload/confidence".to_owned(),
                    keyword: "required".to_owned(),
                    message: "confidence is required".to_owned(),
                }],
            };
            let run = format!("run-refused-{nth}");
            let mut story = Story::new(&run).then(offset, "none", agent("research"), Fact::Refused(Box::new(refused)));
            for event in &mut story.events {
                event.handoff = None;
            }
            self.add(story);
        }
    }

    /// The CRM does not answer: attempts end as dead letters.
    fn dead(&mut self) {
        let dead = |code: &str, detail: &str| Fact::DeadLettered {
            code: code.to_owned(),
            reason: DeadReason::BudgetSpent,
            detail: detail.to_owned(),
            violations: Vec::new(),
        };
        for nth in 0..5_i64 {
            let offset = -9 * MINUTE + nth * 100 * SECOND;
            let id = format!("h-7f3{nth:x}");
            let title = format!("Store the lead of customer {}", 40 + nth);
            let mut story = Story::new(&format!("run-{id}"));
            story = story.then(
                offset,
                &id,
                agent("sales"),
                Fact::Emitted(Arc::new(head(CRM, "store", &title, at(offset)))),
            );
            for attempt in 1..=2 {
                let start = offset + i64::from(attempt) * 15 * SECOND;
                story = story.then(start, &id, agent("crm"), leased("crm-1", attempt)).then(
                    start + 5 * SECOND,
                    &id,
                    agent("crm"),
                    Fact::RetryScheduled {
                        attempt,
                        code: "timeout".to_owned(),
                        detail: "crm.upsert did not answer".to_owned(),
                        ready_at: at(start + 10 * SECOND),
                    },
                );
            }
            story = story.then(offset + 50 * SECOND, &id, agent("crm"), leased("crm-1", 3)).then(
                offset + 55 * SECOND,
                &id,
                agent("crm"),
                dead("timeout", "crm.upsert did not answer"),
            );
            self.add(story);
        }
        for nth in 0..4_i64 {
            let offset = -12 * MINUTE + nth * 95 * SECOND;
            let id = format!("h-9a{nth:02x}");
            let emitted = Fact::Emitted(Arc::new(head(REVIEW, "review", TOPICS[nth as usize], at(offset))));
            self.add(
                Story::new(&format!("run-{id}"))
                    .then(offset, &id, agent("writer"), emitted)
                    .then(offset + 9 * SECOND, &id, agent("reviewer"), leased("reviewer-2", 1))
                    .then(
                        offset + 30 * SECOND,
                        &id,
                        agent("reviewer"),
                        dead("missing_input", "the draft has no sources"),
                    ),
            );
        }
    }

    /// Two articles go to and fro between writer and reviewer, and one is revised as it should be.
    fn loops(&mut self) {
        self.revisions("4bf92f3577b34da6", "What a dead letter tells", -26 * MINUTE, &[5, 3, 3, 3]);
        self.revisions("9c1e00aa77b0d7f1", "Approvals people can trust", -17 * MINUTE, &[4, 4, 4, 4]);
        self.revisions("0af7651916cd43dd", "Measuring the seam", -4 * MINUTE, &[6, 2]);
    }

    fn revisions(&mut self, run: &str, title: &str, start: Millis, issues: &[u32]) {
        let mut story = Story::new(run);
        let mut offset = start;
        let mut parent = None;
        let short = &run[..4];
        let last = issues.len() - 1;
        for (nth, open) in issues.iter().enumerate() {
            let id = format!("{short}-draft-{nth}");
            let mut draft = head(REVIEW, "review", title, at(offset));
            draft.parent.clone_from(&parent);
            draft.relation = RelationKind::Forward;
            draft.work = Some(format!("work-{short}-{nth}").into());
            story = story
                .then(offset, &id, agent("writer"), Fact::Emitted(Arc::new(draft)))
                .then(offset + SECOND, &id, agent("reviewer"), leased("reviewer-1", 1))
                .then(offset + 2 * SECOND, &id, agent("reviewer"), acked());
            let back = format!("{short}-back-{nth}");
            offset += 70 * SECOND;
            let mut revision = head(REVISE, "revision", title, at(offset));
            revision.parent = Some(id.as_str().into());
            revision.relation = RelationKind::Revision;
            revision.cycle = nth as u32 + 1;
            terms(&mut revision).open_issues = Some(*open);
            revision.work = Some(format!("back-{short}-{nth}").into());
            let returned = Fact::Returned {
                feedback: vec![
                    format!("{open} claims still have no source"),
                    "the summary repeats the title".to_owned(),
                ],
                emitted: back.as_str().into(),
            };
            story = story.then(offset, &id, agent("reviewer"), returned).then(
                offset,
                &back,
                agent("reviewer"),
                Fact::Emitted(Arc::new(revision)),
            );
            if nth < last {
                story = story
                    .then(offset + 2 * SECOND, &back, agent("writer"), leased("writer-1", 1))
                    .then(offset + 3 * SECOND, &back, agent("writer"), acked())
                    .then(offset + 50 * SECOND, &back, agent("writer"), completed());
            }
            if nth as u32 + 1 > 3 {
                let signal = "revision 4 of at most 3".to_owned();
                let engine = || Actor::system("engine");
                story = story.then(offset, &back, engine(), Fact::LoopDetected { signal }).then(
                    offset,
                    &back,
                    engine(),
                    Fact::EscalationOpened(Box::new(question(offset))),
                );
            }
            parent = Some(back.as_str().into());
            offset += 60 * SECOND;
        }
        self.add(story);
    }

    /// One lead is tried again and again: many attempts, few handoffs.
    fn storm(&mut self) {
        let id = "h-51c0";
        let offset = -7 * MINUTE;
        let mut story = Story::new("5b8aa5a2d2c872e8").then(
            offset,
            id,
            agent("intake"),
            Fact::Emitted(Arc::new(head(QUALIFY, "qualify", "Lead: Acme, 40 seats", at(offset)))),
        );
        for attempt in 1..=4_u32 {
            let start = offset + i64::from(attempt) * 80 * SECOND;
            story = story.then(start, id, agent("sales"), leased("sales-3", attempt)).then(
                start + 20 * SECOND,
                id,
                agent("sales"),
                Fact::RetryScheduled {
                    attempt,
                    code: "rate_limited".to_owned(),
                    detail: "the model refused: too many requests".to_owned(),
                    ready_at: at(start + 40 * SECOND),
                },
            );
        }
        self.add(story);
    }
}
