//! The command palette: everything that can be done or gone to, by name.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::keymap::{Action, Context, Key};

use super::line::Line;
use super::overlay::{Hint, Outcome, Overlay, Pick};

/// An entry of the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The text matched and shown. Names of agents and pipelines are hostile text.
    pub label: String,
    /// Its kind, or the key that does the same.
    pub hint: String,
    /// The reason that it does not work now; `None` when it works.
    pub locked: Option<String>,
    /// The action of picking it.
    pub does: Pick,
}

/// The palette while it is open: a snapshot of what there is, narrowed by what is typed.
#[derive(Debug)]
pub struct Palette {
    /// All entries, whatever is typed.
    entries: Vec<Entry>,
    /// The line being typed.
    pub line: Line,
    /// Indexes of the matching entries, best first.
    found: Vec<usize>,
    /// Index of the entry that enter picks, among those that match.
    pub at: usize,
    matcher: Matcher,
}

impl Palette {
    /// Open, with nothing typed.
    pub fn new(entries: Vec<Entry>) -> Self {
        let found = (0..entries.len()).collect();
        Self { entries, line: Line::default(), found, at: 0, matcher: Matcher::new(Config::DEFAULT) }
    }

    /// Narrows to what is typed now.
    pub fn narrow(&mut self) {
        let wanted = Pattern::parse(self.line.text(), CaseMatching::Ignore, Normalization::Smart);
        let mut buffer = Vec::new();
        let mut scored: Vec<(bool, u32, usize)> = Vec::new();
        for (nth, entry) in self.entries.iter().enumerate() {
            let text = Utf32Str::new(&entry.label, &mut buffer);
            let Some(score) = wanted.score(text, &mut self.matcher) else {
                continue;
            };
            // What is called so comes before what is only described so: enter must not surprise.
            let name = entry.label.split(": ").next().unwrap_or_default();
            let name = Utf32Str::new(name, &mut buffer);
            let named = wanted.score(name, &mut self.matcher).is_some();
            scored.push((named, score, nth));
        }
        scored.sort_by_key(|&(named, score, nth)| (std::cmp::Reverse((named, score)), nth));
        self.found = scored.into_iter().map(|(.., nth)| nth).collect();
        self.at = 0;
    }

    /// The matching entries, best first.
    pub fn found(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.found.iter().map(|&nth| &self.entries[nth]) // indexes of `entries`, which never changes
    }

    /// Moves to the next or previous entry.
    pub fn step(&mut self, down: bool) {
        let last = self.found.len().saturating_sub(1);
        self.at = if down { (self.at + 1).min(last) } else { self.at.saturating_sub(1) };
    }

    /// The entry that enter picks; `None` when nothing matches.
    pub fn picked(&self) -> Option<&Entry> {
        self.found().nth(self.at)
    }
}

impl Overlay for Palette {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self, _: bool) -> Vec<Hint> {
        vec![
            Hint::Keys(&[Action::Up, Action::Down], "choose"),
            Hint::Keys(&[Action::Open], "do it"),
            Hint::Keys(&[Action::Back], "close"),
        ]
    }

    fn key(&mut self, key: Key, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Back) => return Outcome::Close,
            Some(Action::Open) => return self.picked().map_or(Outcome::Close, |it| Outcome::Pick(it.does.clone())),
            Some(Action::Up) => self.step(false),
            Some(Action::Down | Action::Complete) => self.step(true),
            _ => {
                self.line.key(key);
                self.narrow();
            }
        }
        Outcome::Stay
    }

    fn click(&mut self, nth: usize) -> Outcome {
        self.at = nth;
        self.picked().map_or(Outcome::Stay, |it| Outcome::Pick(it.does.clone()))
    }

    fn paste(&mut self, text: &str) -> Option<Outcome> {
        self.line.paste(text);
        self.narrow();
        Some(Outcome::Stay)
    }

    fn wheel(&mut self, down: bool) {
        self.step(down);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_a_few_letters() {
        let entry = |label: &str| Entry {
            label: label.to_owned(),
            hint: String::new(),
            locked: None,
            does: Pick::Act(Action::Help),
        };
        let mut palette = Palette::new(vec![
            entry("edges"),
            entry("dismiss: Close dead letters without another attempt"),
            entry("writer>reviewer"),
            entry("dead letters"),
        ]);
        palette.line = Line::new("wrev");
        palette.narrow();
        assert_eq!(palette.picked().unwrap().label, "writer>reviewer");
        palette.line = Line::new("dead");
        palette.narrow();
        assert_eq!(palette.picked().unwrap().label, "dead letters");
        palette.line = Line::new("zzz");
        palette.narrow();
        assert_eq!(palette.picked(), None);
        palette.step(true);
        assert_eq!(palette.picked(), None);
    }
}
