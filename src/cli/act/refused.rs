//! `seam dismiss-refused WHAT`: the records of refused contracts end, one, a group of them, or all of an edge.

use super::ask::asked;
use super::{Flags, may};
use crate::cli::look::{Look, exit_of, look};
use crate::cli::{Exit, Stop, print};
use crate::domain::port::{Act, ActKind, Request, path_of};
use crate::domain::report::{RejectionRow, rejections};
use crate::domain::text::clean;

/// Flags of the act.
#[derive(Clone, Debug, clap::Args)]
pub struct On {
    /// Id of a refused contract or of a group, as `seam get rejections -o json` has them, or an edge: FROM>TO, in quotes;
    /// PIPELINE/FROM>TO where several pipelines have it
    #[arg(value_name = "WHAT")]
    pub what: String,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub flags: Flags,
}

/// Dismisses what is kept of it now.
///
/// # Errors
/// Nothing was done: the address does not answer, keeps nothing of it or cannot do it, or nobody confirmed.
pub async fn run(on: On) -> anyhow::Result<Exit> {
    let kind = ActKind::DismissRefused;
    if on.flags.reason.trim().is_empty() && on.flags.yes {
        return Err(Stop::new(Exit::Usage, "dismiss-refused: --reason TEXT is needed".to_owned()).into());
    }
    let by = on.flags.operator()?;
    let look = look(&on.flags.connect, None).await?;
    may(&look, kind)?;
    let by = look.source.capabilities().you.unwrap_or(by);
    let (of, many) = named(&look, &on.what)?;
    let what = if many == 1 { "1 refused contract".to_owned() } else { format!("{many} refused contracts") };
    if !on.flags.yes {
        asked(&look, kind, true, &format!("dismiss {what}; how many were refused, and why, still counts"))?;
    }
    let key = uuid::Uuid::now_v7().to_string();
    let request = Request { on: Vec::new(), act: Act::DismissRefused(of), by, why: on.flags.reason, key };
    let outcome = look.source.perform(request).await;
    let done = outcome.and_then(|it| it.items.into_iter().try_for_each(|(_, done)| done));
    done.map_err(|why| Stop::new(exit_of(&why), why.told(crate::clock::now())))?;
    print(format!("{}\n", clean(&format!("{}  dismissed {what}", on.what))).as_bytes())?;
    Ok(Exit::Done)
}

/// What somebody means by `text`, as the source names it, and how many refused contracts it is now.
fn named(look: &Look, text: &str) -> Result<(String, usize), Stop> {
    let rows = rejections(&look.ledger);
    let by_id = |it: &&RejectionRow| it.rejection_id == text || it.groups.iter().any(|id| id == text);
    let many = rows.iter().filter(by_id).count();
    if many > 0 {
        return Ok((text.to_owned(), many));
    }
    let of = |it: &&RejectionRow| it.edge.to_string() == text || format!("{}/{}", it.edge.pipeline, it.edge) == text;
    let found: Vec<String> = rows.iter().filter(of).map(|it| path_of(&it.edge)).collect();
    match found.split_first() {
        Some((first, rest)) if rest.iter().all(|it| it == first) => Ok((first.clone(), found.len())),
        Some(_) => {
            let why = format!("refused contracts of several pipelines are on {text}: name it as PIPELINE/FROM>TO");
            Err(Stop::new(Exit::Usage, why))
        }
        None => {
            let why =
                format!("nothing at {} is kept as refused by {text}: `seam get rejections` lists it", look.address);
            Err(Stop::new(Exit::Failed, why))
        }
    }
}
