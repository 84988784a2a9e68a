//! The README keeps its word: its commands work as they stand, its Python is that of the example, its pictures and
//! links are there; so do the pages of `docs/` that say what the program does.
//!
//! Blocks marked `sh` are run in order, in one directory, against one orchestrator on a free port. A command with
//! `# opens a screen` runs in a pty until it has drawn, and is left with `q`; one with `# goes on` runs beside the
//! others until the end; of one with `# builds` the plan is checked, because building inside of a test takes minutes.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use pty_process::Size;
use pty_process::blocking::open;
use seamwatch::testing::keymap::{Action, Context, Key, Keymap};
use tempfile::TempDir;

#[path = "support/tools.rs"]
mod tools;
#[path = "support/wait.rs"]
mod wait;
use tools::is_installed;

const README: &str = include_str!("../README.md");

/// Where the README says that the orchestrator listens.
const LISTEN: &str = "127.0.0.1:7600";

/// The programs of the README that the project does not bring. A command is left out without them, but not where `CI`
/// is set.
const TOOLS: [&str; 3] = ["curl", "jq", "python3"];

/// The blocks of a page in this language, without their fences.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("```{language}\n");
    page.split(opening.as_str()).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory to follow the README in, and what still runs there.
struct Reader {
    directory: TempDir,
    listen: String,
    exports: String,
    running: Vec<Child>,
}

