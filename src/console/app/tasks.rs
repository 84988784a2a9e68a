//! Tasks: runs, those that go round in circles, storm or stand still first.

use crate::domain::contract::RelationKind;
use crate::domain::event::{Event, Fact};
use crate::domain::id::{HandoffId, RunId};
use crate::domain::port::{ActKind, Fault, Found, SourceId, Want};
use crate::domain::query::{Filterable, Query, exactly, quoted};
use crate::domain::report::{self, TaskRow};
use crate::domain::run::{Handoff, Run, State};
use crate::domain::time::Time;
use crate::keymap::Action;

use super::act::{ActTarget, Proposal};
use super::binding::Binding;
use super::feed::Feed;
use super::list::List;
use super::msg::{Reply, Ticket};
use super::order::Order;
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::triage;
use super::world::World;

/// One run of one source.
pub type TaskId = (SourceId, RunId);

/// Every run that is open or has a verdict.
#[derive(Debug, Default)]
pub struct Tasks {
    /// The runs that match the filter.
    pub list: List<TaskId>,
    /// Changes that were asked for in the selected run, the latest last; empty when nothing was sent back.
    pub thread: Vec<Feedback>,
    /// One for each row of the list.
    rows: Vec<(SourceId, TaskRow)>,
    order: Order<TaskId>,
    query: Query,
    made: Option<Vec<u64>>,
    /// The history of one run, asked for when the log on hand does not reach back to all of its returns.
    told: Option<Told>,
}

/// History of a run at a version of it, as its source told it.
#[derive(Debug)]
struct Told {
    task: TaskId,
    version: u64,
    ticket: Ticket,
    thread: Vec<Feedback>,
}

/// A handoff sent back, with what has to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Time of the source's clock at which it was sent back.
    pub at: Time,
    /// Name of the agent or person who sent it back.
    pub by: String,
    /// The changes asked for, one string each. Hostile text.
    pub wants: Vec<String>,
}

impl Tasks {
    /// The nth row, from 0; `None` beyond the last.
    pub fn row(&self, nth: usize) -> Option<&(SourceId, TaskRow)> {
        self.rows.get(nth)
    }

    /// The run under the cursor.
    pub fn selected(&self) -> Option<&(SourceId, TaskRow)> {
        self.rows.get(self.list.index()?)
    }

    /// The filter in force; it matches every row when it is empty.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    fn make(&mut self, world: &World) {
        self.rows.clear();
        for feed in &world.feeds {
            let found = report::tasks(feed.ledger(), false).into_iter();
            let found = found.filter(|it| self.query.matches(it));
            self.rows.extend(found.map(|it| (feed.id, it)));
        }
        let key = |it: &(SourceId, TaskRow)| (it.0, it.1.trace_id.clone());
        let compare = |a: &(SourceId, TaskRow), b: &(SourceId, TaskRow)| {
            a.1.place().cmp(&b.1.place()).then_with(|| key(a).cmp(&key(b)))
        };
        self.order.sort(world.now, &mut self.rows, key, compare);
        self.list.settle_worst_first(self.rows.iter().map(key).collect());
    }

    /// From the log on hand, or from the history of the run where that tells of more returns.
    fn thread_of(&self, world: &World, source: SourceId, run: &Run) -> Vec<Feedback> {
        let feed = world.feed(source).into_iter();
        let here = thread(feed.flat_map(|it| it.ledger().recent()), &run.id);
        let told = self.told.as_ref().filter(|it| it.task.0 == source && it.task.1 == run.id);
        match told {
            Some(told) if told.thread.len() > here.len() => told.thread.clone(),
            _ => here,
        }
    }

    fn look_up_thread(&mut self, world: &World) {
        self.thread = self.run(world).map_or_else(Vec::new, |(source, run)| self.thread_of(world, source, run));
    }

    fn run<'a>(&self, world: &'a World) -> Option<(SourceId, &'a Run)> {
        let (source, id) = self.list.selected()?;
        Some((*source, world.feed(*source)?.ledger().run(id)?))
    }
}

impl Screen for Tasks {
    fn refresh(&mut self, world: &World) {
        let revisions: Vec<u64> = world.feeds.iter().map(|it| it.figures().revision).collect();
        if self.made.as_ref() != Some(&revisions) {
            self.make(world);
            self.made = Some(revisions);
        }
        self.look_up_thread(world);
    }

    fn look(&mut self, cx: &mut ScreenContext<'_>) {
        let Some((source, run)) = self.run(cx.world) else {
            return;
        };
        let (task, version) = ((source, run.id.clone()), run.version);
        let returned = run.handoffs.values().filter(|it| it.state == State::Returned);
        let known = self.told.as_ref().is_some_and(|it| it.task == task && it.version == version);
        let can = cx.world.feed(source).and_then(Feed::can);
        if known || returned.count() <= self.thread.len() || !can.is_some_and(|it| it.timelines) {
            return;
        }
        let ticket = cx.fetch(source, Want::Timeline(run.id.clone()));
        // What was told before is shown until the answer is here.
        let before = self.told.take().filter(|it| it.task == task);
        self.told = Some(Told { task, version, ticket, thread: before.map(|it| it.thread).unwrap_or_default() });
    }

