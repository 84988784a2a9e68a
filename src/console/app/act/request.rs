//! The requests that a form becomes.

use super::{ActTarget, Form};
use crate::domain::port::{Act, Given, Request, SourceId};

/// The most items of one request. Each is answered on its own, long before anybody gives up waiting for it.
const TARGETS_PER_REQUEST: usize = 100;

/// A part of an act that is sent and answered as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The source to ask.
    pub source: SourceId,
    /// The items, as in the request.
    pub targets: Vec<ActTarget>,
    /// The request for the source; its key makes a repetition a no-op.
    pub request: Request,
}

impl Form {
    /// The chunks of this act on these items, in order: at most a hundred items of one source, and one alone for
    /// decisions, which are each bound to what was shown of that one item. `you` acts at each source; `key` makes each
    /// of them a no-op when repeated.
    pub fn chunks<'a>(&self, targets: &[ActTarget], you: impl Fn(SourceId) -> &'a str, key: &str) -> Vec<Chunk> {
        let most = if self.proposal.is_answer() { 1 } else { TARGETS_PER_REQUEST };
        let mut parts: Vec<(SourceId, Vec<ActTarget>)> = Vec::new();
        if let Some((source, _)) = &self.proposal.edge {
            parts.push((*source, Vec::new()));
        }
        for target in targets {
            match parts.iter_mut().rfind(|(source, _)| *source == target.source) {
                Some((_, some)) if some.len() < most => some.push(target.clone()),
                _ => parts.push((target.source, vec![target.clone()])),
            }
        }
        let numbered = parts.into_iter().enumerate();
        numbered
            .filter_map(|(nth, (source, targets))| {
                let request = Request {
                    on: targets.iter().map(|target| target.target.clone()).collect(),
                    act: self.act(targets.first())?,
                    by: you(source).to_owned(),
                    why: self.words.clone(),
                    key: format!("{key}-{nth}"),
                };
                Some(Chunk { source, targets, request })
            })
            .collect()
    }

    /// The act with its input; `None` when something it needs is missing, which the flow of layers prevents.
    fn act(&self, target: Option<&ActTarget>) -> Option<Act> {
        let digest = target.map(|it| it.digest.clone()).unwrap_or_default();
        let edge = self.proposal.edge.as_ref().map(|(_, edge)| edge.clone());
        self.proposal.act.with(&Given { digest, edge, of_run: self.proposal.of_run, ..self.given.clone() })
    }
}
