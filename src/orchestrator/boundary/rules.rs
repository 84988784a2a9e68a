//! Rules that the schema cannot say: between members, limits in bytes, and the demands of an edge.

use semver::Version;
use serde_json::Value;

use super::redact::{FIELDS, Redacted};
use super::words::shown;
use super::{CONTRACT_BYTES_MAX, Derive, FIELDS_BYTES_MAX, Flag, Registry, accepts};
use crate::domain::brief::Completeness;
use crate::domain::contract::{Contract, RelationKind, SideEffect, Strictness, Violation};
use crate::domain::json::{DEPTH_MAX, shallow};
use crate::domain::time::Time;

/// The summary a receiver reads best, in estimated tokens.
const SUMMARY_TOKENS: std::ops::RangeInclusive<u64> = 200..=500;

/// Refuses at once what would be costly to look at more closely.
pub(super) fn sizes(value: &Value, found: &mut Vec<Violation>) -> Result<(), Vec<Violation>> {
    if !shallow(value) {
        let message = format!("nested more than {DEPTH_MAX} levels deep: flatten it or pass it as a reference");
        found.push(Violation::new("", "nesting", message));
    }
    // What the server fills in is small: twice the limit cannot come down to it.
    let bytes = value.to_string().len();
    if bytes > 2 * CONTRACT_BYTES_MAX {
        found.push(too_large("", bytes, CONTRACT_BYTES_MAX));
    }
    if found.is_empty() { Ok(()) } else { Err(std::mem::take(found)) }
}

fn too_large(path: &str, bytes: usize, limit: usize) -> Violation {
    let message = format!("is {bytes} bytes, {limit} at most: store it elsewhere and pass it in working_memory.refs");
    Violation::new(path, "too_large", message)
}

/// Limits in bytes of what is stored; `bytes` is the length of the whole.
pub(super) fn limits(contract: &Contract, bytes: usize, found: &mut Vec<Violation>) {
    let fields = contract.working_memory.payload.as_ref().map(|payload| serde_json::to_vec(&payload.fields));
    if let Some(bytes) =
        fields.and_then(Result::ok).map(|fields| fields.len()).filter(|bytes| *bytes > FIELDS_BYTES_MAX)
    {
        found.push(too_large(FIELDS, bytes, FIELDS_BYTES_MAX));
    }
    if bytes > CONTRACT_BYTES_MAX {
        found.push(too_large("", bytes, CONTRACT_BYTES_MAX));
    }
}

/// Rules between members (protocol section 2, semantic checks).
pub(super) fn meaning(contract: &Contract, derive: &Derive, found: &mut Vec<Violation>) {
    let mut wrong = |path: &str, keyword: &str, message: String| {
        found.push(Violation::new(path, keyword, message));
    };
    if let Some(parent) = &contract.traceparent
        && parent.get(3..35) != Some(contract.trace_id.as_str())
    {
        let message = format!("belongs to another trace than {}", contract.trace_id);
        wrong("/traceparent", "trace_mismatch", message);
    }
    let modes = &contract.failure_modes;
    for code in modes.retryable.iter().filter(|code| modes.escalate.contains(code)) {
        let message = format!("{} is in retryable and in escalate: keep it in one of them", shown(code));
        wrong("/failure_modes/escalate", "not_disjoint", message);
    }
    let calls = contract.provenance.tool_calls.iter().map(|call| call.seq);
    if let Some((index, seq)) = out_of_order(calls) {
        let path = format!("/provenance/tool_calls/{index}/seq");
        wrong(&path, "sequence", format!("is {seq}, {} expected: tool calls are numbered 1, 2, 3 in order", index + 1));
    }
    if let Some((index, seq)) = out_of_order(contract.side_effects.iter().map(|effect| effect.seq)) {
        let path = format!("/side_effects/{index}/seq");
        wrong(
            &path,
            "sequence",
            format!("is {seq}, {} expected: side effects are numbered 1, 2, 3 in order", index + 1),
        );
    }
    if contract.relation.kind == RelationKind::Forward && contract.brief.owner != contract.target {
        let (owner, target) = (shown(&contract.brief.owner.id), shown(&contract.target.id));
        let message = format!("is {owner}, but the target is {target}: who takes over a forward handoff owns it");
        wrong("/brief/owner", "owner_mismatch", message);
    }
    if contract.relation.kind == RelationKind::Revision && contract.relation.feedback.as_ref().is_none_or(Vec::is_empty)
    {
        let message = "is missing: a revision has to say what to change".to_owned();
        wrong("/relation/feedback", "required", message);
    }
    schedule(contract, derive.now, found);
    if let Some(ledger) = &derive.effects {
        manifest(&contract.side_effects, ledger, contract.step, found);
    }
    people(contract, found);
}

