//! `launch-article`: research hands to a writer, the writer to a reviewer, the reviewer back or to a publisher.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{End, Job, Plan, Role, Spring, Twist, changed, route};
use crate::demo::draft::{Draft, Effect, Maker};
use crate::demo::weather::Weather;
use crate::demo::words::{FINDINGS, TOPICS, VENDORS, pick, some};

const PIPELINE: (&str, &str) = ("launch-article", "2.3.0");

/// Legal says one thing, the checklist of the reviewer another: no draft can satisfy both.
const NO_LINK: &str = "Legal: do not link the price list of";
/// Legal against the checklist again, where the writer has nothing left to change.
const NO_NAME: &str = "Legal: do not name the prices of";
/// The writer cannot go on without them.
const AWAIT_FIGURES: &str = "Use only the audited figures, which finance has yet to send, for";

const RESEARCH: Maker = Maker {
    agent: "research",
    version: "4.1.0",
    model: Some(("atlas-large", "2026-07")),
    prompt: Some(("research-brief", "17")),
    tools: &["web.search", "web.fetch", "kb.write"],
};
/// The research agent after the new prompt went out.
const RESEARCH_18: Maker = Maker { prompt: Some(("research-brief", "18")), ..RESEARCH };
const WRITER: Maker = Maker {
    agent: "writer",
    version: "3.0.2",
    model: Some(("atlas-large", "2026-07")),
    prompt: Some(("article-draft", "9")),
    tools: &["kb.read", "style.check", "cms.save"],
};
const REVIEWER: Maker = Maker {
    agent: "reviewer",
    version: "2.4.0",
    model: Some(("sparrow-2", "2026-03")),
    prompt: Some(("review-checklist", "4")),
    tools: &["cms.read", "facts.check", "links.check"],
};

pub(in crate::demo) const SPRING: Spring = Spring {
    agent: "research",
    every: 1.8,
    twists: &[
        (9.0, 150.0, Twist::Circles),
        (13.0, 240.0, Twist::SameDraft),
        (11.0, 180.0, Twist::Stalled),
        (34.0, 200.0, Twist::Circles),
    ],
    write: research,
};

pub(in crate::demo) const ROLES: [Role; 3] = [
    Role { name: "writer", hands: 12, decide: writer },
    Role { name: "reviewer", hands: 4, decide: reviewer },
    Role { name: "publisher", hands: 6, decide: publisher },
];

/// The subject of a run; every agent of it draws the same.
struct Subject {
    topic: &'static str,
    vendor: &'static str,
    record: u32,
}

impl Subject {
    fn draw(rng: &mut Rng) -> Self {
        Self { topic: pick(rng, TOPICS), vendor: pick(rng, VENDORS), record: rng.u32(200..9_000) }
    }

    fn goal(&self) -> String {
        format!("Publish one article about {}", self.topic)
    }

    fn link(&self) -> String {
        format!("https://kb.example/r/{}", self.record)
    }
}

