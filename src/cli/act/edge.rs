//! `seam pause|resume EDGE`: holds back what an edge would hand to its receiver, and lets it flow again.

use super::ask::asked;
use super::{Flags, may};
use crate::cli::look::{Look, exit_of, look_to_act};
use crate::cli::{Exit, Stop, print};
use crate::domain::id::Edge;
use crate::domain::port::{Act, ActKind, Request};
use crate::domain::text::clean;

/// Flags of both acts on an edge.
#[derive(Clone, Debug, clap::Args)]
pub struct On {
    /// The edge as FROM>TO, in quotes; PIPELINE/FROM>TO where several pipelines have it
    pub edge: String,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub flags: Flags,
}

/// Pauses the edge, or resumes it.
///
/// # Errors
/// Nothing was done: the address does not answer, has no such edge or cannot do it, or nobody confirmed.
pub async fn run(on: On, pause: bool) -> anyhow::Result<Exit> {
    let (kind, meaning) = if pause {
        (ActKind::PauseEdge, "agents get nothing more from it until it is resumed")
    } else {
        (ActKind::ResumeEdge, "agents get work from it again")
    };
    if on.flags.reason.trim().is_empty() && (pause || on.flags.yes) {
        let why = format!("{}: --reason TEXT is needed", kind.verb());
        return Err(Stop::new(Exit::Usage, why).into());
    }
    let by = on.flags.operator()?;
    let look = look_to_act(&on.flags.connect).await?;
    may(&look, kind)?;
    let by = look.source.capabilities().you.unwrap_or(by);
    let edge = named(&look, &on.edge, pause)?;
    if !on.flags.yes {
        let open = look.ledger.edge(&edge).map_or(0, |it| it.open.len());
        let name = format!("{}/{edge}", edge.pipeline);
        asked(&look, kind, true, &format!("{} {name}, {open} open on it: {meaning}", kind.verb()))?;
    }
    let act = if pause { Act::PauseEdge(edge.clone()) } else { Act::ResumeEdge(edge.clone()) };
    let request = Request { on: Vec::new(), act, by, why: on.flags.reason, key: uuid::Uuid::now_v7().to_string() };
    let outcome = look.source.perform(request).await;
    let done = outcome.and_then(|it| it.items.into_iter().try_for_each(|(_, done)| done).map(|()| it.note));
    let note = done.map_err(|why| Stop::new(exit_of(&why), why.told(crate::clock::now())))?;
    let note = note.map_or_else(String::new, |it| format!(", but {it}"));
    print(format!("{}\n", clean(&format!("{edge}  {}{note}", kind.done()))).as_bytes())?;
    Ok(Exit::Done)
}

/// An edge that is spelled out, if there is one way only to read it.
fn spelled(text: &str) -> Option<Edge> {
    let (from, to) = text.split_once('>')?;
    let (pipeline, from) = from.split_once('/')?;
    let whole = [pipeline, from, to].iter().all(|it| !it.is_empty() && !it.contains(['/', '>']));
    whole.then(|| Edge::new(pipeline, from, to))
}

/// The one edge that somebody means by `text`: one that is known or, where `unseen` will do, spelled out.
fn named(look: &Look, text: &str, unseen: bool) -> Result<Edge, Stop> {
    let edges = look.ledger.edges().map(|it| &it.edge);
    let full = |it: &Edge| format!("{}/{it}", it.pipeline);
    let found: Vec<&Edge> = edges.filter(|it| it.to_string() == text || full(it) == text).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => spelled(text).filter(|_| unseen).ok_or_else(|| {
            let how = if unseen { "; name it as PIPELINE/FROM>TO to pause it before anything crosses it" } else { "" };
            let why = format!("nothing at {} has the edge {text}: `seam get edges` lists them{how}", look.address);
            Stop::new(Exit::Failed, why)
        }),
        many => {
            let names: Vec<String> = many.iter().map(|it| full(it)).collect();
            let why = format!("several pipelines have {text}: name one of {}", names.join(", "));
            Err(Stop::new(Exit::Usage, why))
        }
    }
}