/// Finds times that are past already, or can never be kept.
fn schedule(contract: &Contract, now: Time, found: &mut Vec<Violation>) {
    let deadline = contract.delivery.as_ref().and_then(|delivery| delivery.deadline);
    let start = contract.delivery.as_ref().and_then(|delivery| delivery.not_before);
    if let Some(deadline) = deadline.filter(|deadline| *deadline <= now) {
        let message = format!("{deadline} has passed already");
        found.push(Violation::new("/delivery/deadline", "deadline", message));
    } else if let Some(deadline) = deadline.filter(|deadline| start.is_some_and(|start| start >= *deadline)) {
        let message = format!("is not before the deadline {deadline}: it could never be delivered");
        found.push(Violation::new("/delivery/not_before", "deadline", message));
    }
    for (index, reference) in contract.working_memory.refs.iter().flatten().enumerate() {
        if let Some(expired) = reference.expires_at.filter(|at| *at <= now) {
            let path = format!("/working_memory/refs/{index}/expires_at");
            let message = format!("the reference expired at {expired}: store it again");
            found.push(Violation::new(path, "expired", message));
        }
    }
}

/// The first number that is not its place in the order, with its index from 0.
fn out_of_order(numbers: impl Iterator<Item = u32>) -> Option<(usize, u32)> {
    numbers.enumerate().find(|(index, number)| *number as usize != index + 1)
}

/// The manifest has to list exactly what the ledger saw; entries of earlier steps are carried on.
fn manifest(listed: &[SideEffect], ledger: &[SideEffect], step: u32, found: &mut Vec<Violation>) {
    let same = |one: &SideEffect, other: &SideEffect| {
        one.effect_key == other.effect_key
            && one.system == other.system
            && one.resource == other.resource
            && one.op == other.op
            && one.status == other.status
    };
    for effect in ledger.iter().filter(|effect| !listed.iter().any(|listed| same(listed, effect))) {
        let what = shown(&format!("{} {}", effect.system, effect.resource));
        let message = format!(
            "does not list {what} as the effects ledger has it: leave side_effects out, the server fills it in"
        );
        found.push(Violation::new("/side_effects", "manifest_mismatch", message));
    }
    for (index, effect) in listed.iter().enumerate() {
        let carried = effect.origin_step.is_some_and(|origin| origin.saturating_add(1) < step);
        if !carried && !ledger.iter().any(|known| same(known, effect)) {
            let what = shown(&format!("{} {}", effect.system, effect.resource));
            let message = format!("{what} is not in the effects ledger: plan and commit it there, or remove it");
            found.push(Violation::new(format!("/side_effects/{index}"), "manifest_mismatch", message));
        }
    }
}

/// People cannot ask back as fast as agents: they get the whole brief.
fn people(contract: &Contract, found: &mut Vec<Violation>) {
    if !contract.target.kind.is_people() {
        return;
    }
    let brief = &contract.brief;
    let parts = [
        ("decisions", brief.decisions.is_some()),
        ("constraints", brief.constraints.is_some()),
        ("source_links", brief.source_links.is_some()),
        ("urgency", brief.urgency.is_some()),
        ("escalation_reason", brief.escalation_reason.is_some()),
    ];
    for (name, _) in parts.into_iter().filter(|(_, present)| !present) {
        let message = format!(
            "\"{name}\" is missing: a handoff to a human or a team needs the whole brief (an empty list says \"none\")"
        );
        let message = if matches!(name, "urgency" | "escalation_reason") {
            format!("\"{name}\" is missing: a handoff to a human or a team has to say it")
        } else {
            message
        };
        found.push(Violation::new(format!("/brief/{name}"), "required", message));
    }
}

