//! What contracts hide: kept out of texts about them, carried on to what follows, and shown to whoever decides.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::requester::Plan;
use super::{Engine, Problem, Requester};
use crate::domain::command::Command;
use crate::domain::contract::{Classification, Hidden, mask};
use crate::domain::id::HandoffId;
use crate::domain::pointer::child;
use crate::domain::port::Revealed;
use crate::domain::run::{Handoff, Run};

/// Where the words and the data of a contract stand; the rest is what the protocol itself goes by.
const OWN_WORDS: [&str; 3] = ["brief", "working_memory", "ext"];

impl Engine {
    /// What the contract of a handoff hides; nothing where there is no contract.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub(super) async fn hidden(&self, handoff: &Handoff) -> Result<Hidden, Problem> {
        Ok(match self.contract_of(handoff).await {
            Ok(contract) => Hidden::of(&contract),
            Err(Problem::NotFound(_)) => Hidden::default(),
            Err(why) => return Err(why),
        })
    }

    /// Texts about a handoff as the log may tell them: the log is read by many who may not read its contract.
    ///
    /// # Errors
    /// Fails when the handoff is not known or the store cannot be read.
    pub(super) async fn told(&self, handoff: &HandoffId, texts: Vec<String>) -> Result<Vec<String>, Problem> {
        if texts.iter().all(String::is_empty) {
            return Ok(texts);
        }
        let (_, handoff) = self.find(handoff).await?;
        let hidden = self.hidden(&handoff).await?;
        Ok(texts.iter().map(|it| hidden.covered(it)).collect())
    }

    /// The same with one text.
    pub(super) async fn told_one(&self, handoff: &HandoffId, text: String) -> Result<String, Problem> {
        Ok(self.told(handoff, vec![text]).await?.pop().unwrap_or_default())
    }

    /// A contract that follows from `handoff`, in which what was classified there is classified as well.
    pub(super) async fn inheriting(&self, handoff: &Handoff, body: &Value) -> Result<Value, Problem> {
        let mut body = body.clone();
        match self.contract_of(handoff).await {
            Ok(before) => inherit(&before, &mut body),
            Err(Problem::NotFound(_)) => {}
            Err(why) => return Err(why),
        }
        Ok(body)
    }
}

impl Requester {
    /// Shows what is masked in the contract of an escalated handoff to a person who may decide on it, once the log says so.
    /// Nothing of the answer is remembered under a key: asked again, it is shown and said again.
    ///
    /// # Errors
    /// [`Problem::Refused`] when that person may not decide, or nothing is masked.
    pub async fn reveal(&self, handoff: &HandoffId) -> Result<Revealed, Problem> {
        let (run, found) = self.find(handoff).await?;
        let contract = self.contract_of(&found).await?;
        let digest = found.digest().unwrap_or_default().to_owned();
        let places = mask(&mut contract.clone());
        let shown = places.into_iter().filter_map(|it| {
            let value = contract.pointer(&it)?.clone();
            Some((it, value))
        });
        let values: BTreeMap<String, Value> = shown.collect();
        let masked = !values.is_empty();
        let plan = |_: Option<&Run>, _| {
            let command = Command::Reveal { handoff: handoff.clone(), digest: digest.clone(), masked };
            Ok(Plan::of(command))
        };
        self.clone().once(None).transact(&run, plan).await?;
        Ok(Revealed { digest, values })
    }
}

/// Classifies in `body` the values that `before` hides: a value that tells something and is the same is what was handed
/// on.
fn inherit(before: &Value, body: &mut Value) {
    let hidden = Hidden::of(before);
    let shown = mask(&mut body.clone());
    let mut found = Vec::new();
    for name in OWN_WORDS {
        if let Some(part) = body.get(name) {
            handed_on(&hidden, part, child("", name), &mut found);
        }
    }
    found.retain(|it| !shown.contains(it) && !it.starts_with("/brief/owner/"));
    let (Some(members), false) = (body.as_object_mut(), found.is_empty()) else {
        return;
    };
    let class = members.entry("classification").or_insert_with(|| json!({"level": "internal"}));
    // What is no classification is refused for that.
    let Some(fields) = class.as_object_mut().map(|it| it.entry("fields").or_insert_with(|| Map::new().into())) else {
        return;
    };
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(found.into_iter().map(|it| (it, Classification::INHERITED.into())));
    }
}

/// Pointers of the values in `part`, at `path`, that `hidden` has.
fn handed_on(hidden: &Hidden, part: &Value, path: String, found: &mut Vec<String>) {
    match part {
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                handed_on(hidden, item, child(&path, &nth.to_string()), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                handed_on(hidden, member, child(&path, name), found);
            }
        }
        leaf if hidden.holds(leaf) => found.push(path),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_on_keeps_its_class_wherever_it_stands() {
        let before = json!({"brief": {"title": "Ms Secretname"},
            "working_memory": {"payload": {"fields": {"mail": "a@secret.example", "n": 7}}},
            "classification": {"level": "confidential", "fields": {"/brief/title": "pii"}}});
        let mut next = json!({"brief": {"title": "Ms Secretname", "goal": "open", "owner": {"id": "Ms Secretname"}},
            "working_memory": {"payload": {"fields": {"to": ["a@secret.example", "b@open.example"], "n": 7}}},
            "target": {"id": "a@secret.example"}});
        inherit(&before, &mut next);
        let fields = json!({"/brief/title": "inherited", "/working_memory/payload/fields/to/0": "inherited"});
        assert_eq!(next["classification"], json!({"level": "internal", "fields": fields}));
        let once = next.clone();
        inherit(&before, &mut next);
        assert_eq!(next, once);
        let mut other = json!({"brief": {"title": "Another"}});
        inherit(&before, &mut other);
        assert_eq!(other, json!({"brief": {"title": "Another"}}));
    }
}
