//! Questions that wait for a person: the list, and the card of the question under the cursor.
//!
//! A decision is bound to what was shown: the card is laid out here, what of it was in the window is
//! remembered, and nobody can say yes before all of it was.

use std::collections::HashMap;

use crate::domain::id::HandoffId;
use crate::domain::port::{ActKind, Body, Fault, Found, SourceId, Want};
use crate::domain::query::{Filterable, Query, exactly};
use crate::domain::report::InboxRow;
use crate::domain::text::plural;
use crate::keymap::Action;
use crate::page::{self, Doc, Shown};

use super::binding::Binding;
use super::body::{Bound, Fetched};
use super::list::List;
use super::msg::{Reply, Size, Ticket};
use super::place::Focus;
use super::screen::Screen;
use super::screen_context::ScreenContext;
use super::scroll_view::ScrollView;
use super::triage;
use super::world::World;
use reveal::Reveal;

mod card;
mod reveal;

pub use card::{claimed, clock};

/// One question: where it comes from, and the handoff that waits.
pub type QuestionId = (SourceId, HandoffId);

/// A body of a question: where it comes from, the handoff, and what it has to belong to.
type BodyId = (SourceId, HandoffId, Bound);

/// Bodies kept; they are fetched again when looked at again.
const MOST_BODIES: usize = 64;

/// Questions that wait for a person.
#[derive(Debug, Default)]
pub struct Inbox {
    /// The questions: overdue first, then by urgency, then by what is due next.
    pub list: List<QuestionId>,
    /// The card of the question under the cursor.
    pub card: ScrollView,
    text: String,
    query: Query,
    /// Bodies that were fetched, or why they cannot be shown; only what was looked at.
    bodies: HashMap<BodyId, Result<Fetched, String>>,
    asked: Option<(Ticket, BodyId)>,
    reveal: Reveal,
}

fn body_of(source: SourceId, row: &InboxRow) -> BodyId {
    let digest = Some(row.context_digest.as_str()).filter(|it| !it.is_empty());
    (source, row.handoff_id.clone(), Bound::of(digest, row.seen.clone()))
}

/// Layout of list and card on a screen of this size. One line above the card says what the clock does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The card is right of the list, not below it.
    pub beside: bool,
    /// Columns (beside) or rows with titles (below) of the list.
    pub list: u16,
    /// Width of the card in columns.
    pub columns: u16,
    /// Height of the card in rows.
    pub rows: u16,
}

impl Plan {
    /// For a terminal of this size with so many questions. The card gets most of the room: it is what is read.
    pub fn of(size: Size, questions: usize) -> Self {
        // Status line, attention strip, heading and footer are around it.
        let height = size.rows.saturating_sub(4);
        if size.columns >= 150 {
            let list = size.columns * 2 / 5;
            return Self {
                beside: true,
                list,
                columns: size.columns.saturating_sub(list + 3),
                rows: height.saturating_sub(1),
            };
        }
        let most = (height / 3).max(2);
        let list = (questions.min(99) as u16 + 1).clamp(2, most);
        Self { beside: false, list, columns: size.columns.saturating_sub(2), rows: height.saturating_sub(list + 2) }
    }
}

impl Inbox {
    /// The row of a question as it stands now.
    pub fn row<'a>(world: &'a World, (source, id): &QuestionId) -> Option<&'a InboxRow> {
        let rows = &world.feed(*source)?.figures().inbox;
        rows.iter().find(|row| row.handoff_id == *id)
    }

    fn selected<'a>(&self, world: &'a World) -> Option<(SourceId, &'a InboxRow)> {
        let id = self.list.selected()?;
        Some((id.0, Self::row(world, id)?))
    }

    /// The filter in force.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The reason that nobody may say yes yet: the unseen part is named. `None` when all of it was seen.
    fn unseen(&self, world: &World, source: SourceId, row: &InboxRow) -> Option<String> {
        let bodies = world.feed(source)?.can()?.bodies;
        match self.bodies.get(&body_of(source, row)) {
            None if bodies => return Some("the body is still being fetched".to_owned()),
            Some(Err(why)) => return Some(format!("the body cannot be shown: {why}")),
            _ => {}
        }
        let left = self.card.unseen();
        (left > 0).then(|| format!("{} below not seen yet: ctrl-d scrolls", plural(left, "line")))
    }

    /// Forgets what was shown for the eyes of the user only: they look at something else.
    pub fn look_away(&mut self) {
        if self.reveal.shown().is_some() {
            self.card = ScrollView::default();
        }
        self.reveal.only(None);
    }

    fn make(&mut self, world: &World) {
        let rows = world.feeds.iter().flat_map(|feed| feed.figures().inbox.iter().map(move |row| (feed.id, row)));
        let mut rows: Vec<(SourceId, &InboxRow)> = rows.filter(|(_, row)| self.query.matches(*row)).collect();
        if world.feeds.len() > 1 {
            rows.sort_by_key(|(_, row)| row.place());
        }
        self.list.settle(rows.into_iter().map(|(source, row)| (source, row.handoff_id.clone())).collect());
        self.lay_out(world);
    }

    fn lay_out(&mut self, world: &World) {
        let Some((source, row)) = self.selected(world) else {
            self.card = ScrollView::default();
            self.reveal.only(None);
            return;
        };
        self.reveal.only(Some(&body_of(source, row)));
        let plan = Plan::of(world.size, self.list.rows().len());
        let (shown, state) = match self.bodies.get(&body_of(source, row)) {
            Some(Ok(fetched)) => (fetched.shown(), fetched.body.digest.as_str()),
            Some(Err(why)) => (Shown::Missing(why), "missing"),
            None => (Shown::Missing("fetching the contract …"), "fetching"),
        };
        let mut doc = Doc::new(usize::from(plan.columns));
        page::question(&mut doc, row, shown);
        let mut lit = "";
        if let Some(values) = self.reveal.shown() {
            page::revealed(&mut doc, values);
            lit = " shown";
        }
        let (id, version, digest) = (&row.handoff_id, row.version, &row.context_digest);
        let key = format!("{} {id} {version} {digest} {state}{lit}", source.0);
        self.card.show(key, doc, usize::from(plan.rows));
    }
}

