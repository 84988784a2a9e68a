//! One act of a person on one or many items, as a console sends it: each item for itself, against the version
//! that was on the screen.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::blobs::Kept;
use super::people::{Edit, taking};
use super::requester::{Done, Plan};
use super::revision::shortened;
use super::{CONTROL, Engine, Problem, Requester, cut};
use crate::domain::command::{Command, Seen};
use crate::domain::event::{Annotation, Answer, Resolution};
use crate::domain::id::{Actor, Edge, RunId};
use crate::domain::machine::CLAIM_HOLDS;
use crate::domain::port::{Act, Fault, Outcome, Request, Target};
use crate::domain::run::{Handoff, Run, State};

/// Number of items of one request that are worked on at the same time.
const ITEMS_IN_PARALLEL: usize = 8;

impl Engine {
    /// Does one act to one or many items, each for itself: an item that moved or refuses stops no other.
    /// Repeating the request does nothing more and gives the same results for what succeeded.
    pub async fn perform(&self, request: Request) -> Outcome {
        let (mut items, mut note) = (Vec::new(), None);
        if let Act::PauseEdge(edge) | Act::ResumeEdge(edge) = &request.act {
            let paused = matches!(request.act, Act::PauseEdge(_));
            let done = self.switch_once(&request, edge, paused).await;
            items.push((None, done.map(|said| note = said).map_err(Into::into)));
        }
        if let Act::DismissRefused(of) = &request.act {
            let done = async { self.keyed(&request, None).await?.dismiss_refused(of, &request.why).await };
            items.push((None, done.await.map_err(Into::into)));
        }
        let mut acting = Vec::new();
        // Whose result an item has: one cancel ends the whole run, for every item that is in it.
        let mut same = Vec::new();
        let mut cancels: HashMap<&RunId, usize> = HashMap::new();
        for on in &request.on {
            let nth =
                if request.act == Act::Cancel { *cancels.entry(&on.run).or_insert(acting.len()) } else { acting.len() };
            if nth == acting.len() {
                acting.push(self.act_once(&request, on));
            }
            same.push(nth);
        }
        // A few at a time, so that the store writes them together.
        let acting = stream::iter(acting).buffered(ITEMS_IN_PARALLEL);
        let done: Vec<Result<(), Fault>> = acting.map(|it| it.map_err(Into::into)).collect().await;
        items.extend(request.on.iter().zip(same).filter_map(|(on, nth)| {
            let done = done.get(nth)?.clone();
            Some((Some(on.handoff.clone()), done))
        }));
        Outcome { items, note }
    }

    async fn switch_once(&self, request: &Request, edge: &Edge, paused: bool) -> Result<Option<String>, Problem> {
        self.keyed(request, None).await?.switch(edge, paused, &request.why).await
    }

    async fn act_once(&self, request: &Request, on: &Target) -> Result<(), Problem> {
        self.keyed(request, Some(on)).await?.acting(&request.act, &request.why, on).await.map(drop)
    }

    /// The person who sends a request, with the key of one item of it: it stands for this act on this version of
    /// the item, and for no other.
    async fn keyed(&self, request: &Request, on: Option<&Target>) -> Result<Requester, Problem> {
        let item = on.map_or("", |it| it.handoff.as_str());
        let act = &request.act;
        let what = json!([act.kind(), act.call(&request.why), act.on_run(), act.named(), item, on.map(|it| &it.seen)]);
        let once = self.once(&format!("act:{}", request.by), &format!("{} {item}", request.key), &what).await?;
        Ok(self.by(Actor::user(&request.by)).once(Some(once)))
    }
}

impl Requester {
    /// Pauses an edge, or lets it flow again. What is to be said of it, if anything: that nobody ever saw it, as when its name
    /// is mistyped.
    ///
    /// # Errors
    /// Fails when the key came with another request.
    pub async fn switch(&self, edge: &Edge, paused: bool, why: &str) -> Result<Option<String>, Problem> {
        let why = cut(why, 2_000);
        let command = if paused {
            Command::PauseEdge { edge: edge.clone(), why }
        } else {
            Command::ResumeEdge { edge: edge.clone(), why }
        };
        let plan = |_: Option<&Run>, _| Ok(Plan::of(command.clone()));
        self.transact(&CONTROL.into(), plan).await?;
        let seen = self.inner.store.has_edge(edge).await?;
        let unseen = || format!("no handoff was ever seen on {edge} in {}: check the names", edge.pipeline);
        Ok((!seen).then(unseen))
    }

