//! Bodies on their way: that of a request has to keep coming, and that of an answer frees its connection at its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::orchestrator::api::traffic::Place;

/// Time that a body has before it must come at [`PACE`].
const PATIENCE: Duration = Duration::from_secs(10);
/// Least bytes of a body in a second, on average.
const PACE: u64 = 64 * 1024;
/// Time that a body still has when the server stops.
const LAST: Duration = Duration::from_secs(1);

/// Why no more of a body is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Late {
    /// It comes too slowly.
    #[error("it comes too slowly")]
    Slow,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

/// The body of a request.
pub(super) struct Arriving {
    body: Incoming,
    place: Arc<Place>,
    /// When it was first asked for; `None` until then.
    began: Option<Instant>,
    seen: u64,
    /// Ends when it is late.
    late: Pin<Box<Sleep>>,
    /// Ends when the server stops; `None` once it has.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Arriving {
    /// A body whose head has just come.
    pub(super) fn new(body: Incoming, place: Arc<Place>, stop: CancellationToken) -> Self {
        let late = Box::pin(sleep_until(Instant::now() + PATIENCE));
        Self { body, place, began: None, seen: 0, late, stop: Some(Box::pin(stop.cancelled_owned())) }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let began = *this.began.get_or_insert_with(Instant::now);
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.seen += frame.data_ref().map_or(0, |it| it.len() as u64);
                if this.body.is_end_stream() {
                    this.place.whole();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => {
                this.place.whole();
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(why))) => return Poll::Ready(Some(Err(why.into()))),
            Poll::Pending => {}
        }
        if this.stop.as_mut().is_some_and(|it| it.as_mut().poll(cx).is_ready()) {
            this.stop = None;
            this.late.as_mut().reset(Instant::now() + LAST);
        } else if this.stop.is_some() {
            this.late.as_mut().reset(began + PATIENCE + Duration::from_secs(this.seen / PACE));
        }
        ready!(this.late.as_mut().poll(cx));
        let late = if this.stop.is_none() { Late::Stopping } else { Late::Slow };
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
pub(super) struct Leaving {
    body: Body,
    place: Arc<Place>,
}

impl Leaving {
    /// A body that begins to leave.
    pub(super) const fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.place.answered();
    }
}
