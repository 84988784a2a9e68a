//! The file of policies: `[[edge]]` tables, in order, and `[[pipeline]]` tables.
//!
//! ```toml
//! [[pipeline]]
//! name = "articles"
//! peers = ["auditor"]            # may hand something to its runs without taking part
//!
//! [[edge]]
//! from = "writer"                # `*`, or left out: any
//! to = "publisher"
//! strictness = "strict"
//! approval = { role = "editors", question = "May this be published?", due = "4h" }
//! ```

use semver::Version;

use crate::domain::contract::Strictness;
use crate::domain::event::Timeout;
use crate::domain::machine::ESCALATION_DUE;
use crate::domain::policy::{ApprovalPolicy, Policies, Rule};
use crate::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::toml_lines::{Member, Mistake, Reader, Table, Value, tables};

/// Reads a file of policies.
///
/// # Errors
/// Every mistake, in the order of the file.
pub fn read(text: &str) -> Result<Policies, Vec<Mistake>> {
    let (mut reader, tables) = tables(text, &["edge", "pipeline"]);
    let (edges, pipelines): (Vec<&Table>, Vec<&Table>) = tables.iter().partition(|it| it.name == "edge");
    let rules = edges.into_iter().map(|it| rule(it, &mut reader)).collect();
    let policies = pipelines.into_iter().fold(Policies::new(rules), |policies, it| {
        let (name, peers) = pipeline(it, &mut reader);
        policies.with_peers(name, peers)
    });
    reader.settle(policies)
}

/// A pipeline's name, or `*` for any, and its peers.
fn pipeline(table: &Table, reader: &mut Reader<'_>) -> (String, Vec<String>) {
    let mut read = ("*".to_owned(), Vec::new());
    for Member { name, line, value } in &table.members {
        let member = match name.as_str() {
            "name" => text(value).map(|it| read.0 = it),
            "peers" => texts(value).map(|it| read.1 = it),
            _ => Err("is unknown; a pipeline has name and peers".to_owned()),
        };
        if let Err(why) = member {
            reader.note(*line, format!("`{name}` {why}"));
        }
    }
    read
}

fn rule(table: &Table, reader: &mut Reader<'_>) -> Rule {
    let mut rule = Rule::default();
    for Member { name, line, value } in &table.members {
        let policy = &mut rule.policy;
        let read = match name.as_str() {
            "pipeline" => text(value).map(|it| rule.pipeline = it),
            "from" => text(value).map(|it| rule.from = it),
            "to" => text(value).map(|it| rule.to = it),
            "strictness" => strictness(value).map(|it| policy.strictness = it),
            "completeness_min" => number(value, 0, 100).map(|it| policy.completeness_min = it as u8),
            "approval" => approval(value).map(|it| policy.approval = Some(it)),
            "cyclic" => truth(value).map(|it| policy.cyclic = it),
            "max_cycles" => number(value, 0, 1_000).map(|it| policy.max_cycles = it),
            "max_hops" => number(value, 1, 1_000).map(|it| policy.max_hops = Some(it)),
            "max_attempts" => number(value, 1, 50).map(|it| policy.max_attempts = Some(it)),
            "p95_max" => duration(value).map(|it| policy.p95_max = Some(it)),
            "ack_timeout" => duration(value).map(|it| policy.ack_timeout = Some(it)),
            "separation" => truth(value).map(|it| policy.separation = it),
            "expose_source" => truth(value).map(|it| policy.expose_source = it),
            "consumer" => version(value).map(|it| policy.consumer = Some(it)),
            "volatile" => texts(value).map(|it| policy.volatile = it),
            _ => Err(format!("is unknown; an edge has {}", KNOWN.join(", "))),
        };
        if let Err(why) = read {
            reader.note(*line, format!("`{name}` {why}"));
        }
    }
    rule
}

const KNOWN: [&str; 16] = [
    "pipeline",
    "from",
    "to",
    "strictness",
    "completeness_min",
    "approval",
    "cyclic",
    "max_cycles",
    "max_hops",
    "max_attempts",
    "p95_max",
    "ack_timeout",
    "separation",
    "expose_source",
    "consumer",
    "volatile",
];

fn approval(value: &Value) -> Result<ApprovalPolicy, String> {
    let mut read = ApprovalPolicy {
        role: "operators".to_owned(),
        question: "May this go ahead?".to_owned(),
        due: ESCALATION_DUE.0,
        on_timeout: Timeout::DeadLetter,
    };
    let table = match value {
        Value::Boolean(true) => return Ok(read),
        Value::Table(table) => table,
        other => {
            return Err(expected("true or a table with role, question, due, on_timeout", other));
        }
    };
    for (name, value) in table {
        match name.as_str() {
            "role" => text(value).map(|it| read.role = it),
            "question" => text(value).map(|it| read.question = it),
            "due" => duration(value).map(|it| read.due = it),
            "on_timeout" => timeout(value).map(|it| read.on_timeout = it),
            _ => Err("is unknown; an approval has role, question, due, on_timeout".to_owned()),
        }
        .map_err(|why| format!("has a mistake: `{name}` {why}"))?;
    }
    Ok(read)
}

