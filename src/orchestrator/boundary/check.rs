//! A contract explained to its author: every violation, the six fields, completeness line by line.

use serde::Serialize;
use serde_json::Value;

use super::{Derive, Flag, Registry, admit, with_rounded};
use crate::domain::brief::Completeness;
use crate::domain::contract::{Party, Relation, RelationKind, Strictness, Violation};
use crate::domain::json::{self, Read};
use crate::domain::key::TraceId;
use crate::domain::text::shown;
use crate::domain::time::Time;

/// Everything there is to say about a contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The violations, ordered by path. Empty: an edge of this strictness would deliver it.
    pub violations: Vec<Violation>,
    /// The six fields in their order.
    pub six: Vec<FieldReport>,
    /// Completeness of the brief; `None` when the contract is too broken to tell.
    pub completeness: Option<Completeness>,
    /// Flags worth knowing, but no violations.
    pub flags: Vec<Flag>,
    /// What this check did not look at, each in a sentence with what to do about it; never empty, as only the edge itself
    /// knows its policy.
    pub unseen: Vec<String>,
    /// The digest of the stored form; `None` when it would be refused.
    pub digest: Option<String>,
}

/// One of the six fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldReport {
    /// Name of the field.
    pub name: &'static str,
    /// Whether it is as it has to be.
    pub fine: bool,
    /// Whether it was left out and the server fills it in.
    pub derived: bool,
    /// Whether it was left out and only its source could say it.
    pub undeclared: bool,
    /// The violation, or how the field was filled in; empty when there is nothing to say.
    pub note: String,
}

/// The six fields every stored contract has.
const SIX: [&str; 6] = ["schema_version", "idempotency_key", "trace_id", "provenance", "side_effects", "failure_modes"];

/// Checks contract text as an edge of this strictness would, with `completeness_min` for a strict one. Position and
/// source are taken from the contract itself where it states them.
pub fn check(registry: &Registry, text: &[u8], strictness: Strictness, completeness_min: u8, now: Time) -> Report {
    let Read { value, rounded } = match json::read(text) {
        Ok(read) => read,
        Err(violation) => {
            let six = SIX.map(|name| FieldReport {
                name,
                fine: false,
                derived: false,
                undeclared: false,
                note: "not read".to_owned(),
            });
            return Report {
                violations: vec![violation],
                six: six.into(),
                completeness: None,
                flags: Vec::new(),
                unseen: vec!["anything: it could not be read".to_owned()],
                digest: None,
            };
        }
    };
    let mut derive = own_words(&value, now);
    derive.strictness = strictness;
    derive.completeness_min = completeness_min;
    let refused =
        admit(registry, &value, &derive).map_err(|violations| (violations, observed(registry, &value, &derive)));
    let (mut violations, completeness, flags, mut digest) = match refused {
        Ok(admitted) => (admitted.violations, Some(admitted.completeness), admitted.flags, Some(admitted.digest)),
        Err((violations, observed)) => {
            let (completeness, flags) = observed.map_or((None, Vec::new()), |(score, flags)| (Some(score), flags));
            (violations, completeness, flags, None)
        }
    };
    if !rounded.is_empty() {
        violations = with_rounded(violations, rounded);
        digest = None;
    }
    Report {
        six: six_fields(&value, &violations),
        unseen: unseen(registry, &value),
        violations,
        completeness,
        flags,
        digest,
    }
}

/// Completeness and flags of a contract that is refused but can be represented.
fn observed(registry: &Registry, value: &Value, derive: &Derive) -> Option<(Completeness, Vec<Flag>)> {
    let derive = Derive { strictness: Strictness::Observe, ..derive.clone() };
    admit(registry, value, &derive).ok().map(|admitted| (admitted.completeness, admitted.flags))
}

/// The server's knowledge of a handoff if the contract told the truth about itself.
fn own_words(value: &Value, now: Time) -> Derive {
    fn said<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
        value.get(name).cloned().and_then(|value| serde_json::from_value(value).ok())
    }
    const ANY_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let agent = value.pointer("/provenance/agent/name").and_then(Value::as_str).unwrap_or("producer");
    let step: u32 = said(value, "step").unwrap_or_default();
    let kind = if step == 0 { RelationKind::Initial } else { RelationKind::Forward };
    Derive::new(
        said(value, "source").unwrap_or_else(|| Party::agent(agent)),
        said(value, "trace_id")
            .unwrap_or_else(|| TraceId::parse(ANY_TRACE).expect("the constant is 32 hexadecimal digits")),
        step,
        said::<String>(value, "branch")
            .filter(|branch| crate::domain::key::check_branch(branch).is_ok())
            .unwrap_or_default(),
        said(value, "relation").unwrap_or_else(|| Relation::plain(kind)),
        now,
    )
}

/// What cannot be known without the server that the contract is for.
fn unseen(registry: &Registry, value: &Value) -> Vec<String> {
    let mut unseen = Vec::new();
    if let Some(schema) = value.pointer("/working_memory/payload/schema").and_then(Value::as_str)
        && !registry.knows(schema)
    {
        unseen.push(format!("the payload fields: no schema {} is known here; give it, or register it", shown(schema)));
    }
    let refs = value.pointer("/working_memory/refs").and_then(Value::as_array);
    if refs.is_some_and(|it| !it.is_empty()) {
        unseen.push("whether the references can be fetched, and are what their digests say".to_owned());
    }
    unseen.push(
        "the policy of the edge (strictness, consumer, approval) and what was handed over on it before".to_owned(),
    );
    unseen.push("the run: whether the source takes part in it, and whether its place is free".to_owned());
    unseen
}

fn six_fields(value: &Value, violations: &[Violation]) -> Vec<FieldReport> {
    let report = |name: &'static str| {
        let path = format!("/{name}");
        let inside = |found: &&Violation| found.path == path || found.path.starts_with(&format!("{path}/"));
        let wrong: Vec<String> = violations.iter().filter(inside).map(ToString::to_string).collect();
        let derived = value.get(name).is_none();
        let undeclared = name == "side_effects" && derived && wrong.is_empty();
        let note = if !wrong.is_empty() {
            wrong.join("; ")
        } else if undeclared {
            "left out: nobody can tell what was written; say [] for nothing".to_owned()
        } else if derived {
            "left out: the server fills it in".to_owned()
        } else {
            String::new()
        };
        // A document that is no object has a violation at its top and no fields at all.
        let fine = wrong.is_empty() && value.is_object();
        FieldReport { name, fine, derived: derived && wrong.is_empty(), undeclared, note }
    };
    SIX.map(report).into()
}