fn research(twist: Twist, rng: &mut Rng, weather: &Weather) -> Value {
    let it = Subject::draw(rng);
    let new_prompt = weather.prompt_18() && twist == Twist::Plain && rng.u8(..3) == 0;
    let maker = if new_prompt { &RESEARCH_18 } else { &RESEARCH };
    let to = route(PIPELINE, "draft", "research-findings", "writer");
    let mut constraints =
        vec!["Do not change the order of vendors agreed with legal".to_owned(), "About 1,200 words".to_owned()];
    let rule = match twist {
        Twist::Circles => Some(NO_LINK),
        Twist::SameDraft => Some(NO_NAME),
        Twist::Stalled => Some(AWAIT_FIGURES),
        _ => None,
    };
    constraints.extend(rule.map(|rule| format!("{rule} {}", it.vendor)));
    let count = rng.usize(3..6);
    let confidence = 0.7 + f64::from(rng.u8(..28)) / 100.0;
    let findings = some(rng, FINDINGS, count);
    let mut fields = json!({
        "sources": (0..count).map(|nth| format!("https://source-{nth}.example/{}", it.record)).collect::<Vec<_>>(),
        "key_findings": findings, "confidence": confidence,
    });
    // What version 18 of the prompt forgot to ask for. Some answers have it all the same.
    if new_prompt && rng.u8(..5) > 1 {
        fields = json!({"sources": fields["sources"], "key_findings": fields["key_findings"]});
    }
    let draft = Draft {
        title: format!("Write the article about {}", it.topic),
        goal: it.goal(),
        state: format!("Research is finished, {count} of {count} sources are verified"),
        next: "Write the article from these findings; do not research again".to_owned(),
        decisions: vec!["Use figures of this quarter only".to_owned()],
        constraints,
        completed: vec!["Sources collected and stored with their date".to_owned()],
        facts: findings,
        done: vec![
            ("Every finding is covered".to_owned(), false),
            ("Every figure has a source link".to_owned(), false),
        ],
        // Tasks with contradicting rules are pushed, which is why they go round so fast.
        urgency: if rule.is_some() { "high" } else { "normal" },
        link: (it.link(), "research record"),
        payload: ("research-findings", fields),
        confidence,
        ..Draft::new(maker, to)
    };
    draft.value(rng, None)
}

fn writer(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    let it = Subject::draw(&mut job.first_rng());
    let round = job.step() / 2; // draft, review, draft, review: every second step
    let waits = job.is_bound_by(AWAIT_FIGURES);
    let contradicted = job.is_bound_by(NO_LINK) || job.is_bound_by(NO_NAME);
    // A person who lets it go on, or sends it back in other words than the reviewer's, settles it.
    let by_person = job.is_revision() && !job.feedback().iter().any(|said| *said == unsourced(it.vendor));
    let settled = contradicted && (job.is_approved() || by_person);
    let figures_came = waits && round >= 2;
    let open_issues = if (contradicted && !settled) || (waits && !figures_came) {
        1
    } else if job.is_revision() {
        // The first answer to feedback is mostly good enough, the second one always.
        u32::from(round < 2 && rng.u8(..4) == 0)
    } else {
        u32::from(rng.u8(..10) >= 7)
    };
    let mut decisions = vec!["Lead with the finding readers can act on today".to_owned()];
    if settled {
        decisions.insert(0, SETTLED.to_owned());
    }
    if figures_came {
        decisions.insert(0, format!("Figures of {} taken from the audited table", it.vendor));
    }
    let to = route(PIPELINE, "review", "article-draft", "reviewer");
    let draft = Draft {
        title: format!("Review the draft about {}", it.topic),
        goal: it.goal(),
        state: format!("Draft of {} words is in the CMS", rng.u32(1_050..1_400)),
        next: "Check facts, links and tone against the checklist; return with feedback or pass on".to_owned(),
        decisions,
        constraints: job.list("constraints"),
        completed: vec!["Draft written from the findings".to_owned(), "Style check passed".to_owned()],
        facts: job.list("key_facts"),
        done: vec![
            ("Every finding is covered".to_owned(), true),
            ("Every figure has a source link".to_owned(), open_issues == 0),
        ],
        urgency: if contradicted || waits { "high" } else { "normal" },
        link: (it.link(), "research record"),
        payload: (
            "content-ops",
            json!({
                "draft_status": "in_review",
                "links": [{"url": format!("https://cms.example/draft/{}", it.record), "label": "draft"}],
                "checks_completed": ["style", "spelling"], "blockers": [],
                "publishing_requirements": ["one picture", "a summary of two sentences"],
            }),
        ),
        open_issues,
        confidence: 0.6 + rng.f64() * 0.35,
        effects: vec![Effect {
            system: "cms",
            resource: format!("cms/draft/{}", it.record),
            op: if job.is_revision() { "update" } else { "create" },
            undo: Some(format!("DELETE https://cms.example/draft/{}", it.record)),
        }],
        ..Draft::new(&WRITER, to)
    };
    // The same words again are the same work; whoever tries something else says so.
    let same_again = !settled && (job.is_bound_by(NO_NAME) || (waits && !figures_came));
    let mut draft = if same_again { draft } else { changed(draft, job) };
    if job.is_bound_by(NO_LINK) && job.is_revision() {
        draft.decisions.push(format!("Draft {}: moved the figures of {} to a table", round + 1, it.vendor));
    }
    let mut value = draft.value(rng, job.key().as_ref());
    // The new prompt of research leads to thin drafts: the writer cannot tell which checks to run.
    if job.contract["provenance"]["prompt"]["version"] == "18"
        && let Some(fields) = value.pointer_mut("/working_memory/payload/fields").and_then(Value::as_object_mut)
    {
        fields.remove("checks_completed");
    }
    let mut plan = Plan::usual(rng, End::Complete(vec![value])).or_hiccup(job, rng);
    if figures_came {
        plan.work = 220.0; // finance takes its time
    }
    plan
}

