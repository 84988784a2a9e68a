//! An orchestrator behind HTTP (protocol section 7).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{Log, Reach, Source, log};
use crate::domain::bearer::Roles;
use crate::domain::event::Event;
use crate::domain::port::{
    ActKind, Batch, Begin, Body, Capabilities, Cursor, Fault, Found, Outcome, Request, Snapshot, Want,
};
use crate::domain::run::Run;

mod act;
mod answer;
mod follow;
mod pages;

use answer::{ANSWER, HISTORY, Limit, SNAPSHOT, Server};
use follow::Said;

/// Timeout of connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Timeout of a silent connection: an event stream has a heartbeat (sign of life) at least every 15 seconds.
const SILENCE: Duration = Duration::from_secs(20);
/// Timeout of an act or a look altogether.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a server may ask to be waited for altogether, by `Retry-After`, before its refusal is told.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds of silence after which the server is asked to send a heartbeat (sign of life).
const BEAT: &str = "1";
/// Time in which an event stream, which has a heartbeat each second, has to say something. One that does not is kept back
/// by a proxy, and the log is read in pages.
const FIRST_WORD: Duration = Duration::from_secs(4);
/// Items of one request that are in flight at once.
const REQUESTS_IN_PARALLEL: usize = 8;

/// An orchestrator behind HTTP. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    server: Server,
    /// The caller; `None` before it was reached once. Asked for again with each connection: rights may have changed.
    me: Arc<RwLock<Option<Me>>>,
    /// The last attempt did not reach it: when it is there again, it may be another one.
    doubted: Arc<AtomicBool>,
}

/// Caller as the server knows it.
#[derive(Debug, Deserialize)]
struct Me {
    subject: String,
    /// The subject is that of a token; without tokens it is whatever a request says.
    #[serde(default)]
    authenticated: bool,
    /// Roles that the caller has as an approver; `None` is every role.
    #[serde(default)]
    roles: Option<BTreeSet<String>>,
    /// Names of acts; a newer server knows some that mean nothing here.
    acts: Vec<Value>,
}

/// A client to set up for addresses that begin like this one. Proxies of the environment are not used and redirects not
/// followed: a token goes to this address only. The certificates of this machine are read for https only: plain http
/// works where there are none.
pub fn client(address: &str) -> ClientBuilder {
    // Whoever is first wins; there is only this one to choose.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).tcp_nodelay(true);
    let is_https = address.get(..6).is_some_and(|it| it.eq_ignore_ascii_case("https:"));
    if is_https { client } else { client.tls_certs_only(std::iter::empty::<Certificate>()) }
}

/// Sets the client up. The error is a sentence for people.
///
/// # Errors
/// The system has no certificates to check those of a server by.
pub fn build(client: ClientBuilder) -> Result<Client, String> {
    client.build().map_err(|why| {
        format!(
            "cannot check who answers at an https address: {}. Install the certificates of this system (Debian, Ubuntu: \
             apt-get install ca-certificates), or name a file of them in SSL_CERT_FILE",
            answer::innermost(&why)
        )
    })
}