/// The payload against its registered schema.
pub(super) fn payload(
    registry: &Registry,
    contract: &Contract,
    derive: &Derive,
    redacted: &Redacted,
    flags: &mut Vec<Flag>,
    found: &mut Vec<Violation>,
) {
    let Some(payload) = &contract.working_memory.payload else {
        return;
    };
    let name = shown(&payload.schema);
    if !registry.knows(&payload.schema) {
        flags.push(Flag::UnregisteredPayload);
        if derive.strictness == Strictness::Strict {
            let message = format!("no schema {name} is registered, and this edge accepts only payloads it can check");
            found.push(Violation::new("/working_memory/payload/schema", "payload_schema", message));
        }
        return;
    }
    // A version that is none was reported by the contract's schema.
    let Ok(version) = Version::parse(&payload.version) else {
        return;
    };
    let fields = Value::Object(payload.fields.clone());
    if let Some(wrong) = registry.validate(&payload.schema, &version, &fields, FIELDS) {
        // A text stands for what is redacted, whatever it was; a field that nobody knows is wrong all the same.
        let unknown = |it: &Violation| it.keyword.ends_with("Properties");
        found.extend(wrong.into_iter().filter(|it| unknown(it) || !redacted.covers(&it.path)));
        return;
    }
    let known: Vec<String> = registry.versions(&payload.schema).map(ToString::to_string).collect();
    let message = format!("version {version} of {name} is not supported: registered are {}", known.join(", "));
    let path = "/working_memory/payload/version";
    found.push(Violation::new(path, "unsupported-schema-version", message));
}

/// Whether the payload is of a version that its consumer reads, as far as that is known: by the policy of the edge, else by
/// what was handed over on it before.
pub(super) fn version_read(
    contract: &Contract,
    derive: &Derive,
    flags: &mut Vec<Flag>,
    found: &mut Vec<Violation>,
) -> bool {
    let Some(payload) = &contract.working_memory.payload else { return true };
    // A version that is none was reported by the contract's schema.
    let Ok(version) = Version::parse(&payload.version) else { return false };
    let name = shown(&payload.schema);
    let mut refuse = |message: String| {
        let path = "/working_memory/payload/version";
        found.push(Violation::new(path, "unsupported-schema-version", message));
    };
    match (&derive.consumer, &derive.last_payload) {
        (Some(consumer), _) if !accepts(consumer, &version) => {
            refuse(format!("version {version} of {name} is not read on this edge: its consumer reads {consumer}"));
            return false;
        }
        (None, Some(last)) if !accepts(last, &version) => {
            flags.push(Flag::PayloadMajorChanged);
            if derive.strictness == Strictness::Strict {
                refuse(format!(
                    "version {version} of {name} is not what this edge delivered last, {last}: once its consumer reads it, say \
                     consumer = \"{version}\" in the policy of the edge"
                ));
            }
        }
        _ => {}
    }
    true
}

/// Finds violations of the edge's strictness.
pub(super) fn demands(
    contract: &Contract,
    completeness: &Completeness,
    derive: &Derive,
    flags: &mut Vec<Flag>,
    found: &mut Vec<Violation>,
) {
    let strict = derive.strictness == Strictness::Strict;
    let summary = contract.working_memory.summary.as_ref();
    let tokens = summary.map(crate::domain::contract::Summary::estimated_tokens);
    let fits = tokens.is_some_and(|tokens| SUMMARY_TOKENS.contains(&tokens));
    if tokens.is_some() && !fits {
        flags.push(Flag::SummarySize);
    }
    if !strict {
        return;
    }
    let mut wrong = |path: &str, keyword: &str, message: String| {
        found.push(Violation::new(path, keyword, message));
    };
    match tokens {
        None => wrong("/working_memory/summary", "required", "is missing and this edge requires it".to_owned()),
        Some(tokens) if !fits => {
            let message = format!("is about {tokens} tokens (bytes / 4): 200 to 500 expected on this edge");
            wrong("/working_memory/summary/text", "summary_size", message);
        }
        Some(_) => {}
    }
    if contract.working_memory.payload.is_none() {
        let message = "is missing and this edge requires a payload with a registered schema".to_owned();
        wrong("/working_memory/payload", "required", message);
    }
    if completeness.score < derive.completeness_min {
        let most: Vec<&str> = completeness.missing.iter().take(3).map(|missing| missing.path.as_str()).collect();
        let message = format!(
            "completeness is {}, {} expected on this edge: add {} first",
            completeness.score,
            derive.completeness_min,
            most.join(", ")
        );
        wrong("/brief", "completeness", message);
    }
}
