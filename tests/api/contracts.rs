//! Contracts at the boundary: what is kept exactly, what is refused, and what each party is shown of it.

use reqwest::Method;
use seamwatch::testing::domain::port::Scope;
use seamwatch::testing::orchestrator::api::{Access, auth};
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};
use super::wait::eventually;

/// Sends `body` with the text `"@"` replaced by a number as it is written.
async fn send(server: &Server, path: &str, body: &Value, number: &str) -> reqwest::Response {
    let body = body.to_string().replace("\"@\"", number);
    let ask = server.ask(Method::POST, &format!("/api/v1{path}")).header("content-type", "application/json");
    ask.body(body).send().await.unwrap()
}

/// A contract whose payload has these fields, of a schema that nobody registered.
fn with_fields(fields: &Value) -> Value {
    let mut contract = contract("research", "writer");
    contract["working_memory"]["payload"] = json!({"schema": "free", "version": "1.0.0", "fields": fields});
    contract
}

#[tokio::test]
async fn numbers_that_cannot_be_kept_are_refused_with_their_place() {
    let server = Server::open().await;
    let order = with_fields(&json!({"order": "@"}));
    for number in [
        "9007199254740993",
        "18446744073709551616",
        "20260128061545123456789",
        "10000000000000001.0",
        "1e16",
        "-1e300",
        "0.12345678901234567890",
        "4503599627370497.25",
        "1e-400",
    ] {
        let refused = send(&server, "/handoffs", &order, number).await;
        let refused = problem(refused, 422, "contract-invalid").await;
        let errors = refused["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{refused}");
        assert_eq!(
            (text(&errors[0]["path"]), text(&errors[0]["keyword"])),
            ("/working_memory/payload/fields/order", "number")
        );
        assert!(refused["rejection_id"].is_string(), "a person sees it: {refused}");
        let check = send(&server, "/contracts/check", &order, number).await;
        let check: Value = check.json().await.unwrap();
        assert_eq!((&check["violations"], &check["digest"]), (&refused["errors"], &Value::Null), "{number}");
    }
    for (number, kept) in
        [("2.0", "2"), ("-0.0", "0"), ("-0", "0"), ("9007199254740991", "9007199254740991"), ("0.1", "0.1")]
    {
        let made: Value = send(&server, "/handoffs", &order, number).await.json().await.unwrap();
        let payload = server.get(&format!("/handoffs/{}/payload", text(&made["handoff_id"]))).await;
        assert_eq!(payload["contract"]["working_memory"]["payload"]["fields"]["order"].to_string(), kept);
        let work = server.claim("writer").await;
        assert_eq!(work["contract"]["working_memory"]["payload"]["fields"]["order"].to_string(), kept);
        server.settle(&work, "complete", json!({})).await;
    }
}

#[tokio::test]
async fn numbers_in_results_are_kept_or_refused_and_the_work_goes_on() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    let path = format!("/handoffs/{}/complete", text(&work["handoff_id"]));
    let body = json!({"lease_id": work["lease_id"], "result": {"ids": [1, "@"]}});
    let refused = problem(send(&server, &path, &body, "9007199254740993").await, 422, "contract-invalid").await;
    assert_eq!(refused["errors"][0]["path"], "/result/ids/1");
    let refused = problem(send(&server, &path, &body, "18446744073709551616").await, 400, "bad-request").await;
    assert_eq!(refused["errors"][0]["path"], "/result/ids/1");
    let done: Value = send(&server, &path, &body, "2.0").await.json().await.unwrap();
    assert_eq!(done["handoff"]["state"], "completed");
}

/// A schema of which version 2 calls its only field otherwise.
async fn tickets(server: &Server) {
    for (version, field) in [("1.0.0", "name"), ("1.1.0", "name"), ("2.0.0", "title")] {
        let mut schema = json!({"type": "object", "properties": {field: {"type": "string"}}});
        if version == "1.1.0" {
            schema["properties"]["more"] = json!({});
        }
        let put = server.ask(Method::PUT, &format!("/api/v1/contracts/ticket/{version}")).json(&schema);
        assert_eq!(put.send().await.unwrap().status(), 201, "{version}");
    }
}

fn ticket(to: &str, version: &str) -> Value {
    let field = if version.starts_with('1') { "name" } else { "title" };
    let mut it = contract("research", to);
    it["working_memory"]["payload"] = json!({"schema": "ticket", "version": version, "fields": {field: "A"}});
    it["working_memory"]["summary"]["text"] = "Tides. ".repeat(150).into();
    it["side_effects"] = json!([]);
    it
}

