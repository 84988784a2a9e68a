//! Reads which modules of ours a source names: `use` trees with groups, and paths in the code.
//!
//! Not a parser of Rust: it knows comments, texts, braces and `use`, which is all that the shape of the house needs.

use std::collections::HashMap;

/// What one source file says about other modules. Unit tests are left out.
#[derive(Debug, Default)]
pub struct Source {
    /// Every module path of ours that is named, from the root of the crate, with its line from 1.
    pub named: Vec<(usize, Vec<String>)>,
    /// The names that a `use` gives to paths of ours.
    pub imports: HashMap<String, Vec<String>>,
}

/// Reads the text of the file that is module `module` (empty for the root of the crate).
pub fn read(text: &str, module: &[String]) -> Source {
    let tokens = without_tests(&tokens(text));
    let word = |at: usize| tokens.get(at).map_or("", |it| it.text);
    let mut source = Source::default();
    let mut children = Vec::new();
    let mut uses = Vec::new();
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match word(at) {
            "mod" => children.push(word(at + 1)),
            // `+ use<'a>` imports nothing
            "use" if word(at + 1) != "<" => {
                at += 1;
                tree(&tokens, &mut at, &[], &mut uses);
            }
            // `pub(in crate::a)` says who may look, not what is used
            "in" if word(at.wrapping_sub(1)) == "(" && word(at.wrapping_sub(2)) == "pub" => {
                while word(at) != ")" && at < tokens.len() {
                    at += 1;
                }
            }
            first if is_name(first) && !matches!(word(at.wrapping_sub(1)), "::" | ".") => {
                let line = tokens[at].line;
                let mut path = vec![first];
                while word(at + 1) == "::" && is_name(word(at + 2)) {
                    path.push(word(at + 2));
                    at += 2;
                }
                if path.len() > 1 {
                    paths.push((line, path));
                }
            }
            _ => {}
        }
        at += 1;
    }
    let full = |path: &[&str], imports: &HashMap<String, Vec<String>>| {
        absolute(path, module).or_else(|| {
            let (first, rest) = path.split_first()?;
            let start = match imports.get(*first) {
                _ if children.contains(first) => [module, &[(*first).to_owned()]].concat(),
                found => found?.clone(),
            };
            Some(start.into_iter().chain(rest.iter().map(|&it| it.to_owned())).collect())
        })
    };
    for Import { line, path, name } in uses {
        if let Some(path) = full(&path, &source.imports) {
            source.imports.insert(name.to_owned(), path.clone());
            source.named.push((line, path));
        }
    }
    for (line, path) in paths {
        source.named.extend(full(&path, &source.imports).map(|path| (line, path)));
    }
    source
}

/// A path that begins at the crate, at this module or above it, from the root of the crate.
fn absolute(path: &[&str], module: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|&&it| it == "super").count();
    let (start, rest) = match *path.first()? {
        "crate" => (&module[..0], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().checked_sub(ups)?], &path[ups..]),
        _ => return None,
    };
    Some(start.iter().map(String::as_str).chain(rest.iter().copied()).map(str::to_owned).collect())
}

/// One leaf of a `use` tree. A glob ends with the module it opens and gives no name (`*`).
struct Import<'a> {
    line: usize,
    path: Vec<&'a str>,
    name: &'a str,
}

/// Reads one `use` tree from `at` on, and leaves `at` on the token behind it.
fn tree<'a>(tokens: &[Token<'a>], at: &mut usize, before: &[&'a str], found: &mut Vec<Import<'a>>) {
    let mut path = before.to_vec();
    while let Some(&Token { line, text }) = tokens.get(*at) {
        *at += 1;
        let next = tokens.get(*at).map_or("", |it| it.text);
        match text {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|it| it.text != "}") {
                    if tokens[*at].text == "," {
                        *at += 1;
                    } else {
                        tree(tokens, at, &path, found);
                    }
                }
                *at += 1;
                return;
            }
            "*" => return found.push(Import { line, path, name: "*" }),
            _ => {
                if text != "self" || path.is_empty() {
                    path.push(text);
                }
                if next == "as" {
                    let name = tokens.get(*at + 1).map_or("_", |it| it.text);
                    *at += 2;
                    return found.push(Import { line, path, name });
                }
                if next != "::" {
                    let name = path.last().copied().unwrap_or("_");
                    return found.push(Import { line, path, name });
                }
            }
        }
    }
}

/// A name, `::`, or one sign, with its line from 1.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

fn is_name(text: &str) -> bool {
    text.starts_with(|it: char| it.is_alphabetic() || it == '_')
}

/// The tokens of a source without its comments, texts, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let told = passed_over(rest);
        let length = told.unwrap_or_else(|| match name_at(rest) {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            name => name,
        });
        let (text, more) = rest.split_at(length);
        if told.is_none() && !first.is_whitespace() {
            found.push(Token { line, text });
        }
        line += text.matches('\n').count();
        rest = more;
    }
    found
}

/// How many bytes the name at the start takes.
fn name_at(rest: &str) -> usize {
    rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len())
}