impl Http {
    /// The orchestrator at `base`, with a bearer token if it wants one. Nothing is sent yet.
    ///
    /// # Errors
    /// A sentence when the token cannot be a header, or the system's certificates cannot be read.
    pub fn new(base: Url, token: Option<&str>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| "the token has characters that no token has".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = client(base.as_str())
            .user_agent(concat!("seam/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        let client = build(client)?;
        let server = Server { name: base.as_str().trim_end_matches('/').to_owned(), token: token.is_some() };
        Ok(Self { client, base, server, me: Arc::default(), doubted: Arc::default() })
    }

    /// A request to a path below `/api/v1`, given by its parts, which may hold any character.
    fn ask(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        // An http URL always has a path; the address was parsed as one.
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        self.client.request(method, url)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &[&str], limit: Limit) -> Result<T, Fault> {
        let response = self.send(self.ask(Method::GET, path).timeout(limit.within)).await?;
        self.server.json(response, limit).await
    }

    /// Sends a request, and sends it again when the server says that it is too many and when there is room: requests that act
    /// have a key, so that none is done twice.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let (mut request, mut left) = (request, PATIENCE);
        loop {
            let again = request.try_clone();
            let response = request.send().await.map_err(|why| self.server.unreached(&why))?;
            let busy = response.status() == StatusCode::TOO_MANY_REQUESTS;
            let after = response.headers().get(RETRY_AFTER).filter(|_| busy);
            let after = after.and_then(|it| it.to_str().ok()?.parse().ok()).map(Duration::from_secs);
            match (after.and_then(|after| left.checked_sub(after)), again) {
                (Some(rest), Some(again)) => {
                    tokio::time::sleep(left.saturating_sub(rest)).await;
                    // One that may come at once counts, too, or this would never end.
                    (request, left) = (again, rest.saturating_sub(Duration::from_secs(1)));
                }
                _ => return Ok(response),
            }
        }
    }

    async fn follow(self, from: Option<Cursor>) -> Result<Watch, Fault> {
        let doubted = self.doubted.clone();
        let trusted = !doubted.load(Ordering::Relaxed);
        let watch = self.connect(from.filter(|it| trusted && it.position().is_some())).await;
        doubted.store(watch.is_err(), Ordering::Relaxed);
        watch
    }

    async fn connect(self, from: Option<Cursor>) -> Result<Watch, Fault> {
        self.meet().await?;
        self.begin(from).await
    }

    /// Finds out who the caller is, and with that whether there is a server at all.
    async fn meet(&self) -> Result<(), Fault> {
        let me = self.get(&["me"], ANSWER).await;
        let me = me.map_err(|why| match why {
            Fault::Refused(_) => Fault::Malformed(format!(
                "there is no API of seam at {}: check the path of the address",
                self.server.name
            )),
            other => other,
        })?;
        *self.me.write().unwrap_or_else(PoisonError::into_inner) = Some(me);
        Ok(())
    }

    async fn begin(self, from: Option<Cursor>) -> Result<Watch, Fault> {
        if let Some(cursor) = from {
            let said = self.streamed(&cursor).await?;
            if let Some(changes) = self.clone().changes(cursor, said).await {
                return Ok(stream::iter([Ok(Batch::Begin(Begin::Resumed))]).chain(changes).boxed());
            }
        }
        let snapshot: Snapshot = self.get(&["snapshot"], SNAPSHOT).await?;
        let cursor = snapshot.cursor.clone();
        let said = self.streamed(&cursor).await?;
        let fresh = Batch::Begin(Begin::Fresh(Box::new(snapshot)));
        let gap = || Fault::Transient("the log has a gap: catching up".to_owned());
        let changes = self.changes(cursor, said).map(move |it| it.ok_or_else(gap));
        Ok(stream::iter([Ok(fresh)]).chain(changes.try_flatten_stream()).boxed())
    }

    /// The stream that follows a cursor; `None` when it does not begin to come.
    async fn streamed(&self, after: &Cursor) -> Result<Option<Messages>, Fault> {
        timeout(FIRST_WORD, self.events(after)).await.ok().transpose()
    }

    /// What follows a cursor, by this stream as long as it says anything; `None` when the log does not reach back that far.
    async fn changes(self, cursor: Cursor, said: Option<Messages>) -> Option<Watch> {
        let Some(mut said) = said else { return Some(self.polled(cursor)) };
        // Whether it has what follows the cursor, it says first.
        match timeout(FIRST_WORD, said.next()).await {
            Err(_) => Some(self.polled(cursor)),
            Ok(Some(Ok(Said::Gap)) | None) => None,
            Ok(Some(first)) => Some(follow::batches(stream::iter([first]).chain(said))),
        }
    }

    /// What the server says from a position on.
    async fn events(&self, after: &Cursor) -> Result<Messages, Fault> {
        let sent = self
            .ask(Method::GET, &["events"])
            .query(&[("after", after.as_str()), ("beat_s", BEAT)])
            .header(ACCEPT, "text/event-stream")
            .send()
            .await
            .map_err(|why| self.server.unreached(&why))?;
        let stream = self.server.accept(sent, "text/event-stream").await?;
        let doubted = self.doubted.clone();
        let said = follow::said(stream, self.server.clone());
        // What was known does not hold: nothing is resumed next time.
        let gap = |it: &Result<Said, Fault>| matches!(it, Ok(Said::Gap));
        Ok(said.inspect(move |it| doubted.store(gap(it), Ordering::Relaxed)).boxed())
    }

    async fn find(self, want: Want) -> Result<Found, Fault> {
        match want {
            Want::Body(id) => {
                #[derive(Deserialize)]
                struct Stored {
                    contract: Value,
                    digest: String,
                }
                let path = ["handoffs", id.as_str(), "payload"];
                let Stored { contract, digest } = self.get(&path, ANSWER).await?;
                Ok(Found::Body(Box::new(Body::contract(contract, digest))))
            }
            Want::Revealed { handoff, by } => {
                let path = ["escalations", handoff.as_str(), "reveal"];
                Ok(Found::Revealed(Box::new(act::post(&self, &path, &by, ANSWER).await?)))
            }
            Want::Timeline(id) => {
                #[derive(Deserialize)]
                struct History {
                    run: Run,
                    events: Vec<Event>,
                }
                let path = ["runs", id.as_str()];
                let History { run, events } = self.get(&path, HISTORY).await?;
                let run = Box::new(run);
                Ok(Found::Timeline { run, events })
            }
        }
    }
}

type Watch = BoxStream<'static, Result<Batch, Fault>>;
type Messages = BoxStream<'static, Result<Said, Fault>>;

impl Source for Http {
    fn capabilities(&self) -> Capabilities {
        let everything = Capabilities::everything("orchestrator");
        let name = &self.server.name;
        let me = self.me.read().unwrap_or_else(PoisonError::into_inner);
        let Some(me) = &*me else {
            return everything.without(|_| Some(format!("not connected to {name} yet")));
        };
        let allowed: Vec<ActKind> = me.acts.iter().filter_map(|it| ActKind::deserialize(it).ok()).collect();
        let why_not = |act: ActKind| {
            let scopes: Vec<&str> = act.row().scopes.iter().map(|it| it.name()).collect();
            let scopes = scopes.join(" or ");
            if self.server.token {
                format!("your token does not allow this on {name}; it needs the scope {scopes}")
            } else {
                format!("{name} does not allow this without a token; it needs the scope {scopes}")
            }
        };
        let you = me.authenticated.then(|| me.subject.clone());
        let roles = me.roles.clone().map_or(Roles::All, Roles::Only);
        let agents = Ok(name.clone());
        Capabilities { you, roles, agents, ..everything.without(|act| (!allowed.contains(&act)).then(|| why_not(act))) }
    }

    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Result<Batch, Fault>> {
        self.clone().follow(from).try_flatten_stream().boxed()
    }

