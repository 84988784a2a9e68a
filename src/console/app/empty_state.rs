//! Message of a screen without rows: the reason, and the next step. Never "all clear".

use crate::domain::text::age;
use crate::domain::time::SECOND;

use super::feed::{Feed, Link};
use super::world::World;

/// Where agents look for an orchestrator when nobody tells them another place.
const USUAL: &str = "http://127.0.0.1:7600";

/// The reason that there is no row, when it lies at the sources; `None` when they are fine and have handoffs.
pub fn why_blank(world: &World) -> Option<String> {
    if world.feeds.iter().any(|it| it.ledger().edges().len() > 0) {
        return None;
    }
    let silent: Vec<&Feed> = world.feeds.iter().filter(|it| it.heard_at().is_none()).collect();
    if let Some(feed) = silent.first().filter(|_| silent.len() == world.feeds.len()) {
        return Some(match feed.link() {
            Link::Down { why, since, retry_at } => {
                let (since, left) = (age(since.age(world.now)), age(*retry_at - world.now + SECOND - 1));
                let why = why.to_string();
                let stop = if why.ends_with(['.', '?']) { "" } else { "." };
                format!("{} cannot be reached for {since}: {why}{stop} Next try in {left}.", feed.name)
            }
            Link::Connecting | Link::Live => {
                format!("Connecting to {}. Nothing is known yet.", feed.name)
            }
        });
    }
    if let Some(replay) = world.feeds.iter().find_map(Feed::replay) {
        let what = if replay.ended {
            "The recording has no handoff in it."
        } else {
            "The recording has not come to its first handoff yet. ] goes forward, > is faster."
        };
        return Some(what.to_owned());
    }
    let reached = world.feeds.iter().find_map(|it| it.can()?.agents.as_ref().ok());
    let otherwise = world.feeds.iter().find_map(|it| it.can()?.agents.as_ref().err());
    let how = match (reached, otherwise) {
        (Some(url), _) if url == USUAL => {
            format!("Agents reach it at {url}: `python3 examples/agent.py emit` hands over a first one.")
        }
        (Some(url), _) => {
            format!(
                "Agents reach it at {url}: `HANDOFF_URL={url} python3 examples/agent.py emit` hands over a first one."
            )
        }
        (None, otherwise) => otherwise.cloned().unwrap_or_default(),
    };
    let sentences = ["Connected, and no handoff was seen yet.", &how, "`seam demo` shows a pipeline at work."];
    Some(sentences.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" "))
}