#[tokio::test]
async fn a_major_version_that_the_consumer_does_not_read_is_refused_and_never_emptied() {
    let policies = "[[edge]]\nto = \"watched\"\nstrictness = \"observe\"\nconsumer = \"1.0.0\"\n\
                    [[edge]]\nto = \"one\"\nconsumer = \"1.0.0\"\n";
    let server = Server::start(Access::Open, policies).await;
    tickets(&server).await;
    let refused = server.post("/handoffs", &ticket("one", "2.0.0")).await;
    let refused = problem(refused, 422, "unsupported-schema-version").await;
    assert_eq!(refused["errors"][0]["path"], "/working_memory/payload/version");
    server.emit(&ticket("one", "1.1.0")).await;
    let passed = server.emit(&ticket("watched", "2.0.0")).await;
    assert!(passed["flags"].as_array().unwrap().iter().any(|it| text(it).contains("unsupported-schema-version")));
    let work = server.claim("watched").await;
    assert_eq!(work["contract"]["working_memory"]["payload"]["fields"], json!({"title": "A"}), "all of it");
}

#[tokio::test]
async fn another_major_than_the_one_before_it_is_refused_where_it_is_strict_and_flagged_elsewhere() {
    let policies = "[[edge]]\nto = \"strict\"\nstrictness = \"strict\"\ncompleteness_min = 0\n";
    let server = Server::start(Access::Open, policies).await;
    tickets(&server).await;
    server.emit(&ticket("strict", "1.0.0")).await;
    server.emit(&ticket("strict", "1.1.0")).await;
    let refused = server.post("/handoffs", &ticket("strict", "2.0.0")).await;
    let refused = problem(refused, 422, "unsupported-schema-version").await;
    assert!(text(&refused["detail"]).contains("delivered last, 1.1.0"), "{refused}");

    let flags = |it: Value| it["flags"].clone();
    assert_eq!(flags(server.emit(&ticket("plain", "1.0.0")).await), Value::Null);
    assert_eq!(flags(server.emit(&ticket("plain", "2.0.0")).await), json!(["payload_major_changed"]));
    // Handing the first one out moves nothing.
    server.claim("plain").await;
    assert_eq!(flags(server.emit(&ticket("plain", "2.0.0")).await), Value::Null);
    assert_eq!(flags(server.emit(&ticket("plain", "1.0.0")).await), json!(["payload_major_changed"]));
}

#[tokio::test]
async fn what_refers_to_something_that_expires_is_not_handed_out_afterwards() {
    let server = Server::open().await;
    let soon = server.engine.now() + 300;
    let mut refers = contract("research", "writer");
    refers["working_memory"]["refs"] = json!([{
        "uri": "https://files.example/draft", "digest": format!("sha256:{}", "0".repeat(64)), "size": 1,
        "media_type": "text/plain", "expires_at": soon,
    }]);
    let made = server.emit(&refers).await;
    let path = format!("/handoffs/{}", text(&made["handoff_id"]));
    let it =
        eventually("a dead letter", async || Some(server.get(&path).await).filter(|it| it["state"] == "dead_lettered"))
            .await;
    assert_eq!(
        (&it["failure"]["code"], &it["failure"]["dead"]),
        (&json!("reference_expired"), &json!("reference_gone"))
    );
    assert_eq!(it.get("attempts_total"), None, "no attempt was spent: {it}");
}

#[tokio::test]
async fn an_agent_that_asks_by_failing_is_answered() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    let id = text(&work["handoff_id"]).to_owned();
    let failed = server.settle(&work, "fail", json!({"code": "policy", "detail": "Which currency?"})).await;
    let tag = failed.headers()["etag"].to_str().unwrap().to_owned();
    let it = server.get(&format!("/handoffs/{id}")).await;
    assert_eq!((&it["failure"]["code"], &it["failure"]["detail"]), (&json!("policy"), &json!("Which currency?")));
    let asked = &it["escalation"];
    assert_eq!(asked["question"], "writer failed with policy: Which currency?");
    assert_eq!(asked["cause"], json!({"code": "policy", "detail": "Which currency?"}));
    let answer = json!({"answer": "respond", "value": "EUR"});
    let done = server.act(&format!("/escalations/{id}/resolve"), "dana", &tag).json(&answer).send().await.unwrap();
    assert_eq!(done.status(), 200);
    let again = server.claim("writer").await;
    assert_eq!((&again["resolution"]["answer"], &again["resolution"]["value"]), (&json!("respond"), &json!("EUR")));
}

#[tokio::test]
async fn who_sends_a_wrong_follow_up_is_told_that_the_work_is_still_theirs() {
    let server = Server::open().await;
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    server.settle(&work, "ack", json!({})).await;
    let mut next = contract("writer", "editor");
    next["brief"]["title"] = "".into();
    let refused = server.settle(&work, "complete", json!({"next": [next]})).await;
    let refused = problem(refused, 422, "contract-invalid").await;
    assert_eq!(refused["state"], "acknowledged");
    assert!(refused["lease_until"].is_string() && text(&refused["detail"]).contains("you still hold"), "{refused}");
    let done = server.settle(&work, "complete", json!({"next": [contract("writer", "editor")]})).await;
    assert_eq!(done.status(), 200);
}

