//! The page of one handoff: what is asked, whether its contract holds, what happened to it.

use std::collections::HashSet;

use crate::domain::event::Event;
use crate::domain::id::HandoffId;
use crate::domain::ledger::Ledger;
use crate::domain::port::{ActKind, Fault, Found, SourceId, Want};
use crate::domain::report::outlook;
use crate::domain::run::{self, Run};
use crate::domain::text::plural;
use crate::keymap::Action;
use crate::page::{Doc, Shown, Subject, TextRole, raw};

use super::act::Proposal;
use super::binding::Binding;
use super::body::{Bound, Fetched, editable};
use super::list::List;
use super::msg::{Reply, Ticket};
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::scroll_view::ScrollView;
use super::triage;
use super::world::World;

mod history;
mod page;
mod tree;

pub use history::TraceRow;
pub use tree::Node;

/// The tabs of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The question to a person, with enough to decide.
    #[default]
    Brief,
    /// The six fields of the contract.
    Contract,
    /// The working memory of the receiver, as a tree.
    Payload,
    /// Writes to the outside world.
    Effects,
    /// The agent, model, prompt and tools that made it.
    Provenance,
    /// The attempts and events of the handoff.
    Attempts,
    /// The whole run across agents.
    Trace,
    /// The contract as JSON.
    Raw,
}

impl Tab {
    /// All of them, with their titles.
    pub const ALL: [(Self, &str); 8] = [
        (Self::Brief, "Brief"),
        (Self::Contract, "Contract"),
        (Self::Payload, "Payload"),
        (Self::Effects, "Effects"),
        (Self::Provenance, "Provenance"),
        (Self::Attempts, "Attempts"),
        (Self::Trace, "Trace"),
        (Self::Raw, "Raw"),
    ];

    /// Its position in the row of tabs, from 0.
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|(it, _)| *it == self).unwrap_or(0)
    }

    fn turn(self, step: usize) -> Self {
        let at = (self.index() + step) % Self::ALL.len();
        Self::ALL.get(at).map_or(self, |(it, _)| *it)
    }
}

/// A detail that is fetched: not asked for, in flight, here, or missing with the reason.
#[derive(Debug, Default)]
enum Detail<T> {
    #[default]
    Unasked,
    Asked(Ticket),
    Here(T),
    Missing(String),
}

/// The page of one handoff.
#[derive(Debug)]
pub struct Handoff {
    /// The source that has it.
    pub source: SourceId,
    /// Id of the handoff.
    pub id: HandoffId,
    /// The tab that is shown.
    pub tab: Tab,
    /// The text of the tab, unless it is a tree or a trace.
    pub reader: ScrollView,
    /// The working memory, as far as it is unfolded.
    pub tree: Vec<Node>,
    /// The paths of the tree, in the order shown.
    pub paths: List<String>,
    folded: HashSet<String>,
    /// The handoffs of the run, in the order of the waterfall.
    pub trace: List<HandoffId>,
    body: Detail<Fetched>,
    /// What the body had to belong to when it was asked for.
    bound: Option<Bound>,
    timeline: Detail<(Box<Run>, Vec<Event>)>,
}

impl Handoff {
    /// Opens the page; what it needs is fetched when it is looked at.
    pub fn open(source: SourceId, id: HandoffId) -> Self {
        Self {
            source,
            id,
            tab: Tab::Brief,
            reader: ScrollView::default(),
            paths: List::default(),
            tree: Vec::new(),
            folded: HashSet::new(),
            trace: List::default(),
            body: Detail::Unasked,
            bound: None,
            timeline: Detail::Unasked,
        }
    }

