//! What a screen shows, `seam get` prints: the same rows under a filter, the same words for what is wrong.

use std::process::Command;

use seamwatch::testing::console::app::events::Events;
use seamwatch::testing::console::app::explain::reason;
use seamwatch::testing::console::app::pipelines::Node;
use seamwatch::testing::console::app::{Screen, dead_letters};
use seamwatch::testing::domain::contract::Violation;
use seamwatch::testing::domain::event::{Event, Fact};
use seamwatch::testing::domain::id::Actor;
use seamwatch::testing::domain::severity::Severity;
use seamwatch::testing::domain::time::{MINUTE, SECOND};
use seamwatch::testing::source::recording::write_line;
use serde_json::Value;
use tempfile::TempDir;

use super::console::{Console, Story, at};
use super::incident::incident;

/// What both are asked, kind by kind: every field at least once, values as JSON writes them and as they are read.
const ASKED: [(&str, &[&str]); 7] = [
    (
        "pipelines",
        &["crm", "pipeline:lead", "from:reviewer", "to:crm", "edge:sales>crm", "stage:store", "health:warning"],
    ),
    (
        "edges",
        &[
            "sales>crm",
            "pipeline:lead",
            "from:writer",
            "to:crm",
            "edge:writer>",
            "stage:revision",
            "health:too_few",
            "health:\"too few\"",
            "health:critical",
            "-health:critical",
        ],
    ),
    (
        "tasks",
        &[
            "storm",
            "trace:5b8a",
            "pipeline:launch",
            "verdict:retry_storm",
            "verdict:\"retry storm\"",
            "verdict:looping",
            "state:waiting",
            "state:running",
            "signal:revision",
            "path:reviewer",
            "title:acme",
            "-verdict:fine",
        ],
    ),
    (
        "dead",
        &[
            "sources",
            "7f3",
            "handoff:h-9a",
            "trace:run-h-7f31",
            "pipeline:lead",
            "from:writer",
            "to:crm",
            "code:missing_input",
            "code:\"missing input\"",
            "detail:answer",
            "path:/sources",
            "title:customer",
            "owner:content",
            "prompt:draft@18",
            "urgency:normal",
            "group:f",
            "normal",
        ],
    ),
    (
        "inbox",
        &[
            "agree",
            "handoff:4bf9",
            "trace:4bf9",
            "pipeline:launch",
            "from:reviewer",
            "to:writer",
            "kind:loop",
            "question:draft",
            "title:letter",
            "urgency:high",
            "owner:content",
            "role:editor",
            "by:engine",
            "claimed:ben",
            "-claimed:ben",
            "high",
        ],
    ),
    (
        "events",
        &[
            "claimed",
            "event:dead_lettered",
            "event:\"dead lettered\"",
            "trace:4bf9",
            "handoff:h-7f30",
            "pipeline:lead",
            "from:sales",
            "to:crm",
            "edge:sales>crm",
            "by:user:ben",
            "detail:timeout",
            "sales>crm",
        ],
    ),
    (
        "rejections",
        &[
            "rejection:rej-2",
            "trace:refused-1",
            "pipeline:launch",
            "from:research",
            "to:writer",
            "producer:research",
            "model:model-m",
            "prompt:brief@18",
            "errors:confidence",
        ],
    ),
];

/// The last half hour of the incident, and a person who takes a question up.
fn scene() -> Vec<Event> {
    let mut events = incident();
    events.retain(|it| it.at > at(-30 * MINUTE));
    for event in &mut events {
        if let Fact::DeadLettered { code, violations, .. } = &mut event.fact
            && code == "missing_input"
        {
            violations.push(Violation::new("/sources", "minItems", "at least one source"));
        }
    }
    let asked = |it: &&Event| matches!(it.fact, Fact::EscalationOpened(_));
    let taken = events.iter().find(asked).unwrap();
    let (run, handoff) = (taken.run.clone(), taken.handoff.clone().unwrap());
    let seq = events.iter().filter(|it| it.run == run).map(|it| it.seq).max().unwrap();
    let claim = Fact::EscalationClaimed { until: at(15 * MINUTE) };
    let mut claim = Story::new(run.as_str()).then(-SECOND, handoff.as_str(), Actor::user("ben"), claim).events;
    claim[0].seq = seq + 1;
    events.extend(claim);
    events
}