/// Note of the writer when a person has settled the contradiction.
const SETTLED: &str = "Settled by a person: left as it is, with a note to the reader";

/// Complaint that the reviewer makes again and again.
fn unsourced(vendor: &str) -> String {
    format!("The price of {vendor} has no source link")
}

fn reviewer(job: &Job, weather: &Weather) -> Plan {
    let rng = &mut job.rng();
    let it = Subject::draw(&mut job.first_rng());
    let settled = job.is_approved() || job.list("decisions").iter().any(|it| it == SETTLED);
    let unchecked = job.fields()["checks_completed"].is_null();
    let end = if unchecked && weather.may_die() && rng.u8(..2) == 0 {
        End::Reject(
            "/working_memory/payload/fields/checks_completed",
            "is missing: a draft that passed no check is not reviewed",
        )
    } else if job.is_bound_by(AWAIT_FIGURES) && !settled && job.step() < 5 {
        End::Return(vec![format!("The figures of {} are not audited", it.vendor)])
    } else if (job.is_bound_by(NO_LINK) || job.is_bound_by(NO_NAME)) && !settled {
        End::Return(vec![unsourced(it.vendor)])
    } else if job.open_issues() > 0 && !settled && !job.is_bound_by(AWAIT_FIGURES) {
        End::Return(vec![
            "Paragraph 3 makes a claim without a source".to_owned(),
            "The summary promises more than the article holds".to_owned(),
        ])
    } else {
        let to = route(PIPELINE, "publish", "approved-article", "publisher");
        let draft = Draft {
            title: format!("Publish the article about {}", it.topic),
            goal: it.goal(),
            state: "The draft passed the review".to_owned(),
            next: "Publish it and store the address".to_owned(),
            decisions: vec!["Accepted without another round".to_owned()],
            constraints: vec!["Do not change the text".to_owned()],
            completed: vec!["Facts checked".to_owned(), "Links checked".to_owned()],
            done: vec![("The address is stored".to_owned(), false)],
            link: (it.link(), "research record"),
            payload: (
                "content-ops",
                json!({
                    "draft_status": "approved",
                    "links": [{"url": format!("https://cms.example/draft/{}", it.record), "label": "draft"}],
                    "checks_completed": ["facts", "links", "tone"],
                    "publishing_requirements": ["one picture", "a summary of two sentences"],
                }),
            ),
            ..Draft::new(&REVIEWER, to)
        };
        End::Complete(vec![draft.value(rng, job.key().as_ref())])
    };
    let mut plan = Plan::usual(rng, end);
    plan.work *= 0.4;
    // A pushed task is looked at sooner, but not by a reviewer that is well sooner than by one that is not.
    let pushed = job.contract["brief"]["urgency"] == "high";
    plan.read += weather.review_delay() * if pushed { 0.3 } else { 0.8 + rng.f64() * 0.4 };
    plan
}

fn publisher(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    Plan::done(rng).or_hiccup(job, rng)
}
