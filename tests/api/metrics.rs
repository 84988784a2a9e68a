//! What `/metrics` says is text that Prometheus takes, by the rules of `promtool check metrics`, and `docs/metrics.md` says
//! what each figure means.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;

use super::server::{Server, contract};

/// Kind and samples of each family, in the order of the text. Every line is looked at.
fn families(text: &str) -> BTreeMap<String, (String, Vec<(String, f64)>)> {
    let mut families: BTreeMap<String, (String, Vec<(String, f64)>)> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut open = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(words.len() > 5 && words.ends_with('.'), "{line}");
            assert!(helped.insert(name.to_owned()), "helped twice: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(helped.contains(name), "HELP comes first: {line}");
            assert!(families.insert(name.to_owned(), (kind.to_owned(), Vec::new())).is_none(), "twice: {line}");
            name.clone_into(&mut open);
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let (kind, samples) = families.get_mut(&open).unwrap();
            let part = name.strip_prefix(&open).unwrap_or_else(|| panic!("not of {open}: {line}"));
            let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(parts.contains(&part), "{line}");
            assert!(!value.starts_with('-'), "nothing here is negative, and 0 has no sign: {line}");
            assert!(samples.iter().all(|(known, _)| known != series), "twice: {line}");
            samples.push((series.to_owned(), value.parse().unwrap()));
        }
    }
    families
}

#[tokio::test]
async fn what_prometheus_reads_is_well_formed_and_every_figure_is_documented() {
    let server = Server::open().await;
    let waits = server.emit(&contract("research", "writer")).await;
    server.emit(&contract("research", "writer")).await;
    let work = server.claim("writer").await;
    assert_eq!(work["handoff_id"], waits["handoff_id"]);
    assert!(server.settle(&work, "ack", json!({})).await.status().is_success());
    let text = server.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let families = families(&text);

    for (name, (kind, samples)) in &families {
        assert!(!samples.is_empty(), "{name}");
        assert!(name.chars().all(|it| it.is_ascii_lowercase() || it == '_'), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let unit = ["millis", "_ms", "_kb", "minutes", "_mib"].iter().find(|it| name.contains(*it));
        assert_eq!(unit, None, "{name}: seconds and bytes are the units");
        for of in ["gauge", "counter", "histogram", "_bucket", "_count", "_sum", ":"] {
            assert!(!name.contains(of), "{name} says its kind");
        }
    }
    let of = |name: &str| families[name].1.iter().map(|it| it.1).sum::<f64>();
    assert_eq!(
        (of("handoff_emitted_total"), of("handoff_acknowledged_total"), of("handoff_settled_total")),
        (2.0, 1.0, 0.0)
    );
    let buckets = families["handoff_ack_duration_seconds"].1.iter();
    let buckets: Vec<_> = buckets.filter(|(series, _)| series.contains("_bucket{")).collect();
    assert!(buckets.iter().zip(&buckets[1..]).all(|(one, next)| one.1 <= next.1), "they are cumulative: {buckets:?}");
    assert!(
        buckets.last().is_some_and(|(series, n)| series.ends_with("le=\"+Inf\"}") && n.to_string() == "1"),
        "{buckets:?}"
    );
    assert!(buckets.iter().filter(|(series, _)| series.contains("le=\"0.0")).count() >= 4, "below 50 ms: {buckets:?}");

    let page = include_str!("../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let documented: BTreeMap<&str, &str> = rows.map(|(name, rest)| (name, rest.split(' ').next().unwrap())).collect();
    let said: BTreeMap<&str, &str> = families.iter().map(|(name, (kind, _))| (&**name, &**kind)).collect();
    assert_eq!(said, documented, "docs/metrics.md has a row for each, with its kind");
}
