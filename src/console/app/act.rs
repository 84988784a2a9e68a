//! Acting on handoffs: what is proposed, what the user adds to it, and the requests that come of it.
//!
//! A proposal is a snapshot: ids and states as they were seen. Nothing is ever added to it afterwards.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::event::{Annotation, DismissReason};
use crate::domain::id::Edge;
use crate::domain::json;
use crate::domain::port::{ActKind, Ask, Format, Given, SourceId, Target};
use crate::domain::text::age;
use crate::domain::time::Time;

pub mod in_flight;
mod request;

pub use request::Chunk;

/// Names a group of dead letters: its source and its fingerprint.
pub type GroupId = (SourceId, Arc<str>);

/// One item of a proposal, as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ActTarget {
    /// The source that has it.
    pub source: SourceId,
    /// The handoff and its run, with the state that was seen.
    pub target: Target,
    /// Number of events about it that were known when it was seen.
    pub version: u64,
    /// Short name for lists of results.
    pub label: String,
    /// The edge it is on.
    pub edge: Edge,
    /// Instant that its present state began: dead since, waiting since.
    pub since: Time,
    /// Digest of what was shown, for decisions; empty for operator acts.
    pub digest: String,
}

/// An act that a screen asks for. The frame asks for reasons, confirms, sends and shows the results.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The act to do.
    pub act: ActKind,
    /// The items it acts on; empty for an edge.
    pub targets: Vec<ActTarget>,
    /// The edge to pause or resume.
    pub edge: Option<(SourceId, Edge)>,
    /// Consequences that the screen knows, a line each: the requeue verdict, the action that will run, the one the
    /// timeout would have done.
    pub notes: Vec<String>,
    /// The groups the items come from; empty when they are not grouped.
    pub groups: Vec<GroupId>,
    /// True when the items are all of those groups; see [`super::screen::Screen::arrived`].
    pub whole: bool,
    /// It is about the runs of the items, not about the items.
    pub of_run: bool,
    /// Schema of the answer to a question: a JSON Schema of a flat object or of one value; `None` when any text will
    /// do.
    pub schema: Option<Value>,
}

impl Proposal {
    /// A proposal with nothing but the act and the items.
    pub fn new(act: ActKind, targets: Vec<ActTarget>) -> Self {
        Self {
            act,
            targets,
            edge: None,
            notes: Vec::new(),
            groups: Vec::new(),
            whole: false,
            of_run: false,
            schema: None,
        }
    }

    /// To pause or resume an edge.
    pub fn on_edge(act: ActKind, source: SourceId, edge: Edge) -> Self {
        Self { edge: Some((source, edge)), ..Self::new(act, Vec::new()) }
    }

    /// With lines on what will follow.
    #[must_use]
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// The act whose right it needs. To dismiss a question is one of its answers (protocol section 3, row 19): whoever
    /// may reject may do that, operator or not.
    pub fn right(&self) -> ActKind {
        if self.act == ActKind::Dismiss && self.is_answer() { ActKind::Reject } else { self.act }
    }

    /// True when it answers questions, and each answer is bound to what was shown of that one.
    fn is_answer(&self) -> bool {
        let bound = self.act != ActKind::Dismiss || self.targets.iter().any(|it| !it.digest.is_empty());
        bound && self.act.row().answer.is_some()
    }