    /// The run it belongs to and itself, as the ledger knows them.
    pub fn of<'a>(&self, world: &'a World) -> Option<(&'a Run, &'a run::Handoff)> {
        let ledger = world.feed(self.source)?.ledger();
        ledger.run_of(&self.id).zip(ledger.handoff(&self.id))
    }

    /// The run with all that is known of it: as the ledger has it, or as the source told when asked.
    pub fn run<'a>(&'a self, world: &'a World) -> Option<&'a Run> {
        match (self.of(world), &self.timeline) {
            (Some((run, _)), _) => Some(run),
            (None, Detail::Here((run, _))) => Some(run),
            (None, _) => None,
        }
    }

    /// Everything known of the handoff itself.
    pub fn handoff<'a>(&'a self, world: &'a World) -> Option<&'a run::Handoff> {
        self.run(world)?.handoffs.get(&self.id)
    }

    /// Columns and rows of the part below the tabs.
    fn room(world: &World) -> (usize, usize) {
        let size = world.size;
        // Status line, attention strip, heading, tabs and footer are around it.
        (usize::from(size.columns.saturating_sub(2)), usize::from(size.rows.saturating_sub(5)))
    }

    /// The reason that there is no body to show; `None` when there is one.
    fn no_body(&self, world: &World) -> Option<String> {
        match &self.body {
            Detail::Here(_) => None,
            Detail::Missing(why) => Some(why.clone()),
            _ if !self.offers_bodies(world) => Some(self.lacks(world, "keeps no contracts")),
            _ => Some("fetching the contract …".to_owned()),
        }
    }

    fn offers_bodies(&self, world: &World) -> bool {
        let can = world.feed(self.source).and_then(|it| it.can());
        can.is_some_and(|it| it.bodies)
    }

    fn lacks(&self, world: &World, what: &str) -> String {
        let can = world.feed(self.source).and_then(|it| it.can());
        format!("This {} {what}.", can.map_or("source", |it| it.kind.as_str()))
    }

    const fn fetched(&self) -> Option<&Fetched> {
        match &self.body {
            Detail::Here(fetched) => Some(fetched),
            Detail::Unasked | Detail::Asked(_) | Detail::Missing(_) => None,
        }
    }

    fn doc(&self, world: &World, width: usize) -> Doc {
        let mut doc = Doc::new(width);
        let Some(it) = self.handoff(world) else {
            doc.paragraph(
                TextRole::Dim,
                "This handoff is not known here any more: closed runs are let go after a while.",
            );
            return doc;
        };
        let ledger = world.feed(self.source).map(super::feed::Feed::ledger);
        let question = ledger.and_then(|ledger| triage::question(ledger, &self.id));
        let missing = self.no_body(world).unwrap_or_default();
        let body = self.fetched().map_or(Shown::Missing(&missing), Fetched::shown);
        let now = ledger.map_or(it.first_seen(), Ledger::now);
        let subject = Subject {
            it,
            body,
            question: question.as_ref(),
            annotations: self.run(world).map_or(&[], |run| run.annotations.as_slice()),
            outlook: ledger.filter(|_| it.state == run::State::DeadLettered).map(|ledger| outlook(ledger, it)),
            now,
            stamp: &|at| world.stamp(at, now),
        };
        match self.tab {
            Tab::Brief => subject.brief(&mut doc),
            Tab::Contract => subject.contract(&mut doc),
            Tab::Effects => subject.effects(&mut doc),
            Tab::Provenance => subject.provenance(&mut doc),
            Tab::Attempts => {
                subject.attempts(&mut doc);
                self.happened(&mut doc, world, now);
            }
            Tab::Raw | Tab::Payload
                if let Some(fetched) = self.fetched()
                    && (self.tab == Tab::Raw || self.tree.is_empty()) =>
            {
                raw(&mut doc, &fetched.body);
            }
            Tab::Raw | Tab::Payload | Tab::Trace => doc.paragraph(TextRole::Dim, &missing),
        }
        doc
    }

    fn go(&mut self, world: &World, tab: Tab) {
        self.tab = tab;
        self.lay_out(world);
    }

    fn unseen(&self, world: &World) -> Option<String> {
        if self.offers_bodies(world)
            && let Some(why) = self.no_body(world)
        {
            return Some(format!("the body is not shown: {why}"));
        }
        if self.tab != Tab::Brief {
            return Some("read the brief first: it is what the decision is bound to".to_owned());
        }
        let left = self.reader.unseen();
        (left > 0).then(|| format!("{} below not seen yet: ctrl-d scrolls", plural(left, "line")))
    }

    fn acts(&self, world: &World) -> Vec<Binding> {
        let Some(feed) = world.feed(self.source) else {
            return Vec::new();
        };
        if let Some(row) = triage::question(feed.ledger(), &self.id) {
            return triage::answers(world, self.source, &row, self.unseen(world).as_deref());
        }
        let state = self.of(world).map(|(_, it)| it.state);
        let acts = state.into_iter().flat_map(ActKind::of_operators);
        acts.map(|act| Binding::act(world, self.source, act)).collect()
    }

    fn propose(&self, cx: &mut ScreenContext<'_>, action: Action) {
        let Some(feed) = cx.world.feed(self.source) else {
            return;
        };
        if let Some(row) = triage::question(feed.ledger(), &self.id) {
            return triage::decide(cx, self.source, &row, self.fetched().map(|it| &it.body), action);
        }
        let Some((_, it)) = self.of(cx.world) else {
            return;
        };
        let Action::Act(act) = action else {
            return;
        };
        if !act.fits(it.state, false) {
            return;
        }
        let Some(target) = triage::target(feed.ledger(), self.source, &self.id) else {
            return;
        };
        let mut proposal = Proposal::new(act, vec![target]);
        if act == ActKind::Requeue {
            let verdict = outlook(feed.ledger(), it);
            proposal.notes.push(format!("If requeued: {}.", verdict.why()));
        }
        cx.propose(proposal);
    }

    fn moves(&mut self, world: &World, action: Action, half: usize) -> bool {
        match (self.tab, action) {
            (Tab::Payload, Action::Left | Action::Right | Action::Open) if !self.tree.is_empty() => {
                self.fold(action);
                self.lay_out(world);
            }
            (_, Action::NextTab | Action::Right) => self.go(world, self.tab.turn(1)),
            (_, Action::PreviousTab | Action::Left) => {
                self.go(world, self.tab.turn(Tab::ALL.len() - 1));
            }
            (Tab::Payload, _) if !self.tree.is_empty() => return self.paths.act(action, half),
            (Tab::Trace, _) if self.trace.act(action, half) => {}
            (Tab::Trace, _) => return false,
            _ => return self.reader.act(action),
        }
        true
    }
}