    /// One act on one item, with the whole reason when it is refused; the handoff as it left it.
    ///
    /// # Errors
    /// See [`Problem`]; nothing changed then.
    pub async fn act(&self, act: &Act, why: &str, on: &Target) -> Result<Handoff, Problem> {
        self.acting(act, why, on).await?.handoff(&on.handoff)
    }

    async fn acting(&self, act: &Act, why: &str, on: &Target) -> Result<Done, Problem> {
        if let Some(before) = self.before() {
            return Ok(before);
        }
        let (command, blobs) = self.command(act, why, on).await?;
        let plan = |_: Option<&Run>, _| Ok(Plan { command: command.clone(), blobs: blobs.clone() });
        self.transact(&on.run, plan).await
    }

    /// The command that an act on one item is, and the bytes it brings.
    async fn command(&self, act: &Act, why: &str, on: &Target) -> Result<(Command, Vec<Kept>), Problem> {
        let version = on.seen.number().ok_or_else(|| Problem::NotFound(format!("version `{}`", on.seen)))?;
        let seen = Seen { handoff: on.handoff.clone(), version };
        let why = self.told_one(&on.handoff, cut(why, 2_000)).await?;
        let plain = |command| Ok((command, Vec::new()));
        match act {
            Act::Requeue => plain(Command::Requeue { seen, why }),
            Act::Dismiss { reason } => plain(Command::Dismiss { seen, reason: *reason, note: why }),
            Act::Annotate { verdict, of_run } => {
                let handoff = (!of_run).then(|| on.handoff.clone());
                let said = Annotation { handoff, verdict: verdict.trim().to_owned(), note: why };
                plain(Command::Annotate(self.told_annotation(said).await?))
            }
            Act::Cancel => plain(Command::Cancel { expect: Some(version), why }),
            Act::Escalate { force, role } => {
                let handoff = self.handoff(&on.run, &on.handoff).await?;
                plain(Command::Escalate {
                    escalation: Box::new(self.question(&handoff, &why, role)),
                    force: *force,
                    seen,
                })
            }
            Act::Claim => {
                let handoff = self.handoff(&on.run, &on.handoff).await?;
                if handoff.state == State::Escalated {
                    let until = self.now() + CLAIM_HOLDS;
                    plain(Command::ClaimEscalation { seen, until })
                } else {
                    plain(taking(&handoff, seen))
                }
            }
            Act::Release => plain(Command::Release { seen }),
            Act::Resolve { answer, context_digest, value } => {
                let (edit, value) = match answer {
                    Answer::EditApprove => (value.clone().map(Edit::Whole), None),
                    Answer::Approve | Answer::Reject | Answer::Respond | Answer::Dismiss => (None, value.clone()),
                };
                let resolution = resolution(*answer, why, value);
                let digest = Some(context_digest.clone()).filter(|it| !it.is_empty());
                self.resolving(on, seen, resolution, digest, edit).await
            }
            Act::DismissRefused(id) => plain(Command::DismissRejections { rejections: vec![id.clone()], why }),
            Act::PauseEdge(edge) => plain(Command::PauseEdge { edge: edge.clone(), why }),
            Act::ResumeEdge(edge) => plain(Command::ResumeEdge { edge: edge.clone(), why }),
        }
    }

    async fn resolving(
        &self,
        on: &Target,
        seen: Seen,
        resolution: Resolution,
        context_digest: Option<String>,
        edit: Option<Edit>,
    ) -> Result<(Command, Vec<Kept>), Problem> {
        let handoff = self.handoff(&on.run, &on.handoff).await?;
        let mut blobs = Vec::new();
        let mut edited = None;
        let mut revision = None;
        match resolution.answer {
            Answer::EditApprove => {
                if let Some(edit) = edit {
                    let (blob, head) = self.edited(&handoff, edit).await?;
                    edited = Some(head);
                    blobs.push(blob);
                }
            }
            Answer::Reject => {
                let feedback = &resolution.feedback;
                let candidate = self.revision(&on.run, &handoff, feedback, None).await?;
                blobs.push(candidate.blob);
                revision = Some(Box::new(candidate.handoff));
            }
            Answer::Approve | Answer::Respond | Answer::Dismiss => {}
        }
        let command = Command::Resolve { seen, resolution, context_digest, edited, revision };
        Ok((command, blobs))
    }
}

/// A decision with the person's words where they belong: what the source must change, or a note.
fn resolution(answer: Answer, why: String, value: Option<Value>) -> Resolution {
    let mut resolution = Resolution { answer, note: String::new(), feedback: Vec::new(), value };
    if answer == Answer::Reject {
        let lines: Vec<String> = why.lines().map(|it| it.trim().to_owned()).collect();
        resolution.feedback = shortened(&lines);
    } else {
        resolution.note = why;
    }
    resolution
}
