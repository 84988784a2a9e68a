//! Payload schemas by name and version: what a payload is validated against, and which of its fields cross an
//! edge (protocol section 2, boundary rule).

use std::collections::BTreeMap;

use jsonschema::{Draft, PatternOptions, Validator};
use semver::Version;
use serde_json::{Map, Value};

use super::compat::{Bump, Change, accepts, changes};
use super::words::{shown, violations};
use crate::domain::contract::Violation;
use crate::domain::json::shallow;
use crate::domain::pointer::child;

/// The templates every registry starts with, each at version 1.0.0.
const TEMPLATES: [(&str, &str); 5] = [
    ("lead", include_str!("../schema/lead.json")),
    ("content-ops", include_str!("../schema/content-ops.json")),
    ("research-findings", include_str!("../schema/research-findings.json")),
    ("code-change", include_str!("../schema/code-change.json")),
    ("support-kb", include_str!("../schema/support-kb.json")),
];

/// The largest payload schema accepted, in bytes of its shortest JSON text.
const SCHEMA_BYTES_MAX: usize = 65_536;

/// Reason why a schema was not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The name or the schema itself cannot be used (HTTP 422).
    #[error("{0}")]
    Invalid(String),
    /// The version exists with another schema, or its number does not step far enough for what changed (HTTP 409).
    #[error("{0}")]
    Conflict(String),
}

/// One registered version of a schema.
#[derive(Clone, Debug)]
struct Entry {
    schema: Value,
    validator: Validator,
}

/// Payload schemas by name and version.
#[derive(Clone, Debug)]
pub struct Registry {
    schemas: BTreeMap<String, BTreeMap<Version, Entry>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// A registry with the shipped templates.
    #[allow(clippy::missing_panics_doc, reason = "the messages are the proof")]
    pub fn new() -> Self {
        let mut registry = Self { schemas: BTreeMap::new() };
        for (name, text) in TEMPLATES {
            let schema = serde_json::from_str(text).expect("a shipped schema is JSON: a test reads each");
            registry
                .put(name, &Version::new(1, 0, 0), schema)
                .expect("a shipped schema is valid: a test registers each");
        }
        registry
    }

    /// Registers a schema; `false` when exactly this one is registered already.
    ///
    /// # Errors
    /// Fails when it is no usable schema, or its version does not fit its neighbours (protocol section 2, semver).
    pub fn put(&mut self, name: &str, version: &Version, schema: Value) -> Result<bool, PutError> {
        check_name(name)?;
        let validator = compile(&schema)?;
        if let Some(versions) = self.schemas.get(name) {
            if let Some(existing) = versions.get(version) {
                return if existing.schema == schema {
                    Ok(false)
                } else {
                    Err(PutError::Conflict(format!(
                        "{name} {version} exists already with another schema: a version never changes, register a new one"
                    )))
                };
            }
            // Pre-releases are read by nobody but themselves, so they promise nothing to their neighbours.
            let released = |(version, _): &(&Version, &Entry)| version.pre.is_empty();
            let lower = versions.range(..version).rev().find(released).filter(|_| version.pre.is_empty());
            if let Some((lower, entry)) = lower {
                check_step(name, (lower, &entry.schema), (version, &schema))?;
            }
            let higher = versions.range(version..).find(released).filter(|_| version.pre.is_empty());
            if let Some((higher, entry)) = higher {
                check_step(name, (version, &schema), (higher, &entry.schema))?;
            }
        }
        self.schemas.entry(name.to_owned()).or_default().insert(version.clone(), Entry { schema, validator });
        Ok(true)
    }

    /// The schema registered under exactly this version.
    pub fn get(&self, name: &str, version: &Version) -> Option<&Value> {
        self.schemas.get(name)?.get(version).map(|entry| &entry.schema)
    }

    /// Every name and version with its schema, in order.
    pub fn list(&self) -> impl Iterator<Item = (&str, &Version, &Value)> {
        let versions = |(name, versions)| (name, versions);
        self.schemas.iter().map(versions).flat_map(|(name, versions): (&String, &BTreeMap<Version, Entry>)| {
            versions.iter().map(move |(version, entry)| (name.as_str(), version, &entry.schema))
        })
    }

    /// Whether any version of `name` is registered.
    pub fn knows(&self, name: &str) -> bool {
        self.schemas.contains_key(name)
    }

