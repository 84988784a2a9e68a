//! What a contract declares as redacted is nowhere: not when it is refused, and not when nobody can tell what was meant.

use super::*;

/// What must not be kept.
const SECRET: &str = "dropped@secret.example";

/// Work with a field, at `place` below the payload fields, that its redactions say is dropped.
fn redacted(redactions: &Value) -> Value {
    let mut body = work("research", "writer");
    let fields = json!({"sources": [], "contact": SECRET, "contacts": ["kept", SECRET]});
    body["working_memory"]["payload"] = json!({"schema": "findings", "version": "1.0.0", "fields": fields});
    body["classification"] = json!({"level": "internal", "redactions": redactions});
    body
}

fn dropped(path: &str) -> Value {
    json!({"path": path, "method": "drop", "reason": "not needed"})
}

fn both() -> Value {
    json!([dropped("/working_memory/payload/fields/contact"), dropped("/working_memory/payload/fields/contacts/1"),])
}

/// Everything that is kept of a contract that is refused: its body, if there is one, and what the log says.
async fn kept_of(body: Value) -> (Option<String>, String) {
    let engine = engine().await;
    let Err(Problem::Invalid { violations, .. }) = agent(&engine, "research").emit(body).await else {
        panic!("it must be refused")
    };
    let log = format!(
        "{violations:?} {}",
        json!(engine.tail(0, 100).await.unwrap().into_iter().map(|(at, it)| (at, it.unwrap())).collect::<Vec<_>>())
    );
    let kept = refused(&engine).await;
    let body = engine.blob_get(&kept[0].rejection.digest).await.ok();
    (body.map(|it| String::from_utf8(it.bytes).unwrap()), log)
}

#[tokio::test]
async fn what_is_dropped_is_gone_when_the_contract_is_refused_as_when_it_is_delivered() {
    let engine = engine().await;
    let emitted = emit(&engine, redacted(&both())).await;
    let (stored, _) = engine.contract(&emitted.handoff.id).await.unwrap();
    assert!(!stored.to_string().contains(SECRET), "{stored}");
    assert_eq!(stored["working_memory"]["payload"]["fields"]["contacts"], json!(["kept", null]));

    let mut unusable = redacted(&both());
    unusable.as_object_mut().unwrap().remove("failure_modes");
    let (kept, log) = kept_of(unusable).await;
    let kept = kept.expect("it is kept for those who look for the cause");
    assert!(!kept.contains(SECRET) && kept.contains("contacts"), "{kept}");
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn what_is_wrong_with_a_dropped_value_does_not_quote_it() {
    let mut body = redacted(&json!([dropped("/working_memory/payload/fields/contact")]));
    body["working_memory"]["payload"]["fields"] = json!({"contact": 9_007_199_254_740_993_i64});
    let (_, log) = kept_of(body).await;
    assert!(log.contains("number") && !log.contains("9007199254740993"), "{log}");
}

#[tokio::test]
async fn where_nobody_can_tell_what_is_to_be_dropped_nothing_is_kept() {
    for unclear in [
        json!({"path": "/working_memory/payload/fields/contact", "method": "drop"}),
        json!([{"path": "/working_memory/payload/fields/contact", "method": "Drop"}]),
        json!([{"path": "working_memory/payload/fields/contact", "method": "drop"}, both()[1]]),
        json!([dropped("/brief/goal")]),
    ] {
        let mut body = redacted(&unclear);
        body.as_object_mut().unwrap().remove("failure_modes");
        let (kept, _) = kept_of(body).await;
        assert_eq!(kept, None, "{unclear}");
    }
}

#[tokio::test]
async fn a_place_from_which_nothing_can_be_dropped_is_refused() {
    let engine = engine().await;
    let goal = redacted(&json!([both()[0], both()[1], dropped("/brief/goal"), dropped("/brief/blockers")]));
    let Err(Problem::Invalid { violations, .. }) = agent(&engine, "research").emit(goal).await else {
        panic!("it must be refused")
    };
    let found: Vec<_> = violations.iter().map(|it| (&*it.path, &*it.keyword)).collect();
    assert_eq!(found, [("/classification/redactions/2/path", "redaction")]);
}

#[tokio::test]
async fn what_is_masked_or_hashed_is_nowhere_in_the_files_of_the_store() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("s.db");
    let engine = Engine::open(Arc::new(Sqlite::open(&path).unwrap()), Settings::default()).await.unwrap();
    let redaction =
        |place: &str, method| json!({"path": format!("/working_memory/payload/fields/{place}"), "method": method});
    let both = json!([redaction("contact", "hash"), redaction("contacts/1", "mask")]);
    assert!(!place.path().join("s.db.key").exists(), "nothing asked for it yet");
    let contact = async |body: Value| {
        let (stored, _) = engine.contract(&emit(&engine, body).await.handoff.id).await.unwrap();
        stored.pointer("/working_memory/payload/fields/contact").unwrap().clone()
    };
    let (one, other) = (contact(redacted(&both)).await, contact(redacted(&both)).await);
    assert_eq!(one, other, "the same value has the same hash");
    let mut third = redacted(&both);
    third["working_memory"]["payload"]["fields"]["contact"] = json!("another");
    assert_ne!(contact(third).await, one);
    let mut unusable = redacted(&both);
    unusable["failure_modes"] = Value::Null;
    assert!(agent(&engine, "research").emit(unusable).await.is_err());
    let mut tokens = redacted(&json!([redaction("contact", "tokenize"), redaction("contacts/1", "mask")]));
    tokens["brief"]["goal"] = json!("Tokens");
    let Err(Problem::Invalid { violations, .. }) = agent(&engine, "research").emit(tokens).await else {
        panic!("it must be refused")
    };
    assert_eq!(violations[0].path, "/classification/redactions/0/method");
    for file in place.path().read_dir().unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(SECRET.len()).any(|it| it == SECRET.as_bytes()), "{}", path.display());
    }
    assert!(place.path().join("s.db.key").exists());
}
