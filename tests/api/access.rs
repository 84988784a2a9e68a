//! Who is let in.

use reqwest::{Method, Response, StatusCode};
use seamwatch::testing::domain::contract::{Contract, MASK};
use seamwatch::testing::domain::port::{ActKind, Object, Scope};
use seamwatch::testing::orchestrator::api::{Access, auth};
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};

#[tokio::test]
async fn tokens_allow_what_they_say_and_nothing_else() {
    let grants: [(&str, &[Scope], &[&str]); 3] =
        [("viewer", &[Scope::Viewer], &[]), ("dana", &[Scope::Operator], &[]), ("ci", &[Scope::Agent], &["research"])];
    let tokens = grants.map(|(name, scopes, agents)| {
        let agents: Vec<String> = agents.iter().map(|it| (*it).to_owned()).collect();
        auth::new_token(name, scopes, &agents)
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let server = Server::start(Access::read(&file).unwrap(), "").await;
    let [viewer, dana, ci] = tokens.map(|(secret, _)| secret);
    let send = |method: Method, path: &str, token: &str, body: Value| {
        server.ask(method, &format!("/api/v1{path}")).bearer_auth(token).json(&body).send()
    };
    let bare = server.ask(Method::GET, "/api/v1/edges").send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"], "Bearer");
    problem(bare, 401, "unauthorized").await;
    problem(send(Method::GET, "/edges", "hft_guess", json!({})).await.unwrap(), 401, "unauthorized").await;
    problem(send(Method::GET, "/edges", &ci, json!({})).await.unwrap(), 403, "scope").await;
    problem(send(Method::POST, "/handoffs", &dana, contract("research", "writer")).await.unwrap(), 403, "scope").await;
    let foreign = send(Method::POST, "/handoffs", &ci, contract("editor", "writer")).await.unwrap();
    problem(foreign, 422, "source-mismatch").await;
    let mut unsigned = contract("research", "writer");
    unsigned.as_object_mut().unwrap().remove("source");
    let emitted = send(Method::POST, "/handoffs", &ci, unsigned).await.unwrap();
    assert_eq!(emitted.status(), StatusCode::CREATED, "the source is that of the token");
    let id = text(&emitted.json::<Value>().await.unwrap()["handoff_id"]).to_owned();
    let work = send(Method::POST, "/handoffs/claim", &ci, json!({"agent": "writer"})).await.unwrap();
    problem(work, 403, "scope").await;
    let stored = send(Method::GET, &format!("/handoffs/{id}/payload"), &ci, json!({})).await.unwrap();
    assert_eq!(stored.json::<Value>().await.unwrap()["contract"]["source"]["id"], "research");
    let path = format!("/handoffs/{id}/dismiss");
    let body = json!({"reason": "obsolete", "note": "x"});
    problem(send(Method::POST, &path, &viewer, body.clone()).await.unwrap(), 403, "scope").await;
    let done = server.act(&path, "somebody else", "\"v1\"").bearer_auth(&dana).json(&body).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::OK);
    let seen = send(Method::GET, &format!("/handoffs/{id}"), &viewer, json!({})).await.unwrap();
    assert_eq!(seen.json::<Value>().await.unwrap()["last_change"]["actor"], "user:dana");
    let me: Value = send(Method::GET, "/me", &viewer, json!({})).await.unwrap().json().await.unwrap();
    assert_eq!((&me["subject"], &me["acts"]), (&json!("viewer"), &json!([])));
    let health = server.ask(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK, "needs no token");
}

#[tokio::test]
async fn every_act_is_open_to_the_scopes_of_its_row_and_to_no_other() {
    let tokens = Scope::ALL.map(|scope| auth::new_token(scope.name(), &[scope], &["agent".to_owned()]));
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let server = Server::start(Access::read(&file).unwrap(), "").await;
    for (scope, (secret, _)) in Scope::ALL.iter().zip(&tokens) {
        let me: Value =
            server.ask(Method::GET, "/api/v1/me").bearer_auth(secret).send().await.unwrap().json().await.unwrap();
        for act in ActKind::ALL {
            let row = act.row();
            let may = row.scopes.contains(scope);
            assert_eq!(me["acts"].as_array().unwrap().contains(&json!(act)), may, "{act:?} as {scope:?}");
            let id = if row.on == Object::Edge { "p%3Ea%3Eb" } else { "4bf92f3577b34da6a3ce929d0e0e4736" };
            let path = format!("/{}/{id}/{}", row.path.0, row.path.1);
            let sent = server.act(&path, "x", "\"v1\"").bearer_auth(secret).json(&json!({})).send().await.unwrap();
            assert_eq!(sent.status() == StatusCode::FORBIDDEN, !may, "{path} as {scope:?}: {}", sent.status());
            assert_ne!(sent.status(), StatusCode::METHOD_NOT_ALLOWED, "{path} is a path of the API");
        }
    }
}

#[tokio::test]
async fn what_an_approver_may_not_read_outlives_the_edit() {
    let grants: [(&str, &[Scope], &[&str]); 4] = [
        ("dana", &[Scope::Approver], &[]),
        ("research", &[Scope::Agent], &["research"]),
        ("writer", &[Scope::Agent], &["writer"]),
        ("guest", &[Scope::Viewer, Scope::Agent], &["guest"]),
    ];
    let tokens = grants.map(|(name, scopes, agents)| {
        let agents: Vec<String> = agents.iter().map(|it| (*it).to_owned()).collect();
        auth::new_token(name, scopes, &agents)
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\" }\n";
    let server = Server::start(Access::read(&file).unwrap(), policy).await;
    let [dana, research, writer, guest] = tokens.map(|(secret, _)| secret);
    let mut secret = contract("research", "writer");
    secret["classification"] = json!({"level": "confidential", "regulations": [], "fields": {"/brief/goal": "restricted", "/provenance/confidence": "pii"}, "redactions": []});
    secret["provenance"]["confidence"] = json!(0.86);
    let send =
        |method: Method, path: String, token: &str| server.ask(method, &format!("/api/v1{path}")).bearer_auth(token);
    let emitted = send(Method::POST, "/handoffs".to_owned(), &research).json(&secret).send().await.unwrap();
    let emitted: Value = emitted.json().await.unwrap();
    let id = text(&emitted["handoff_id"]);
    let mut shown = Vec::new();
    for token in [&dana, &guest, &writer] {
        let payload = send(Method::GET, format!("/handoffs/{id}/payload"), token);
        shown.push(payload.send().await.unwrap().json::<Value>().await.unwrap());
    }
    let goals: Vec<&str> = shown.iter().map(|it| text(&it["contract"]["brief"]["goal"])).collect();
    assert_eq!(goals, [MASK, MASK, "Publish one article"]);
    let hidden = json!([
        "/brief/goal",
        "/provenance/confidence",
        "/working_memory/summary/decision",
        "/working_memory/summary/text"
    ]);
    assert_eq!((&shown[0]["masked"], &shown[2]["masked"]), (&hidden, &json!([])));
    let readable = serde_json::from_value::<Contract>(shown[0]["contract"].clone());
    assert!(readable.is_ok(), "what is masked is still a contract");
    let mut edited = shown[0]["contract"].clone();
    edited["brief"]["next_step"] = json!("Write 800 words");
    let resolved = send(Method::POST, format!("/escalations/{id}/resolve"), &dana)
        .header("if-match", format!("\"v{}\"", emitted["version"]))
        .json(&json!({"answer": "edit_approve", "context_digest": shown[0]["digest"], "edited": edited}))
        .send()
        .await
        .unwrap();
    let status = resolved.status();
    assert_eq!(status, StatusCode::OK, "{}", resolved.text().await.unwrap());
    let work = send(Method::POST, "/handoffs/claim".to_owned(), &writer)
        .json(&json!({"agent": "writer"}))
        .send()
        .await
        .unwrap();
    let work: Value = work.json().await.unwrap();
    let brief = &work["contract"]["brief"];
    assert_eq!((text(&brief["goal"]), text(&brief["next_step"])), ("Publish one article", "Write 800 words"));
    assert_eq!(work["contract"]["provenance"]["confidence"], 0.86);
}

#[tokio::test]
async fn what_is_masked_is_told_to_those_who_work_on_it_and_to_who_decides_and_the_log_says_so() {
    let grants: [(&str, &[Scope], &[&str]); 5] = [
        ("dana", &[Scope::Approver], &[]),
        ("olga", &[Scope::Operator], &[]),
        ("vera", &[Scope::Viewer], &[]),
        ("research", &[Scope::Agent], &["research"]),
        ("other", &[Scope::Agent], &["other"]),
    ];
    let tokens = grants.map(|(name, scopes, agents)| {
        let agents: Vec<String> = agents.iter().map(|it| (*it).to_owned()).collect();
        auth::new_token(name, scopes, &agents)
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\" }\n";
    let server = Server::start(Access::read(&file).unwrap(), policy).await;
    let [dana, olga, vera, research, other] = tokens.map(|(secret, _)| secret);
    let mut secret = contract("research", "writer");
    secret["brief"]["title"] = json!("Payroll of Ms Secretname");
    secret["classification"] = json!({"level": "internal", "fields": {"/brief/title": "pii"}});
    let emitted: Value = sent(&server, &research, "/handoffs", &secret).await.json().await.unwrap();
    let (id, run) = (text(&emitted["handoff_id"]).to_owned(), text(&emitted["trace_id"]).to_owned());
    let path = format!("/escalations/{id}/reveal");
    for token in [&olga, &vera, &research, &other] {
        problem(sent(&server, token, &path, &json!({})).await, 403, "scope").await;
    }
    for (token, reads) in [(&olga, false), (&vera, false), (&dana, false), (&research, true)] {
        let payload = got(&server, token, &format!("/handoffs/{id}/payload")).await.text().await.unwrap();
        assert_eq!(payload.contains("Secretname"), reads, "{payload}");
    }
    let keyed = server.ask(Method::POST, &format!("/api/v1{path}")).bearer_auth(&dana).header("idempotency-key", "k");
    for _ in 0..2 {
        let shown = keyed.try_clone().unwrap().send().await.unwrap();
        assert_eq!(shown.headers()["cache-control"], "no-store");
        let shown: Value = shown.json().await.unwrap();
        assert_eq!(shown["values"], json!({"/brief/title": "Payroll of Ms Secretname"}));
        assert_eq!(shown["handoff_id"], *id);
    }
    for path in
        ["/events?after=0&limit=100", "/snapshot", "/handoffs", "/runs", "/escalations", &format!("/runs/{run}")]
    {
        let told = got(&server, &vera, path).await.text().await.unwrap();
        assert!(!told.contains("Secretname") && told.contains("masked"), "{path}: {told}");
    }
    let run: Value = got(&server, &vera, &format!("/runs/{run}")).await.json().await.unwrap();
    let looked = run["events"].as_array().unwrap().iter().filter(|it| it["type"] == "payload.revealed.v1");
    let looked: Vec<&Value> = looked.map(|it| &it["actor"]).collect();
    assert_eq!(looked, ["user:dana", "user:dana"], "each time is told");
}

#[tokio::test]
async fn without_tokens_a_page_of_another_site_is_not_served() {
    let server = Server::open().await;
    let rebound = server.ask(Method::GET, "/api/v1/snapshot").header("host", "rebound.example").send().await.unwrap();
    problem(rebound, 403, "scope").await;
    let foreign =
        server.ask(Method::GET, "/api/v1/snapshot").header("origin", "https://evil.example").send().await.unwrap();
    problem(foreign, 403, "scope").await;
}

/// A server with a token for each agent, which is its name, and one for `audit`, a peer of the pipeline; the secrets in
/// that order.
async fn agents<const N: usize>(names: [&str; N]) -> (Server, [String; N]) {
    let tokens = names.map(|name| {
        let scope = if name == "viewer" { Scope::Viewer } else { Scope::Agent };
        auth::new_token(name, &[scope], &[name.to_owned()])
    });
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let policies = "[[pipeline]]\nname = \"launch\"\npeers = [\"audit\"]\n";
    let server = Server::start(Access::read(&file).unwrap(), policies).await;
    (server, tokens.map(|(secret, _)| secret))
}

async fn sent(server: &Server, token: &str, path: &str, body: &Value) -> Response {
    let request = server.ask(Method::POST, &format!("/api/v1{path}"));
    request.bearer_auth(token).json(body).send().await.unwrap()
}

async fn got(server: &Server, token: &str, path: &str) -> Response {
    server.ask(Method::GET, &format!("/api/v1{path}")).bearer_auth(token).send().await.unwrap()
}

/// A contract for a place in a run.
fn placed(from: &str, to: &str, run: &str, step: u32) -> Value {
    let mut body = contract(from, to);
    body["trace_id"] = run.into();
    body["step"] = step.into();
    body
}

#[tokio::test]
async fn a_stranger_gets_nothing_into_a_run_and_nothing_out_of_it() {
    let (server, [research, writer, evil, reviewer]) = agents(["research", "writer", "evil", "reviewer"]).await;
    let emitted: Value =
        sent(&server, &research, "/handoffs", &contract("research", "writer")).await.json().await.unwrap();
    let (id, run) = (text(&emitted["handoff_id"]), text(&emitted["trace_id"]));
    let digest = {
        let payload: Value = got(&server, &research, &format!("/handoffs/{id}/payload")).await.json().await.unwrap();
        text(&payload["digest"]).to_owned()
    };
    let before = server.engine.run(&run.into()).await.unwrap();
    let mut refused = placed("evil", "evil", run, 3);
    refused.as_object_mut().unwrap().remove("failure_modes");
    for body in
        [placed("evil", "writer", run, 0), placed("evil", "reviewer", run, 1), placed("evil", "evil", run, 7), refused]
    {
        let told = problem(sent(&server, &evil, "/handoffs", &body).await, 403, "scope").await.to_string();
        assert!(!told.contains(id) && !told.contains("sha256:"), "{told}");
    }
    for path in ["/runs/RUN", "/traces/RUN", "/handoffs/ID", "/handoffs/ID/payload", "/handoffs/ID/timeline"] {
        let path = path.replace("RUN", run).replace("ID", id);
        problem(got(&server, &evil, &path).await, 403, "scope").await;
    }
    problem(got(&server, &evil, &format!("/blobs/{digest}")).await, 404, "not-found").await;
    assert_eq!(server.engine.run(&run.into()).await.unwrap(), before, "nothing of it is kept there");

    let work: Value = sent(&server, &writer, "/handoffs/claim", &json!({})).await.json().await.unwrap();
    let done = json!({"lease_id": work["lease_id"], "next": [contract("writer", "reviewer")]});
    let done = sent(&server, &writer, &format!("/handoffs/{id}/complete"), &done).await;
    assert_eq!(done.status(), StatusCode::OK);
    let review: Value = sent(&server, &reviewer, "/handoffs/claim", &json!({})).await.json().await.unwrap();
    let (_, draft) = server.engine.find(&text(&review["handoff_id"]).into()).await.unwrap();
    assert_eq!(draft.emission.from.id, "writer", "the draft is the writer's own");
}

#[tokio::test]
async fn a_peer_hands_something_to_a_run_beside_it_and_takes_no_part_by_that() {
    let (server, [research, writer, audit]) = agents(["research", "writer", "audit"]).await;
    let emitted: Value =
        sent(&server, &research, "/handoffs", &contract("research", "writer")).await.json().await.unwrap();
    let (id, run) = (text(&emitted["handoff_id"]), text(&emitted["trace_id"]));
    let finding = placed("audit", "reviewer", run, 1);
    let first = sent(&server, &audit, "/handoffs", &finding).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    let own = text(&first["handoff_id"]);
    let again = sent(&server, &audit, "/handoffs", &finding).await;
    assert_eq!(again.status(), StatusCode::OK, "a repeat meets its own key");
    let mut reworded = finding.clone();
    reworded["brief"]["goal"] = json!("Put otherwise");
    let told = problem(sent(&server, &audit, "/handoffs", &reworded).await, 409, "idempotency-mismatch").await;
    assert_eq!(told["handoff_id"], own);

    assert_eq!(got(&server, &audit, &format!("/handoffs/{own}/payload")).await.status(), StatusCode::OK);
    for path in [format!("/runs/{run}"), format!("/handoffs/{id}"), format!("/handoffs/{id}/payload")] {
        problem(got(&server, &audit, &path).await, 403, "scope").await;
    }
    let mut elsewhere = placed("audit", "audit", run, 2);
    elsewhere["branch"] = json!("0");
    let told = problem(sent(&server, &audit, "/handoffs", &elsewhere).await, 422, "contract-invalid").await;
    assert_eq!(told["errors"][0]["keyword"], "branch_mismatch", "it has a branch of its own and no other");

    elsewhere = placed("research", "reviewer", run, 2);
    elsewhere["branch"] = json!("9223372036854775809");
    problem(sent(&server, &research, "/handoffs", &elsewhere).await, 422, "contract-invalid").await;

    // The run's own next step is as free as it was.
    let work: Value = sent(&server, &writer, "/handoffs/claim", &json!({})).await.json().await.unwrap();
    let done = json!({"lease_id": work["lease_id"], "next": [contract("writer", "reviewer")]});
    let done = sent(&server, &writer, &format!("/handoffs/{id}/complete"), &done).await;
    assert_eq!(done.status(), StatusCode::OK);
}

#[tokio::test]
async fn bytes_are_for_who_gave_them_and_for_those_whose_runs_refer_to_them() {
    let (server, [research, writer, evil]) = agents(["research", "writer", "evil"]).await;
    let bytes = b"the figures".to_vec();
    let digest = seamwatch::testing::domain::contract::digest_of_bytes(&bytes);
    let path = format!("/blobs/{digest}");
    let put = server.ask(Method::PUT, &format!("/api/v1{path}")).bearer_auth(&research).body(bytes.clone());
    assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(got(&server, &research, &path).await.status(), StatusCode::OK);
    problem(got(&server, &writer, &path).await, 404, "not-found").await;

    let refer = |from: &str, to: &str| {
        let mut body = contract(from, to);
        let it = json!({"uri": format!("blob:{digest}"), "digest": digest, "size": 11, "media_type": "text/plain"});
        body["working_memory"]["refs"] = json!([it]);
        body
    };
    // Who knows the digest alone can neither read the bytes nor make a run of its own refer to them.
    let stolen =
        problem(sent(&server, &evil, "/handoffs", &refer("evil", "evil")).await, 422, "contract-invalid").await;
    assert_eq!(stolen["errors"][0]["keyword"], "ref_missing");
    assert_eq!(sent(&server, &research, "/handoffs", &refer("research", "writer")).await.status(), StatusCode::CREATED);
    assert_eq!(got(&server, &writer, &path).await.bytes().await.unwrap(), bytes);
    problem(got(&server, &evil, &path).await, 404, "not-found").await;

    let work: Value = sent(&server, &writer, "/handoffs/claim", &json!({})).await.json().await.unwrap();
    let result = json!({"words": 900});
    let done = json!({"lease_id": work["lease_id"], "result": result, "next": [refer("writer", "reviewer")]});
    let done = sent(&server, &writer, &format!("/handoffs/{}/complete", text(&work["handoff_id"])), &done).await;
    assert_eq!(done.status(), StatusCode::OK, "who was handed them may hand them on");
    let result = seamwatch::testing::domain::contract::digest_of_bytes(result.to_string().as_bytes());
    for token in [&research, &writer, &evil] {
        problem(got(&server, token, &format!("/blobs/{result}")).await, 404, "not-found").await;
    }
}

#[tokio::test]
async fn to_speak_as_a_system_or_as_somebody_outside_takes_a_token_that_says_so() {
    let grants = [("agent", "clock"), ("system", "system:clock"), ("external", "external:clock")];
    let tokens = grants.map(|(name, of)| auth::new_token(name, &[Scope::Agent], &[of.to_owned()]));
    let file: String = tokens.iter().map(|(_, lines)| lines.as_str()).collect();
    let server = Server::start(Access::read(&file).unwrap(), "").await;
    for (secret, _) in &tokens {
        let mut allowed = Vec::new();
        for (kind, _) in grants {
            let mut body = contract("clock", "writer");
            body["source"]["kind"] = kind.into();
            match sent(&server, secret, "/handoffs", &body).await {
                it if it.status() == StatusCode::CREATED => allowed.push(kind),
                it => drop(problem(it, 422, "source-mismatch").await),
            }
        }
        let subject: Value = got(&server, secret, "/me").await.json().await.unwrap();
        assert_eq!(allowed, [text(&subject["subject"])]);
    }
    let open = Server::open().await;
    for (kind, _) in grants {
        let mut body = contract("clock", "writer");
        body["source"]["kind"] = kind.into();
        open.emit(&body).await;
    }
}

#[tokio::test]
async fn work_that_came_to_the_next_step_of_another_keeps_nobody_from_going_on() {
    let server = Server::open().await;
    let first = server.emit(&contract("research", "writer")).await;
    let run = text(&first["trace_id"]);
    server.emit(&placed("research", "reviewer", run, 1)).await;
    let work = server.claim("writer").await;
    problem(server.post("/handoffs", &placed("writer", "reviewer", run, 1)).await, 409, "place-taken").await;
    let done = server.settle(&work, "complete", json!({"next": [contract("writer", "reviewer")]})).await;
    assert_eq!(done.status(), StatusCode::OK);
    let done: Value = done.json().await.unwrap();
    assert_eq!(done["next"][0]["step"], 1);
    // The place of a revision may be taken, too.
    server.emit(&placed("research", "editor", run, 2)).await;
    let work = server.claim("reviewer").await;
    server.settle(&work, "ack", json!({})).await;
    let back = server.settle(&work, "return", json!({"feedback": ["Shorter"]})).await;
    assert_eq!(back.status(), StatusCode::OK);
}
