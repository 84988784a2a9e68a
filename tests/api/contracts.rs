//! Contracts at the boundary: what is kept exactly, what is refused, and what each party is shown of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Server, contract, problem, text};

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
