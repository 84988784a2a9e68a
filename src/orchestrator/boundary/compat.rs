//! Semantic versions of contracts and payload schemas: which are accepted, and how large a step a change
//! needs (protocol section 2, semver).

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;
use serde_json::Value;

use crate::domain::pointer::child;

/// Whether something written for version `declared` may be read by `known`: equal major version, for `0.x` equal
/// minor version too, and pre-releases only when they are exactly equal.
pub fn accepts(known: &Version, declared: &Version) -> bool {
    if !known.pre.is_empty() || !declared.pre.is_empty() {
        return known.cmp_precedence(declared).is_eq();
    }
    known.major == declared.major && (known.major > 0 || known.minor == declared.minor)
}

/// Size of the step from one version to the next, as it is or has to be. Ordered: the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// The validation is unchanged.
    Patch,
    /// Every valid value stays valid, and old consumers never see what is new.
    Minor,
    /// Some producer or some consumer breaks.
    Major,
}

impl Bump {
    /// The step between two versions. In `0.x` the minor number counts as the major one, and the patch number as
    /// the minor one.
    pub fn between(lower: &Version, higher: &Version) -> Self {
        if lower.major != higher.major {
            Self::Major
        } else if lower.minor != higher.minor {
            if lower.major == 0 { Self::Major } else { Self::Minor }
        } else if lower.major == 0 && lower.patch != higher.patch {
            Self::Minor
        } else {
            Self::Patch
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// One difference between two versions of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer to the place in the schema.
    pub path: String,
    /// The difference in words.
    pub what: String,
    /// The step it needs.
    pub needs: Bump,
}

/// Words about a schema that change nothing about what is valid.
const REMARKS: [&str; 10] = [
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Every difference between `old` and `new` that is more than a remark.
pub fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(old, new, "", &mut found);
    found
}

fn compare(old: &Value, new: &Value, path: &str, found: &mut Vec<Change>) {
    let (Value::Object(was), Value::Object(is)) = (old, new) else {
        if old != new {
            found.push(Change { path: path.to_owned(), what: "replaced".to_owned(), needs: Bump::Major });
        }
        return;
    };
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        let here = child(path, name);
        let (before, after) = (was.get(name), is.get(name));
        match name.as_str() {
            remark if REMARKS.contains(&remark) => {}
            "properties" | "$defs" => members(name == "properties", before, after, &here, found),
            "items" => match (before, after) {
                (Some(before), Some(after)) => compare(before, after, &here, found),
                _ => push(found, here, "added or removed"),
            },
            "required" | "enum" if as_set(before) == as_set(after) => {}
            "enum" if grew(before, after) && open(old) && open(new) => {
                found.push(Change { path: here, what: "a value added to an open list".to_owned(), needs: Bump::Minor });
            }
            _ if before == after => {}
            _ => push(found, here, "changed"),
        }
    }
}

fn push(found: &mut Vec<Change>, path: String, what: &str) {
    found.push(Change { path, what: what.to_owned(), needs: Bump::Major });
}

/// Compares the members of `properties`, or of `$defs`, where additions and removals mean nothing by themselves.
fn members(properties: bool, before: Option<&Value>, after: Option<&Value>, path: &str, found: &mut Vec<Change>) {
    let empty = serde_json::Map::new();
    let was = before.and_then(Value::as_object).unwrap_or(&empty);
    let is = after.and_then(Value::as_object).unwrap_or(&empty);
    for (name, old) in was {
        match is.get(name) {
            Some(new) => compare(old, new, &child(path, name), found),
            None if properties => push(found, child(path, name), "removed"),
            None => {}
        }
    }
    for name in is.keys().filter(|name| properties && !was.contains_key(*name)) {
        found.push(Change { path: child(path, name), what: "added".to_owned(), needs: Bump::Minor });
    }
}

fn as_set(value: Option<&Value>) -> BTreeSet<String> {
    value.and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect()
}

fn grew(before: Option<&Value>, after: Option<&Value>) -> bool {
    before.is_some() && as_set(before).is_subset(&as_set(after))
}

fn open(schema: &Value) -> bool {
    schema.get("x-open") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn equal_major_is_accepted_and_for_zero_the_minor_too() {
        for (known, declared, fits) in [
            ("1.0.0", "1.0.0", true),
            ("1.0.0", "1.7.3", true),
            ("1.7.3", "1.0.0", true),
            ("1.0.0", "2.0.0", false),
            ("0.3.1", "0.3.9", true),
            ("0.3.1", "0.4.0", false),
            ("0.3.1", "1.0.0", false),
            ("1.0.0-rc.1", "1.0.0-rc.1", true),
            ("1.0.0", "1.0.0-rc.1", false),
            ("1.0.0-rc.1", "1.0.0-rc.2", false),
        ] {
            assert_eq!(accepts(&version(known), &version(declared)), fits, "{known} {declared}");
        }
    }

    #[test]
    fn every_kind_of_change_needs_its_step() {
        let old = json!({"title": "t", "type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "maxLength": 10},
            "open": {"enum": ["x"], "x-open": true},
            "shut": {"enum": ["x"]},
            "list": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        }});
        let needs = |edit: fn(&mut Value)| {
            let mut new = old.clone();
            edit(&mut new);
            changes(&old, &new).into_iter().map(|change| change.needs).max()
        };
        assert_eq!(needs(|_| {}), None);
        assert_eq!(needs(|new| new["title"] = json!("other")), None);
        assert_eq!(needs(|new| new["properties"]["a"]["description"] = json!("said")), None);
        assert_eq!(needs(|new| new["properties"]["b"] = json!({})), Some(Bump::Minor));
        assert_eq!(needs(|new| new["properties"]["list"]["items"]["properties"]["m"] = json!({})), Some(Bump::Minor));
        assert_eq!(needs(|new| new["properties"]["open"]["enum"] = json!(["y", "x"])), Some(Bump::Minor));
        assert_eq!(needs(|new| new["properties"]["open"]["enum"] = json!(["y"])), Some(Bump::Major));
        assert_eq!(needs(|new| new["properties"]["shut"]["enum"] = json!(["x", "y"])), Some(Bump::Major));
        assert_eq!(needs(|new| new["required"] = json!(["a", "open"])), Some(Bump::Major));
        assert_eq!(needs(|new| new["properties"]["a"]["maxLength"] = json!(20)), Some(Bump::Major));
        assert_eq!(needs(|new| new["properties"]["a"]["maxLength"] = json!(5)), Some(Bump::Major));
        assert_eq!(needs(|new| new["properties"]["a"]["type"] = json!("integer")), Some(Bump::Major));
        assert_eq!(needs(|new| drop(new["properties"].as_object_mut().unwrap().remove("a"))), Some(Bump::Major));
        assert_eq!(needs(|new| *new = json!(true)), Some(Bump::Major));
    }

    #[test]
    fn steps_between_versions() {
        for (lower, higher, step) in [
            ("1.0.0", "1.0.1", Bump::Patch),
            ("1.0.0", "1.1.0", Bump::Minor),
            ("1.0.0", "2.0.0", Bump::Major),
            ("0.1.0", "0.1.1", Bump::Minor),
            ("0.1.0", "0.2.0", Bump::Major),
            ("0.9.0", "1.0.0", Bump::Major),
        ] {
            assert_eq!(Bump::between(&version(lower), &version(higher)), step, "{lower} {higher}");
        }
    }
}
