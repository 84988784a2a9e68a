//! The boundary: the checks before anything crosses an edge (protocol section 2).
//!
//! [`admit`] turns a producer's JSON into a stored [`Contract`] or lists every violation,
//! [`amend()`] applies an approver's edit, [`check()`] explains a contract to its author. All of them are pure:
//! time and identity come in as arguments.

mod amend;
mod check;
mod compat;
mod derive;
mod redact;
mod registry;
mod rules;
mod unmask;
mod words;

pub use amend::amend;
pub use check::{Report, check};
pub use compat::accepts;
pub use derive::Derive;
pub use redact::{HashKey, needs_key, redact_refused};
pub use registry::{PutError, Registry};
pub use unmask::{uncovered, unmasked_diff};

use std::sync::LazyLock;

use jsonschema::Validator;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::brief::{Completeness, completeness};
use crate::domain::canonical::canonical;
use crate::domain::contract::{
    Contract, SCHEMA_VERSION, SIDE_EFFECTS_UNDECLARED, Strictness, Violation, digest_of_bytes,
};
use crate::domain::fingerprint;
use crate::domain::json::exact_numbers;
use words::shown;

/// The JSON Schema of a contract as a producer sends it.
pub const CONTRACT_SCHEMA: &str = include_str!("schema/contract.json");

/// The largest contract, in bytes of its shortest JSON text.
pub const CONTRACT_BYTES_MAX: usize = 65_536;
/// The largest `working_memory.payload.fields`, in bytes of its shortest JSON text.
pub const FIELDS_BYTES_MAX: usize = 32_768;

static CONTRACT: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(CONTRACT_SCHEMA).expect("the shipped schema is JSON: a test reads it");
    registry::validator(&schema).expect("the shipped schema is valid: a test compiles it")
});

/// Something about an admitted contract that is worth showing, but no violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The summary is outside 200 to 500 tokens.
    SummarySize,
    /// The payload's schema is not registered, so its fields were not checked.
    UnregisteredPayload,
    /// The payload is of another major version than the one before it on this edge.
    PayloadMajorChanged,
    /// The source left out what it wrote to the outside; the empty list that is stored is not its word.
    SideEffectsUndeclared,
}

impl Flag {
    /// The name used in events and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::SummarySize => "summary_size",
            Self::UnregisteredPayload => "unregistered_payload",
            Self::PayloadMajorChanged => "payload_major_changed",
            Self::SideEffectsUndeclared => SIDE_EFFECTS_UNDECLARED,
        }
    }
}

/// A contract that may cross the edge.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The contract in its full stored form.
    pub contract: Contract,
    /// The same contract as JSON.
    pub value: Value,
    /// Its RFC 8785 bytes: what is stored.
    pub bytes: Vec<u8>,
    /// Digest of those bytes.
    pub digest: String,
    /// Completeness of the brief, with its reasons.
    pub completeness: Completeness,
    /// Flags worth showing, but no violations.
    pub flags: Vec<Flag>,
    /// JSON pointers of payload fields that did not cross; only the names are kept.
    pub dropped: Vec<String>,
    /// Fingerprint of the work, which the loop verdict compares.
    pub work_fingerprint: String,
    /// Violations although it was delivered; empty unless the edge only observes.
    pub violations: Vec<Violation>,
}

