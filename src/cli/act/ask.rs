//! Says what will happen, and asks.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};

use super::On;
use crate::cli::look::Look;
use crate::cli::{Exit, Output, Stop, say};
use crate::domain::port::{ActKind, Given, Target};
use crate::domain::report::{inbox_row, outlook};
use crate::domain::text::{age, clean_block};

/// Returns when the person wants it, or said `--yes`.
///
/// # Errors
/// Nobody can be asked, or the answer was no: nothing is done.
pub fn confirm(look: &Look, on: &On, kind: ActKind, given: &Given, targets: &[Target]) -> anyhow::Result<()> {
    if on.flags.yes {
        return Ok(());
    }
    let people = on.output == Output::Text;
    asked(look, kind, people, &intent(look, on, kind, given, targets))
}

/// Asks about `intent`, if there are `people` to be asked. The question names the environment.
///
/// # Errors
/// As [`confirm`].
pub fn asked(look: &Look, kind: ActKind, people: bool, intent: &str) -> anyhow::Result<()> {
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !people || !can_ask {
        let why = format!("nobody can be asked here: to {} all the same, say --yes and --reason TEXT", kind.verb());
        return Err(Stop::new(Exit::Usage, why).into());
    }
    let mut err = std::io::stderr().lock();
    write!(err, "{}\n{}? [y/N] ", clean_block(intent), look.environment.says(kind.verb()))?;
    err.flush()?;
    drop(err);
    let mut said = String::new();
    std::io::stdin().lock().read_line(&mut said)?;
    if matches!(said.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        say("nothing was done");
        Err(Stop::new(Exit::Failed, "not confirmed").into())
    }
}

/// Exactly what will happen: how many, where, the oldest, and what each would meet.
fn intent(look: &Look, on: &On, kind: ActKind, given: &Given, targets: &[Target]) -> String {
    let now = look.ledger.now();
    let mut edges: BTreeMap<String, usize> = BTreeMap::new();
    let mut oldest = 0;
    let mut lines = Vec::new();
    for it in targets {
        let known = look.ledger.run_of(&it.handoff).zip(look.ledger.handoff(&it.handoff)).filter(|_| !given.of_run);
        let Some((run, handoff)) = known else {
            lines.push(if given.of_run { format!("  run {}", it.run) } else { format!("  {}, ended", it.handoff) });
            continue;
        };
        *edges.entry(handoff.emission.edge.to_string()).or_default() += 1;
        oldest = oldest.max(handoff.first_seen().age(now));
        let item = format!("  {}  {}", it.handoff, handoff.emission.title);
        lines.push(if kind == ActKind::Requeue {
            format!("{item}  ({})", outlook(&look.ledger, handoff).why())
        } else if let Some(asked) = inbox_row(&run.id, handoff, now) {
            format!("{item}  ({} asks: {})", asked.asked_by, asked.question)
        } else {
            item
        });
    }
    let places: Vec<String> = edges.iter().map(|(edge, n)| format!("{n} on {edge}")).collect();
    if !on.flags.reason.is_empty() {
        lines.push(format!("reason: {}", on.flags.reason));
    }
    if !given.verdict.is_empty() {
        lines.push(format!("verdict: {}", given.verdict));
    }
    let places = if places.is_empty() {
        String::new()
    } else {
        format!(": {}, the oldest {} old", places.join(", "), age(oldest))
    };
    format!("{} {}{places}\n{}", kind.verb(), targets.len(), lines.join("\n"))
}
