//! A request of a test. What comes back is held against what `/openapi.json` says of it: that page is the API, whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::server::Server;

/// Headers of HTTP itself, or of all answers: the page need not say them.
const COMMON: [&str; 8] = [
    "content-type",
    "content-length",
    "date",
    "cache-control",
    "x-content-type-options",
    "transfer-encoding",
    "vary",
    "x-accel-buffering",
];

pub struct Asked(pub RequestBuilder);

impl Asked {
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        Self(self.0.header(name, value.as_ref()))
    }

    pub fn try_clone(&self) -> Option<Self> {
        self.0.try_clone().map(Self)
    }

    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.body(body))
    }

    pub fn bearer_auth(self, secret: impl std::fmt::Display) -> Self {
        Self(self.0.bearer_auth(secret))
    }

    pub async fn send(self) -> reqwest::Result<Response> {
        let (client, request) = self.0.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = client.execute(request).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if media(&headers) == "text/event-stream" {
            page().await.check(&method, &path, status, &headers, None);
            return Ok(answer);
        }
        let body = answer.bytes().await?;
        page().await.check(&method, &path, status, &headers, Some(&body));
        let mut again = axum::http::Response::new(body);
        (*again.status_mut(), *again.headers_mut()) = (status, headers);
        Ok(again.into())
    }
}

fn media(headers: &HeaderMap) -> &str {
    let whole = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default()
}

/// The page as one server tells it: all tell the same, but for who is let in.
async fn page() -> &'static Page {
    static PAGE: OnceCell<Page> = OnceCell::const_new();
    PAGE.get_or_init(|| async {
        let server = Box::pin(Server::open()).await;
        let told = server.client.get(format!("http://{}/openapi.json", server.address)).send().await.unwrap();
        let mut page: Value = told.json().await.unwrap();
        close(&mut page["components"]["schemas"]);
        Page { page, known: Mutex::default() }
    })
    .await
}

/// Lets no object have a member that the page does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(it) => {
            if it.get("properties").is_some_and(Value::is_object) && !it.keys().any(|it| it.ends_with("Properties")) {
                it.insert("additionalProperties".to_owned(), false.into());
            }
            it.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

struct Page {
    page: Value,
    known: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Page {
    /// The operation, unless the page has none at this path.
    fn operation(&self, method: &Method, path: &str) -> Option<&Map<String, Value>> {
        let paths = self.page["paths"].as_object().unwrap();
        let fits = |template: &str| {
            let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            template.len() == path.len() && template.iter().zip(&path).all(|(it, is)| it.starts_with('{') || it == is)
        };
        // One that is spelled out comes before one with a place in it.
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        let of = |(_, item): &(&String, &'_ Value)| item.get(method.as_str().to_ascii_lowercase()).is_some();
        found.into_iter().find(of)?.1[method.as_str().to_ascii_lowercase()].as_object()
    }

    fn check(&self, method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) {
        let what = format!("{method} {path}: {status}");
        let Some(operation) = self.operation(method, path) else {
            assert!(!status.is_success(), "{what} is not in the page");
            return;
        };
        let answers = &operation["responses"];
        let said = answers.get(status.as_str()).unwrap_or(&answers["default"]);
        assert!(
            said.is_object() && (!status.is_success() || answers.get(status.as_str()).is_some()),
            "{what} is not in the page"
        );
        let told = |name: &HeaderName| COMMON.contains(&name.as_str()) || said["headers"].get(name.as_str()).is_some();
        let silent: Vec<&str> = headers.keys().filter(|it| !told(it)).map(HeaderName::as_str).collect();
        assert!(silent.is_empty(), "{what}: headers {silent:?} are not in the page");
        if body.is_some_and(<[u8]>::is_empty) {
            assert!(said.get("content").is_none(), "{what} has no body");
            return;
        }
        let media = media(headers);
        let Some(schema) = said["content"].get(media).map(|it| &it["schema"]) else {
            assert!(
                media.is_empty() || said["content"].get("application/octet-stream").is_some(),
                "{what}: {media} is not in the page"
            );
            return;
        };
        if let (Some(body), true) = (body, media.ends_with("json")) {
            let value: Value = serde_json::from_slice(body).unwrap();
            let validator = self.validator(schema);
            let wrong: Vec<String> =
                validator.iter_errors(&value).map(|it| format!("{}: {it}", it.instance_path())).collect();
            assert!(wrong.is_empty(), "{what} is not what the page says:\n{}\n{value}", wrong.join("\n"));
        }
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let whole = json!({"allOf": [schema], "components": self.page["components"]});
            Arc::new(jsonschema::validator_for(&whole).unwrap())
        };
        Arc::clone(known.entry(schema.to_string()).or_insert_with(made))
    }
}

/// Nothing is left open: every answer and every body says what it is made of.
#[tokio::test]
async fn the_page_says_of_every_body_what_it_is_made_of() {
    let page = &page().await.page;
    for (path, item) in page["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let asked = operation.get("requestBody").into_iter().map(|it| ("request", it));
            let answers = operation["responses"].as_object().unwrap().iter();
            for (what, body) in asked.chain(answers.map(|(status, it)| (status.as_str(), it))) {
                for (media, content) in body.get("content").and_then(Value::as_object).into_iter().flatten() {
                    let empty = content["schema"].as_object().is_none_or(Map::is_empty);
                    assert!(!empty, "{method} {path}: {what} as {media} may be anything");
                }
            }
        }
    }
    // A tool that makes a client follows every reference.
    let text = page.to_string();
    let (from, mut rest) = ("\"$ref\":\"#", text.as_str());
    while let Some(at) = rest.find(from) {
        rest = &rest[at + from.len()..];
        let to = rest.split('"').next().unwrap();
        assert!(page.pointer(to).is_some(), "{to} is nowhere");
    }
}

/// A list is read page by page, and says so when it is asked for something that it does not know.
#[tokio::test]
async fn every_list_has_pages_and_knows_its_parameters() {
    let server = Server::open().await;
    for nth in 0..3 {
        let mut contract = super::server::contract("research", &format!("writer-{nth}"));
        contract["failure_modes"]["default"] = "escalate".into();
        server.emit(&contract).await;
        let work = server.claim(&format!("writer-{nth}")).await;
        server.settle(&work, "fail", json!({"code": "policy", "detail": "May I?"})).await;
        contract["brief"]["title"] = json!(nth);
        server.post("/handoffs", &contract).await;
    }
    for list in ["contracts", "edges", "escalations", "handoffs", "rejections", "runs"] {
        let whole = server.get(&format!("/{list}")).await;
        let whole = whole["items"].as_array().unwrap();
        assert!(whole.len() >= 3, "{list}: {whole:?}");
        let (mut cursor, mut found) = (String::new(), Vec::new());
        loop {
            let page = server.get(&format!("/{list}?limit=2{cursor}")).await;
            found.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            let encoded = reqwest::Url::parse_with_params("http://it", [("cursor", next)]).unwrap();
            cursor = format!("&{}", encoded.query().unwrap());
        }
        let names = |of: &[Value]| -> Vec<String> {
            let name =
                |it: &Value| ["handoff_id", "trace_id", "id", "to", "name"].map(|of| it[of].to_string()).join(" ");
            of.iter().map(name).collect()
        };
        assert_eq!(names(&found), names(whole), "{list}");
        for wrong in ["limit=0", "limit=201", "colour=red", "cursor=nowhere%21"] {
            let refused = server.ask(Method::GET, &format!("/api/v1/{list}?{wrong}")).send().await.unwrap();
            super::server::problem(refused, 400, "bad-request").await;
        }
    }
}