impl Reader {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let link = |from: PathBuf, to: &str| {
            std::os::unix::fs::symlink(from, directory.path().join(to)).unwrap();
        };
        link(root().join("examples"), "examples");
        link(root().join("Makefile"), "Makefile");
        std::fs::create_dir(directory.path().join("bin")).unwrap();
        link(PathBuf::from(env!("CARGO_BIN_EXE_seam")), "bin/seam");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listen: free.local_addr().unwrap().to_string(), directory, exports: String::new(), running: Vec::new() }
    }

    /// The command in a shell, with `seam` on the PATH, and nothing of the user's own settings.
    fn environment(&self) -> [(&'static str, String); 6] {
        let home = self.directory.path().display().to_string();
        let path = std::env::var("PATH").unwrap();
        [
            ("PATH", format!("{home}/bin:{path}")),
            ("HOME", home),
            ("TERM", "xterm-256color".to_owned()),
            ("SEAM_LISTEN", self.listen.clone()),
            ("HANDOFF_URL", format!("http://{}", self.listen)),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ]
    }

    fn script(&self, command: &str) -> String {
        let text = format!("set -e\n{}{command}\n", self.exports);
        text.replace(LISTEN, &self.listen)
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.script(command)]).current_dir(self.directory.path()).envs(self.environment());
        shell
    }

    fn follow(&mut self, line: &str) {
        let (command, mark) = line.split_once(" # ").unwrap_or((line, ""));
        let command = command.trim();
        let mut needed = TOOLS.into_iter().filter(|it| command.contains(&format!("{it} ")));
        if !needed.all(is_installed) {
            return;
        }
        match mark.split(':').next().unwrap().trim() {
            _ if command.starts_with("export ") => writeln!(self.exports, "{command}").unwrap(),
            "builds" => self.plan(command),
            // The screen of `make run` is that of the command which it plans.
            "opens a screen" if command.starts_with("make ") => self.plan(command),
            "opens a screen" => self.screen(command),
            "goes on" => self.beside(command),
            "" => self.finish(command),
            other => panic!("`# {other}` in the README is no mark of this test"),
        }
    }

    /// Succeeds. Where there have to be dead letters first, the agents of the story will leave some.
    fn finish(&self, command: &str) {
        let may_be_silent = command.contains("file:") || command.contains("select(");
        let needs_dead = command.contains("get dead") && !may_be_silent;
        let run = || {
            let output = self.shell(command).output().unwrap();
            let is_well = output.status.success();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(is_well || needs_dead, "`{command}` ends with {} and says:\n{said}", output.status);
            (is_well && !(needs_dead && output.stdout.is_empty())).then_some(())
        };
        wait::until(run, || format!("`{command}` tells of dead letters"));
    }

    /// What a command prints, which succeeds and has nothing to remark.
    fn output(&self, command: &str) -> String {
        let output = self.shell(command).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "`{command}` ends with {} and says:\n{said}",
            output.status
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Make knows the target, and would run cargo.
    fn plan(&self, command: &str) {
        let target = command.strip_prefix("make ").unwrap();
        let output = Command::new("make").args(["-n", target]).current_dir(self.directory.path()).output().unwrap();
        let plan = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && plan.contains("cargo "), "{command}: {plan}");
        if target == "run" {
            assert!(plan.contains("-- demo"), "{plan}");
        }
    }

    /// Runs beside the rest, once it has said where.
    fn beside(&mut self, command: &str) {
        let said = self.directory.path().join(format!("{}.log", self.running.len()));
        let child = self.shell(&format!("exec {command}")).stderr(File::create(&said).unwrap()).spawn().unwrap();
        self.running.push(child);
        let said = || std::fs::read_to_string(&said).unwrap();
        let listens = || {
            let ended = self.running.last_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "`{command}` says: {}", said());
            said().contains("http://").then_some(())
        };
        wait::until(listens, || format!("`{command}` says where it listens, not: {}", said()));
    }

    /// Draws a screen of the console with its footer, and ends well on `q`.
    fn screen(&self, command: &str) {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        let mut shell = pty_process::blocking::Command::new("sh")
            .args(["-c", &self.script(command)])
            .current_dir(self.directory.path());
        for (name, value) in self.environment() {
            shell = shell.env(name, value);
        }
        let mut child = shell.spawn(pts).unwrap();
        let mut screen = vt100::Parser::default();
        let mut bytes = [0; 8_192];
        let mut asked_to_end = false;
        // The read fails when the last program on the terminal has closed it.
        while let Ok(read @ 1..) = (&pty).read(&mut bytes) {
            screen.process(&bytes[..read]);
            if !asked_to_end && screen.screen().contents().contains("? help") {
                (&pty).write_all(b"q").unwrap();
                asked_to_end = true;
            }
        }
        let status = child.wait().unwrap();
        let shown = screen.screen().contents();
        assert!(asked_to_end && status.success(), "`{command}` ends with {status} and shows:\n{shown}");
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for child in &mut self.running {
            // Whatever ended by itself is what the test is about to say.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn every_command_works() {
    let mut reader = Reader::new();
    let commands: Vec<&str> = blocks(README, "sh").into_iter().flat_map(str::lines).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        reader.follow(command);
    }
    // What the page on JSON shows is said of the same orchestrator, and of the same recording.
    let examples = blocks(include_str!("../docs/json.md"), "sh");
    assert!(examples.len() > 2, "{examples:?}");
    for command in examples {
        reader.follow(command);
    }
    for child in &mut reader.running {
        assert!(child.try_wait().unwrap().is_none(), "what goes on has ended");
    }
}

#[test]
fn the_python_agent_is_part_of_the_example() {
    let example = std::fs::read_to_string(root().join("examples/agent.py")).unwrap();
    let shown = blocks(README, "python");
    assert_eq!(shown.len(), 1);
    assert!(example.contains(shown[0]), "examples/agent.py does not hold this:\n{}", shown[0]);
}

#[test]
fn links_and_pictures_are_there() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let packed = manifest["package"]["include"].as_array().unwrap();
    let is_packed = |path: &Path| {
        let mut packed = packed.iter().filter_map(toml::Value::as_str);
        packed.any(|it| path.starts_with(it.trim_end_matches("/**")))
    };
    for page in [
        "README.md",
        "CHANGELOG.md",
        "docs/json.md",
        "docs/protocol.md",
        "docs/keys.md",
        "docs/configuration.md",
        "docs/recordings.md",
    ] {
        let path = root().join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if let Some(place) = link.strip_prefix('#') {
                let slug = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase();
                let mut headings = text.lines().filter(|it| it.starts_with('#'));
                assert!(headings.any(|it| slug(it).replace(' ', "-") == place), "{page} has no heading {link}");
                continue;
            }
            let target = path.parent().unwrap().join(link);
            assert!(link.starts_with("https://") || target.exists(), "{page} links to {link}, which is not there");
            let beside = Path::new(page).parent().unwrap().join(link);
            assert!(
                link.starts_with("https://") || is_packed(&beside),
                "{page} links to {link}, which is not in the package"
            );
        }
    }
}