    /// The versions of `name`, lowest first.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &Version> {
        self.schemas.get(name).into_iter().flat_map(BTreeMap::keys)
    }

    /// The schema that `declared` is validated against: that very version, else the newest one that accepts it.
    fn entry(&self, name: &str, declared: &Version) -> Option<&Entry> {
        let versions = self.schemas.get(name)?;
        versions
            .get(declared)
            .or_else(|| versions.iter().rev().find(|(known, _)| accepts(known, declared)).map(|(_, entry)| entry))
    }

    /// Everything wrong with `fields` under the declared schema version; `None` when no registered version
    /// accepts it. `base` is the JSON pointer of `fields`.
    pub(super) fn validate(
        &self,
        name: &str,
        declared: &Version,
        fields: &Value,
        base: &str,
    ) -> Option<Vec<Violation>> {
        let entry = self.entry(name, declared)?;
        Some(entry.validator.iter_errors(fields).flat_map(|error| violations(&error, base)).collect())
    }

    /// The fields a consumer of version `consumer` declares, and the JSON pointers (below the fields) of those it
    /// does not and therefore never sees. Everything crosses when the version is unknown.
    pub fn project(
        &self,
        name: &str,
        consumer: &Version,
        fields: &Map<String, Value>,
    ) -> (Map<String, Value>, Vec<String>) {
        let mut dropped = Vec::new();
        let mut kept = fields.clone();
        if let Some(entry) = self.entry(name, consumer) {
            keep_declared(&mut kept, &entry.schema, &entry.schema, "", &mut dropped);
        }
        (kept, dropped)
    }
}