#[tokio::test]
async fn what_was_taken_is_put_back_as_it_was_seen_and_costs_no_snooze() {
    let server = Server::open().await;
    let mut to_dana = contract("research", "dana");
    let dana = json!({"kind": "human", "id": "dana"});
    (to_dana["target"], to_dana["brief"]["owner"]) = (dana.clone(), dana);
    for (name, value) in [
        ("decisions", json!([])),
        ("constraints", json!([])),
        ("source_links", json!([])),
        ("urgency", json!("normal")),
        ("escalation_reason", json!("Needs a person")),
    ] {
        to_dana["brief"][name] = value;
    }
    let made = server.emit(&to_dana).await;
    let path = format!("/handoffs/{}", text(&made["handoff_id"]));
    let taken = server.act(&format!("{path}/take"), "dana", "\"v1\"").json(&json!({})).send().await.unwrap();
    let tag = taken.headers()["etag"].to_str().unwrap().to_owned();
    let stale = server.act(&format!("{path}/release"), "dana", "\"v1\"").send().await.unwrap();
    problem(stale, 412, "version-conflict").await;
    let back = server.act(&format!("{path}/release"), "dana", &tag).send().await.unwrap();
    assert_eq!(back.status(), 200);
    let it = server.get(&path).await;
    assert_eq!((&it["state"], it.get("snoozes")), (&json!("pending"), None), "{it}");
}

#[tokio::test]
async fn the_target_is_not_told_who_handed_over_anywhere() {
    let (secret, lines) = auth::new_token("w", &[Scope::Agent], &["writer".to_owned()]);
    let (chief, more) = auth::new_token("chief", &Scope::ALL, &["source-of-it".to_owned()]);
    let server = Server::start(Access::read(&format!("{lines}{more}")).unwrap(), "").await;
    let send = async |token: &str, method: Method, path: &str, body: Value| {
        let asked = server.ask(method, &format!("/api/v1{path}")).bearer_auth(token).json(&body).send().await.unwrap();
        let status = asked.status();
        (status, asked.text().await.unwrap())
    };
    let (_, made) = send(&chief, Method::POST, "/handoffs", contract("source-of-it", "writer")).await;
    let made: Value = serde_json::from_str(&made).unwrap();
    let (id, trace) = (text(&made["handoff_id"]).to_owned(), text(&made["trace_id"]).to_owned());
    let (_, work) = send(&secret, Method::POST, "/handoffs/claim", json!({"agent": "writer"})).await;
    let lease = serde_json::from_str::<Value>(&work).unwrap()["lease_id"].clone();
    let mut told = vec![work];
    for path in [
        format!("/handoffs/{id}"),
        format!("/handoffs/{id}/timeline"),
        format!("/handoffs/{id}/payload"),
        format!("/runs/{trace}"),
    ] {
        let (status, text) = send(&secret, Method::GET, &path, json!({})).await;
        assert_eq!(status, 200, "{path}: {text}");
        told.push(text);
        assert!(send(&chief, Method::GET, &path, json!({})).await.1.contains("source-of-it"), "{path}");
    }
    send(&secret, Method::POST, &format!("/handoffs/{id}/ack"), json!({"lease_id": lease})).await;
    let wrong = json!({"lease_id": lease, "feedback": ["No"], "contract": contract("writer", "somebody")});
    let (status, refused) = send(&secret, Method::POST, &format!("/handoffs/{id}/return"), wrong).await;
    assert_eq!(status, 422, "{refused}");
    told.push(refused);
    let mut own = contract("writer", "somebody");
    own.as_object_mut().unwrap().remove("target");
    let right = json!({"lease_id": lease, "feedback": ["No"], "contract": own});
    let (status, back) = send(&secret, Method::POST, &format!("/handoffs/{id}/return"), right).await;
    assert_eq!(status, 200, "its source need not be known: {back}");
    told.push(back);
    for text in told {
        assert!(!text.contains("source-of-it"), "{text}");
    }
}

#[tokio::test]
async fn side_effects_that_nobody_declared_are_flagged() {
    let server = Server::open().await;
    let mut left_out = contract("research", "writer");
    left_out["working_memory"]["summary"]["text"] = "Tides. ".repeat(150).into();
    let made = server.emit(&left_out).await;
    assert_eq!(made["flags"], json!(["side_effects_undeclared"]));
    let it = server.get(&format!("/handoffs/{}", text(&made["handoff_id"]))).await;
    assert_eq!(it["emission"]["flags"], made["flags"]);
    left_out["side_effects"] = json!([]);
    assert_eq!(server.emit(&left_out).await["flags"], Value::Null);
}