fn timeout(value: &Value) -> Result<Timeout, String> {
    match value.as_str() {
        Some("dead_letter") => Ok(Timeout::DeadLetter),
        Some("approve") => Ok(Timeout::Approve),
        Some("dismiss") => Ok(Timeout::Dismiss),
        _ => Err(expected("dead_letter, approve or dismiss", value)),
    }
}

fn expected(what: &str, found: &Value) -> String {
    format!("must be {what}, not {found}")
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.clone()),
        other => Err(expected("some text", other)),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let items = value.as_array().ok_or_else(|| expected("a list of texts", value))?;
    items.iter().map(text).collect()
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("true or false", value))
}

fn number(value: &Value, least: u32, most: u32) -> Result<u32, String> {
    value
        .as_integer()
        .and_then(|it| u32::try_from(it).ok())
        .filter(|it| (least..=most).contains(it))
        .ok_or_else(|| expected(&format!("a whole number from {least} to {most}"), value))
}

fn strictness(value: &Value) -> Result<Strictness, String> {
    match value.as_str() {
        Some("observe") => Ok(Strictness::Observe),
        Some("standard") => Ok(Strictness::Standard),
        Some("strict") => Ok(Strictness::Strict),
        _ => Err(expected("observe, standard or strict", value)),
    }
}

fn version(value: &Value) -> Result<Version, String> {
    let wrong = || expected("a semantic version such as 1.2.0", value);
    Version::parse(value.as_str().ok_or_else(wrong)?).map_err(|_| wrong())
}

fn duration(value: &Value) -> Result<Millis, String> {
    let wrong = || expected("a duration such as 500ms, 30s, 5m, 4h or 1d", value);
    let text = value.as_str().ok_or_else(wrong)?.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "ms" => 1,
        "s" => SECOND,
        "m" | "min" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return Err(wrong()),
    };
    let number: Millis = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|it| *it > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Edge;
    use crate::domain::policy::EdgePolicy;

    #[test]
    fn the_first_rule_that_matches_holds() {
        let policies = read(
            r#"
            [[edge]]
            from = "writer"
            to = "publisher"
            approval = { role = "editors", due = "90m", on_timeout = "approve" }
            [[edge]]
            pipeline = "news"
            max_cycles = 7
            max_hops = 40
            p95_max = "1500ms"
            [[edge]]
            from = "writer"
            cyclic = true
            "#,
        )
        .unwrap();
        let of = |pipeline, from, to| policies.of(&Edge::new(pipeline, from, to));
        let approval = of("news", "writer", "publisher").approval.clone().unwrap();
        assert_eq!((&*approval.role, approval.due), ("editors", 90 * MINUTE));
        assert_eq!(approval.on_timeout, Timeout::Approve);
        assert_eq!(of("news", "writer", "legal").max_cycles, 7);
        assert_eq!(of("news", "writer", "legal").max_hops, Some(40));
        assert_eq!(of("news", "writer", "legal").p95_max, Some(1_500));
        assert!(!of("news", "writer", "legal").cyclic);
        assert!(of("other", "writer", "legal").cyclic);
        assert_eq!(of("other", "a", "b"), &EdgePolicy::default());
    }

    #[test]
    fn a_pipeline_names_its_peers() {
        let policies =
            read("[[pipeline]]\nname = 'news'\npeers = ['auditor']\n[[pipeline]]\npeers = ['clock']\n").unwrap();
        let is = |pipeline, who| policies.is_peer(pipeline, who);
        assert!(is("news", "auditor") && is("news", "clock") && is("other", "clock"));
        assert!(!is("other", "auditor") && !is("news", "news") && !Policies::default().is_peer("news", "auditor"));
        let wrong = read("[[pipeline]]\npeer = ['x']\n[[edges]]\n").unwrap_err();
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert!(wrong[0].contains("line 2") && wrong[0].contains("name and peers"), "{wrong:?}");
        assert!(wrong[1].contains("[[edge]] and [[pipeline]]"), "{wrong:?}");
    }

    #[test]
    fn every_mistake_is_reported_with_its_place() {
        let mistakes = read(
            r#"
            [[edge]]
            frm = "writer"
            strictness = "lax"
            [[edge]]
            max_attempts = 0
            ack_timeout = "soon"
            approval = { who = "me" }
            consumer = "one"
            "#,
        )
        .unwrap_err();
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = mistakes.iter().map(|it| it.split('`').nth(1).unwrap()).collect();
        assert_eq!(names, ["frm", "strictness", "max_attempts", "ack_timeout", "approval", "consumer"]);
        assert!(mistakes[0].starts_with("line 3: "), "{}", mistakes[0]);
        assert!(mistakes[5].starts_with("line 9: "), "{}", mistakes[5]);
        assert!(mistakes[1].contains("observe, standard or strict"), "{}", mistakes[1]);
        assert!(mistakes[2].contains("1 to 50"), "{}", mistakes[2]);
    }

    #[test]
    fn the_page_about_policies_names_every_key_and_is_accepted() {
        let page = include_str!("../../docs/configuration.md");
        let (_, block) = page.split_once("```toml policies\n").unwrap();
        read(block.split_once("```").unwrap().0).unwrap();
        for key in KNOWN {
            assert!(page.contains(&format!("`{key}`")), "{key} is not on the page");
        }
    }
}
