//! The working memory, or another JSON body, as a tree: every member at its place, violations at theirs.

use std::collections::HashSet;

use serde_json::Value;

use crate::domain::contract::Violation;
use crate::domain::pointer::child;
use crate::domain::port::{Body, Format};
use crate::keymap::Action;

use super::Handoff;
use crate::domain::text::plural;

/// JSON pointer of the root of the tree of a contract.
const ROOT: &str = "/working_memory";

/// One member of the working memory, and what is shown inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its JSON pointer: what the cursor stays on.
    pub path: String,
    /// Its name or index. Hostile text.
    pub name: String,
    /// Its value, or how much is inside. Hostile text.
    pub value: String,
    /// The violation at this place; for a closed branch, the count of those inside. `None` when all is well.
    pub wrong: Option<String>,
    /// Whether its members are shown; `None` when it has none.
    pub open: Option<bool>,
    /// The members inside; empty while it is closed.
    pub inside: Vec<Node>,
}

/// State that a tree is made with: folded branches and violations.
#[derive(Clone, Copy)]
struct Memory<'a> {
    folded: &'a HashSet<String>,
    wrong: &'a [Violation],
}

/// The tree of a body: of the working memory of a contract, else of all of it. What is missing has a place of its own
/// where it belongs; what is wrong outside the tree comes after it.
pub(super) fn grow(body: &Body, folded: &HashSet<String>, wrong: &[Violation]) -> Vec<Node> {
    let memory = Memory { folded, wrong };
    let (at, name) = if body.format == Format::Contract { (ROOT, "working_memory") } else { ("", "body") };
    let root = body.value.value().pointer(at);
    let mut tree: Vec<Node> = root.map(|it| memory.node(at.to_owned(), name, it)).into_iter().collect();
    let elsewhere = wrong.iter().filter(|it| root.is_none() || below(at, &it.path).is_none() && it.path != at);
    tree.extend(elsewhere.map(|it| missing(&it.path, &it.path, &it.message)));
    tree
}

/// The members shown, top to bottom.
pub(super) fn shown(tree: &[Node]) -> Vec<&Node> {
    let mut all = Vec::new();
    for node in tree {
        all.push(node);
        all.extend(shown(&node.inside));
    }
    all
}

/// The rest of a pointer to something inside `path`.
fn below<'a>(path: &str, of: &'a str) -> Option<&'a str> {
    of.strip_prefix(path)?.strip_prefix('/')
}

fn missing(path: &str, name: &str, message: &str) -> Node {
    Node {
        path: path.to_owned(),
        name: name.to_owned(),
        value: String::new(),
        wrong: Some(message.to_owned()),
        open: None,
        inside: Vec::new(),
    }
}

impl Memory<'_> {
    fn node(self, path: String, name: &str, value: &Value) -> Node {
        let members: Vec<(String, &Value)> = match value {
            Value::Object(all) => all.iter().map(|(name, it)| (name.clone(), it)).collect(),
            Value::Array(all) => (0..).map(|at: usize| at.to_string()).zip(all).collect(),
            _ => Vec::new(),
        };
        let paths: HashSet<String> = members.iter().map(|(name, _)| child(&path, name)).collect();
        let wrong_inside = || self.wrong.iter().filter_map(|it| Some((it, below(&path, &it.path)?)));
        // Not only what is missing itself: also what is inside something that is missing.
        let absent = wrong_inside().filter(|(_, rest)| {
            let first = rest.split('/').next().unwrap_or(rest);
            !paths.contains(&format!("{path}/{first}"))
        });
        let absent: Vec<Node> = absent.map(|(it, rest)| missing(&it.path, rest, &it.message)).collect();
        let holds = !members.is_empty() || !absent.is_empty();
        let open = holds.then(|| !self.folded.contains(&path));
        let mut wrong: Vec<String> =
            self.wrong.iter().filter(|it| it.path == path).map(|it| it.message.clone()).collect();
        if open == Some(false) {
            let hidden = wrong_inside().count();
            wrong.extend((hidden > 0).then(|| format!("{hidden} wrong inside")));
        }
        let mut inside = Vec::new();
        if open == Some(true) {
            let member = |(name, it): &(String, &Value)| self.node(child(&path, name), name, it);
            inside.extend(members.iter().map(member));
            inside.extend(absent);
        }
        Node {
            name: name.to_owned(),
            value: match value {
                Value::String(text) => text.clone(),
                Value::Array(all) => plural(all.len(), "item"),
                Value::Object(all) => plural(all.len(), "member"),
                other => other.to_string(),
            },
            wrong: (!wrong.is_empty()).then(|| wrong.join("; ")),
            open,
            inside,
            path,
        }
    }
}

impl Handoff {
    /// The member under the cursor.
    pub fn member(&self) -> Option<&Node> {
        shown(&self.tree).get(self.paths.index()?).copied()
    }

    /// Opens or closes the branch under the cursor; closing inside a branch goes to its head first.
    pub(super) fn fold(&mut self, action: Action) {
        let Some(node) = self.member() else {
            return;
        };
        let path = node.path.clone();
        match (action, node.open) {
            (Action::Right | Action::Open, Some(false)) => {
                self.folded.remove(&path);
            }
            (Action::Left | Action::Open, Some(true)) => {
                self.folded.insert(path);
            }
            (Action::Left, _) => {
                let mut heads = std::iter::successors(path.rsplit_once('/'), |(above, _)| above.rsplit_once('/'));
                let known = |(above, _): &(&str, &str)| self.paths.rows().iter().any(|it| it == above);
                if let Some((above, _)) = heads.find(known) {
                    self.paths.select(&above.to_owned());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(folded: &[&str]) -> Vec<String> {
        let contract = json!({ "working_memory": {
            "notes": [],
            "payload": { "a/b": 1, "list": [true] },
        }});
        let wrong = [
            ("/working_memory/payload/a~1b", "a text is expected"),
            ("/working_memory/payload/a~1b", "too small"),
            ("/working_memory/payload/fields/price", "price is missing"),
            ("/task/goal", "goal is missing"),
        ]
        .map(|(path, message)| Violation::new(path, "x", message));
        let folded = folded.iter().map(|&it| it.to_owned()).collect();
        let tree = grow(&Body::contract(contract, String::new()), &folded, &wrong);
        let line = |it: &&Node| {
            let wrong = it.wrong.as_deref().unwrap_or("ok");
            format!("{}={} {wrong}", it.name, it.value)
        };
        shown(&tree).iter().map(line).collect()
    }

    #[test]
    fn every_violation_is_at_its_place_even_when_that_is_missing() {
        assert_eq!(
            lines(&[]),
            [
                "working_memory=2 members ok",
                "notes=0 items ok",
                "payload=2 members ok",
                "a/b=1 a text is expected; too small",
                "list=1 item ok",
                "0=true ok",
                "fields/price= price is missing",
                "/task/goal= goal is missing",
            ]
        );
    }

    #[test]
    fn a_closed_branch_says_what_is_wrong_inside() {
        assert_eq!(
            lines(&["/working_memory/payload"])[2..],
            ["payload=2 members 3 wrong inside", "/task/goal= goal is missing"]
        );
    }
}
