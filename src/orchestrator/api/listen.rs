//! Connections: how long they may take to speak, what those get for whom there is no place, and how they end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::traffic::{Place, Traffic};

mod body;
mod patient;

pub use body::Late;
use body::{Arriving, Leaving};
use patient::Patient;

/// Time a connection may take to send the head of another request, idle time included.
const NEXT_HEAD: Duration = Duration::from_mins(1);
/// Largest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;
/// Time that requests in flight may still take when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// Time that connections without a request have when the server stops.
const LAST_HEAD: Duration = Duration::from_secs(1);
/// Pause after a failure to accept, such as too many open files.
const BREATH: Duration = Duration::from_millis(100);
/// Time in which who is turned away has to take the answer.
const TELLING: Duration = Duration::from_secs(1);
/// Connections at the same time that are told there is no place; beyond that they are closed without a word.
const TOLD: usize = 64;

/// Answers connections until `stop` is cancelled, then lets what is in flight end, for a while.
pub async fn run(listener: TcpListener, router: Router, traffic: Arc<Traffic>, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(NEXT_HEAD).max_buf_size(HEAD_LIMIT);
    let told = Arc::new(Semaphore::new(TOLD));
    let graceful = GracefulShutdown::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(%why, "cannot accept a connection; the oldest one that sends nothing is closed for it");
                traffic.make_room();
                sleep(BREATH).await;
                continue;
            }
        };
        // Answers are small and somebody waits for them; if it cannot be set they are only a little later.
        let _ = stream.set_nodelay(true);
        let Some(place) = traffic.enter(peer.ip(), Instant::now()).map(Arc::new) else {
            if let Ok(turn) = Arc::clone(&told).try_acquire_owned() {
                tokio::spawn(async move {
                    let _ = timeout(TELLING, turn_away(stream)).await;
                    drop(turn);
                });
            }
            continue;
        };
        let service = service(router.clone(), Arc::clone(&place), stop.clone());
        let connection = http.serve_connection(TokioIo::new(Patient::new(stream)), service_fn(service));
        let connection = graceful.watch(connection);
        let first_head = traffic.limits.first_head;
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = place.close.cancelled() => return,
                () = mute(&place, first_head) => return,
            };
            if let Err(why) = ended {
                tracing::debug!(%why, "a connection ended early");
            }
        });
    }
    drop(listener);
    let silent = async {
        sleep(LAST_HEAD).await;
        traffic.close_silent();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = timeout(GRACE, graceful.shutdown()) => if ended.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
        },
        () = silent => {}
    }
}

/// Ends when no request has come within this time; never when one has.
async fn mute(place: &Place, first_head: Duration) {
    sleep(first_head).await;
    if place.has_spoken() {
        std::future::pending::<()>().await;
    }
}

/// Answers the requests of one connection, and keeps its place informed of what it does.
fn service(
    router: Router,
    place: Arc<Place>,
    stop: CancellationToken,
) -> impl Fn(Request<Incoming>) -> futures_util::future::BoxFuture<'static, Result<Response<Leaving>, Infallible>> {
    let router = TowerToHyperService::new(router);
    move |request| {
        let (router, place, stop) = (router.clone(), Arc::clone(&place), stop.clone());
        Box::pin(async move {
            place.heard(hyper::body::Body::is_end_stream(request.body()));
            let request = request.map(|body| Arriving::new(body, Arc::clone(&place), stop));
            let answer = router.call(request).await?;
            Ok(answer.map(|body| Leaving::new(body, place)))
        })
    }
}

/// Says to one for whom there is no place that there is none.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    let why =
        "the server has as many connections as it takes, and all of them are being answered; try again in a moment";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", why);
    let body = problem.body("", "").to_string();
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\n";
    stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    stream.shutdown().await?;
    // What was sent and not read would take the answer away again.
    while stream.read(&mut [0; 1_024]).await? > 0 {}
    Ok(())
}
