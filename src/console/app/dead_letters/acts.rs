//! Acting on dead letters: one, the marked ones, a group, or all that match.

use std::collections::{BTreeSet, HashSet};

use crate::domain::id::HandoffId;
use crate::domain::port::{ActKind, SourceId};
use crate::domain::report::{Outlook, outlook};
use crate::domain::run::State;
use crate::domain::text::{self, plural};
use crate::domain::time::Time;

use super::super::act::{GroupId, Proposal};
use super::super::binding::Binding;
use super::super::screen_context::ScreenContext;
use super::super::triage::target;
use super::super::world::World;
use super::{DeadLetters, Row, order};

/// The most items of one act. More than that nobody can look over; the rest is said, and a second go takes it.
const MAX_TARGETS: usize = 10_000;
/// The most groups a confirmation names.
const NAMED: usize = 5;

/// Items that an act is about, as they are seen now.
struct Chosen {
    items: Vec<(SourceId, HandoffId)>,
    groups: Vec<GroupId>,
    /// Items beyond [`MAX_TARGETS`], which are left out; 0 when all fit.
    more: usize,
}

impl DeadLetters {
    /// The acts, with what they would be done to.
    pub(super) fn acts(&self, world: &World) -> Vec<Binding> {
        let Some(source) = self.sources().next() else {
            return Vec::new();
        };
        let object = self.object();
        let bindings = ActKind::of_operators(State::DeadLettered).enumerate().map(|(nth, act)| {
            let binding = Binding::act(world, source, act);
            let binding = match (nth, &object) {
                (0, Some(object)) => binding.word(format!("{} {object}", act.word())),
                _ => binding,
            };
            let sources = self.sources().skip(1);
            sources.fold(binding, |binding, source| {
                let why = world.lock(source, act);
                binding.unless(why)
            })
        });
        bindings.collect()
    }

    /// The sources of what is chosen, without repeats where that is cheap.
    fn sources(&self) -> impl Iterator<Item = SourceId> {
        let mut sources: Vec<SourceId> = match self.list.marked() {
            0 => self.list.selected().map(Row::source).into_iter().collect(),
            _ => self.groups.keys().map(|id| id.0).collect(),
        };
        sources.sort_unstable();
        sources.dedup();
        sources.into_iter()
    }

    /// Object of the acts in a word or two, for the footer; `None` for a single item.
    fn object(&self) -> Option<String> {
        if self.list.marked() > 0 {
            return Some(format!("{} marked", text::count(self.marked_items() as u64)));
        }
        match self.list.selected()? {
            Row::Group(id) => Some(format!("group of {}", text::count(self.group(id)?.1 as u64))),
            Row::Item(..) => None,
        }
    }

    /// Marked dead letters: those of marked groups count, none counts twice.
    pub fn marked_items(&self) -> usize {
        if self.list.marked() == 0 {
            return 0;
        }
        let groups = self.groups.iter();
        let marked = groups.filter(|(id, _)| self.list.is_marked(&Row::Group((*id).clone())));
        marked.map(|(_, it)| it.count()).sum::<usize>() + self.single.0
    }

    /// Counts the marked items outside marked groups again if rows or marks changed: this goes over all rows, and a
    /// frame must not.
    pub(super) fn count_single(&mut self) {
        if self.single.1 == self.list.revision() {
            return;
        }
        let rows: &[Row] = match self.list.marked() {
            0 => &[],
            _ => self.list.rows(),
        };
        let (mut count, mut inside_marked) = (0, false);
        for row in rows {
            match row {
                Row::Group(_) => inside_marked = self.list.is_marked(row),
                Row::Item(..) => count += usize::from(!inside_marked && self.list.is_marked(row)),
            }
        }
        self.single = (count, self.list.revision());
    }

