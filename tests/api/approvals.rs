//! Approvals as those who would go round them meet them: with tokens, over HTTP.

use std::collections::HashMap;
use std::fmt::Write;

use reqwest::{Method, Response};
use seamwatch::testing::domain::port::Scope;
use seamwatch::testing::orchestrator::api::{Access, auth};
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};
use super::wait::eventually;

/// A server with policies, and the secrets of its tokens by their subjects.
struct Desk {
    server: Server,
    secrets: HashMap<&'static str, String>,
}

/// A token: its subject, scopes, agent (empty when it is none), and more lines for the file.
type Grant = (&'static str, &'static [Scope], &'static str, &'static str);

impl Desk {
    async fn open(policies: &str, grants: &[Grant]) -> Self {
        let mut file = String::new();
        let mut secrets = HashMap::new();
        for (subject, scopes, agent, more) in grants {
            let agents: Vec<String> = Some((*agent).to_owned()).into_iter().filter(|it| !it.is_empty()).collect();
            let (secret, lines) = auth::new_token(subject, scopes, &agents);
            let _ = writeln!(file, "{lines}{more}"); // writing to a String cannot fail
            secrets.insert(*subject, secret);
        }
        Self { server: Server::start(Access::read(&file).unwrap(), policies).await, secrets }
    }

    async fn send(&self, who: &str, method: Method, path: &str, tag: &str, body: &Value) -> Response {
        let request = self.server.ask(method, &format!("/api/v1{path}")).bearer_auth(&self.secrets[who]);
        request.header("if-match", tag).json(body).send().await.unwrap()
    }

    async fn post(&self, who: &str, path: &str, body: Value) -> Response {
        self.send(who, Method::POST, path, "\"v0\"", &body).await
    }

    async fn look(&self, who: &str, id: &str) -> Value {
        self.send(who, Method::GET, &format!("/handoffs/{id}"), "", &json!({})).await.json().await.unwrap()
    }

    /// One act of a person on a handoff as it is now.
    async fn act(&self, who: &str, path: &str, id: &str, verb: &str, body: Value) -> Response {
        let version = self.look(who, id).await["version"].clone();
        self.send(who, Method::POST, &format!("/{path}/{id}/{verb}"), &format!("\"v{version}\""), &body).await
    }

    async fn emit(&self, who: &str, contract: &Value) -> String {
        let emitted: Value = self.post(who, "/handoffs", contract.clone()).await.json().await.unwrap();
        assert_eq!(emitted["state"], "escalated", "{emitted}");
        text(&emitted["handoff_id"]).to_owned()
    }
}

async fn state(response: Response) -> String {
    let receipt: Value = response.json().await.unwrap();
    text(&receipt["state"]).to_owned()
}

#[tokio::test]
async fn an_operator_does_not_go_round_an_approval() {
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\", due = \"1ms\" }\n";
    let grants: &[Grant] = &[
        ("olga", &[Scope::Operator], "", ""),
        ("erin", &[Scope::Operator, Scope::Approver], "", ""),
        ("research-bot", &[Scope::Agent], "research", ""),
        ("writer-bot", &[Scope::Agent], "writer", ""),
    ];
    let desk = Desk::open(policy, grants).await;
    let timed_out = || async {
        let id = desk.emit("research-bot", &contract("research", "writer")).await;
        eventually("nobody answers in time", || async {
            (desk.look("olga", &id).await["state"] == "dead_lettered").then_some(())
        })
        .await;
        id
    };
    let requeued = timed_out().await;
    let again = desk.act("olga", "handoffs", &requeued, "requeue", json!({"reason": "again"})).await;
    assert_eq!(state(again).await, "escalated");
    let work = desk.post("writer-bot", "/handoffs/claim", json!({"agent": "writer"})).await;
    assert_eq!(work.status(), 204, "nobody said yes");

    let by_hand = timed_out().await;
    let follow = json!({"next": [contract("writer", "press")], "note": "done"});
    let refused = desk.act("olga", "handoffs", &by_hand, "complete-manually", follow.clone()).await;
    let found = problem(refused, 403, "scope").await;
    assert_eq!(found["role"], "editors");
    let done = desk.act("erin", "handoffs", &by_hand, "complete-manually", follow).await;
    assert_eq!(state(done).await, "completed");
}