    fn log(&self, reach: Reach, until: Cursor) -> BoxFuture<'static, Result<Log, Fault>> {
        let http = self.clone();
        log::numbered(move |from| http.clone().pages(from), reach, until).boxed()
    }

    fn snapshot(&self) -> BoxFuture<'static, Result<Snapshot, Fault>> {
        let http = self.clone();
        async move {
            http.meet().await?;
            http.get(&["snapshot"], SNAPSHOT).await
        }
        .boxed()
    }

    fn fetch(&self, want: Want) -> BoxFuture<'static, Result<Found, Fault>> {
        self.clone().find(want).boxed()
    }

    fn perform(&self, request: Request) -> BoxFuture<'static, Result<Outcome, Fault>> {
        act::perform(self.clone(), request).boxed()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::domain::event::DismissReason;
    use crate::domain::port::{Act, Target};

    /// A server that gives this answer to every connection, whatever is asked.
    async fn answering(answer: &'static str) -> Http {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 4_096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Http::new(base.parse().unwrap(), None).unwrap()
    }

    async fn fault(answer: &'static str) -> Fault {
        let http = answering(answer).await;
        let mut watch = http.watch(None);
        let first = watch.next().await.expect("it says something");
        let fault = first.expect_err("it is no snapshot");
        assert!(watch.next().await.is_none(), "a watch ends with its first fault");
        fault
    }

    #[tokio::test]
    async fn what_is_no_seamwatch_server_is_called_so() {
        for answer in [
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>",
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>",
        ] {
            let Fault::Malformed(why) = fault(answer).await else {
                panic!("not malformed");
            };
            assert!(why.contains("no Seamwatch server"), "{why}");
        }
        let other = fault("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[]").await;
        assert!(matches!(other, Fault::Malformed(why) if why.contains("another version")));
        let moved =
            fault("HTTP/1.1 302 Found\r\nlocation: http://evil.example\x1b[2J/\r\nconnection: close\r\n\r\n").await;
        assert!(!moved.to_string().contains('\x1b'), "{moved}");
    }

    #[test]
    fn a_newer_server_may_know_acts_that_mean_nothing_here() {
        let http = Http::new("http://127.0.0.1:9".parse().unwrap(), None).unwrap();
        let me = r#"{"subject":"dana","authenticated":true,"roles":["editors"],"acts":["requeue","teleport"]}"#;
        *http.me.write().unwrap() = serde_json::from_str(me).unwrap();
        let can = http.capabilities();
        let acts: Vec<ActKind> = ActKind::ALL.iter().copied().filter(|it| can.may(*it).is_ok()).collect();
        assert_eq!((acts, can.you), (vec![ActKind::Requeue], Some("dana".to_owned())));
        assert!(can.roles.include("editors") && !can.roles.include("operators"), "{:?}", can.roles);
    }

    #[tokio::test]
    async fn each_refusal_has_its_fault() {
        let denied = fault("HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"detail\":\"send a token\"}").await;
        assert!(matches!(denied, Fault::Denied(why) if why.contains("SEAM_TOKEN")));
        let denied = fault("HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"detail\":\"not with\\u001b this scope\"}").await;
        assert!(matches!(denied, Fault::Denied(why) if why.contains("scope") && !why.contains('\u{1b}')));
        let busy = fault("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{}").await;
        assert!(matches!(busy, Fault::Transient(why) if why.contains("7 s")));
        let proxy = fault("HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n").await;
        assert!(matches!(proxy, Fault::Transient(_)));
        let cut = fault(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{",
        )
        .await;
        assert!(matches!(cut, Fault::Transient(why) if why.contains("broke")));
    }

    #[tokio::test]
    async fn an_answer_of_nothing_but_values_is_not_taken() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let flood = format!("{head}{{\"acts\":[{}", "0,".repeat(ANSWER.bytes / 3));
        let Fault::Malformed(why) = fault(flood.leak()).await else { panic!("not malformed") };
        assert!(why.contains("values"), "{why}");
    }

    #[tokio::test]
    async fn a_server_that_asks_for_a_moment_is_given_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let http = Http::new(base.parse().unwrap(), None).unwrap();
        let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let here = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n7";
        let answers = async {
            for answer in [busy, here] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4_096]).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let (seven, ()) = tokio::join!(http.get::<u8>(&["me"], ANSWER), answers);
        assert_eq!(seven.unwrap(), 7);
    }

    #[tokio::test]
    async fn nobody_there_is_transient_and_says_where() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", gone.local_addr().unwrap());
        drop(gone);
        let http = Http::new(base.parse().unwrap(), None).unwrap();
        let Some(Err(Fault::Transient(why))) = http.watch(None).next().await else {
            panic!("not transient");
        };
        assert!(why.contains(&base) && why.contains("seam serve"), "{why}");
        let can = http.capabilities();
        assert!(can.may(ActKind::Requeue).is_err_and(|why| why.contains("not connected")), "{can:?}");
    }

    #[tokio::test]
    async fn the_loser_of_a_race_is_told_who_won() {
        let http = answering("HTTP/1.1 412 Precondition Failed\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n{\"current\":7,\"last_change\":{\"actor\":\"user:dana\",\"event\":\"handoff.requeued\",\"at\":\"2026-03-01T10:00:00Z\"}}").await;
        let on = |id: &str| Target { run: "r".into(), handoff: id.into(), seen: 3.into() };
        let outcome = http
            .perform(Request {
                on: vec![on("a/../b"), on("c")],
                act: Act::Dismiss { reason: DismissReason::Obsolete },
                by: "dana\u{1b}".into(),
                why: "old".into(),
                key: "k".into(),
            })
            .await
            .unwrap();
        let ids: Vec<_> = outcome.items.iter().map(|it| it.0.clone()).collect();
        assert_eq!(ids, [Some("a/../b".into()), Some("c".into())]);
        for (_, done) in outcome.items {
            let lost = done.unwrap_err();
            assert_eq!(lost.to_string(), "dana requeued this at 10:00:00 UTC");
        }
    }

    #[tokio::test]
    async fn parts_of_a_path_cannot_leave_their_place() {
        let http = Http::new("http://127.0.0.1:1/prod".parse().unwrap(), None).unwrap();
        let url = |id: &str| {
            let request = http.ask(Method::GET, &["handoffs", id]).build().unwrap();
            request.url().path().to_owned()
        };
        assert_eq!(url("h1"), "/prod/api/v1/handoffs/h1");
        assert_eq!(url("a/../b?c#d"), "/prod/api/v1/handoffs/a%2F..%2Fb%3Fc%23d");
        assert_ne!(url(".."), "/prod/api/v1");
    }
}
