//! Every contract of the story goes through the boundary of the orchestrator, chain by chain.

use semver::Version;

use super::*;
use crate::demo::SCHEMAS;
use crate::demo::weather::Open;
use crate::domain::contract::{Party, Relation, RelationKind, Violation};
use crate::domain::key::TraceId;
use crate::domain::time::Time;
use crate::orchestrator::boundary::{Admitted, Derive, Registry, admit};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn weather(at: f64) -> Weather {
    Weather { at, open: Open::default() }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    for (name, schema) in SCHEMAS {
        let schema = serde_json::from_str(schema).unwrap();
        registry.put(name, &Version::new(1, 0, 0), schema).unwrap();
    }
    registry
}

fn sent(contract: &Value, from: &str, step: u32, relation: Relation) -> Result<Admitted, Vec<Violation>> {
    let trace = TraceId::parse(TRACE).unwrap();
    let at = Time::from_millis(1_800_000_000_000);
    let derive = Derive::new(Party::agent(from), trace, step, "", relation, at);
    admit(&registry(), contract, &derive)
}

fn role(name: &str) -> Role {
    let all = article::ROLES.into_iter().chain(support::ROLES).chain(code::ROLES).chain(lead::ROLES);
    all.into_iter().find(|it| it.name == name).unwrap()
}

fn springs() -> [Spring; 4] {
    [article::SPRING, support::SPRING, code::SPRING, lead::SPRING]
}

fn first(spring: &Spring, twist: Twist, at: f64, seed: u64) -> Value {
    (spring.write)(twist, &mut Rng::with_seed(seed), &weather(at))
}

/// What the agents do with a contract, one after the other: each is `name: end`.
fn story(spring: &Spring, twist: Twist, approve: bool) -> Vec<String> {
    let run = u64::from_str_radix(&TRACE[..16], 16).unwrap();
    let mut contract = first(spring, twist, 1.0, run);
    let mut from = spring.agent.to_owned();
    let mut relation = Relation::initial();
    let mut told = Vec::new();
    for step in 0..12 {
        let admitted = sent(&contract, &from, step, relation).unwrap();
        assert!(admitted.flags.is_empty(), "{:?}", admitted.flags);
        let name = admitted.contract.target.id.clone();
        let job = Job {
            contract: admitted.value.clone(),
            attempt: 2, // no hiccup
            epoch: 0,
            resolution: approve.then(|| json!({"answer": "approve"})),
        };
        let plan = (role(&name).decide)(&job, &weather(1.0));
        match plan.end {
            End::Complete(next) => {
                told.push(format!("{name}: done"));
                let Some(next) = next.into_iter().next() else {
                    return told;
                };
                (contract, from, relation) = (next, name, Relation::plain(RelationKind::Forward));
            }
            End::Return(feedback) => {
                told.push(format!("{name}: return"));
                // As the orchestrator does it: the contract turned round.
                contract = admitted.value.clone();
                for derived in ["idempotency_key", "step", "source", "relation"] {
                    contract.as_object_mut().unwrap().remove(derived);
                }
                contract["side_effects"] = json!([]);
                contract["target"] = json!(admitted.contract.source);
                contract["provenance"]["agent"] = json!({"name": name, "version": "unspecified"});
                contract["quality"]["open_issues"] = feedback.len().into();
                from = name;
                relation = Relation { feedback: Some(feedback), ..Relation::plain(RelationKind::Revision) };
            }
            End::Fail(code, _) => {
                told.push(format!("{name}: {code}"));
                return told;
            }
            End::Reject(path, _) => {
                told.push(format!("{name}: {path}"));
                return told;
            }
        }
    }
    told
}

#[test]
fn every_contract_of_every_run_is_valid() {
    for spring in springs() {
        let twists = spring.twists.iter().map(|(_, _, twist)| *twist);
        for twist in twists.chain([Twist::Plain]) {
            for approve in [false, true] {
                let told = story(&spring, twist, approve);
                assert!(!told.is_empty(), "{} {twist:?}", spring.agent);
            }
        }
    }
}

#[test]
fn prompt_18_and_only_prompt_18_drops_the_confidence() {
    let broken: Vec<u64> = (0..60)
        .filter(|seed| {
            sent(&first(&article::SPRING, Twist::Plain, 60.0, *seed), "research", 0, Relation::initial()).is_err()
        })
        .collect();
    assert!(broken.len() > 5 && broken.len() < 30, "{broken:?}");
    for seed in broken {
        let contract = first(&article::SPRING, Twist::Plain, 60.0, seed);
        assert_eq!(contract["provenance"]["prompt"]["version"], "18");
        let violations = sent(&contract, "research", 0, Relation::initial()).unwrap_err();
        let found: Vec<(&str, &str)> = violations.iter().map(|it| (&*it.path, &*it.keyword)).collect();
        assert_eq!(found, [("/working_memory/payload/fields/confidence", "required")]);
        let before = first(&article::SPRING, Twist::Plain, 1.0, seed);
        assert!(sent(&before, "research", 0, Relation::initial()).is_ok());
    }
}

#[test]
fn contradicting_rules_go_round_until_a_person_settles_them() {
    for twist in [Twist::Circles, Twist::SameDraft] {
        let told = story(&article::SPRING, twist, false);
        let returns = told.iter().filter(|it| *it == "reviewer: return").count();
        assert!(returns > 4, "{told:?}");
        let settled = story(&article::SPRING, twist, true);
        assert_eq!(settled, ["writer: done", "reviewer: done", "publisher: done"]);
    }
    let waiting = story(&article::SPRING, Twist::Stalled, false);
    assert_eq!(waiting.iter().filter(|it| *it == "reviewer: return").count(), 2, "{waiting:?}");
    assert_eq!(waiting.last().unwrap(), "publisher: done");
}

#[test]
fn what_people_send_back_comes_again_with_something_changed() {
    for (spring, twist, from) in
        [(support::SPRING, Twist::Approval, "billing"), (lead::SPRING, Twist::Approval, "sales")]
    {
        let run = u64::from_str_radix(&TRACE[..16], 16).unwrap();
        let job = |contract: Value| Job { contract, attempt: 2, epoch: 0, resolution: None };
        let next = |mut contract: Value| {
            contract["trace_id"] = TRACE.into();
            let End::Complete(mut next) = (role(from).decide)(&job(contract), &weather(1.0)).end else {
                panic!("{from} hands on");
            };
            next.remove(0)
        };
        let asked = next(first(&spring, twist, 1.0, run));
        let mut back = asked.clone();
        back["relation"] = json!({"type": "revision", "feedback": ["Too much"]});
        let again = next(back);
        assert_ne!(again["working_memory"]["payload"], asked["working_memory"]["payload"]);
        assert_eq!(again["brief"]["decisions"][0], "Changed on request: Too much");
        assert_eq!(again["target"], asked["target"]);
    }
}

#[test]
fn the_crm_takes_whatever_a_person_has_put_back() {
    let mut job = Job { contract: json!({"trace_id": TRACE, "step": 2}), attempt: 1, epoch: 0, resolution: None };
    let during = weather(60.0);
    let ends = |job: &Job| (role("crm").decide)(job, &during).end;
    assert!(matches!(ends(&job), End::Fail("timeout", _)));
    job.epoch = 1;
    assert!(matches!(ends(&job), End::Complete(_)));
}
