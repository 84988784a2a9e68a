//! The house stands as `src/lib.rs` draws it: walls between parts, small files, no forbidden words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "shape/reader.rs"]
mod reader;

/// Part (path prefix below `src/`), and what of ours it may use. The first match counts.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("store", &["store", "domain"]),
    ("orchestrator", &["orchestrator", "domain", "store", "clock", "log", "toml_lines"]),
    ("source", &["source", "domain", "orchestrator", "store", "clock"]),
    ("page", &["page", "domain"]),
    ("console/app", &["console::app", "domain", "page", "keymap"]),
    ("console/ui", &["console::ui", "console::app", "domain", "page", "theme", "keymap"]),
    ("console/shell", &["console", "domain", "source", "keymap", "theme", "clock"]),
    ("keymap", &["keymap", "domain", "toml_lines"]),
    ("theme", &["theme", "domain", "toml_lines"]),
    ("clock", &["domain"]),
    ("log", &["domain"]),
    ("toml_lines", &["toml_lines"]),
];

/// Crates, and the parts that may name them.
const CRATES: &[(&[&str], &[&str])] = &[
    (&["ratatui", "tui_tree_widget"], &["console/ui", "console/shell", "theme"]),
    (&["crossterm"], &["console/shell"]),
    (
        &[
            "tokio",
            "tokio_util",
            "tokio_stream",
            "futures_util",
            "axum",
            "tower",
            "tower_http",
            "reqwest",
            "sse_stream",
        ],
        &["store", "orchestrator", "source", "console/shell", "cli", "demo", "main"],
    ),
    (&["rusqlite"], &["store"]),
    (&["clap"], &["cli", "main", "config"]),
    // What a console writes of its own accord has no line for people.
    (&["toml"], &["toml_lines", "console/shell"]),
    (&["fastrand"], &["orchestrator", "source", "demo"]),
];

/// Files, and what in them the lints refuse a `_` over an enum in: a new fact, command, act or effect is met everywhere.
const EXHAUSTIVE: &[(&str, &[&str])] = &[
    (
        "domain.rs",
        &["pub mod accounting", "pub mod command", "pub mod event", "pub mod ledger", "pub mod machine", "pub mod run"],
    ),
    ("domain/port.rs", &["mod act"]),
    ("console/app.rs", &["pub mod act", "mod conflict", "pub mod triage"]),
    ("console/shell.rs", &["fn carry_out"]),
    ("orchestrator/engine.rs", &["mod act", "mod people"]),
];

#[test]
fn parts_use_only_what_the_walls_allow() {
    let mut breaches = Vec::new();
    for file in sources() {
        let part = part_of(&file);
        let Some((_, allowed)) = WALLS.iter().find(|(prefix, _)| inside(&part, prefix)) else {
            continue;
        };
        for (line, path) in &read(&file).named {
            let used = path.join("::");
            let within = |wall: &str| used == wall || used.starts_with(&format!("{wall}::"));
            if !allowed.iter().any(|wall| within(wall)) {
                breaches.push(format!("{}:{line}: uses {used}", file.display()));
            }
        }
    }
    assert!(breaches.is_empty(), "walls breached:\n{}", breaches.join("\n"));
}

