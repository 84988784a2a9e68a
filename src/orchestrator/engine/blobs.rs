//! Bytes that are kept, and who may have them. Contracts, results and refused bodies are the engine's own and are shown
//! where they belong; only what somebody outside gave is given out again: to who gave it, and to those whose runs refer to
//! it.

use std::ops::Deref;

use super::look::readable;
use super::{Engine, Problem};
use crate::domain::contract::Party;
use crate::store::{Blob, Commit, Giver};

/// The most bytes of one blob, 16 MiB.
const BLOB_MAX: usize = 16 * 1024 * 1024;
/// Most handoffs looked at that refer to the same bytes in runs of the one who asks: in the first of them, that one
/// nearly always takes part.
const REFERRING: usize = 100;

/// Bytes to keep, and other bytes that they refer to.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) blob: Blob,
    /// Digests of bytes that are stored here; empty when they refer to none.
    pub(super) refers: Vec<String>,
}

impl Deref for Kept {
    type Target = Blob;

    fn deref(&self) -> &Blob {
        &self.blob
    }
}

impl From<Blob> for Kept {
    fn from(blob: Blob) -> Self {
        Self { blob, refers: Vec::new() }
    }
}

impl Engine {
    /// Keeps bytes given by these agents, which may be empty where nobody asks who it was. Their digest is trusted.
    ///
    /// # Errors
    /// [`Problem::TooLarge`] above 16 MiB.
    pub async fn blob_put(&self, blob: Blob, by: Vec<Giver>) -> Result<(), Problem> {
        let bytes = blob.bytes.len();
        if bytes > BLOB_MAX {
            return Err(Problem::TooLarge { what: "the blob".to_owned(), bytes, limit: BLOB_MAX });
        }
        let mut commit = Commit::nothing();
        let by = if by.is_empty() { vec![Giver::new()] } else { by };
        commit.givers.extend(by.into_iter().map(|it| (blob.digest.clone(), it)));
        commit.blobs.push(blob);
        self.inner.store.commit(commit).await?;
        Ok(())
    }

    /// The bytes with this digest, whoever they are for.
    pub async fn blob_get(&self, digest: &str) -> Result<Blob, Problem> {
        let found = self.inner.store.blob(digest).await?;
        found.ok_or_else(|| Problem::NotFound(format!("blob {digest}")))
    }

    /// Whether bytes were given by somebody outside: all others belong to the engine.
    pub async fn blob_given(&self, digest: &str) -> Result<bool, Problem> {
        Ok(!self.inner.store.givers(digest).await?.is_empty())
    }

    /// Whether who has these `names`, and `is` these parties, may have bytes that somebody gave: that one gave them, or sees
    /// a handoff that refers to them.
    pub async fn blob_for(
        &self,
        digest: &str,
        names: Vec<String>,
        is: impl Fn(&Party) -> bool + Send,
    ) -> Result<bool, Problem> {
        if self.inner.store.givers(digest).await?.iter().any(|it| names.contains(it)) {
            return Ok(true);
        }
        for (run, handoff) in self.inner.store.referring(digest, names, REFERRING).await? {
            let Some(run) = readable(self.run(&run).await)? else { continue };
            if run.handoffs.get(&handoff).is_some_and(|it| run.shows(it, &is)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `producer` may refer to these bytes: whoever refers to them may read them. Where nobody asked who gave them,
    /// everybody may.
    pub(super) async fn may_refer(&self, digest: &str, producer: &Party) -> Result<bool, Problem> {
        let givers = self.inner.store.givers(digest).await?;
        let open = givers.iter().any(String::is_empty);
        Ok(open || !givers.is_empty() && self.blob_for(digest, vec![producer.id.clone()], |it| it == producer).await?)
    }
}