/// The rows of a screen under a filter, by their ids.
fn shown(console: &mut Console, kind: &str, filter: &str) -> Result<Vec<String>, String> {
    let (screens, world) = (&mut console.state.views.screens, &console.state.world);
    match kind {
        "pipelines" => {
            screens.pipelines.set_filter(world, filter)?;
            let rows = screens.pipelines.list.rows().iter();
            Ok(rows.filter(|it| matches!(it, Node::Pipeline(..))).map(Node::name).collect())
        }
        "edges" => {
            screens.edges.set_filter(world, filter)?;
            Ok(screens.edges.list.rows().iter().map(|it| it.1.to_string()).collect())
        }
        "tasks" => {
            screens.tasks.set_filter(world, filter)?;
            Ok(screens.tasks.list.rows().iter().map(|it| it.1.to_string()).collect())
        }
        "dead" => {
            screens.dead_letters.set_filter(world, filter)?;
            let item = |it: &dead_letters::Row| match it {
                dead_letters::Row::Item(_, id) => Some(id.to_string()),
                dead_letters::Row::Group(_) => None,
            };
            Ok(screens.dead_letters.list.rows().iter().filter_map(item).collect())
        }
        "inbox" => {
            screens.inbox.set_filter(world, filter)?;
            Ok(screens.inbox.list.rows().iter().map(|it| it.1.to_string()).collect())
        }
        _ => {
            screens.events.set_filter(world, filter)?;
            screens.events.refresh(world);
            let rows = screens.events.list.rows().iter();
            Ok(rows.filter_map(|id| Some(Events::event(world, *id)?.id())).collect())
        }
    }
}

/// A console that has seen the scene, and a recording of it.
fn both() -> (Console, TempDir, String) {
    let events = scene();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scene.ndjson");
    let lines: Vec<String> = (1..).zip(&events).map(|(place, it)| write_line(it, place).unwrap() + "\n").collect();
    std::fs::write(&file, lines.concat()).unwrap();
    let mut console = Console::with(120, 40, events);
    console.tick(SECOND);
    (console, home, format!("file:{}", file.display()))
}

/// What `seam get` prints of a recording.
fn get(recording: &str, kind: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seam"));
    command.args(["get", kind, "-c", recording, "--as-of", &at(SECOND).to_string()]).args(args);
    if matches!(kind, "pipelines" | "edges") {
        command.args(["--window", "1h"]);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The rows that `seam get` prints of a recording under a filter, by their ids.
fn printed(recording: &str, kind: &str, filter: &str) -> Result<Vec<String>, String> {
    let document = get(recording, kind, &["-o", "json", &format!("--filter={filter}")])?;
    let document: Value = serde_json::from_str(&document).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let id = |row: &Value| match kind {
        "pipelines" => text(row, "pipeline"),
        "edges" => format!("{}>{}", text(row, "from"), text(row, "to")),
        "tasks" => text(row, "trace_id"),
        "events" => text(row, "id"),
        "rejections" => text(row, "rejection_id"),
        _ => text(row, "handoff_id"),
    };
    Ok(document["rows"].as_array().unwrap().iter().map(id).collect())
}

#[test]
fn a_filter_finds_the_same_on_a_screen_and_on_the_command_line() {
    let (mut console, _home, recording) = both();
    console.keys("4");
    for row in console.state.views.screens.dead_letters.list.rows().to_vec() {
        console.state.views.screens.dead_letters.list.select(&row);
        console.keys("<enter>");
    }
    let mut wrong = Vec::new();
    for (kind, filters) in ASKED {
        for filter in filters {
            let mut there = printed(&recording, kind, filter);
            // Refused contracts have no screen of their own.
            let mut here = if kind == "rejections" { there.clone() } else { shown(&mut console, kind, filter) };
            here.iter_mut().chain(&mut there).for_each(|it| it.sort());
            let nobody = here.as_ref().is_ok_and(Vec::is_empty);
            if here != there || here.is_err() || nobody {
                wrong.push(format!("{kind} {filter}\n  screen: {here:?}\n  command: {there:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words without the times in them: the minute depends on where the windows of a console happen to begin.
fn timeless(words: &str, since: &str, columns: usize) -> String {
    let mut parts = words.split(since);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "since" + &part[columns..])
}

#[test]
fn what_is_wrong_with_an_edge_is_said_in_the_same_words() {
    let (console, _home, recording) = both();
    let text = get(&recording, "edges", &[]).unwrap();
    let at = text.lines().next().unwrap().find("WHY").unwrap();
    let printed: Vec<String> =
        text.lines().skip(1).map(|line| timeless(line.get(at..).unwrap_or_default(), "since 2026-08-20 ", 8)).collect();
    let feed = &console.state.world.feeds[0];
    let wrong = feed.figures().edges.iter().filter(|it| it.severity() >= Severity::Warning);
    let shown: Vec<String> = wrong.map(|row| timeless(&reason(&console.state.world, feed, row), "since ", 5)).collect();
    assert!(shown.len() > 3 && shown.iter().any(|it| it.starts_with("slow since,")), "{shown:?}");
    for words in shown {
        assert!(printed.contains(&words), "{words}\n{text}");
    }
}
