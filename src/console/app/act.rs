//! Acting on handoffs: what is proposed, what the user adds to it, and the requests that come of it.
//!
//! A proposal is a snapshot: ids and versions as they were seen. Nothing is ever added to it afterwards.

use serde_json::{Map, Value};

use crate::domain::event::DismissReason;
use crate::domain::id::Edge;
use crate::domain::port::{ActKind, SourceId, Target};
use crate::domain::text::age;
use crate::domain::time::Time;

mod request;

pub use request::Chunk;

/// One item of a proposal, as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct ActTarget {
    /// Where it lives.
    pub source: SourceId,
    /// Which handoff of which run, at which version.
    pub target: Target,
    /// Short name for lists of results.
    pub label: String,
    /// The edge it is on.
    pub edge: Edge,
    /// How long it has been as it is: dead since, waiting since.
    pub since: Time,
    /// Digest of what was shown, for decisions; empty for operator acts.
    pub digest: String,
}

/// What a screen wants done. The frame asks for reasons, confirms, sends and shows the results.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Which act.
    pub act: ActKind,
    /// On what; empty for an edge.
    pub targets: Vec<ActTarget>,
    /// The edge to pause or resume.
    pub edge: Option<(SourceId, Edge)>,
    /// What the screen knows about the consequences, a line each: the requeue verdict, what will run, what the
    /// timeout would have done.
    pub notes: Vec<String>,
    /// The group the items were taken from, if they are a whole one; see [`super::screen::Screen::arrived`].
    pub group: Option<String>,
    /// How many groups the items come from; 0 when they are not grouped.
    pub groups: usize,
    /// What the answer to a question must look like: a flat JSON Schema object.
    pub schema: Option<Value>,
}

impl Proposal {
    /// A proposal with nothing but the act and the items.
    pub fn new(act: ActKind, targets: Vec<ActTarget>) -> Self {
        Self { act, targets, edge: None, notes: Vec::new(), group: None, groups: 0, schema: None }
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

    /// With the group that all the items come from.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self.groups = 1;
        self
    }

    /// The act whose right it needs. To dismiss a question is one of its answers (protocol section 3, row 19): whoever
    /// may reject may do that, operator or not.
    pub fn right(&self) -> ActKind {
        match self.act {
            ActKind::Dismiss if self.is_answer() => ActKind::Reject,
            act => act,
        }
    }