/// Checks a producer's contract and fills in what it may leave out.
///
/// # Errors
/// Every violation, ordered by path. An observing edge ([`Strictness::Observe`]) fails only when the contract
/// cannot be represented at all.
pub fn admit(registry: &Registry, value: &Value, derive: &Derive) -> Result<Admitted, Vec<Violation>> {
    let observe = derive.strictness == Strictness::Observe;
    let mut found = Vec::new();
    rules::sizes(value, &mut found)?;
    let mut value = value.clone();
    exact_numbers(&mut value, &mut found);
    if let Some(foreign) = foreign_version(&value) {
        // The rules of another version are unknown, so nothing else is said about it.
        if !observe {
            return Err(vec![foreign]);
        }
        found.push(foreign);
    }
    found.extend(CONTRACT.iter_errors(&value).flat_map(|error| words::violations(&error, "")));
    let Value::Object(members) = &mut value else {
        return Err(sorted(found));
    };
    let declared = members.contains_key("side_effects") || derive.effects.is_some();
    derive::fill(members, derive, &mut found);
    let redacted = redact::redact(&mut value, derive.hash_key.as_ref());
    redact::undone(&value, &mut found);
    still_fits(&value, &redacted, &mut found);
    let mut contract: Contract = match serde_json::from_value(value) {
        Ok(contract) => contract,
        Err(why) => {
            if found.is_empty() {
                found.push(Violation::new("", "type", format!("the contract cannot be read: {why}")));
            }
            return Err(sorted(found));
        }
    };
    let mut flags = Vec::new();
    if !declared {
        flags.push(Flag::SideEffectsUndeclared);
    }
    rules::meaning(&contract, derive, &mut found);
    rules::payload(registry, &contract, derive, &redacted, &mut flags, &mut found);
    let read = rules::version_read(&contract, derive, &mut flags, &mut found);
    let mut dropped = redacted.dropped;
    let completeness = completeness(&contract);
    rules::demands(&contract, &completeness, derive, &mut flags, &mut found);
    // Of a version that its consumer does not read nothing is known that could be left out: an edge that lets it pass
    // delivers all of it.
    if let (Some(payload), Some(consumer)) =
        (&mut contract.working_memory.payload, derive.consumer.as_ref().filter(|_| read))
    {
        let (kept, names) = registry.project(&payload.schema, consumer, &payload.fields);
        payload.fields = kept;
        dropped.extend(names.into_iter().map(|name| format!("{}{name}", redact::FIELDS)));
    }
    let value = contract.to_value();
    let bytes = canonical(&value);
    rules::limits(&contract, bytes.len(), &mut found);
    let violations = sorted(found);
    // Where something is stored that the producer wanted out, it does not help that its edge only looks on.
    let refused = |it: &Violation| !observe || it.keyword == redact::UNDONE;
    if violations.iter().any(refused) {
        return Err(violations);
    }
    Ok(Admitted {
        digest: digest_of_bytes(&bytes),
        bytes,
        work_fingerprint: fingerprint::work(&contract, &derive.volatile),
        contract,
        value,
        completeness,
        flags,
        dropped,
        violations,
    })
}

/// What is wrong with a contract, with the numbers in its text that could not be kept.
pub fn with_rounded(mut found: Vec<Violation>, rounded: Vec<Violation>) -> Vec<Violation> {
    // Of the same number less is known once it is read.
    found.retain(|it| it.keyword != "number" || !rounded.iter().any(|text| text.path == it.path));
    found.extend(rounded);
    sorted(found)
}

/// Finds redactions that leave no contract: a text cannot stand everywhere. What is redacted of the payload is judged, if by
/// anybody, by its own schema.
fn still_fits(value: &Value, redacted: &redact::Redacted, found: &mut Vec<Violation>) {
    if redacted.covered.iter().all(|it| it.starts_with(redact::FIELDS)) {
        return;
    }
    let wrong = CONTRACT.iter_errors(value).flat_map(|error| words::violations(&error, ""));
    found.extend(wrong.filter(|it| redacted.covers(&it.path)).map(|it| {
        let message = format!("no mask or hash can stand here ({}): leave this redaction out", it.keyword);
        Violation::new(it.path, redact::UNDONE, message)
    }));
}

fn sorted(mut found: Vec<Violation>) -> Vec<Violation> {
    found.sort();
    found.dedup();
    found
}

/// A declared contract version that this program does not read.
fn foreign_version(value: &Value) -> Option<Violation> {
    let declared = value.get("schema_version")?.as_str()?;
    let version = Version::parse(declared).ok()?;
    let known = Version::parse(SCHEMA_VERSION).ok()?;
    if accepts(&known, &version) {
        return None;
    }
    let declared = shown(declared);
    let message = format!("contract version {declared} is not supported: {}.x is, up to {SCHEMA_VERSION}", known.major);
    Some(Violation::new("/schema_version", "unsupported-schema-version", message))
}

#[cfg(test)]
mod tests;