fn keep_declared(fields: &mut Map<String, Value>, schema: &Value, root: &Value, path: &str, dropped: &mut Vec<String>) {
    let schema = resolved(schema, root);
    let Some(declared) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    // A schema that composes others, or names its members by rule, declares more than `properties` shows.
    let elsewhere = ["allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"];
    let open = schema.get("additionalProperties").is_some_and(|more| more != &Value::Bool(false));
    let closed = !open && !elsewhere.iter().any(|keyword| schema.get(keyword).is_some());
    fields.retain(|name, _| {
        let keep = !closed || declared.contains_key(name);
        if !keep {
            dropped.push(child(path, name));
        }
        keep
    });
    for (name, value) in fields.iter_mut() {
        let Some(schema) = declared.get(name) else {
            continue;
        };
        let here = child(path, name);
        match value {
            Value::Object(members) => keep_declared(members, schema, root, &here, dropped),
            Value::Array(items) => {
                let Some(schema) = resolved(schema, root).get("items") else {
                    continue;
                };
                for (index, item) in items.iter_mut().enumerate() {
                    if let Value::Object(members) = item {
                        keep_declared(members, schema, root, &child(&here, &index.to_string()), dropped);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Follows one reference into the same document. One is enough: a longer chain only keeps more.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn check_name(name: &str) -> Result<(), PutError> {
    let first = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@-".contains(c));
    if first && rest && name.len() <= 128 {
        return Ok(());
    }
    let name = shown(name);
    Err(PutError::Invalid(format!("{name} is no schema name: letters, digits and . _ : / @ - expected, at most 128")))
}

/// Compiles a payload schema closed: whatever it does not declare is a violation.
fn compile(schema: &Value) -> Result<Validator, PutError> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(PutError::Invalid(
            "a payload schema describes an object: \"type\": \"object\" expected at its top".into(),
        ));
    }
    if !shallow(schema) || schema.to_string().len() > SCHEMA_BYTES_MAX {
        return Err(PutError::Invalid(format!("the schema is too deep or larger than {SCHEMA_BYTES_MAX} bytes")));
    }
    let mut closed = schema.clone();
    close(&mut closed);
    validator(&closed).map_err(|why| PutError::Invalid(format!("this is no usable JSON Schema (2020-12): {why}")))
}

/// Compiles a schema. Patterns run in linear time, so no contract can make them hang; lookaround is refused.
pub(super) fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|why| why.to_string())
}

/// Forbids undeclared members wherever a schema declares some and does not say what else may come.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    let declares = members.contains_key("properties") || members.contains_key("$ref");
    let says = members.contains_key("additionalProperties") || members.contains_key("unevaluatedProperties");
    if declares && !says {
        members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(close);
    }
    if let Some(items) = members.get_mut("items") {
        close(items);
    }
    if let Some(Value::Array(items)) = members.get_mut("prefixItems") {
        items.iter_mut().for_each(close);
    }
}

fn check_step(name: &str, (lower, old): (&Version, &Value), (higher, new): (&Version, &Value)) -> Result<(), PutError> {
    let has = Bump::between(lower, higher);
    let worst = changes(old, new).into_iter().rev().max_by_key(|change| change.needs);
    match worst {
        Some(Change { path, what, needs }) if needs > has => Err(PutError::Conflict(format!(
            "from {name} {lower} to {higher} is a {has} step, but {path} {what} needs a {needs} one"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn ships_five_templates() {
        let registry = Registry::new();
        let names: Vec<&str> = registry.list().map(|(name, ..)| name).collect();
        assert_eq!(names, ["code-change", "content-ops", "lead", "research-findings", "support-kb"]);
    }

    #[test]
    fn a_version_never_changes_and_steps_far_enough() {
        let mut registry = Registry::new();
        let schema = registry.get("support-kb", &version("1.0.0")).unwrap().clone();
        assert_eq!(registry.put("support-kb", &version("1.0.0"), schema.clone()), Ok(false));
        let mut more = schema.clone();
        more["properties"]["author"] = json!({"type": "string"});
        assert!(matches!(registry.put("support-kb", &version("1.0.0"), more.clone()), Err(PutError::Conflict(_))));
        let refused = registry.put("support-kb", &version("1.0.1"), more.clone()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "from support-kb 1.0.0 to 1.0.1 is a patch step, but /properties/author added needs a minor one"
        );
        assert_eq!(registry.put("support-kb", &version("1.2.0"), more), Ok(true));
        let mut required = schema.clone();
        required["required"] = json!(["question", "resolution", "gap"]);
        assert!(matches!(registry.put("support-kb", &version("1.3.0"), required.clone()), Err(PutError::Conflict(_))));
        assert_eq!(registry.put("support-kb", &version("2.0.0"), required), Ok(true));
        // A version put between two others has to fit both.
        assert_eq!(registry.put("support-kb", &version("1.1.0"), schema), Ok(true));
    }

    #[test]
    fn only_usable_schemas_are_registered() {
        let mut registry = Registry::new();
        let one = version("1.0.0");
        for schema in [
            json!(true),
            json!({"type": "array"}),
            json!({"type": "object", "properties": {"a": {"type": "strin"}}}),
            json!({"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "https://elsewhere.example/x.json"}}}),
        ] {
            assert!(matches!(registry.put("x", &one, schema.clone()), Err(PutError::Invalid(_))), "{schema}");
        }
        for name in ["", "-x", "a b", "é", &"x".repeat(129)] {
            assert!(registry.put(name, &one, json!({"type": "object"})).is_err(), "{name}");
        }
    }

    #[test]
    fn payloads_are_validated_closed() {
        let mut registry = Registry::new();
        let schema = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string"}}},
            "c": {"type": "array", "items": {"type": "object", "properties": {"d": {}}}},
            "map": {"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}},
            "r": {"$ref": "#/$defs/r"},
        }, "$defs": {"r": {"type": "object", "properties": {"x": {}}}}});
        registry.put("p", &version("1.0.0"), schema).unwrap();
        let wrong = |fields: Value| {
            let mut paths: Vec<String> =
                registry.validate("p", &version("1.0.0"), &fields, "/f").unwrap().into_iter().map(|v| v.path).collect();
            paths.sort();
            paths
        };
        assert_eq!(wrong(json!({"a": {"b": "x"}, "c": [{"d": 1}], "map": {"any": 1}, "r": {"x": 1}})), [""; 0]);
        assert_eq!(
            wrong(json!({"a": {"b": 1, "z": 1}, "c": [{}, {"z": 1}], "map": {"any": ""}, "r": {"z": 1}, "z": 1})),
            ["/f/a/b", "/f/a/z", "/f/c/1/z", "/f/map/any", "/f/r/z", "/f/z"]
        );
        assert_eq!(wrong(json!({})), ["/f/a"]);
        assert!(registry.validate("p", &version("2.0.0"), &json!({}), "").is_none());
        assert!(registry.validate("p", &version("1.4.0"), &json!({}), "").is_some(), "read by the newest that fits");
    }

    #[test]
    fn an_old_consumer_never_sees_a_new_field() {
        let mut registry = Registry::new();
        let mut schema = json!({"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}},
            "list": {"type": "array", "items": {"$ref": "#/$defs/item"}}}, "$defs": {"item": {"properties": {"n": {}}}}});
        registry.put("p", &version("1.0.0"), schema.clone()).unwrap();
        schema["properties"]["new"] = json!({});
        schema["properties"]["a"]["properties"]["new"] = json!({});
        schema["$defs"]["item"]["properties"]["m"] = json!({});
        registry.put("p", &version("1.1.0"), schema).unwrap();
        let fields = object(&json!({"a": {"b": 1, "new": 2}, "list": [{"n": 1, "m": 2}], "new": 3}));
        let (kept, dropped) = registry.project("p", &version("1.0.0"), &fields);
        assert_eq!(Value::Object(kept), json!({"a": {"b": 1}, "list": [{"n": 1}]}));
        assert_eq!(dropped, ["/new", "/a/new", "/list/0/m"]);
        assert_eq!(registry.project("p", &version("1.1.0"), &fields), (fields.clone(), vec![]));
        assert_eq!(registry.project("unknown", &version("1.0.0"), &fields), (fields, vec![]));
    }
}