fn next_step(words: &str) -> Value {
    json!({"patch": [{"op": "replace", "path": "/brief/next_step", "value": words}]})
}

#[tokio::test]
async fn duties_are_separated_by_the_subjects_of_tokens() {
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\" }\nseparation = true\n";
    let grants: &[Grant] = &[
        ("dana", &[Scope::Agent, Scope::Approver], "research", ""),
        ("olga", &[Scope::Operator, Scope::Approver], "", ""),
        ("erin", &[Scope::Approver, Scope::Viewer], "", ""),
    ];
    let desk = Desk::open(policy, grants).await;
    let emit = || async { desk.emit("dana", &contract("research", "writer")).await };
    let yes = json!({"answer": "approve"});
    let own = emit().await;
    problem(desk.act("dana", "escalations", &own, "resolve", yes.clone()).await, 403, "self-approval").await;
    assert_eq!(state(desk.act("erin", "escalations", &own, "resolve", yes.clone()).await).await, "pending");

    let edited = emit().await;
    let amended = desk.act("olga", "handoffs", &edited, "amend", next_step("Write 800 words")).await;
    assert_eq!(state(amended).await, "escalated");
    problem(desk.act("olga", "escalations", &edited, "resolve", yes.clone()).await, 403, "self-approval").await;
    let follow = json!({"result": 1, "next": [contract("writer", "press")]});
    let by_hand = desk.act("olga", "handoffs", &edited, "complete-manually", follow).await;
    problem(by_hand, 403, "self-approval").await;

    let path = format!("/handoffs/{edited}/payload");
    let shown: Value = desk.send("erin", Method::GET, &path, "", &json!({})).await.json().await.unwrap();
    let mut whole = shown["contract"].clone();
    whole["brief"]["next_step"] = json!("Write what I like");
    let both = json!({"answer": "edit_approve", "edited": whole});
    problem(desk.act("erin", "escalations", &edited, "resolve", both).await, 403, "self-approval").await;
    assert_eq!(state(desk.act("erin", "escalations", &edited, "resolve", yes).await).await, "pending");
}

#[tokio::test]
async fn a_question_is_answered_by_those_who_have_the_role_it_is_put_to() {
    let policy = "[[edge]]\nto = \"writer\"\napproval = { role = \"editors\" }\n";
    let grants: &[Grant] = &[
        ("research-bot", &[Scope::Agent], "research", ""),
        ("lee", &[Scope::Operator, Scope::Approver], "", "roles = [\"lawyers\"]"),
        ("erin", &[Scope::Approver], "", "roles = [\"lawyers\", \"editors\"]"),
        ("root", &[Scope::Approver], "", ""),
    ];
    let desk = Desk::open(policy, grants).await;
    let id = desk.emit("research-bot", &contract("research", "writer")).await;
    let yes = json!({"answer": "approve"});
    for (path, verb, body) in [
        ("escalations", "claim", json!({})),
        ("escalations", "release", json!({})),
        ("escalations", "resolve", yes.clone()),
        ("escalations", "resolve", json!({"answer": "dismiss"})),
        ("handoffs", "complete-manually", json!({"result": 1})),
    ] {
        let found = problem(desk.act("lee", path, &id, verb, body).await, 403, "scope").await;
        assert_eq!(found["role"], "editors", "{verb}");
        assert!(text(&found["detail"]).contains("lee does not have that role"), "{found}");
    }
    assert_eq!(desk.act("erin", "escalations", &id, "claim", json!({})).await.status(), 200);
    assert_eq!(desk.act("root", "escalations", &id, "release", json!({})).await.status(), 200);
    assert_eq!(state(desk.act("erin", "escalations", &id, "resolve", yes).await).await, "pending");
    let me = |who: &'static str| {
        let desk = &desk;
        async move { desk.send(who, Method::GET, "/me", "", &json!({})).await.json::<Value>().await.unwrap() }
    };
    let roles = [me("lee").await, me("root").await, me("research-bot").await].map(|it| it["roles"].clone());
    assert_eq!(roles, [json!(["lawyers"]), Value::Null, json!([])]);
}
