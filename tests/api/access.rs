//! Who is let in.

use reqwest::{Method, StatusCode};
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
async fn without_tokens_a_page_of_another_site_is_not_served() {
    let server = Server::open().await;
    let rebound = server.ask(Method::GET, "/api/v1/snapshot").header("host", "rebound.example").send().await.unwrap();
    problem(rebound, 403, "scope").await;
    let foreign =
        server.ask(Method::GET, "/api/v1/snapshot").header("origin", "https://evil.example").send().await.unwrap();
    problem(foreign, 403, "scope").await;
}
