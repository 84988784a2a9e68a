//! Bytes that agents give and take: how many are in memory at once, and how many are kept altogether (protocol section 7,
//! "Limits").

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::stream::{self, StreamExt};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::BLOB_LIMIT;
use super::problem::{Answer, Problem};
use crate::orchestrator::engine::Engine;

/// Kibibytes of blobs that are in memory at once on their way in, and as many on their way out.
const IN_FLIGHT: usize = 64 * 1024;
/// Longest wait for room in memory.
const WAIT: Duration = Duration::from_secs(30);
/// Bytes of a blob that are handed to a connection at once.
const CHUNK: usize = 64 * 1024;
/// Time in which a reader has to take a blob, whatever its size.
const TAKING: Duration = Duration::from_mins(5);
/// Bytes that the smallest blob counts as.
const LEAST: u64 = 1_024;

/// Room for blobs.
pub struct Blobs {
    incoming: Arc<Semaphore>,
    outgoing: Arc<Semaphore>,
    /// Bytes that are kept at most.
    pub quota: u64,
    /// Bytes that are kept, counted once and then kept up to date.
    used: OnceCell<AtomicU64>,
    refused: AtomicU64,
}

/// Bytes that are counted as kept, unless they are given back.
pub struct Reserved<'a>(&'a AtomicU64, u64);

impl Blobs {
    /// Room for `quota` bytes.
    pub fn new(quota: u64) -> Self {
        let [incoming, outgoing] = [(); 2].map(|()| Arc::new(Semaphore::new(IN_FLIGHT)));
        Self { incoming, outgoing, quota, used: OnceCell::new(), refused: AtomicU64::new(0) }
    }

    /// Room in memory for bytes that come.
    ///
    /// # Errors
    /// 429 when there is none for a while.
    pub async fn coming(&self, bytes: usize) -> Answer<OwnedSemaphorePermit> {
        self.room(&self.incoming, bytes).await
    }

    /// Room in memory for the largest blob to go.
    ///
    /// # Errors
    /// 429 when there is none for a while.
    pub async fn going(&self) -> Answer<OwnedSemaphorePermit> {
        self.room(&self.outgoing, BLOB_LIMIT).await
    }

    async fn room(&self, of: &Arc<Semaphore>, bytes: usize) -> Answer<OwnedSemaphorePermit> {
        let acquired = timeout(WAIT, Arc::clone(of).acquire_many_owned(kibibytes(bytes))).await;
        acquired.ok().and_then(Result::ok).ok_or_else(|| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let why = "more blobs are on their way than the server holds at once, 64 MiB each way; send it again later";
            Problem { retry_after: Some(5), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", why) }
        })
    }

    /// Counts bytes as kept.
    ///
    /// # Errors
    /// 507 when they are more than may be kept; the store cannot be read.
    pub async fn reserve(&self, engine: &Engine, bytes: usize) -> Answer<Reserved<'_>> {
        let used = self.count(engine).await?;
        let bytes = (bytes as u64).max(LEAST);
        let fits = |used: u64| used.checked_add(bytes).filter(|it| *it <= self.quota);
        if used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let why = format!(
                "the blobs that are kept take {} MiB of the {} MiB that they may; refer to a place outside, or start the server with \
                 a larger --blobs",
                used.load(Ordering::Relaxed) >> 20,
                self.quota >> 20
            );
            return Err(Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", why));
        }
        Ok(Reserved(used, bytes))
    }

    /// Bytes that are kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count(&self, engine: &Engine) -> Answer<&AtomicU64> {
        let count = || async { engine.store().given_bytes().await.map(AtomicU64::new) };
        self.used.get_or_try_init(count).await.map_err(|why| crate::orchestrator::engine::Problem::from(why).into())
    }

    /// Bytes that are kept; 0 while they are not counted.
    pub fn used(&self) -> u64 {
        self.used.get().map_or(0, |it| it.load(Ordering::Relaxed))
    }

    /// Bytes that are in memory, on their way in or out.
    pub fn in_flight(&self) -> u64 {
        let free = self.incoming.available_permits() + self.outgoing.available_permits();
        (2 * IN_FLIGHT - free) as u64 * 1_024
    }

    /// Blobs that there was no room for.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Reserved<'_> {
    /// They were not kept after all.
    pub fn give_back(self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

fn kibibytes(bytes: usize) -> u32 {
    // A blob has at most 16 MiB, and whoever announces more is not read.
    u32::try_from(bytes.min(BLOB_LIMIT).div_ceil(1_024).max(1)).unwrap_or(u32::MAX)
}

/// The bytes as the body of an answer, which holds their `room` until it is taken. A reader who takes too long gets the
/// beginning.
pub fn leaving(bytes: Vec<u8>, mut room: OwnedSemaphorePermit) -> Body {
    let needed = kibibytes(bytes.len()) as usize;
    drop(room.split(room.num_permits().saturating_sub(needed)));
    let end = Instant::now() + TAKING;
    let chunks = stream::unfold((Bytes::from(bytes), room), move |(mut left, room)| async move {
        if left.is_empty() {
            return None;
        }
        let chunk = left.split_to(left.len().min(CHUNK));
        let chunk = if Instant::now() > end {
            Err(BoxError::from("the reader takes too long"))
        } else {
            Ok::<_, BoxError>(chunk)
        };
        Some((chunk, (left, room)))
    });
    // Layers around it look once more after its end.
    Body::from_stream(chunks.fuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn four_of_the_largest_are_in_memory_and_the_next_waits_for_one_of_them() {
        let blobs = Blobs::new(1);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(blobs.coming(usize::MAX).await.unwrap());
        }
        let told = blobs.coming(1).await.unwrap_err();
        assert_eq!((told.status, told.retry_after), (StatusCode::TOO_MANY_REQUESTS, Some(5)));
        assert_eq!((blobs.in_flight(), blobs.refused()), (64 << 20, 1));
        let (next, ()) = tokio::join!(blobs.coming(BLOB_LIMIT), async { drop(held.pop()) });
        assert!(next.is_ok());
        assert!(blobs.going().await.is_ok(), "those that go are counted for themselves");
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_holds_no_more_than_its_size_and_ends_for_who_takes_too_long() {
        let blobs = Blobs::new(1);
        let bytes = vec![7; 100_000];
        let whole = leaving(bytes.clone(), blobs.going().await.unwrap());
        assert_eq!(blobs.in_flight(), 98 * 1_024);
        let mut chunks = whole.into_data_stream();
        let mut taken = Vec::new();
        while let Some(chunk) = chunks.next().await {
            taken.extend_from_slice(&chunk.unwrap());
        }
        assert!(taken == bytes);
        assert!(chunks.next().await.is_none(), "who asks again after the end is told the same");
        assert_eq!(blobs.in_flight(), 0);
        let late = leaving(bytes, blobs.going().await.unwrap());
        tokio::time::advance(TAKING * 2).await;
        assert!(axum::body::to_bytes(late, BLOB_LIMIT).await.is_err());
    }
}
