//! The boundary as a whole.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::contract::{EXAMPLE, Party, Relation, RelationKind, Urgency, digest, example};
use crate::domain::json::parse;
use crate::domain::key::TraceId;
use crate::domain::pointer::child;
use crate::domain::time::Time;

fn sent() -> Value {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn now() -> Time {
    Time::parse("2026-08-20T10:00:03Z").unwrap()
}

fn derive() -> Derive {
    let trace = TraceId::parse("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
    let relation =
        Relation { of: Some("0198f3aa-research-1".into()), cycle: Some(0), ..Relation::plain(RelationKind::Forward) };
    Derive::new(Party::agent("research"), trace, 2, "", relation, now())
}

fn strictly(strictness: Strictness) -> Derive {
    Derive { strictness, ..derive() }
}

fn admitted(value: &Value) -> Result<Admitted, Vec<Violation>> {
    admit(&Registry::new(), value, &derive())
}

/// The path and keyword of everything wrong after an edit of the example.
fn wrong_with(derive: &Derive, edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut value = sent();
    edit(&mut value);
    let found = admit(&Registry::new(), &value, derive).map(|_| ()).unwrap_err();
    found.into_iter().map(|violation| (violation.path, violation.keyword)).collect()
}

fn wrong(edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    wrong_with(&derive(), edit)
}

fn remove(value: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
}

macro_rules! finds {
    ($found:expr, $(($path:expr, $keyword:expr)),+ $(,)?) => {
        assert_eq!($found, [$(($path.to_owned(), $keyword.to_owned())),+])
    };
}

#[test]
fn the_example_is_admitted_at_every_strictness_and_reads_the_same() {
    for strictness in [Strictness::Observe, Strictness::Standard, Strictness::Strict] {
        let derive = Derive { completeness_min: 80, ..strictly(strictness) };
        let admitted = admit(&Registry::new(), &sent(), &derive).unwrap();
        assert_eq!(admitted.contract, example());
        assert_eq!(admitted.value, example().to_value());
        assert_eq!(admitted.digest, digest(&admitted.value));
        assert_eq!(admitted.completeness.score, 88);
        assert_eq!((admitted.violations, admitted.flags, admitted.dropped), (vec![], vec![], vec![]));
    }
}

#[test]
fn admitting_what_is_stored_changes_nothing() {
    let first = admitted(&sent()).unwrap();
    let second = admitted(&first.value).unwrap();
    assert_eq!((first.value, first.digest), (second.value, second.digest));
}

#[test]
fn what_can_be_derived_may_be_left_out() {
    let mut value = sent();
    for path in [
        "/schema_version",
        "/idempotency_key",
        "/trace_id",
        "/step",
        "/branch",
        "/source",
        "/relation",
        "/side_effects",
    ] {
        remove(&mut value, path);
    }
    remove(&mut value, "/provenance/agent");
    remove(&mut value, "/traceparent");
    let ledger = example().side_effects;
    let derive = Derive { effects: Some(ledger.clone()), ..derive() };
    let contract = admit(&Registry::new(), &value, &derive).unwrap().contract;
    assert_eq!(contract.side_effects, ledger);
    assert_eq!(contract.idempotency_key, example().idempotency_key);
    assert_eq!((contract.source, contract.relation), (example().source, example().relation));
    assert_eq!(contract.provenance.agent.name, "research");
    assert_eq!(contract.schema_version, SCHEMA_VERSION);
}

#[test]
fn the_least_a_producer_can_send() {
    let least = json!({
        "target": {"kind": "agent", "id": "writer"},
        "pipeline": {"name": "p", "version": "1.0.0", "stage": "draft", "output": "text"},
        "brief": {"title": "Write the text", "goal": "g", "current_state": "s", "next_step": "n",
            "definition_of_done": [{"item": "written", "met": false}], "owner": {"kind": "agent", "id": "writer"}},
        "working_memory": {"payload": {"schema": "anything", "version": "1.0.0", "fields": {"x": 1}}},
        "provenance": {"model": null, "prompt": null, "confidence": null, "tool_calls": []},
        "failure_modes": {"retryable": [], "escalate": [], "default": "retry"},
    });
    let admitted = admitted(&least).unwrap();
    assert_eq!(admitted.completeness.score, 40);
    assert_eq!(admitted.flags, [Flag::SideEffectsUndeclared, Flag::UnregisteredPayload]);
    for field in ["schema_version", "idempotency_key", "trace_id", "provenance", "side_effects", "failure_modes"] {
        assert!(admitted.value.get(field).is_some(), "{field}");
    }
}

#[test]
fn each_required_member_that_is_missing_is_named() {
    for path in [
        "/target",
        "/pipeline",
        "/pipeline/name",
        "/pipeline/version",
        "/pipeline/stage",
        "/pipeline/output",
        "/brief",
        "/brief/title",
        "/brief/goal",
        "/brief/current_state",
        "/brief/next_step",
        "/brief/definition_of_done",
        "/brief/owner",
        "/brief/owner/id",
        "/brief/definition_of_done/1/met",
        "/working_memory",
        "/working_memory/summary/decision",
        "/working_memory/refs/0/digest",
        "/working_memory/payload/fields",
        "/working_memory/payload/fields/sources",
        "/provenance",
        "/provenance/model",
        "/provenance/prompt",
        "/provenance/confidence",
        "/provenance/tool_calls",
        "/provenance/tool_calls/1/name",
        "/provenance/model/version",
        "/failure_modes",
        "/failure_modes/retryable",
        "/failure_modes/escalate",
        "/failure_modes/default",
        "/side_effects/0/effect_key",
        "/side_effects/0/compensation",
        "/quality/checks",
        "/classification/level",
    ] {
        finds!(wrong(|value| remove(value, path)), (path, "required"));
    }
}

#[test]
fn unknown_members_are_named_everywhere() {
    for parent in [
        "",
        "/pipeline",
        "/target",
        "/relation",
        "/brief",
        "/brief/owner",
        "/brief/definition_of_done/0",
        "/working_memory",
        "/working_memory/summary",
        "/working_memory/refs/0",
        "/working_memory/payload",
        "/working_memory/payload/fields",
        "/provenance",
        "/provenance/model",
        "/provenance/tool_calls/0",
        "/side_effects/0",
        "/side_effects/0/compensation",
        "/failure_modes",
        "/quality",
        "/quality/checks/0",
        "/classification",
        "/classification/redactions/0",
    ] {
        let found = wrong(|value| value.pointer_mut(parent).unwrap()["sur/prise"] = json!(1));
        finds!(found, (format!("{parent}/sur~1prise"), "unevaluatedProperties"));
    }
}

#[test]
fn everything_wrong_is_found_at_once_and_nothing_twice() {
    let found = wrong(|value| {
        value["brief"]["title"] = json!("short");
        value["brief"]["urgency"] = json!("now");
        value["brief"]["goal"] = json!(7);
        value["provenance"]["confidence"] = json!(1.5);
        value["failure_modes"]["retryable"] = json!(["Time Out"]);
        value["working_memory"]["refs"][0]["digest"] = json!("md5");
        value["side_effects"][0]["committed_at"] = json!("yesterday");
        value["ext"] = json!({"flat": 1});
    });
    finds!(
        found,
        ("/brief/goal", "type"),
        ("/brief/title", "minLength"),
        ("/brief/urgency", "enum"),
        ("/ext/flat", "propertyNames"),
        ("/failure_modes/retryable/0", "pattern"),
        ("/provenance/confidence", "maximum"),
        ("/side_effects/0/committed_at", "format"),
        ("/working_memory/refs/0/digest", "pattern"),
    );
}

#[test]
fn messages_are_sentences_and_echo_little() {
    let mut value = sent();
    value["brief"]["urgency"] = json!("now");
    value["brief"]["goal"] = json!("x".repeat(5_000));
    value["trace_id"] = json!("\u{1b}[2J");
    remove(&mut value, "/failure_modes");
    let mut messages: Vec<String> = admitted(&value).unwrap_err().iter().map(ToString::to_string).collect();
    messages.sort();
    assert_eq!(
        messages,
        [
            "/brief/goal: is 5000 characters long: 2000 or fewer expected",
            "/brief/urgency: is \"now\": one of \"critical\", \"high\", \"normal\", \"low\" expected",
            "/failure_modes: \"failure_modes\" is missing and required",
            "/trace_id: is \"\\u{1b}[2J\": 32 lower-case hexadecimal digits expected",
        ]
    );
}

#[test]
fn what_is_present_has_to_match() {
    finds!(wrong(|value| value["step"] = json!(3)), ("/step", "step_mismatch"));
    let key = "hk1_61dfb5a910dfa35154350ec266a3fae61bd0fd9dd773e3190fb4cd50f42a513b";
    finds!(wrong(|value| value["idempotency_key"] = json!(key)), ("/idempotency_key", "key_mismatch"));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    finds!(wrong(|value| value["trace_id"] = json!(trace)), ("/trace_id", "trace_mismatch"));
    finds!(wrong(|value| value["trace_id"] = json!("0".repeat(32))), ("/trace_id", "not"));
    finds!(wrong(|value| value["branch"] = json!("0")), ("/branch", "branch_mismatch"));
    finds!(wrong(|value| value["source"]["id"] = json!("other")), ("/source", "source_mismatch"));
    finds!(
        wrong(|value| value["provenance"]["agent"]["name"] = json!("other")),
        ("/provenance/agent/name", "agent_mismatch")
    );
    finds!(wrong(|value| value["relation"]["type"] = json!("fan_in")), ("/relation/type", "relation_mismatch"));
    finds!(wrong(|value| value["relation"]["of"] = json!("other")), ("/relation/of", "relation_mismatch"));
    finds!(wrong(|value| value["relation"]["cycle"] = json!(4)), ("/relation/cycle", "relation_mismatch"));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    finds!(wrong(|value| value["traceparent"] = json!(parent)), ("/traceparent", "trace_mismatch"));
}

#[test]
fn a_producer_may_say_more_about_a_forward_relation() {
    let mut value = sent();
    value["relation"] = json!({"type": "delegate"});
    let contract = admitted(&value).unwrap().contract;
    assert_eq!(contract.relation.kind, RelationKind::Delegate);
    assert_eq!(contract.relation.of.as_deref(), Some("0198f3aa-research-1"), "the rest is still filled in");
    finds!(wrong(|value| value["relation"] = json!({"type": "revision"})), ("/relation/feedback", "required"));
}

#[test]
fn versions_with_another_major_are_refused_loudly_and_alone() {
    let found = wrong(|value| {
        value["schema_version"] = json!("2.0.0");
        remove(value, "/brief");
    });
    finds!(found, ("/schema_version", "unsupported-schema-version"));
    let mut value = sent();
    value["schema_version"] = json!("1.4.2");
    assert_eq!(admitted(&value).unwrap().contract.schema_version, "1.4.2");
    finds!(wrong(|value| value["schema_version"] = json!("one")), ("/schema_version", "pattern"));
}

#[test]
fn each_rule_between_members() {
    finds!(
        wrong(|value| value["failure_modes"]["escalate"] = json!(["timeout"])),
        ("/failure_modes/escalate", "not_disjoint")
    );
    finds!(
        wrong(|value| value["provenance"]["tool_calls"][1]["seq"] = json!(1)),
        ("/provenance/tool_calls/1/seq", "sequence")
    );
    finds!(wrong(|value| value["side_effects"][0]["seq"] = json!(2)), ("/side_effects/0/seq", "sequence"));
    finds!(wrong(|value| value["brief"]["owner"]["id"] = json!("nobody")), ("/brief/owner", "owner_mismatch"));
    finds!(
        wrong(|value| value["brief"]["owner"]["id"] = json!("")),
        ("/brief/owner", "owner_mismatch"),
        ("/brief/owner/id", "pattern")
    );
    finds!(wrong(|value| value["working_memory"] = json!({})), ("/working_memory", "minProperties"));
    finds!(
        wrong(|value| value["delivery"] = json!({"deadline": "2026-08-20T10:00:03Z"})),
        ("/delivery/deadline", "deadline")
    );
    finds!(
        wrong(|value| value["delivery"] =
            json!({"deadline": "2026-08-21T00:00:00Z", "not_before": "2026-08-21T00:00:00Z"})),
        ("/delivery/not_before", "deadline")
    );
    finds!(
        wrong(|value| value["working_memory"]["refs"][0]["expires_at"] = json!("2026-08-20T09:00:00Z")),
        ("/working_memory/refs/0/expires_at", "expired")
    );
    finds!(
        wrong(|value| value["working_memory"]["refs"][0]["size"] = json!(9_007_199_254_740_993_u64)),
        ("/working_memory/refs/0/size", "maximum"),
        ("/working_memory/refs/0/size", "number"),
    );
}

#[test]
fn people_get_the_whole_brief() {
    for kind in ["human", "team"] {
        let found = wrong(|value| {
            value["target"] = json!({"kind": kind, "id": "sales"});
            value["brief"]["owner"] = json!({"kind": kind, "id": "sales"});
            for name in ["decisions", "constraints", "source_links", "urgency"] {
                value["brief"].as_object_mut().unwrap().remove(name);
            }
        });
        finds!(
            found,
            ("/brief/constraints", "required"),
            ("/brief/decisions", "required"),
            ("/brief/escalation_reason", "required"),
            ("/brief/source_links", "required"),
            ("/brief/urgency", "required"),
        );
    }
    let mut value = sent();
    value["target"] = json!({"kind": "human", "id": "dana"});
    value["brief"]["owner"] = value["target"].clone();
    value["brief"]["escalation_reason"] = json!("Above the agreed budget");
    value["brief"]["urgency"] = json!("critical");
    assert_eq!(admitted(&value).unwrap().contract.urgency(), Urgency::Critical);
}

#[test]
fn the_manifest_equals_the_ledger() {
    let ledger = |effects| Derive { effects: Some(effects), ..derive() };
    finds!(wrong_with(&ledger(vec![]), |_| {}), ("/side_effects/0", "manifest_mismatch"));
    let known = ledger(example().side_effects);
    finds!(wrong_with(&known, |value| value["side_effects"] = json!([])), ("/side_effects", "manifest_mismatch"));
    finds!(
        wrong_with(&known, |value| value["side_effects"][0]["status"] = json!("unknown")),
        ("/side_effects", "manifest_mismatch"),
        ("/side_effects/0", "manifest_mismatch"),
    );
    let mut carried = sent();
    carried["side_effects"][0]["origin_step"] = json!(0);
    assert!(admit(&Registry::new(), &carried, &ledger(vec![])).is_ok(), "carried on from an earlier step");
}

#[test]
fn limits_in_bytes_hold_at_the_byte() {
    let with = |bytes: usize| {
        let mut value = sent();
        value["working_memory"]["payload"] = json!({"schema": "free", "version": "1.0.0", "fields": {"x": ""}});
        value["working_memory"]["payload"]["fields"]["x"] = json!("x".repeat(bytes - r#"{"x":""}"#.len()));
        value
    };
    assert!(admitted(&with(FIELDS_BYTES_MAX)).is_ok());
    let found = admitted(&with(FIELDS_BYTES_MAX + 1)).unwrap_err();
    assert_eq!((found[0].path.as_str(), found[0].keyword.as_str()), ("/working_memory/payload/fields", "too_large"));

    let mut value = sent();
    value["ext"] = json!({"com.example.big": ""});
    let room = CONTRACT_BYTES_MAX - admitted(&value).unwrap().bytes.len();
    value["ext"]["com.example.big"] = json!("x".repeat(room));
    assert!(admitted(&value).is_ok());
    value["ext"]["com.example.big"] = json!("x".repeat(room + 1));
    assert_eq!(admitted(&value).unwrap_err()[0].keyword, "too_large");
    value["ext"]["com.example.big"] = json!("x".repeat(10_000_000));
    let found = admitted(&value).unwrap_err();
    assert_eq!((found.len(), found[0].keyword.as_str()), (1, "too_large"));
}

#[test]
fn payloads_are_checked_against_their_registered_schema() {
    finds!(
        wrong(|value| value["working_memory"]["payload"]["fields"]["confidence"] = json!("high")),
        ("/working_memory/payload/fields/confidence", "type")
    );
    finds!(
        wrong(|value| value["working_memory"]["payload"]["version"] = json!("2.0.0")),
        ("/working_memory/payload/version", "unsupported-schema-version")
    );
    finds!(
        wrong_with(&strictly(Strictness::Strict), |value| value["working_memory"]["payload"]["schema"] =
            json!("unheard-of")),
        ("/working_memory/payload/schema", "payload_schema")
    );
}

#[test]
fn only_names_of_fields_that_did_not_cross_are_kept() {
    let mut registry = Registry::new();
    let mut schema = registry.get("research-findings", &Version::new(1, 0, 0)).unwrap().clone();
    schema["properties"]["raw_html"] = json!({"type": "string"});
    schema["properties"]["contact_email"] = json!({"type": "string"});
    registry.put("research-findings", &Version::new(1, 1, 0), schema).unwrap();
    let mut value = sent();
    value["working_memory"]["payload"]["version"] = json!("1.1.0");
    value["working_memory"]["payload"]["fields"]["raw_html"] = json!("<p>");
    value["working_memory"]["payload"]["fields"]["contact_email"] = json!("a@example.org");
    let derive = Derive { consumer: Some(Version::new(1, 0, 0)), ..derive() };
    let admitted = admit(&registry, &value, &derive).unwrap();
    assert_eq!(
        admitted.dropped,
        ["/working_memory/payload/fields/contact_email", "/working_memory/payload/fields/raw_html"],
        "one declared as dropped, one the consumer does not know"
    );
    let stored = admitted.value.to_string();
    assert!(!stored.contains("a@example.org") && !stored.contains("<p>"));
}

/// The example with one redaction, admitted by an edge of this strictness.
fn with_redaction(path: &str, method: &str, strictness: Strictness) -> Result<Value, Vec<Violation>> {
    let mut value = sent();
    value["working_memory"]["payload"] = json!({"schema": "lead", "version": "1.0.0", "fields": {
        "contact": {"name": "Ada", "email": "ada@secret.example"}, "source": "fair", "service_needed": "Tides",
        "urgency": "high", "recommended_next_step": "Call"}});
    value["classification"]["redactions"] = json!([{"path": path, "method": method}]);
    let derive = Derive { hash_key: Some(HashKey::new([7; 32])), ..strictly(strictness) };
    admit(&Registry::new(), &value, &derive).map(|it| it.value)
}

#[test]
fn what_is_masked_or_hashed_is_stored_so_and_still_fits_its_schema() {
    for (path, method) in [
        ("/working_memory/payload/fields/contact/email", "mask"),
        ("/working_memory/payload/fields/contact/email", "hash"),
        ("/working_memory/payload/fields/urgency", "hash"),
        ("/brief/title", "mask"),
        ("/brief/title", "hash"),
        ("/brief/definition_of_done/0/item", "mask"),
        ("/working_memory/summary", "mask"),
    ] {
        let admitted = with_redaction(path, method, Strictness::Standard);
        let stored = admitted.unwrap_or_else(|why| panic!("{method} {path}: {why:?}"));
        let derive = Derive { hash_key: Some(HashKey::new([7; 32])), ..derive() };
        let again = admit(&Registry::new(), &stored, &derive).map(|it| it.value);
        assert_eq!(again, Ok(stored.clone()), "what is stored is admitted as it is: {method} {path}");
        let sent = with_redaction("/brief/none", "mask", Strictness::Standard).unwrap();
        assert_ne!(stored.pointer(path), sent.pointer(path), "{method} {path}");
    }
}

#[test]
fn a_redaction_that_cannot_be_done_is_refused_on_every_edge() {
    let email = "/working_memory/payload/fields/contact/email";
    for (path, method, wrong) in [
        (email, "tokenize", "/classification/redactions/0/method"),
        ("/brief/urgency", "mask", "/brief/urgency"),
        ("/source/id", "hash", "/classification/redactions/0/path"),
        ("/brief/title", "drop", "/classification/redactions/0/path"),
        ("working_memory/payload", "mask", "/classification/redactions/0/path"),
    ] {
        for strictness in [Strictness::Observe, Strictness::Standard] {
            let found = with_redaction(path, method, strictness).map(|_| ()).unwrap_err();
            let told = found.iter().any(|it| it.path == wrong && it.keyword == "redaction");
            assert!(told, "{method} {path}, {strictness:?}: {found:?}");
        }
    }
    let found = with_redaction(email, "tokenize", Strictness::Standard).map(|_| ()).unwrap_err();
    assert!(found[0].message.contains("use hash"), "{found:?}");
}

#[test]
fn a_strict_edge_demands_more() {
    let strict = Derive { completeness_min: 95, ..strictly(Strictness::Strict) };
    finds!(
        wrong_with(&strict, |value| {
            remove(value, "/working_memory/payload");
            value["working_memory"]["summary"]["text"] = json!("Too short");
        }),
        ("/brief", "completeness"),
        ("/working_memory/payload", "required"),
        ("/working_memory/summary/text", "summary_size"),
    );
    let mut value = sent();
    value["working_memory"]["summary"]["text"] = json!("Too short");
    assert_eq!(admitted(&value).unwrap().flags, [Flag::SummarySize], "elsewhere it is only flagged");
}

#[test]
fn an_observing_edge_records_and_delivers() {
    let mut value = sent();
    value["surprise"] = json!(1);
    value["failure_modes"]["escalate"] = json!(["timeout"]);
    value["idempotency_key"] = json!("hk1_61dfb5a910dfa35154350ec266a3fae61bd0fd9dd773e3190fb4cd50f42a513b");
    let admitted = admit(&Registry::new(), &value, &strictly(Strictness::Observe)).unwrap();
    let paths: Vec<&str> = admitted.violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["/failure_modes/escalate", "/idempotency_key", "/surprise"]);
    assert_eq!(admitted.contract.idempotency_key, example().idempotency_key, "the server's word is stored");
    remove(&mut value, "/failure_modes");
    assert!(admit(&Registry::new(), &value, &strictly(Strictness::Observe)).is_err(), "this cannot be represented");
}

#[test]
fn numbers_spelled_otherwise_are_the_same_contract() {
    let text =
        EXAMPLE.replacen("\"seq\": 1,", "\"seq\": 1.0,", 1).replacen("\"max_attempts\": 5", "\"max_attempts\": 5e0", 1);
    assert_ne!(text, EXAMPLE);
    let value = parse(text.as_bytes()).unwrap();
    assert_eq!(admitted(&value).unwrap().digest, admitted(&sent()).unwrap().digest);
}

#[test]
fn an_edit_is_admitted_again() {
    let stored = admitted(&sent()).unwrap().value;
    let edit = serde_json::from_value(json!([{"op": "replace", "path": "/brief/title", "value": "short"}])).unwrap();
    let edited = amend(&stored, &edit).unwrap();
    assert_eq!(admitted(&edited).unwrap_err()[0].path, "/brief/title");
    let edit =
        serde_json::from_value(json!([{"op": "replace", "path": "/brief/title", "value": "Long enough"}])).unwrap();
    assert_eq!(admitted(&amend(&stored, &edit).unwrap()).unwrap().contract.brief.title, "Long enough");
}

#[test]
fn check_explains_a_contract_to_its_author() {
    let checked = |text: &str| check(&Registry::new(), text.as_bytes(), Strictness::Standard, 0, now());
    let fine = checked(EXAMPLE);
    assert_eq!(fine.violations, []);
    assert!(fine.six.iter().all(|field| field.fine && !field.derived));
    assert_eq!(fine.digest, Some(admitted(&sent()).unwrap().digest));

    let mut value = sent();
    remove(&mut value, "/failure_modes/default");
    remove(&mut value, "/idempotency_key");
    value["brief"]["extra"] = json!(1);
    let report = checked(&value.to_string());
    let paths: Vec<&str> = report.violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(paths, ["/brief/extra", "/failure_modes/default"]);
    let field = |name: &str| report.six.iter().find(|field| field.name == name).unwrap();
    assert!(!field("failure_modes").fine && field("failure_modes").note.contains("/failure_modes/default"));
    assert!(field("idempotency_key").fine && field("idempotency_key").derived);
    assert!(field("provenance").fine && !field("provenance").derived);

    let mut value = sent();
    value["brief"]["extra"] = json!(1);
    let report = checked(&value.to_string());
    assert_eq!(report.completeness.unwrap().score, 88, "told even when it would be refused");
    assert_eq!(report.digest, None);

    let broken = checked("{\"a\":1,\"a\":2}");
    assert_eq!((broken.violations.len(), broken.six.len()), (1, 6));
    assert!(broken.six.iter().all(|field| !field.fine));
    assert!(checked("[]").six.iter().all(|field| !field.fine));
}

/// The lines of the first block of the protocol text that is marked so.
fn protocol_block(mark: &str) -> String {
    let text = include_str!("../../../docs/protocol.md");
    let lines = text.lines().skip_while(|line| line.strip_prefix("```") != Some(mark)).skip(1);
    let block: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    assert!(!block.is_empty(), "{mark}");
    block.join("\n")
}

#[test]
fn the_least_contract_of_the_protocol_text_is_admitted() {
    let value = parse(protocol_block("json contract").as_bytes()).unwrap();
    let admitted = admitted(&value).unwrap();
    assert_eq!((admitted.completeness.score, admitted.flags), (40, vec![Flag::SideEffectsUndeclared]));
}

#[test]
fn the_vectors_of_the_protocol_text_hold() {
    use crate::domain::key::{EffectKey, HandoffKey, compensation_key, effect_key, handoff_key};
    for line in protocol_block("text vectors").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (computed, expected) = match words[..] {
            ["hk", trace, step, branch, key] => {
                let trace = TraceId::parse(trace).unwrap();
                let made = handoff_key(&trace, step.parse().unwrap(), branch.trim_matches('"')).unwrap();
                (made.to_string(), key)
            }
            ["ek", handoff, n, key] => {
                let handoff = HandoffKey::parse(handoff).unwrap();
                (effect_key(&handoff, n.parse().unwrap()).unwrap().to_string(), key)
            }
            ["ck", effect, key] => (compensation_key(&EffectKey::parse(effect).unwrap()).to_string(), key),
            _ => panic!("{line}"),
        };
        assert_eq!(computed, expected);
    }
}

/// Any JSON, with names that occur in contracts among its members.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("1.0.0")),
    ];
    let name = prop_oneof![
        any::<String>(),
        proptest::sample::select(vec![
            "type",
            "seq",
            "fields",
            "schema",
            "version",
            "agent",
            "redactions",
            "path",
            "method"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

/// Every place in a value.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| places(member, &child(path, name), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{path}/{index}"), found));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_json_never_panics(value in any_json(), observe in any::<bool>()) {
        let strictness = if observe { Strictness::Observe } else { Strictness::Strict };
        let _ = admit(&Registry::new(), &value, &strictly(strictness));
        let _ = check(&Registry::new(), value.to_string().as_bytes(), strictness, 50, now());
    }

    #[test]
    fn an_example_broken_anywhere_never_panics_and_is_stored_only_when_it_reads_back(
        at in any::<proptest::sample::Index>(), junk in any_json(), observe in any::<bool>(),
    ) {
        let mut value = sent();
        let mut all = Vec::new();
        places(&value, "", &mut all);
        *value.pointer_mut(at.get(&all).as_str()).unwrap() = junk;
        let strictness = if observe { Strictness::Observe } else { Strictness::Standard };
        match admit(&Registry::new(), &value, &strictly(strictness)) {
            Ok(admitted) => {
                let read: Contract = serde_json::from_value(admitted.value.clone()).unwrap();
                prop_assert_eq!(&read, &admitted.contract);
                prop_assert!(observe || admitted.violations.is_empty());
            }
            Err(violations) => {
                prop_assert!(!violations.is_empty());
                for violation in violations {
                    prop_assert!(!violation.message.chars().any(char::is_control), "{}", violation.message);
                    prop_assert!(violation.message.len() < 1_000);
                    // Whatever the schema lets through has a typed form.
                    prop_assert!(!violation.message.contains("cannot be read"), "{}", violation.message);
                }
            }
        }
    }
}