    /// The sources it goes to.
    pub fn sources(&self) -> Vec<SourceId> {
        let mut sources: Vec<_> = self.targets.iter().map(|target| target.source).collect();
        sources.extend(self.edge.iter().map(|(source, _)| *source));
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// The act with its object, such as `requeue 4 handoffs` or `pause writer>reviewer`.
    pub fn title(&self) -> String {
        let verb = self.act.verb();
        match (&self.edge, self.targets.as_slice()) {
            (Some((_, edge)), _) => format!("{verb} {edge}"),
            (None, [one]) => format!("{verb} {}", one.label),
            (None, many) => format!("{verb} {} handoffs", many.len()),
        }
    }

    /// Consequences in words, a line each: how many, from where, how old, what the screen knows, what the act means.
    pub fn facts(&self, now: Time) -> Vec<String> {
        let mut facts = Vec::new();
        let mut edges: Vec<String> = self.targets.iter().map(|target| target.edge.to_string()).collect();
        edges.sort_unstable();
        edges.dedup();
        let oldest = self.targets.iter().map(|target| target.since).min();
        if let Some(oldest) = oldest.filter(|_| !self.of_run) {
            let count = self.targets.len();
            let groups = match self.groups.len() {
                0 | 1 => String::new(),
                many => format!(" in {many} groups"),
            };
            let place = match edges.as_slice() {
                [one] => one.clone(),
                [one, two] => format!("{one} and {two}"),
                many => format!("{} edges", many.len()),
            };
            let s = if count == 1 { "" } else { "s" };
            let oldest = age(oldest.age(now));
            facts.push(format!("{count} handoff{s}{groups} on {place}, oldest {oldest}"));
        }
        // What is known of these items before what is true of all: a small terminal shows the first lines only.
        facts.extend(self.notes.iter().cloned());
        facts.push(self.meaning().to_owned());
        facts
    }

    fn meaning(&self) -> &'static str {
        match self.act.row().means {
            (_, many) if self.targets.len() != 1 && !many.is_empty() => many,
            (one, _) => one,
        }
    }
}

/// A proposal with what the user added: ready to be confirmed and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The act with its targets as they were seen.
    pub proposal: Proposal,
    /// Input of the act: reason, answer, edited body.
    pub given: Given,
    /// The words of the user: reason, question or feedback; empty when none were given.
    pub words: String,
    /// The edit that it comes from, in case it has to be edited again; `None` when nothing was edited.
    pub edited: Option<Editing>,
}

impl Form {
    /// A form with nothing added.
    pub fn new(proposal: Proposal) -> Self {
        Self { proposal, given: Given::default(), words: String::new(), edited: None }
    }
}

/// An edit of a body, for an approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Editing {
    /// The handoff to approve, in the state that was seen.
    pub target: ActTarget,
    /// Format of the body; that of a contract until it is there.
    pub format: Format,
    /// The text the editor got, to see whether anything changed; empty until the body is there.
    pub original: String,
    /// The text the editor gave back last.
    pub text: String,
}

fn text(label: &str, required: bool) -> Question {
    Question { label: label.to_owned(), fills: Fills::Words, choices: Vec::new(), required }
}

/// The question for an optional reason; `None` for acts that take none. A requeue is worth a reason, but needs none.
pub fn optional(act: ActKind) -> Option<Question> {
    act.row().asks.iter().find_map(|ask| match ask {
        Ask::Reason(label) => Some(text(label, false)),
        Ask::DismissReason | Ask::Verdict | Ask::Answer | Ask::Words(_) | Ask::Note(_) => None,
    })
}

/// Questions that come before the confirmation of an act, in the order asked; empty when it needs no input.
pub fn questions(proposal: &Proposal) -> Vec<Question> {
    if proposal.act == ActKind::Dismiss && proposal.is_answer() {
        return vec![text("why", true)];
    }
    let asks = proposal.act.row().asks.iter();
    let questions = asks.flat_map(|ask| match ask {
        Ask::DismissReason => {
            let choices = DismissReason::ALL.map(|it| it.word().replace('_', " "));
            vec![Question { fills: Fills::Reason, choices: choices.to_vec(), ..text("reason", true) }]
        }
        Ask::Verdict => vec![Question { fills: Fills::Verdict, ..text("verdict in a few words", true) }],
        Ask::Answer => proposal.schema.as_ref().map_or_else(|| vec![text("your answer", true)], answers),
        Ask::Words(label) => vec![text(label, true)],
        Ask::Note(label) => vec![text(label, false)],
        Ask::Reason(_) => Vec::new(),
    });
    questions.collect()
}

/// One thing to ask: a line of text, or a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question, as the prompt shows it.
    pub label: String,
    /// The part of the form that the answer goes into.
    pub fills: Fills,
    /// The choices, in the order shown; empty for a line of text.
    pub choices: Vec<String>,
    /// Whether an empty answer is refused.
    pub required: bool,
}

