//! The HTTP API of an orchestrator (protocol section 7): agents, consoles and Prometheus speak to it.
//!
//! From the outside in: `frame` names each request, admits its caller by scope and writes errors; `once` knows
//! the requests that are repeated; between is one handler a path. Everything that decides is in the [`engine`](crate::orchestrator::engine).

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::engine::{Engine, Requester};
use crate::domain::id::Actor;
use crate::domain::ledger::Ledger;
use crate::domain::port::Scope;

mod agent;
pub mod auth;
mod blobs;
mod escalations;
mod events;
mod extract;
mod figures;
mod frame;
mod lease;
mod listen;
mod metrics;
mod once;
mod openapi;
mod operate;
mod problem;
mod rate;
mod read;
mod refused;
mod registry;
mod traffic;
mod watcher;
mod wire;

pub use auth::Access;
pub use problem::Problem;
pub use traffic::Limits;

/// Largest body of a request, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;
/// Largest blob, in bytes.
pub const BLOB_LIMIT: usize = 16 * 1024 * 1024;
/// Longest time a request may take to arrive and be answered; above the longest wait for work.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The engine, tokens and watcher that every handler shares.
pub struct Shared {
    engine: Engine,
    access: Access,
    running: once::Running,
    watcher: Arc<watcher::Watcher>,
    traffic: Arc<traffic::Traffic>,
    rates: rate::Rates,
    blobs: blobs::Blobs,
    /// Requests that the store failed.
    store_errors: AtomicU64,
    stop: CancellationToken,
    document: std::sync::OnceLock<serde_json::Value>,
}

impl Shared {
    /// The engine as `caller` uses it under the name of `actor`.
    fn by(&self, caller: &auth::Caller, actor: Actor) -> Requester {
        self.engine.by(actor).bearer(caller.bearer())
    }

    /// The ledger as of now, everything included that was committed before the call. Hold it briefly.
    async fn present(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.watcher.present(&self.engine).await
    }
}

/// A handle on what every handler shares.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Serves until `stop` is cancelled: then no new connection is taken, streams and long polls end, and what is in
/// flight gets ten seconds.
///
/// # Errors
/// The store cannot be read.
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    access: Access,
    stop: CancellationToken,
) -> std::io::Result<()> {
    serve_within(Limits::default(), engine, listener, access, stop, || ()).await
}

/// The same within other limits, which says so by `up` when the store was read, and not before.
///
/// # Errors
/// The store cannot be read.
pub async fn serve_within(
    limits: Limits,
    engine: Engine,
    listener: TcpListener,
    access: Access,
    stop: CancellationToken,
    up: impl FnOnce(),
) -> std::io::Result<()> {
    let traffic = traffic::Traffic::new(limits);
    let router = router(engine, access, Arc::clone(&traffic), stop.clone()).await;
    let router = router.map_err(|why| std::io::Error::other(why.detail))?;
    up();
    listen::run(listener, router, traffic, stop).await;
    Ok(())
}

/// Everything the server answers.
///
/// # Errors
/// The store cannot be read.
async fn router(
    engine: Engine,
    access: Access,
    traffic: Arc<traffic::Traffic>,
    stop: CancellationToken,
) -> Result<Router, Problem> {
    let watcher = watcher::Watcher::start(engine.clone(), stop.clone()).await?;
    let api = Api(Arc::new(Shared {
        engine,
        access,
        running: once::Running::default(),
        watcher,
        blobs: blobs::Blobs::new(traffic.limits.blobs),
        traffic,
        rates: rate::Rates::default(),
        store_errors: AtomicU64::new(0),
        stop,
        document: std::sync::OnceLock::new(),
    }));
    let (router, document) = paths(&api).split_for_parts();
    // Set once, here, before any request.
    let _ = api.document.set(openapi::complete(document, matches!(api.access, Access::Open)));
    Ok(router
        .with_state(api.clone())
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .layer(CatchPanicLayer::custom(frame::caught))
        .layer(from_fn_with_state(api, frame::answer)))
}

/// Every path, by who may use it: holders of any of the scopes; of any token at all when none is named.
fn paths(api: &Api) -> OpenApiRouter<Api> {
    let group = |scopes: &'static [Scope], mut paths: OpenApiRouter<Api>| {
        openapi::secure(paths.get_openapi_mut(), scopes);
        paths
            .route_layer(from_fn_with_state(api.clone(), once::keyed))
            .route_layer(from_fn_with_state((api.clone(), scopes), frame::admit))
    };
    let viewer = OpenApiRouter::new()
        .routes(routes!(read::snapshot))
        .routes(routes!(read::handoffs))
        .routes(routes!(read::runs))
        .routes(routes!(figures::edges))
        .routes(routes!(figures::edge_metrics))
        .routes(routes!(figures::escalations))
        .routes(routes!(figures::rejections))
        .routes(routes!(registry::schema))
        .routes(routes!(registry::schemas))
        .routes(routes!(events::events));
    // A viewer, or an agent that takes part: the handlers look closer.
    let participant = OpenApiRouter::new()
        .routes(routes!(read::handoff))
        .routes(routes!(read::timeline))
        .routes(routes!(read::payload))
        .routes(routes!(read::run))
        .routes(routes!(read::trace))
        .routes(routes!(figures::me))
        .routes(routes!(registry::check));
    let agent = OpenApiRouter::new()
        .routes(routes!(agent::emit))
        .routes(routes!(agent::claim))
        .routes(routes!(lease::acknowledge))
        .routes(routes!(lease::heartbeat))
        .routes(routes!(lease::complete))
        .routes(routes!(lease::give_back))
        .routes(routes!(lease::fail))
        .routes(routes!(lease::reject))
        .routes(routes!(lease::snooze))
        .routes(routes!(registry::put_blob, registry::blob));
    let approver = OpenApiRouter::new()
        .routes(routes!(escalations::claim_escalation))
        .routes(routes!(escalations::release_escalation))
        .routes(routes!(escalations::reveal))
        .routes(routes!(escalations::resolve));
    let admin = OpenApiRouter::new().routes(routes!(registry::put_schema));
    let outside = OpenApiRouter::new().routes(routes!(metrics::metrics));
    let everybody = OpenApiRouter::new().routes(routes!(figures::healthz)).routes(routes!(openapi::document));
    OpenApiRouter::new()
        .nest(
            "/api/v1",
            group(&[Scope::Viewer], viewer)
                .merge(group(&[], participant))
                .merge(group(&[Scope::Agent], agent))
                .merge(group(&[Scope::Operator], operate::of_operators()))
                .merge(group(&[Scope::Operator, Scope::Approver], operate::of_both()))
                .merge(group(&[Scope::Approver], approver))
                .merge(group(&[Scope::Admin], admin)),
        )
        .merge(group(&[Scope::Viewer], outside))
        .merge(everybody)
}
