//! Waiting for what has to happen: looked for again and again until a deadline, never slept for.

#![allow(dead_code)] // every test takes what it needs

use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything that has to happen may take, even on a busy machine: far more than it does.
pub const DEADLINE: Duration = Duration::from_mins(2);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something. `what` says what was waited for, and may say what is there instead.
#[track_caller]
pub fn until<T>(mut look: impl FnMut() -> Option<T>, what: impl FnOnce() -> String) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it never came to this: {}", what());
        std::thread::sleep(PAUSE);
    }
}

/// The same where others have to go on meanwhile.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "it never came to this: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