    /// Lists what is chosen now: this is the snapshot that the act works on.
    fn chosen(&self, world: &World) -> Chosen {
        let mut chosen = Chosen { items: Vec::new(), groups: Vec::new(), more: 0 };
        let mut seen: HashSet<(SourceId, HandoffId)> = HashSet::new();
        let mut groups: BTreeSet<GroupId> = BTreeSet::new();
        let mut add = |source: SourceId, id: &HandoffId, group: GroupId| {
            if seen.contains(&(source, id.clone())) {
                return;
            }
            groups.insert(group);
            if seen.len() == MAX_TARGETS {
                chosen.more += 1;
                return;
            }
            seen.insert((source, id.clone()));
            chosen.items.push((source, id.clone()));
        };
        for row in self.list.chosen() {
            let Some(feed) = world.feed(row.source()) else {
                continue;
            };
            let dead = feed.ledger().dead();
            match row {
                Row::Group(id) => {
                    let Some(book) = dead.group(&id.1) else {
                        continue;
                    };
                    match self.groups.get(&id).and_then(|it| it.items.as_ref()) {
                        Some(items) => items.iter().for_each(|it| add(id.0, it, id.clone())),
                        None => book.items.iter().for_each(|(_, it)| add(id.0, it, id.clone())),
                    }
                }
                Row::Item(source, id) => {
                    if let Some(book) = dead.group_of(&id) {
                        add(source, &id, (source, book.id.clone()));
                    }
                }
            }
        }
        chosen.groups = groups.into_iter().collect();
        chosen
    }

    pub(super) fn propose(&self, cx: &mut ScreenContext<'_>, act: ActKind) {
        let world = cx.world;
        let chosen = self.chosen(world);
        let targets = chosen.items.iter().filter_map(|(source, id)| target(world.feed(*source)?.ledger(), *source, id));
        let mut proposal = Proposal::new(act, targets.collect());
        let whole = self.list.chosen().iter().all(|row| matches!(row, Row::Group(_)));
        proposal.whole = whole && chosen.more == 0;
        if act == ActKind::Requeue {
            proposal.notes.extend(verdicts(world, &chosen.items));
        }
        if chosen.items.len() > 1 {
            proposal.notes.extend(self.named(&chosen.groups));
        }
        if chosen.more > 0 {
            proposal.notes.push(format!(
                "{} more match: at most {} are done at once, repeat it for the rest.",
                text::count(chosen.more as u64),
                text::count(MAX_TARGETS as u64)
            ));
        }
        proposal.groups = chosen.groups;
        cx.propose(proposal);
    }

    /// The groups of an act by name.
    fn named(&self, groups: &[GroupId]) -> Vec<String> {
        let mut lines: Vec<String> = groups
            .iter()
            .take(NAMED)
            .filter_map(|id| self.group(id))
            .map(|(head, _)| format!("• {} ({})", text::cut(&head.title, 120), head.edge))
            .collect();
        if groups.len() > NAMED {
            lines.push(format!("• and {}", plural(groups.len() - NAMED, "more group")));
        }
        lines
    }

    /// Dead letters that arrived in the groups of a proposal since it was made.
    pub(super) fn arrived_since(&self, world: &World, proposal: &Proposal) -> usize {
        if !proposal.whole {
            return 0;
        }
        let Some(latest) = proposal.targets.iter().map(|it| it.since).max() else {
            return 0;
        };
        let after = Time::from_millis(latest.millis() + 1);
        let new = |(source, id): &GroupId| {
            let ledger = world.feed(*source)?.ledger();
            let book = ledger.dead().group(id)?;
            Some(book.since(after).filter(|(_, id)| order::matches(ledger, book, &self.query, id)).count())
        };
        proposal.groups.iter().filter_map(new).sum()
    }
}

impl Row {
    /// The source it comes from.
    pub const fn source(&self) -> SourceId {
        match self {
            Self::Group(id) => id.0,
            Self::Item(source, _) => *source,
        }
    }
}

/// Verdicts of a requeue of these items: the count of each verdict, the worst first.
fn verdicts(world: &World, items: &[(SourceId, HandoffId)]) -> Vec<String> {
    let mut counted: Vec<(Outlook, usize)> = Vec::new();
    for (source, id) in items {
        let ledger = world.feed(*source).map(super::super::feed::Feed::ledger);
        let Some((ledger, it)) = ledger.and_then(|ledger| Some((ledger, ledger.handoff(id)?))) else {
            continue;
        };
        let verdict = outlook(ledger, it);
        match counted.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, count)) => *count += 1,
            None => counted.push((verdict, 1)),
        }
    }
    counted.sort_by(|a, b| b.0.cmp(&a.0));
    let alone = counted.len() == 1;
    let line = |(verdict, count): &(Outlook, usize)| {
        if alone {
            format!("If requeued: {}.", verdict.why())
        } else {
            format!("Requeue, {count} of them: {}.", verdict.why())
        }
    };
    let mut lines: Vec<String> = counted.iter().map(line).collect();
    if counted.iter().any(|(it, _)| !matches!(it, Outlook::Impossible(_))) {
        lines.push("Effects of earlier attempts are not recorded yet, so what they wrote is not known.".to_owned());
    }
    lines
}
