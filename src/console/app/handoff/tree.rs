//! The working memory as a tree: every member on a row, violations at their place.

use std::collections::HashSet;

use serde_json::Value;

use crate::domain::contract::Violation;
use crate::keymap::Action;

use super::super::doc::plural;
use super::Handoff;

/// Where the tree begins.
const ROOT: &str = "/working_memory";

/// One row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// Its JSON pointer: what the cursor stays on.
    pub path: String,
    /// How deep it is, from 0.
    pub depth: usize,
    /// Its name or index.
    pub name: String,
    /// Its value, or how much is inside. Hostile text.
    pub value: String,
    /// Whether it has an inside, and whether that is shown.
    pub open: Option<bool>,
    /// What is wrong here.
    pub wrong: Option<String>,
}

/// The rows of a contract, with what is wrong. What is missing has a row of its own where it belongs.
pub(super) fn rows(
    contract: &Value,
    folded: &HashSet<String>,
    wrong: &[Violation],
) -> Vec<TreeRow> {
    let mut rows = Vec::new();
    if let Some(memory) = contract.pointer(ROOT) {
        walk(ROOT, "working_memory", memory, 0, folded, wrong, &mut rows);
    }
    let elsewhere = wrong
        .iter()
        .filter(|it| contract.pointer(&it.path).is_none() && !inside(&it.path));
    rows.extend(elsewhere.map(|it| missing(&it.path, 0, &it.path, &it.message)));
    rows
}

fn inside(path: &str) -> bool {
    path.starts_with(ROOT)
}

fn missing(path: &str, depth: usize, name: &str, message: &str) -> TreeRow {
    TreeRow {
        path: path.to_owned(),
        depth,
        name: name.to_owned(),
        value: String::new(),
        open: None,
        wrong: Some(message.to_owned()),
    }
}

fn walk(
    path: &str,
    name: &str,
    value: &Value,
    depth: usize,
    folded: &HashSet<String>,
    wrong: &[Violation],
    rows: &mut Vec<TreeRow>,
) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(all) => all.iter().map(|(name, it)| (name.clone(), it)).collect(),
        Value::Array(all) => all
            .iter()
            .enumerate()
            .map(|(at, it)| (at.to_string(), it))
            .collect(),
        _ => Vec::new(),
    };
    let holds = value.is_object() || value.is_array();
    let open = holds.then(|| !folded.contains(path));
    let here = wrong.iter().find(|it| it.path == path);
    rows.push(TreeRow {
        path: path.to_owned(),
        depth,
        name: name.to_owned(),
        value: match value {
            Value::String(text) => text.clone(),
            Value::Array(all) => plural(all.len(), "item"),
            Value::Object(all) => plural(all.len(), "member"),
            other => other.to_string(),
        },
        open,
        wrong: here.map(|it| it.message.clone()),
    });
    if open != Some(true) {
        return;
    }
    for (name, member) in &members {
        let below = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        walk(&below, name, member, depth + 1, folded, wrong, rows);
    }
    for it in wrong {
        let absent = it
            .path
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('/'));
        if let Some(name) = absent
            && !name.contains('/')
            && !members.iter().any(|(known, _)| known == name)
        {
            rows.push(missing(&it.path, depth + 1, name, &it.message));
        }
    }
}

impl Handoff {
    /// Opens or closes the branch under the cursor; closing inside a branch goes to its head first.
    pub(super) fn fold(&mut self, action: Action) {
        let Some(row) = self.paths.index().and_then(|at| self.tree.get(at)).cloned() else {
            return;
        };
        match (action, row.open) {
            (Action::Right | Action::Open, Some(false)) => {
                self.folded.remove(&row.path);
            }
            (Action::Left | Action::Open, Some(true)) => {
                self.folded.insert(row.path);
            }
            (Action::Left, _) => {
                if let Some((above, _)) = row.path.rsplit_once('/') {
                    let above = above.to_owned();
                    if self.paths.rows().contains(&above) {
                        self.paths.select(&above);
                    }
                }
            }
            _ => {}
        }
    }
}