#[test]
fn the_recording_of_the_page_is_read_as_the_page_says() {
    let page = include_str!("../docs/recordings.md");
    let reader = Reader::new();
    let [lines] = blocks(page, "json lines")[..] else { panic!("the page has one example") };
    std::fs::write(reader.directory.path().join("example.ndjson"), lines).unwrap();
    let said: Vec<String> = blocks(page, "sh").into_iter().flat_map(str::lines).map(|it| reader.output(it)).collect();
    assert_eq!(said, blocks(page, "text"));
}

#[test]
fn the_configuration_of_the_page_is_accepted() {
    let page = include_str!("../docs/configuration.md");
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("config.toml");
    for block in blocks(page, "toml config") {
        std::fs::write(&file, block).unwrap();
        // It reads the configuration before it looks for a terminal, which there is none of.
        let output = Command::new(env!("CARGO_BIN_EXE_seam"))
            .args(["demo", "--config"])
            .arg(&file)
            .env("HOME", directory.path())
            .env("SEAM_TOKEN", "hft_1") // else it would ask the command of the page
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("needs a terminal"), "{said}");
    }
}

/// `docs/keys.md` as the key table has it.
fn keys_page() -> String {
    let keymap = Keymap::default();
    let mut page = String::from(KEYS_HEAD);
    for (context, table) in Context::ALL {
        let own = |key: &Key| {
            context == Context::Global
                || matches!(context, Context::Dialog | Context::Prompt)
                || keymap.action(*key, Context::Global) != keymap.action(*key, context)
        };
        let mut rows = String::new();
        for action in Action::all() {
            let keys: Vec<String> = keymap
                .keys_for(action, context)
                .filter(|key| own(key) && *key != Key::INTERRUPT)
                .map(|key| format!("`{key}`"))
                .collect();
            if !keys.is_empty() {
                let keys = keys.join(" ");
                writeln!(rows, "| {keys} | `{}` | {} |", action.name(), action.description()).unwrap();
            }
        }
        if !rows.is_empty() {
            write!(page, "\n## [{table}]\n\n| Key | Action | What it does |\n|---|---|---|\n{rows}").unwrap();
        }
    }
    page
}

/// What `docs/keys.md` begins with.
const KEYS_HEAD: &str = "# Keys

Every key can be bound anew in `keys.toml`, in the directory of the [configuration](configuration.md). The file names only what it changes:

```toml
[global]
sort = \"o\"               # another key
freeze = [\"p\", \"f9\"]     # two
release-mouse = []       # none

[dead-letters]           # on this screen only
requeue = \"Q\"
```

A key is a letter, digit or sign as typed, or one of `enter` `esc` `tab` `space` `backspace` `delete` `insert` `up` `down` `left` `right` `home`
`end` `page-up` `page-down` `f1` to `f12`, with `ctrl-`, `alt-` or `shift-` before it. What a screen binds wins there over `[global]`. Capital
letters change something, and ask first. `ctrl-c` always quits. Mistakes in the file are all reported at once, each with its line.

The tables below are made from the program: `UPDATE=1 cargo test --test readme`.
";

#[test]
fn the_list_of_keys_is_that_of_the_program() {
    let path = root().join("docs/keys.md");
    let page = keys_page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/keys.md is old; make it anew with UPDATE=1 cargo test --test readme");
    let own = blocks(&page, "toml")[0];
    assert!(Keymap::load(own).is_ok(), "{:?}", Keymap::load(own));
}