impl Screen for Inbox {
    fn refresh(&mut self, world: &World) {
        self.make(world);
    }

    fn look(&mut self, cx: &mut ScreenContext<'_>) {
        let Some((source, row)) = self.selected(cx.world) else {
            return;
        };
        let can = cx.world.feed(source).and_then(|it| it.can()).is_some_and(|it| it.bodies);
        let wanted = body_of(source, row);
        let asked = self.asked.as_ref().is_some_and(|(_, id)| *id == wanted);
        if !can || asked || self.bodies.contains_key(&wanted) {
            return;
        }
        if let Some((ticket, _)) = self.asked.take() {
            cx.cancel(ticket);
        }
        self.asked = Some((cx.fetch(source, Want::Body(row.handoff_id.clone())), wanted));
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        let mut bindings = Vec::new();
        if let Some((source, row)) = self.selected(world) {
            let unseen = self.unseen(world, source, row);
            bindings = triage::answers(world, source, row, unseen.as_deref());
            if self.card.unseen() > 0 {
                bindings.insert(0, Binding::new(Action::HalfPageDown).word("read on"));
            }
            if self.bodies.get(&body_of(source, row)).is_some_and(|it| it.as_ref().is_ok_and(|it| it.masked)) {
                let binding = Binding::act(world, source, ActKind::Reveal);
                let binding = if self.reveal.shown().is_some() { binding.word("hide again") } else { binding };
                bindings.push(Binding { footer: true, ..binding });
            }
            bindings.push(Binding::new(Action::Open).word("details"));
            bindings.extend([Action::Details, Action::CopyId, Action::CopyJson].map(Binding::quiet));
        }
        bindings.extend(self.list.bindings(false));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        let world = cx.world;
        match action {
            Action::HalfPageDown | Action::HalfPageUp => {
                self.card.act(action);
                return;
            }
            _ if self.list.act(action, cx.half_page()) => return,
            _ => {}
        }
        let Some((source, row)) = self.selected(world) else {
            return;
        };
        match action {
            Action::Act(ActKind::Reveal) if self.reveal.shown().is_some() => {
                self.look_away();
                self.lay_out(world);
            }
            Action::Act(ActKind::Reveal) => {
                let want = Want::Revealed { handoff: row.handoff_id.clone(), by: world.you(source).to_owned() };
                self.reveal.ask(cx.fetch(source, want), body_of(source, row));
            }
            Action::Open | Action::Details => cx.open(source, row.handoff_id.clone()),
            Action::CopyId => cx.copy(row.handoff_id.as_str(), "the handoff id"),
            Action::CopyJson => {
                if let Ok(json) = serde_json::to_string_pretty(row) {
                    cx.copy(&json, "the question as JSON");
                }
            }
            _ => {
                let fetched = self.bodies.get(&body_of(source, row)).and_then(|it| it.as_ref().ok());
                triage::decide(cx, source, row, fetched.map(|it| &it.body), action);
            }
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        if self.list.click(row) {
            self.act(cx, Action::Open);
        }
    }

    fn show(&mut self, world: &World, focus: &Focus) {
        let filter = match focus {
            Focus::Handoff(source, id) => {
                let _ = self.set_filter(world, ""); // an empty filter cannot be wrong
                self.list.select(&(*source, id.clone()));
                return;
            }
            Focus::Filter(text) => text.clone(),
            Focus::Edge(_, edge) => format!("{} {}", exactly("from", &edge.from), exactly("to", &edge.to)),
            Focus::Pipeline(_, name) => exactly("pipeline", name),
            Focus::Run(_, id) => exactly("trace", id.as_str()),
            Focus::Here | Focus::Source(_) => return,
        };
        // Names come from agents; one that does not parse shows everything rather than nothing.
        let _ = self.set_filter(world, &filter);
    }

    fn filter(&self) -> Option<&str> {
        Some(&self.text)
    }

    fn set_filter(&mut self, world: &World, text: &str) -> Result<(), String> {
        self.query = Query::parse(text, InboxRow::FIELDS)?;
        text.clone_into(&mut self.text);
        self.make(world);
        Ok(())
    }

    fn answered(&mut self, world: &World, ticket: Ticket, reply: &Result<Reply, Fault>) {
        if self.reveal.answered(ticket, reply, world.now) {
            return self.lay_out(world);
        }
        let Some((_, wanted)) = self.asked.take_if(|(it, _)| *it == ticket) else {
            return;
        };
        let body = match reply {
            Ok(Reply::Found(Found::Body(body))) if wanted.2.holds(body) => Ok(Fetched::new(Body::clone(body))),
            Ok(_) => Err("it changed while it was fetched".to_owned()),
            Err(fault) => Err(fault.told(world.now)),
        };
        if self.bodies.len() >= MOST_BODIES {
            self.bodies.clear();
        }
        self.bodies.insert(wanted, body);
        self.lay_out(world);
    }
}

impl Inbox {
    /// The message for an empty list, and whether it is good news.
    pub fn empty_message(&self, world: &World) -> (bool, String) {
        if !self.text.is_empty() {
            return (false, format!("No question matches `{}`. esc clears the filter.", self.text));
        }
        triage::empty_message(world, "open questions", "nobody waits for you")
    }
}