/// How many bytes the comment, text, character or lifetime at the start takes.
fn passed_over(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        let mut depth = 0;
        for (at, pair) in rest.as_bytes().windows(2).enumerate() {
            match pair {
                b"/*" => depth += 1,
                b"*/" if depth == 1 => return Some(at + 2),
                b"*/" => depth -= 1,
                _ => {}
            }
        }
        return Some(rest.len());
    }
    let opening = rest.trim_start_matches(['b', 'c', 'r']);
    let prefix = rest.len() - opening.len();
    let fences = opening.len() - opening.trim_start_matches('#').len();
    if rest[..prefix].ends_with('r') && opening[fences..].starts_with('"') {
        let (from, end) = (prefix + fences + 1, format!("\"{}", "#".repeat(fences)));
        return Some(rest[from..].find(&end).map_or(rest.len(), |it| from + it + end.len()));
    }
    match opening.chars().next()? {
        '"' => Some(closing(rest, '"', prefix + 1)),
        '\'' => {
            let mut inner = opening[1..].chars();
            match (inner.next()?, inner.next()) {
                ('\\', _) | (_, Some('\'')) => Some(closing(rest, '\'', prefix + 1)),
                _ => Some(prefix + 1 + name_at(&opening[1..])),
            }
        }
        _ => None,
    }
}

/// Where the text that began before `from` is over: behind the next `end` that no backslash guards.
fn closing(rest: &str, end: char, from: usize) -> usize {
    let mut guarded = false;
    for (at, it) in rest[from..].char_indices() {
        if it == end && !guarded {
            return from + at + it.len_utf8();
        }
        guarded = it == '\\' && !guarded;
    }
    rest.len()
}

/// Leaves out every item that is marked `#[cfg(test)]`.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = tokens.len() >= at + MARK.len() && tokens[at..].iter().zip(MARK).all(|(it, mark)| it.text == mark);
        if !marked {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        at += MARK.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token.text {
                "(" | "[" | "{" => depth += 1,
                "}" if depth == 1 => break,
                ")" | "]" | "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
        }
    }
    kept
}

fn named(text: &str) -> Vec<String> {
    let module = ["room".to_owned(), "desk".to_owned()];
    read(text, &module).named.into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect()
}

#[test]
fn use_trees_are_read_to_their_leaves() {
    assert_eq!(named("use crate::a::B;"), ["1 a::B"]);
    assert_eq!(named("pub use crate::{a, b::{c, d::E}};"), ["1 a", "1 b::c", "1 b::d::E"]);
    assert_eq!(named("pub(crate) use crate::{\n    a::{self, X},\n    b,\n};"), ["2 a", "2 a::X", "3 b"]);
    assert_eq!(named("use crate::a::*;"), ["1 a"]);
    assert_eq!(named("use super::{super::c::D, lamp, self};"), ["1 c::D", "1 room::lamp", "1 room"]);
    assert_eq!(named("use self::drawer::Pen;"), ["1 room::desk::drawer::Pen"]);
    assert!(named("use std::{fs, path::{self, Path}};\nuse ::serde::Serialize;").is_empty());
    assert!(named("fn f<'a>() -> impl Iterator<Item = &'a str> + use<'a> {}").is_empty());
}

#[test]
fn names_that_a_use_gives_lead_on() {
    let text = "use crate::a::b as c;\nuse super::lamp;\nfn f() { c::D; lamp::shine::<u8>(); other::g() }";
    assert_eq!(named(text), ["1 a::b", "2 room::lamp", "3 a::b::D", "3 room::lamp::shine"]);
    let source = read("pub use crate::a::{B as C, D as _, e::{self}};", &[]);
    assert_eq!(source.imports["C"], ["a", "B"]);
    assert_eq!(source.imports["e"], ["a", "e"]);
    let source = read("pub use drawer::Pen;\nmod drawer;", &["desk".to_owned()]);
    assert_eq!(source.imports["Pen"], ["desk", "drawer", "Pen"]);
}

#[test]
fn paths_in_the_code_are_read() {
    assert_eq!(named("impl super::Lamp { fn f() -> crate::a::B { self.x() } }"), ["1 room::Lamp", "1 a::B"]);
    assert_eq!(
        named("mod drawer;\nfn f() {\n    drawer::open(self::x::y)\n}"),
        ["3 room::desk::drawer::open", "3 room::desk::x::y"]
    );
    assert_eq!(named("macro_rules! m { () => { $crate::a::b!() } }"), ["1 a::b"]);
    assert!(named("pub(in crate::room) fn f() {}\npub(super) fn g() { not_crate::a(); x.crate_ }").is_empty());
}

#[test]
fn what_is_only_told_is_not_used() {
    assert!(named("// crate::a::b\n/// [`crate::a`]\n//! use crate::a;").is_empty());
    assert!(named("/* crate::a /* crate::b::c */ crate::d::e */ fn f() {}").is_empty());
    assert!(named(r#"const A: &str = "crate::a::b \" crate::c::d";"#).is_empty());
    assert!(named("const A: &str = r#\"crate::a \" crate::b::c\"#; const B: &[u8] = br\"crate::a::b\";").is_empty());
    assert_eq!(named("const Q: char = '\"'; use crate::a::b; const R: char = '\\'';"), ["1 a::b"]);
    assert_eq!(named("fn f<'a>(x: &'a str) -> &'a str { crate::a::b(x) }"), ["1 a::b"]);
    assert_eq!(named("let text = \"two\nlines\";\nuse crate::a::b;"), ["3 a::b"]);
}

#[test]
fn unit_tests_count_for_nothing() {
    let text = "#[cfg(test)]\nmod tests;\nuse crate::a::b;\n#[cfg(test)]\n#[allow(dead_code)]\nmod more { use crate::c; fn f() { g([0; 2]) } }\nuse crate::d::e;";
    assert_eq!(named(text), ["3 a::b", "7 d::e"]);
    assert_eq!(named("#[cfg(test)]\nconst A: [u8; 2] = crate::a::B;\nuse crate::d::e;"), ["3 d::e"]);
}