#[test]
fn no_import_goes_in_a_circle() {
    let imports = imports();
    let mut wrong = Vec::new();
    for circle in circles(&imports) {
        wrong.push(format!("{} files import each other in a circle:", circle.len()));
        for file in &circle {
            let inside = imports[*file].iter().filter(|(other, _)| circle.contains(other.as_str()));
            wrong.extend(inside.map(|(other, line)| format!("  src/{file}.rs:{line} -> {other}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn where_facts_and_acts_are_told_apart_all_are_named() {
    let mut lax = Vec::new();
    for (file, items) in EXHAUSTIVE {
        let text = fs::read_to_string(root().join("src").join(file)).expect("a file of the list is there");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for item in *items {
            let at = lines.iter().position(|it| it.starts_with(item)).expect("an item of the list is there");
            if !lines[at - 1].starts_with("#[deny(clippy::wildcard_enum_match_arm)]") {
                lax.push(format!("src/{file}: {item}"));
            }
        }
    }
    assert!(lax.is_empty(), "these no longer deny `_` over an enum: {lax:?}");
}

#[test]
fn heavy_crates_stay_where_they_belong() {
    let mut breaches = Vec::new();
    for file in sources() {
        let part = part_of(&file);
        for (number, line) in code_lines(&file) {
            for (crates, homes) in CRATES {
                let named = crates.iter().find(|name| names_crate(&line, name));
                if let Some(name) = named
                    && !homes.iter().any(|home| inside(&part, home))
                {
                    breaches.push(format!("{}:{number}: names {name}", file.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "crates out of place:\n{}", breaches.join("\n"));
}

#[test]
fn bodies_are_masked_where_they_come_in() {
    let ways = ["Masked::of(", "Body::contract(", "Body::json(", "Body::text("];
    let mut raw = Vec::new();
    for file in sources() {
        let part = part_of(&file);
        if ["domain", "orchestrator", "source"].iter().any(|home| inside(&part, home)) {
            continue;
        }
        for (number, line) in code_lines(&file) {
            raw.extend(
                ways.iter().filter(|way| line.contains(**way)).map(|way| format!("{}:{number}: {way}", file.display())),
            );
        }
    }
    assert!(raw.is_empty(), "these had something that nobody had masked:\n{}", raw.join("\n"));
}

#[test]
fn files_stay_small() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|file| (code_lines(&file).last().map_or(0, |(number, _)| *number), file))
        .filter(|(lines, _)| *lines > 400)
        .map(|(lines, file)| format!("{}: {lines} lines before its tests", file.display()))
        .collect();
    assert!(long.is_empty(), "split by what they do:\n{}", long.join("\n"));
}

#[test]
fn expectations_carry_a_proof() {
    let mut bare = Vec::new();
    for file in sources() {
        for (number, line) in code_lines(&file) {
            let short = line
                .split_once(".expect(\"")
                .and_then(|(_, rest)| rest.split('"').next())
                .is_some_and(|message| message.split(' ').count() < 3);
            if line.contains(".unwrap()") || short {
                bare.push(format!("{}:{number}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(bare.is_empty(), "say why it cannot fail:\n{}", bare.join("\n"));
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let words = ["/home/", "/Users/", "/root/", "TODO", "FIXME", "todo!(", "unimplemented!("];
    let mut found = Vec::new();
    let tree = ["src", "tests", "benches", "examples", "docs", "themes"];
    let all = tree.iter().flat_map(|dir| files(&root().join(dir)));
    for file in all.chain([root().join("README.md")]) {
        if file.ends_with("tests/shape.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap_or_default();
        for word in words.iter().filter(|word| text.contains(**word)) {
            found.push(format!("{}: {word}", file.display()));
        }
    }
    assert!(found.is_empty(), "remove:\n{}", found.join("\n"));
}

/// Which file imports which others, and the first line that does.
type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// How often one name may be passed on by `use` before it is given up as a mistake of the reader.
const MOST_STOPS: usize = 8;

/// The imports of every file. What a file takes from a module above it that only passes it on with `use` counts for the
/// file that it comes from.
fn imports() -> Imports {
    let files: BTreeMap<String, reader::Source> = sources().iter().map(|file| (part_of(file), read(file))).collect();
    let home = |path: &[String], by: &str| {
        let mut path = path.to_vec();
        for _ in 0..MOST_STOPS {
            let known = (0..=path.len()).rev().find(|&it| files.contains_key(&path[..it].join("/")))?;
            let file = path[..known].join("/");
            match path.get(known).and_then(|name| files[&file].imports.get(name)) {
                Some(from) if inside(by, &file) => path = from.iter().chain(&path[known + 1..]).cloned().collect(),
                _ => return Some(file),
            }
        }
        None
    };
    let of = |file: &str, source: &reader::Source| {
        let mut others = BTreeMap::new();
        for (line, path) in &source.named {
            if let Some(other) = home(path, file).filter(|it| it != file) {
                others.entry(other).or_insert(*line);
            }
        }
        others
    };
    files.iter().map(|(file, source)| (file.clone(), of(file, source))).collect()
}

/// Sets of files of which each one reaches all others by imports. A module and files below it are no circle, but what
/// is left of them without the module may be.
fn circles(imports: &Imports) -> Vec<BTreeSet<&str>> {
    let mut found = Vec::new();
    let mut left = knots(imports, &imports.keys().map(String::as_str).collect());
    while let Some(mut knot) = left.pop() {
        match knot.iter().copied().find(|head| knot.iter().all(|it| inside(it, head))) {
            Some(head) => {
                knot.remove(head);
                left.extend(knots(imports, &knot));
            }
            None => found.push(knot),
        }
    }
    found.sort();
    found
}

/// The sets among `files` of which each one reaches all others without leaving `files`.
fn knots<'a>(imports: &'a Imports, files: &BTreeSet<&'a str>) -> Vec<BTreeSet<&'a str>> {
    let reached = |from: &'a str| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            let others = imports[at].keys().map(String::as_str).filter(|it| files.contains(it));
            next.extend(others.filter(|it| seen.insert(*it)));
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = files.iter().map(|it| (*it, reached(it))).collect();
    let knot = |(file, others): (&&str, &BTreeSet<&'a str>)| {
        let back = |it: &&&str| reached[**it].contains(*file);
        others.iter().filter(back).copied().collect::<BTreeSet<_>>()
    };
    let mut found: Vec<_> = reached.iter().map(knot).filter(|it| !it.is_empty()).collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn a_module_and_the_files_below_it_are_no_circle() {
    let graph = |edges: &[(&str, &[&str])]| -> Imports {
        let others = |all: &[&str]| all.iter().map(|it| ((*it).to_owned(), 1)).collect();
        edges.iter().map(|(from, to)| ((*from).to_owned(), others(to))).collect()
    };
    let none = graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]);
    assert!(circles(&none).is_empty());

    let two = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["a", "d"]), ("d", &["e"]), ("e", &["d"])]);
    assert_eq!(circles(&two), [BTreeSet::from(["a", "b", "c"]), BTreeSet::from(["d", "e"])]);

    let family = graph(&[("a", &["a/b", "a/c"]), ("a/b", &["a", "a/c"]), ("a/c", &[]), ("ab", &[])]);
    assert!(circles(&family).is_empty());

    let children = graph(&[("a", &["a/b", "a/c"]), ("a/b", &["a/c"]), ("a/c", &["a", "a/b"])]);
    assert_eq!(circles(&children), [BTreeSet::from(["a/b", "a/c"])]);

    let outside = graph(&[("a", &["d"]), ("a/b", &["a"]), ("d", &["a/b"])]);
    assert_eq!(circles(&outside), [BTreeSet::from(["a", "a/b", "d"])]);
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a directory that could be opened can be listed").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    let rust = |it: &PathBuf| {
        let test = it.ends_with("tests.rs") || it.parent().is_some_and(|it| it.ends_with("tests"));
        it.extension().is_some_and(|it| it == "rs") && !test
    };
    let found: Vec<_> = files(&root().join("src")).into_iter().filter(rust).collect();
    assert!(found.len() > 30, "the sources are not where they are looked for");
    found
}

/// `src/console/app/state.rs` is part `console/app/state`; `src/lib.rs` is the part without a name.
fn part_of(file: &Path) -> String {
    let inner = file.strip_prefix(root().join("src")).expect("every source lies below src").with_extension("");
    let part = inner.to_string_lossy().replace('\\', "/");
    if part == "lib" { String::new() } else { part }
}

fn read(file: &Path) -> reader::Source {
    let part = part_of(file);
    let module: Vec<String> = part.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let text = fs::read_to_string(file).expect("a source that was listed can be read");
    reader::read(&text, &module)
}

fn inside(part: &str, prefix: &str) -> bool {
    part == prefix || part.starts_with(&format!("{prefix}/"))
}

/// Lines of code before the file's unit tests, without comments, numbered from 1.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source that was listed can be read");
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .collect()
}

fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::"))
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}
