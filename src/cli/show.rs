//! `seam show`: everything about one handoff or run.

use std::borrow::Cow;

use serde::Serialize;

use super::get::event::{Edges, EventRow};
use super::look::{Look, look};
use super::{Connect, Exit, Output, Stop, json, print};
use crate::domain::contract::Masked;
use crate::domain::event::Event;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::{Body, Fault, Format, Found, Want};
use crate::domain::report::{
    DeadRow, HandoffRow, InboxRow, TaskRow, dead_row, handoff_row, handoffs, inbox_row, task_row,
};
use crate::domain::run::Run;
use crate::domain::time::Time;

mod page;

/// Flags of `seam show`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Id of a handoff or a trace
    pub id: String,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub connect: Connect,
    /// State of a recording at this time (RFC 3339) [default: its end]
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub as_of: Option<Time>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// One handoff with everything that is known of it.
#[derive(Serialize)]
struct HandoffPage<'a> {
    kind: &'static str,
    source: &'a str,
    as_of: Time,
    handoff: HandoffRow,
    /// Present while it is a dead letter.
    dead: Option<DeadRow>,
    /// Present while it waits for a person.
    inbox: Option<InboxRow>,
    /// The run of the handoff, as a row of `seam get tasks`.
    task: TaskRow,
    /// The stored contract, masked; null where the source keeps none.
    contract: Option<&'a Masked>,
    /// A body that is no contract, masked: JSON, or a text; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Masked>,
    /// The reason that there is no contract, in words; null when there is one.
    contract_missing: Option<String>,
    events: Vec<&'a Event>,
}

/// One run with everything that is known of it.
#[derive(Serialize)]
struct RunPage<'a> {
    kind: &'static str,
    source: &'a str,
    as_of: Time,
    task: TaskRow,
    handoffs: Vec<HandoffRow>,
    events: Vec<&'a Event>,
}

/// Runs `seam show`: prints all that is known of one handoff or one run.
///
/// # Errors
/// Nothing has this id, or the address does not answer.
pub async fn run(mut args: Args) -> anyhow::Result<Exit> {
    let look = look(&args.connect, args.as_of).await?;
    args.id = look.whole(&args.id)?;
    let handoff = HandoffId::from(args.id.as_str());
    let contract = if look.live {
        look.source.fetch(Want::Body(handoff.clone())).await
    } else {
        let why = "a recording holds no contracts, only what happened to them";
        Err(Fault::Unsupported(why.to_owned()))
    };
    let home = match look.ledger.run_of(&handoff) {
        Some(run) => run.id.clone(),
        None => match &contract {
            // Ended long ago: the contract still says where it belongs.
            Ok(Found::Body(body)) => RunId::from(body.value.trace_id().unwrap_or_default()),
            _ => RunId::from(args.id.as_str()),
        },
    };
    let Some((run, events)) = timeline(&look, home).await? else {
        let when = args.as_of.map(|at| format!(" as of {at}"));
        let when = when.unwrap_or_default();
        let why = format!("nothing at {} has the id {}{when}", look.address, args.id);
        return Err(Stop::new(Exit::Failed, why).into());
    };
    let rows = |events: &[&Event]| -> Vec<Vec<String>> {
        let mut edges = Edges::of_run(&run);
        let row = |event: &&Event| page::line(&EventRow::new(&mut edges, Cow::Borrowed(event)));
        events.iter().map(row).collect()
    };
    let task = task_row(&look.ledger, &run, look.as_of);
    let text = if let Some(it) = run.handoffs.get(&handoff) {
        let of_it = |event: &&Event| event.about() == Some(&handoff);
        let events: Vec<&Event> = events.iter().filter(of_it).collect();
        let lines = rows(&events);
        let (body, contract_missing) = match contract {
            Ok(Found::Body(body)) if body.format == Format::Contract => (Some(body), None),
            Ok(Found::Body(body)) => (Some(body), Some("the body is no contract".to_owned())),
            Ok(Found::Timeline { .. } | Found::Revealed(_)) => (None, None),
            Err(why) => (None, Some(why.to_string())),
        };
        let is_contract = |it: &&Body| it.format == Format::Contract;
        let shown = body.as_deref();
        let page = HandoffPage {
            kind: "handoff",
            source: &look.address,
            as_of: look.as_of,
            handoff: handoff_row(&run.id, it),
            dead: dead_row(&look.ledger, &handoff),
            inbox: inbox_row(&run.id, it, look.as_of),
            task,
            contract: shown.filter(is_contract).map(|it| &it.value),
            body: shown.filter(|it| !is_contract(it)).map(|it| &it.value),
            contract_missing,
            events,
        };
        match args.output {
            Output::Text => page::handoff(&page, shown, it, &lines),
            output => json(&page, output == Output::Json)?,
        }
    } else {
        let events: Vec<&Event> = events.iter().collect();
        let lines = rows(&events);
        let page =
            RunPage { kind: "run", source: &look.address, as_of: look.as_of, task, handoffs: handoffs(&run), events };
        match args.output {
            Output::Text => page::run(&page, look.ledger.measured().everywhere, &lines),
            output => json(&page, output == Output::Json)?,
        }
    };
    print(text.as_bytes())?;
    Ok(Exit::Done)
}

/// A run and its events; `None` when nobody knows it.
async fn timeline(look: &Look, id: RunId) -> anyhow::Result<Option<(Run, Vec<Event>)>> {
    if !look.live {
        let Some(run) = look.ledger.run(&id) else {
            return Ok(None);
        };
        let events = look.events.iter().filter(|it| it.run == id && !it.fact.is_sighting());
        return Ok(Some((run.clone(), events.cloned().collect())));
    }
    match look.source.fetch(Want::Timeline(id)).await {
        Ok(Found::Timeline { run, events }) => Ok(Some((*run, events))),
        Ok(Found::Body(_) | Found::Revealed(_)) | Err(Fault::Refused(_)) => Ok(None),
        Err(why) => Err(Stop::from(why).into()),
    }
}