    fn answered(&mut self, world: &World, ticket: Ticket, reply: &Result<Reply, Fault>) {
        if let (Some(told), Ok(Reply::Found(Found::Timeline { events, .. }))) = (&mut self.told, reply)
            && told.ticket == ticket
        {
            told.thread = thread(events.iter(), &told.task.1);
            self.look_up_thread(world);
        }
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if let Some((source, run)) = self.run(world) {
            if at_hand(run).is_some() {
                bindings.push(Binding::new(Action::Open).word("handoff"));
            }
            if can_escalate(run).is_some() {
                bindings.push(Binding::act(world, source, ActKind::Escalate));
            }
            bindings.push(Binding::act(world, source, ActKind::Annotate));
            bindings.push(Binding::quiet(Action::CopyId));
            bindings.push(Binding::quiet(Action::CopyJson));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.list.act(action, cx.half_page()) {
            self.look_up_thread(cx.world);
            return;
        }
        let Some((source, run)) = self.run(cx.world) else {
            return;
        };
        match action {
            Action::Open => {
                if let Some(it) = at_hand(run) {
                    cx.open(source, it.clone());
                }
            }
            Action::Act(ActKind::Escalate) => {
                let ledger = cx.world.feed(source).map(Feed::ledger);
                let it = can_escalate(run).zip(ledger);
                if let Some(target) = it.and_then(|(it, ledger)| triage::target(ledger, source, &it.id)) {
                    let verdict = self.selected().map(|(_, row)| row.signal.clone()).filter(|it| !it.is_empty());
                    let notes = verdict.map(|it| format!("Why it stands out: {it}.")).into_iter().collect();
                    cx.propose(Proposal::new(ActKind::Escalate, vec![target]).notes(notes));
                }
            }
            Action::Act(ActKind::Annotate) => {
                let ledger = cx.world.feed(source).map(Feed::ledger);
                let target = at_hand(run).zip(ledger).and_then(|(id, ledger)| triage::target(ledger, source, id));
                let target = target.map(|it| ActTarget { label: format!("run {}", run.id), ..it });
                let proposal = Proposal::new(ActKind::Annotate, target.into_iter().collect());
                cx.propose(Proposal { of_run: true, ..proposal });
            }
            Action::CopyId => cx.copy(run.id.as_str(), "the run id"),
            Action::CopyJson => {
                let json = self.selected().and_then(|(_, row)| serde_json::to_string_pretty(row).ok());
                cx.copy(&json.unwrap_or_default(), "the task as JSON");
            }
            _ => {}
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        if self.list.click(row) {
            self.act(cx, Action::Open);
        } else {
            self.look_up_thread(cx.world);
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        match focus {
            Focus::Run(source, run) => {
                self.query = Query::default();
                self.make(world);
                self.list.select(&(*source, run.clone()));
            }
            Focus::Handoff(source, id) => {
                let run = world.feed(*source).and_then(|it| it.ledger().run_of(id)).map(|it| it.id.clone());
                if let Some(run) = run {
                    self.show(world, &Focus::Run(*source, run));
                }
            }
            // A name or a filter that does not parse changes nothing.
            Focus::Pipeline(_, name) => {
                let _ = self.set_filter(world, &exactly("pipeline", name));
            }
            Focus::Edge(_, edge) => {
                let _ = self.set_filter(world, &format!("path:{}", quoted(&edge.to)));
            }
            Focus::Filter(text) => {
                let _ = self.set_filter(world, text);
            }
            Focus::Here | Focus::Source(_) => {}
        }
    }

    fn filter(&self) -> Option<&str> {
        Some(self.query.text())
    }

    fn set_filter(&mut self, world: &World, text: &str) -> Result<(), String> {
        self.query = Query::parse(text, TaskRow::FIELDS)?;
        self.make(world);
        Ok(())
    }
}

/// The handoff to look at: the latest open one, else the last.
fn at_hand(run: &Run) -> Option<&HandoffId> {
    let open = run.open().last().map(|it| &it.id);
    open.or_else(|| run.handoffs.last().map(|it| &it.id))
}

/// The latest handoff that could be handed to a person.
fn can_escalate(run: &Run) -> Option<&Handoff> {
    let open = run.open().filter(|it| ActKind::Escalate.fits(it.state, false));
    open.filter(|it| !it.emission.is_observed()).last()
}

/// Feedback of every return of a run, as far as these events tell; oldest first.
fn thread<'a>(events: impl Iterator<Item = &'a Event>, run: &RunId) -> Vec<Feedback> {
    let mine = events.filter(|it| it.run == *run);
    let asked = mine.filter_map(|event| {
        let Fact::Returned { feedback, .. } = &event.fact else { return None };
        Some(Feedback { at: event.at, by: event.actor.id.to_string(), wants: feedback.clone() })
    });
    asked.collect()
}

/// Open issues of every revision of a run, in order: `5 3 3`. Nothing where nobody counted.
pub fn progress(run: &Run) -> Vec<u32> {
    let revisions = run.handoffs.values().map(|it| &it.emission);
    let revisions = revisions.filter(|it| it.relation == RelationKind::Revision);
    revisions.filter_map(|it| it.terms.as_ref()?.open_issues).collect()
}

/// Times that the work of a handoff was handed over in its run, itself included; 0 when it is not known.
pub fn same_work(run: &Run, it: &Handoff) -> usize {
    let work = it.emission.work.as_ref();
    work.map_or(0, |_| run.handoffs.values().filter(|other| other.emission.work.as_ref() == work).count())
}
