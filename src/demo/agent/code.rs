//! `code-to-docs`: a coder hands changes to a documentation writer; security advisories pass a person.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Job, Plan, Role, Spring, Twist, changed, proposal, route};
use crate::demo::draft::{Draft, Effect, Maker};
use crate::demo::weather::Weather;
use crate::demo::words::{CHANGES, FILES, pick, some};

const PIPELINE: (&str, &str) = ("code-to-docs", "1.1.0");

/// Text of a change that has to be announced at once.
const SECURITY: &str = "Closes a hole that strangers can use";

const CODER: Maker = Maker {
    agent: "coder",
    version: "6.0.0",
    model: Some(("atlas-code", "2026-06")),
    prompt: Some(("change-notes", "8")),
    tools: &["repo.diff", "tests.run", "repo.merge"],
};
const DOC_WRITER: Maker = Maker {
    agent: "doc-writer",
    version: "2.2.0",
    model: Some(("atlas-large", "2026-07")),
    prompt: Some(("docs-update", "5")),
    tools: &["docs.read", "docs.save"],
};

pub(in crate::demo) const SPRING: Spring =
    Spring { agent: "coder", every: 4.0, twists: &[(16.0, 660.0, Twist::Advisory)], write: coder };

pub(in crate::demo) const ROLES: [Role; 3] = [
    Role { name: "doc-writer", hands: 6, decide: doc_writer },
    Role { name: "docs-site", hands: 4, decide: finish },
    Role { name: "advisories", hands: 2, decide: finish },
];

struct Change {
    what: &'static str,
    number: u32,
}

impl Change {
    fn draw(rng: &mut Rng) -> Self {
        Self { what: pick(rng, CHANGES), number: rng.u32(1_200..4_800) }
    }

    fn link(&self) -> (String, &'static str) {
        (format!("https://git.example/changes/{}", self.number), "change")
    }
}

fn coder(twist: Twist, rng: &mut Rng, _: &Weather) -> Value {
    let change = Change::draw(rng);
    let to = route(PIPELINE, "document", "code-change", "doc-writer");
    let count = rng.usize(2..6);
    let draft = Draft {
        title: format!("Document change {}: {}", change.number, change.what),
        goal: "Users find the new behaviour where they look for it".to_owned(),
        state: "Merged; all tests pass".to_owned(),
        next: "Update the guide and the changelog from this summary".to_owned(),
        decisions: vec!["The old setting stays for two releases".to_owned()],
        constraints: vec!["Do not mention customers".to_owned()],
        completed: vec!["Code reviewed and merged".to_owned()],
        facts: if twist == Twist::Advisory { vec![SECURITY.to_owned()] } else { vec![change.what.to_owned()] },
        done: vec![("Guide updated".to_owned(), false), ("Changelog has one line".to_owned(), false)],
        urgency: if twist == Twist::Advisory { "critical" } else { "normal" },
        link: change.link(),
        payload: (
            "code-change",
            json!({
                "summary": change.what, "files_changed": some(rng, FILES, count),
                "testing_status": if rng.u8(..8) == 0 { "partial" } else { "passed" },
            }),
        ),
        ..Draft::new(&CODER, to)
    };
    draft.value(rng, None)
}

fn doc_writer(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    let change = Change::draw(&mut job.first_rng());
    let security = job.list("key_facts").iter().any(|it| it == SECURITY);
    let (stage, to) = if security { ("announce", "advisories") } else { ("publish", "docs-site") };
    let title = if security {
        format!("Publish the security advisory for change {}", change.number)
    } else {
        format!("Publish the guide for change {}", change.number)
    };
    let args = json!({"change": change.number, "to": "all customers", "mail": true});
    let draft = Draft {
        title,
        goal: job.brief("goal"),
        state: "Guide and changelog are written".to_owned(),
        next: if security { "Publish the advisory and mail it to all customers" } else { "Publish both pages" }
            .to_owned(),
        decisions: vec!["One page, linked from the release notes".to_owned()],
        constraints: vec!["Do not describe how the hole was used".to_owned()],
        completed: vec!["Guide written".to_owned(), "Changelog line written".to_owned()],
        facts: job.list("key_facts"),
        done: vec![("The page is public".to_owned(), false)],
        approvals: if security { vec!["Security: wording and time".to_owned()] } else { vec![] },
        urgency: if security { "critical" } else { "normal" },
        link: change.link(),
        payload: (
            "content-ops",
            json!({
                "draft_status": "approved",
                "links": [{"url": change.link().0, "label": "change"}],
                "checks_completed": ["spelling", "links"],
                "publishing_requirements": ["linked from the release notes"],
            }),
        ),
        effects: vec![Effect {
            system: "docs",
            resource: format!("docs/draft/{}", change.number),
            op: "create",
            undo: Some(format!("DELETE https://docs.example/draft/{}", change.number)),
        }],
        ext: security.then(|| proposal("advisory.publish", &args)),
        ..Draft::new(&DOC_WRITER, route(PIPELINE, stage, "documentation", to))
    };
    Plan::on(changed(draft, job), job, rng).or_hiccup(job, rng)
}

fn finish(job: &Job, _: &Weather) -> Plan {
    let rng = &mut job.rng();
    Plan::done(rng).or_hiccup(job, rng)
}
