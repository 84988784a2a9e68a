//! Writes frames to the terminal on a thread of its own: a slow line must not keep the loop from the keys.

use std::io::{self, Write, stdout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::Notify;

/// Longest time that a terminal that takes nothing may hold up leaving.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// A handle to the thread that writes.
#[derive(Clone)]
pub(super) struct FrameWriter {
    frames: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Frames given and not yet written.
    waiting: AtomicUsize,
    /// True when the terminal is gone.
    broken: AtomicBool,
    idle: Notify,
    lock: Mutex<()>,
    written: Condvar,
}

impl FrameWriter {
    /// Starts the thread; it ends when the last handle is dropped.
    pub(super) fn new() -> Self {
        let (frames, given) = mpsc::channel::<Vec<u8>>();
        let shared = Arc::new(Shared::default());
        let mine = shared.clone();
        std::thread::spawn(move || {
            for frame in given {
                let mut out = stdout().lock();
                if out.write_all(&frame).and_then(|()| out.flush()).is_err() {
                    mine.broken.store(true, Ordering::Release);
                }
                drop(out);
                let _lock = mine.lock.lock().unwrap_or_else(PoisonError::into_inner);
                mine.waiting.fetch_sub(1, Ordering::AcqRel);
                mine.written.notify_all();
                mine.idle.notify_one();
            }
        });
        Self { frames, shared }
    }

    /// True when everything was written.
    pub(super) fn is_idle(&self) -> bool {
        self.shared.waiting.load(Ordering::Acquire) == 0
    }

    /// Waits until everything was written.
    pub(super) async fn idle(&self) {
        while !self.is_idle() {
            self.shared.idle.notified().await;
        }
    }

    /// True when the terminal is gone.
    pub(super) fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Waits, blocking, until everything was written or the terminal takes nothing any more.
    pub(super) fn drain(&self) {
        let lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |(): &mut ()| !self.is_idle();
        let _ = self.shared.written.wait_timeout_while(lock, WRITE_TIMEOUT, waiting);
    }
}

/// Each call of `write` is one frame, after the ones written before. It never blocks and never fails: see
/// [`FrameWriter::is_broken`].
impl Write for FrameWriter {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        if self.frames.send(frame.to_vec()).is_err() {
            self.shared.broken.store(true, Ordering::Release);
        }
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