/// Part of the form that an answer goes into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fills {
    /// The words of the act, free text.
    Words,
    /// The sort of reason of a dismissal.
    Reason,
    /// The verdict of an annotation.
    Verdict,
    /// The whole answer to an agent's question.
    Value {
        /// JSON type of the answer.
        kind: String,
    },
    /// A member of the answer to an agent's question.
    Property {
        /// Name of the member.
        name: String,
        /// JSON type of the member.
        kind: String,
    },
}

/// The questions that a schema asks: one for each property of an object, or one for the whole value.
fn answers(schema: &Value) -> Vec<Question> {
    let members = schema.get("properties").and_then(Value::as_object).filter(|it| !it.is_empty());
    let Some(members) = members else {
        return match schema_of(schema) {
            // Of an object that does not say what is in it, any text is the answer.
            (kind, _, _) if kind == "object" => vec![text("your answer", true)],
            (kind, words, choices) => {
                let label = format!("your answer ({kind}){words}");
                vec![Question { label, fills: Fills::Value { kind }, choices, required: true }]
            }
        };
    };
    let required = schema.get("required").and_then(Value::as_array);
    let question = |(name, of): (&String, &Value)| {
        let (kind, words, choices) = schema_of(of);
        Question {
            label: format!("{name} ({kind}){words}"),
            fills: Fills::Property { name: name.clone(), kind },
            choices,
            required: required.is_some_and(|all| all.iter().any(|it| it == name)),
        }
    };
    members.iter().map(question).collect()
}

/// JSON type of what a schema asks for, its description after a colon, and the choices; empty when any value will do.
fn schema_of(schema: &Value) -> (String, String, Vec<String>) {
    let implied = if schema.get("enum").is_some() { "string" } else { "object" };
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or(implied);
    let title = schema.get("description").or_else(|| schema.get("title"));
    let words = title.and_then(Value::as_str).map_or(String::new(), |it| format!(": {it}"));
    let choices = match (schema.get("enum").and_then(Value::as_array), kind) {
        (Some(values), _) => values.iter().map(plain).collect(),
        (None, "boolean") => vec!["true".to_owned(), "false".to_owned()],
        _ => Vec::new(),
    };
    (kind.to_owned(), words, choices)
}

/// An answer as the type that it has to be.
fn typed(name: &str, kind: &str, given: &str) -> Result<Value, String> {
    match kind {
        "string" => Ok(given.into()),
        _ => json::parse(given.as_bytes()).map_err(|why| match why.keyword.as_str() {
            "number" => format!("{name}: {}", why.message),
            _ => format!("{name} is a {kind}; `{given}` is not"),
        }),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts answers together: the reason and words of an act, or the value of a response. The error says which answer
/// does not fit.
pub fn answer(form: &mut Form, answers: &[(Question, String)]) -> Result<(), String> {
    let mut object = Map::new();
    for (question, given) in answers {
        match &question.fills {
            Fills::Property { .. } if given.is_empty() && !question.required => {}
            Fills::Property { name, kind } => {
                object.insert(name.clone(), typed(name, kind, given)?);
            }
            Fills::Value { kind } => form.given.value = Some(typed("the answer", kind, given)?),
            Fills::Words => given.trim().clone_into(&mut form.words),
            Fills::Verdict if given.trim().chars().count() > Annotation::VERDICT_CHARS => {
                return Err(format!("at most {} characters; the rest belongs in the note", Annotation::VERDICT_CHARS));
            }
            Fills::Verdict => given.trim().clone_into(&mut form.given.verdict),
            Fills::Reason => {
                let word = given.replace(' ', "_");
                form.given.reason = DismissReason::ALL.into_iter().find(|it| it.word() == word);
            }
        }
    }
    if form.proposal.act == ActKind::Respond && form.given.value.is_none() {
        form.given.value =
            Some(if object.is_empty() { Value::from(form.words.as_str()) } else { Value::Object(object) });
    }
    Ok(())
}
