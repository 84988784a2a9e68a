//! The house stands as `src/lib.rs` draws it: walls between parts, small files, no forbidden words.

use std::fs;
use std::path::{Path, PathBuf};

/// Part (path prefix below `src/`), and what of ours it may use. The first match counts.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("store", &["store", "domain"]),
    ("orchestrator", &["orchestrator", "domain", "store", "clock"]),
    ("source", &["source", "domain", "orchestrator", "store", "clock"]),
    ("console/app", &["console::app", "domain", "keymap"]),
    ("console/ui", &["console::ui", "console::app", "domain", "theme", "keymap"]),
    ("console/shell", &["console", "domain", "source", "keymap", "theme", "clock"]),
    ("keymap", &["keymap", "domain"]),
    ("theme", &["theme", "domain"]),
    ("clock", &["domain"]),
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
    (&["fastrand"], &["orchestrator", "source", "demo"]),
];

#[test]
fn parts_use_only_what_the_walls_allow() {
    let mut breaches = Vec::new();
    for file in sources() {
        let part = part_of(&file);
        let Some((_, allowed)) = WALLS.iter().find(|(prefix, _)| inside(&part, prefix)) else {
            continue;
        };
        for (number, line) in code_lines(&file) {
            for used in uses_of_ours(&line) {
                let within = |wall: &str| used == wall || used.starts_with(&format!("{wall}::"));
                if !allowed.iter().any(|wall| within(wall)) {
                    breaches.push(format!("{}:{number}: uses {used}", file.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "walls breached:\n{}", breaches.join("\n"));
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

/// `src/console/app/state.rs` is part `console/app/state`.
fn part_of(file: &Path) -> String {
    let inner = file.strip_prefix(root().join("src")).expect("every source lies below src").with_extension("");
    inner.to_string_lossy().replace('\\', "/")
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

/// The paths of ours that a line names as `crate::a::b`.
fn uses_of_ours(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, _)| {
            let rest = &line[at + "crate::".len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect()
        })
        .filter(|path: &String| !path.is_empty())
        .collect()
}

fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::"))
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}
