//! The stream of events: resumed, filtered, cut off.

use futures_util::StreamExt;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::server::{Server, contract, problem, text};
use super::wait::DEADLINE;

/// Reads server-sent events as `(id, event, data)` until `enough` says so.
pub async fn listen(
    response: Response,
    mut enough: impl FnMut(&[(String, String, Value)]) -> bool,
) -> Vec<(String, String, Value)> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    // Proxies hand it on as it comes.
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    let mut bytes = response.bytes_stream();
    let (mut rest, mut heard) = (String::new(), Vec::new());
    tokio::time::timeout(DEADLINE, async {
        while !enough(&heard) {
            let Some(chunk) = bytes.next().await else {
                break;
            };
            rest.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            while let Some((block, after)) = rest.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|it| it.strip_prefix(name));
                    line.map(|it| it.trim_start_matches(": ").to_owned())
                };
                if let Some(event) = field("event") {
                    let data = serde_json::from_str(&field("data").unwrap()).unwrap();
                    heard.push((field("id").unwrap_or_default(), event, data));
                }
                rest = after.to_string();
            }
        }
    })
    .await
    .expect("enough is said in time");
    heard
}

/// The position that a cursor begins with.
fn position(cursor: &str) -> u64 {
    cursor.split_once('-').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_stream_resumed_loses_nothing_and_repeats_nothing() {
    let server = Server::open().await;
    let emitting = async {
        for _ in 0..300 {
            server.emit(&contract("research", "writer")).await;
        }
    };
    let listening = async {
        let (mut ids, mut last) = (Vec::<u64>::new(), None::<String>);
        while ids.len() < 300 {
            let mut request = server.ask(Method::GET, "/api/v1/events?after=0").header("accept", "text/event-stream");
            if let Some(id) = &last {
                request = request.header("last-event-id", id);
            }
            let wanted = (300 - ids.len()).min(37);
            let heard = listen(request.send().await.unwrap(), |it| it.len() >= wanted).await;
            // What the last chunk brought beyond `wanted` is dropped, as a client that dies would.
            ids.extend(heard.iter().take(wanted).map(|(id, ..)| position(id)));
            last = heard.get(wanted - 1).map(|(id, ..)| id.clone());
        }
        ids
    };
    let ((), ids) = tokio::join!(emitting, listening);
    assert_eq!(ids, (1..=300).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_stream_can_be_filtered_and_gives_signs_of_life() {
    let server = Server::open().await;
    let path = "/api/v1/events?after=0&edge=launch%3Ewriter%3Ereviewer&types=handoff.emitted&beat_s=1";
    let request = server.ask(Method::GET, path).header("accept", "text/event-stream");
    let response = request.send().await.unwrap();
    server.emit(&contract("research", "writer")).await;
    server.emit(&contract("writer", "reviewer")).await;
    server.claim("reviewer").await;
    let alive = |it: &[(String, String, Value)]| it.last().is_some_and(|it| it.1 == "stream.alive");
    let heard = listen(response, alive).await;
    let types: Vec<&str> = heard.iter().map(|it| it.1.as_str()).filter(|it| *it != "stream.alive").collect();
    assert_eq!(types, ["handoff.emitted.v1"]);
    assert_eq!(heard[0].2["data"]["edge"]["from"], "writer");
    let page = server.get("/events?types=handoff.leased&limit=10").await;
    assert_eq!(
        (page["events"].as_array().unwrap().len(), text(&page["next"])),
        (1, &*format!("3-{}", server.engine.store().log_id()))
    );
}

#[tokio::test]
async fn a_cursor_of_another_store_is_told_as_a_gap() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let request = server.ask(Method::GET, "/api/v1/events?after=900").header("accept", "text/event-stream");
    let heard = listen(request.send().await.unwrap(), |it| !it.is_empty()).await;
    let oldest = format!("1-{}", server.engine.store().log_id());
    assert_eq!((heard[0].1.as_str(), &heard[0].2["oldest"]), ("stream.gap", &json!(oldest)));
    let snapshot = server.get("/snapshot").await;
    assert_eq!(snapshot["runs"].as_array().unwrap().len(), 1);
    let cursor = text(&snapshot["cursor"]);
    assert_eq!(position(cursor), 1);
    // The same place in another log is another place, however far that one has come.
    let other = Server::open().await;
    other.emit(&contract("research", "writer")).await;
    other.emit(&contract("research", "writer")).await;
    let path = format!("/api/v1/events?after={cursor}");
    let request = other.ask(Method::GET, &path).header("accept", "text/event-stream");
    let heard = listen(request.send().await.unwrap(), |it| !it.is_empty()).await;
    assert_eq!(
        (heard[0].1.as_str(), &heard[0].2["oldest"]),
        ("stream.gap", &json!(format!("2-{}", other.engine.store().log_id())))
    );
    problem(other.ask(Method::GET, &path).send().await.unwrap(), 400, "bad-request").await;
    assert_eq!(server.get(&path[7..]).await["events"], json!([]));
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_sent_away() {
    let server = Server::open().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut listener = socket.connect(server.address).await.unwrap();
    let head =
        "GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n";
    listener.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 15];
    listener.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut fat = contract("research", "writer");
    let codes = |sort: &str| (0..64).map(|nth| format!("{sort}{nth:0>50}")).collect::<Vec<_>>();
    fat["failure_modes"]["retryable"] = json!(codes("r"));
    fat["failure_modes"]["escalate"] = json!(codes("e"));
    let research = server.engine.by(seamwatch::testing::domain::id::Actor::agent("research"));
    // Far more than the shared buffer and the buffers of both sockets together.
    for _ in 0..1_800 {
        research.emit(fat.clone()).await.unwrap();
    }
    let mut told = String::new();
    let reading = listener.read_to_string(&mut told);
    tokio::time::timeout(DEADLINE, reading).await.expect("it is sent away").unwrap();
    let lines: Vec<&str> = told.lines().filter(|it| !it.is_empty()).collect();
    let types: Vec<&str> = lines.iter().filter_map(|it| it.strip_prefix("event: ")).collect();
    assert_eq!(types.last(), Some(&"stream.overflow"));
    let ids: Vec<u64> = lines.iter().filter_map(|it| it.strip_prefix("id: ")).map(position).collect();
    let whole: Vec<u64> = (1..=ids.len() as u64).collect();
    assert_eq!(ids, whole, "nothing is missing until it was sent away");
}
