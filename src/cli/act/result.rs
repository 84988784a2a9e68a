//! Result of an act, item by item.

use serde::Serialize;

use super::On;
use crate::cli::look::{Look, exit_of};
use crate::cli::{Exit, Output, json, print};
use crate::domain::contract::Violation;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::{ActKind, Fault, Outcome, Request, SeenToken};
use crate::domain::text::clean;
use crate::domain::time::Time;

/// Result of one item.
pub struct Item {
    /// Id of the handoff.
    pub handoff: HandoffId,
    /// Its run, if it was found.
    pub run: Option<RunId>,
    /// The state it was acted on in; a version is a number.
    pub version: Option<SeenToken>,
    /// Done, or the fault that kept it from being done.
    pub done: Result<(), Fault>,
}

/// The items of one request; a fault of the whole is one of each.
pub fn of(request: &Request, outcome: Result<Outcome, Fault>) -> Vec<Item> {
    let mut results: Vec<(Option<HandoffId>, Result<(), Fault>)> = match outcome {
        Ok(outcome) => outcome.items,
        Err(fault) => request.on.iter().map(|it| (Some(it.handoff.clone()), Err(fault.clone()))).collect(),
    };
    let each = |it: &crate::domain::port::Target| {
        let at = results.iter().position(|(id, _)| id.as_ref() == Some(&it.handoff));
        let unknown = || Fault::Malformed("the source said nothing about it: look again".to_owned());
        Item {
            handoff: it.handoff.clone(),
            run: Some(it.run.clone()),
            version: Some(it.seen.clone()),
            done: at.map_or_else(|| Err(unknown()), |at| results.swap_remove(at).1),
        }
    };
    request.on.iter().map(each).collect()
}

/// One item as JSON.
#[derive(Serialize)]
struct Row<'a> {
    handoff_id: &'a HandoffId,
    trace_id: Option<&'a RunId>,
    /// The state it was acted on in; a version is a number.
    version: Option<&'a SeenToken>,
    result: &'static str,
    /// The fault in words for people; absent when it was done.
    message: Option<String>,
    /// Every place that is wrong, when that is why.
    violations: &'a [Violation],
}

const fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Conflict => "conflict",
        Exit::Refused => "refused",
        Exit::Failed | Exit::Usage => "failed",
    }
}

impl Item {
    fn exit(&self) -> Exit {
        self.done.as_ref().map_or_else(exit_of, |()| Exit::Done)
    }

    fn row(&self, now: Time) -> Row<'_> {
        Row {
            handoff_id: &self.handoff,
            trace_id: self.run.as_ref(),
            version: self.version.as_ref(),
            result: word(self.exit()),
            message: self.done.as_ref().err().map(|it| it.told(now)),
            violations: match &self.done {
                Err(Fault::Invalid(violations)) => violations,
                _ => &[],
            },
        }
    }
}

/// Prints every item; the worst decides how the program ends.
pub fn finish(look: &Look, on: &On, kind: ActKind, by: &str, items: &[Item]) -> anyhow::Result<Exit> {
    let now = crate::clock::now();
    let rows: Vec<Row<'_>> = items.iter().map(|it| it.row(now)).collect();
    let text = match on.output {
        Output::Json => {
            #[derive(Serialize)]
            struct Done<'a> {
                kind: &'static str,
                act: ActKind,
                source: &'a str,
                by: &'a str,
                reason: &'a str,
                items: &'a [Row<'a>],
            }
            let done =
                Done { kind: "act", act: kind, source: &look.address, by, reason: &on.flags.reason, items: &rows };
            json(&done, true)?
        }
        Output::Jsonl => rows.iter().map(|row| json(row, false)).collect::<Result<_, _>>()?,
        Output::Text => rows.iter().map(|row| line(row, kind)).collect(),
    };
    print(text.as_bytes())?;
    let worst = items.iter().map(Item::exit).max_by_key(|exit| exit.code());
    Ok(worst.unwrap_or(Exit::Done))
}

fn line(row: &Row<'_>, kind: ActKind) -> String {
    let what = match &row.message {
        None => kind.done().to_owned(),
        Some(_) if !row.violations.is_empty() => format!("{}: the contract is invalid", row.result),
        Some(why) => format!("{}: {why}", row.result),
    };
    let wrong = row.violations.iter().map(|it| format!("  {it}"));
    let lines: Vec<String> =
        std::iter::once(format!("{}  {what}", row.handoff_id)).chain(wrong).map(|it| clean(&it).into_owned()).collect();
    lines.join("\n") + "\n"
}