/// What a payload schema asks of one value, as the protocol has it.
fn form(schema: &serde_json::Value, defs: &serde_json::Value) -> String {
    let list = |it: &serde_json::Value| -> Vec<String> {
        it.as_array().into_iter().flatten().map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    if let Some(name) = schema["$ref"].as_str() {
        return form(&defs[name.rsplit('/').next().unwrap()], defs);
    }
    if schema["enum"].is_array() {
        return format!("one of `{}`", list(&schema["enum"]).join("`, `"));
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let required = list(&schema["required"]);
            let mark = |name: &String| if required.contains(name) { name.clone() } else { format!("{name}?") };
            let members: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
            let members: Vec<String> = members.into_iter().map(mark).collect();
            format!("object: `{{{}}}`", members.join(", "))
        }
        "array" => format!("list of {}, at most {}", form(&schema["items"], defs), schema["maxItems"]),
        "number" => format!("number from {} to {}", schema["minimum"], schema["maximum"]),
        "string" => "text".to_owned(),
        other => panic!("the protocol has no word for {other}"),
    }
}

#[test]
fn the_protocol_lists_the_fields_of_the_templates() {
    let mut table = String::from("| Template | Field | Needed | Form |\n|---|---|---|---|\n");
    for name in ["code-change", "content-ops", "lead", "research-findings", "support-kb"] {
        let file = root().join(format!("src/orchestrator/schema/{name}.json"));
        let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let fields: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
        for field in fields {
            let needed = schema["required"].as_array().unwrap().iter().any(|it| it == field.as_str());
            let needed = if needed { "yes" } else { "no" };
            let form = form(&schema["properties"][field], &schema["$defs"]);
            writeln!(table, "| `{name}` | `{field}` | {needed} | {form} |").unwrap();
        }
    }
    let protocol = include_str!("../docs/protocol.md");
    assert!(protocol.contains(&table), "docs/protocol.md does not hold this:\n{table}");
}

/// The calls of the table in section 7 of the protocol, such as `get /api/v1/handoffs/{id}`. A name alone stands for
/// a sibling of the path before it.
fn calls_of_the_protocol() -> BTreeSet<String> {
    let protocol = include_str!("../docs/protocol.md");
    let (_, section) = protocol.split_once("## 7. HTTP API").unwrap();
    let mut calls = BTreeSet::new();
    let table = section.lines().skip_while(|it| !it.starts_with("| `"));
    for row in table.take_while(|it| it.starts_with('|')) {
        let cell = row.split('|').nth(1).unwrap();
        let (mut method, mut path) = (String::new(), String::new());
        for span in cell.split('`').skip(1).step_by(2) {
            if span.starts_with('{') {
                continue;
            }
            if let Some((verb, rest)) = span.split_once(' ') {
                (method, path) = (verb.to_lowercase(), rest.to_owned());
            } else if span.contains('/') {
                span.clone_into(&mut path);
            } else {
                let (parent, _) = path.rsplit_once('/').unwrap();
                path = format!("{parent}/{span}");
            }
            let base = if path.starts_with('/') { "" } else { "/api/v1/" };
            calls.insert(format!("{method} {base}{path}"));
        }
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_lists_the_calls_that_are_served() {
    // The client wants to know which cryptography to use, although this needs none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let host = seamwatch::testing::demo::Host::start().await.unwrap();
    let url = format!("{}/openapi.json", host.url());
    let answer = reqwest::get(url).await.unwrap();
    let document: serde_json::Value = answer.json().await.unwrap();
    let mut served = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for method in calls.as_object().unwrap().keys() {
            served.insert(format!("{method} {path}"));
        }
    }
    host.stop().await.unwrap();
    let listed = calls_of_the_protocol();
    let apart: Vec<&String> = served.symmetric_difference(&listed).collect();
    assert!(apart.is_empty(), "served but not listed, or listed but not served: {apart:?}");
}