    /// True when it answers questions, and each answer is bound to what was shown of that one.
    fn is_answer(&self) -> bool {
        match self.act {
            ActKind::Approve | ActKind::EditApprove | ActKind::Reject | ActKind::Respond => true,
            ActKind::Dismiss => self.targets.iter().any(|target| !target.digest.is_empty()),
            _ => false,
        }
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

    /// What will happen, a line each: how many, from where, how old, what the screen knows, and what the act means.
    pub fn facts(&self, now: Time) -> Vec<String> {
        let mut facts = Vec::new();
        let mut edges: Vec<String> = self.targets.iter().map(|target| target.edge.to_string()).collect();
        edges.sort_unstable();
        edges.dedup();
        if let Some(oldest) = self.targets.iter().map(|target| target.since).min() {
            let count = self.targets.len();
            let groups = match self.groups {
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

    const fn meaning(&self) -> &'static str {
        let one = self.targets.len() == 1;
        match self.act {
            ActKind::Requeue if one => "It goes back to its edge with a new budget of attempts.",
            ActKind::Requeue => "They go back to their edge with a new budget of attempts.",
            ActKind::Escalate => "A person is asked; agents get nothing of it until then.",
            ActKind::Dismiss if one => {
                "It ends unprocessed and nothing downstream runs. It is sent in 10 s; z takes it back until then."
            }
            ActKind::Dismiss => {
                "They end unprocessed and nothing downstream runs. It is sent in 10 s; z takes it back until then."
            }
            ActKind::Approve => "It goes ahead exactly as shown; refused if it changed since.",
            ActKind::EditApprove => "It goes ahead as you edited it; refused if it changed since.",
            ActKind::Reject => "It goes back to its source with your feedback, as a revision.",
            ActKind::Respond => "The agent gets your answer and goes on.",
            ActKind::Claim => "Others see that you have it in hand.",
            ActKind::Release => "Others may take it again.",
            ActKind::PauseEdge => {
                "Agents get nothing more from this edge until it is resumed; what is held now is finished."
            }
            ActKind::ResumeEdge => "Agents get work from this edge again.",
            ActKind::Cancel => "Every open handoff of the run ends; there is no undo.",
        }
    }
}

/// A proposal with what the user added: ready to be confirmed and sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// What was proposed.
    pub proposal: Proposal,
    /// Which sort of reason, for a dismissal.
    pub reason: Option<DismissReason>,
    /// The user's words: why, the question, the feedback.
    pub words: String,
    /// The answer to a question.
    pub value: Option<Value>,
    /// The edited contract.
    pub edited: Option<Value>,
    /// The text it was edited from, to say what changed when it has to be edited again.
    pub original: String,
}

impl Form {
    /// With nothing added.
    pub const fn new(proposal: Proposal) -> Self {
        Self { proposal, reason: None, words: String::new(), value: None, edited: None, original: String::new() }
    }
}

fn text(label: &str, required: bool) -> Question {
    Question { label: label.to_owned(), property: None, choices: Vec::new(), required }
}

/// What can be added to an act that needs no words: a requeue is worth a reason, but nobody has to give one.
pub fn optional(act: ActKind) -> Option<Question> {
    (act == ActKind::Requeue).then(|| text("why (enter to leave it empty)", false))
}

/// What must be asked before an act can be confirmed, in this order.
pub fn questions(proposal: &Proposal) -> Vec<Question> {
    match proposal.act {
        ActKind::Dismiss if proposal.is_answer() => vec![text("why", true)],
        ActKind::Dismiss => {
            let choices = DismissReason::ALL.map(|it| it.word().replace('_', " "));
            vec![
                Question { choices: choices.to_vec(), ..text("reason", true) },
                text("note (enter to leave it empty)", false),
            ]
        }
        ActKind::Reject => vec![text("feedback: what must change", true)],
        ActKind::Escalate => vec![text("question for the operators", true)],
        ActKind::Cancel | ActKind::PauseEdge => vec![text("why", true)],
        ActKind::Respond => match properties(proposal) {
            Some(properties) if !properties.is_empty() => properties,
            _ => vec![text("your answer", true)],
        },
        ActKind::Requeue
        | ActKind::Approve
        | ActKind::EditApprove
        | ActKind::Claim
        | ActKind::Release
        | ActKind::ResumeEdge => Vec::new(),
    }
}

/// One thing to ask: a line of text, or a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked.
    pub label: String,
    /// Name and JSON type of the member of the answer that it fills.
    pub property: Option<(String, String)>,
    /// What can be chosen; empty for a line of text.
    pub choices: Vec<String>,
    /// May not stay empty.
    pub required: bool,
}

fn properties(proposal: &Proposal) -> Option<Vec<Question>> {
    let schema = proposal.schema.as_ref()?;
    let required = schema.get("required").and_then(Value::as_array);
    let question = |(name, of): (&String, &Value)| {
        let kind = of.get("type").and_then(Value::as_str).unwrap_or("string");
        let title = of.get("description").or_else(|| of.get("title"));
        let words = title.and_then(Value::as_str).map_or(String::new(), |it| format!(": {it}"));
        let choices = match (of.get("enum").and_then(Value::as_array), kind) {
            (Some(values), _) => values.iter().map(plain).collect(),
            (None, "boolean") => vec!["true".to_owned(), "false".to_owned()],
            _ => Vec::new(),
        };
        Question {
            label: format!("{name} ({kind}){words}"),
            property: Some((name.clone(), kind.to_owned())),
            choices,
            required: required.is_some_and(|all| all.iter().any(|it| it == name)),
        }
    };
    let properties = schema.get("properties")?.as_object()?;
    Some(properties.iter().map(question).collect())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts answers together: the reason and words of an act, or the value of a response. The error says which answer
/// does not fit.
pub fn answer(form: &mut Form, answers: &[(Question, String)]) -> Result<(), String> {
    let mut object = Map::new();
    for (question, given) in answers {
        if let Some((name, kind)) = &question.property {
            if given.is_empty() && !question.required {
                continue;
            }
            let value = match kind.as_str() {
                "string" => Value::from(given.as_str()),
                _ => serde_json::from_str(given).map_err(|_| format!("{name} is a {kind}; `{given}` is not"))?,
            };
            object.insert(name.clone(), value);
        } else if question.choices.is_empty() {
            given.trim().clone_into(&mut form.words);
        } else {
            let word = given.replace(' ', "_");
            form.reason = DismissReason::ALL.into_iter().find(|it| it.word() == word);
        }
    }
    if form.proposal.act == ActKind::Respond {
        form.value = Some(if object.is_empty() { Value::from(form.words.as_str()) } else { Value::Object(object) });
    }
    Ok(())
}
