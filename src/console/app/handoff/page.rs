//! Keys, clicks and answers of the page.

use crate::domain::port::Format;

use super::{
    Action, Binding, Bound, Detail, Fault, Fetched, Found, Handoff, Reply, Screen, ScreenContext, Tab, Ticket, Want,
    World, editable, tree,
};

impl Handoff {
    /// Lays out the tab shown.
    pub(super) fn lay_out(&mut self, world: &World) {
        let (width, rows) = Self::room(world);
        self.tree = match (self.tab, self.fetched()) {
            (Tab::Payload, Some(it)) if it.body.format != Format::Text => {
                let wrong = self.handoff(world).and_then(|it| it.failure.as_ref());
                let wrong = wrong.map_or(&[][..], |it| it.violations.as_slice());
                tree::grow(&it.body, &self.folded, wrong)
            }
            _ => Vec::new(),
        };
        let paths = tree::shown(&self.tree).into_iter().map(|it| it.path.clone());
        self.paths.settle(paths.collect());
        if self.tab == Tab::Trace {
            let ids = self.run(world).map(|run| run.handoffs.keys().cloned().collect());
            let first = self.trace.rows().is_empty();
            self.trace.settle(ids.unwrap_or_default());
            if first {
                self.trace.select(&self.id.clone());
            }
            return;
        }
        let it = self.of(world).map(|(_, it)| it);
        let bound = it.filter(|it| it.escalation.is_some() && self.tab == Tab::Brief);
        let version = bound.map_or(0, |it| it.version);
        let digest = self.fetched().map_or("", |it| it.body.digest.as_str());
        let key = format!("{:?} {version} {digest}", self.tab);
        let doc = self.doc(world, width);
        self.reader.show(key, doc, rows);
    }
}

impl Screen for Handoff {
    fn refresh(&mut self, world: &World) {
        self.lay_out(world);
    }

    fn look(&mut self, cx: &mut ScreenContext<'_>) {
        let world = cx.world;
        let Some(can) = world.feed(self.source).and_then(|it| it.can()) else {
            return;
        };
        let (bodies, timelines) = (can.bodies, can.timelines);
        let now = self.of(world).map(|(run, _)| (run.id.clone(), run.version));
        let bound = self.of(world).map(|(_, it)| Bound::of(it.bound_digest(), it.seen()));
        // Another revision of the body, or more events of the run, are fetched when they are there.
        if let (Detail::Here(it), Some(now)) = (&self.body, &bound)
            && (!now.holds(&it.body) || matches!(now, Bound::Seen(_)) && bound != self.bound)
        {
            self.body = Detail::Unasked;
        }
        if bodies && matches!(self.body, Detail::Unasked) {
            self.bound = bound;
            self.body = Detail::Asked(cx.fetch(self.source, Want::Body(self.id.clone())));
        }
        let Some((run, version)) = now else { return };
        let old = match &self.timeline {
            Detail::Unasked => true,
            Detail::Here((known, _)) => known.version < version,
            _ => false,
        };
        if timelines && old && self.tab == Tab::Attempts {
            self.timeline = Detail::Asked(cx.fetch(self.source, Want::Timeline(run)));
        }
    }

    fn bindings(&self, world: &World) -> Vec<Binding> {
        use Action::{
            Bottom, CopyId, CopyJson, Down, HalfPageDown, HalfPageUp, Left, PreviousTab, Right, Top, Up, ViewInEditor,
        };
        let mut bindings = self.acts(world);
        if self.tab == Tab::Brief && self.reader.unseen() > 0 {
            bindings.insert(0, Binding::new(HalfPageDown).word("read on"));
        }
        match self.tab {
            Tab::Payload if !self.tree.is_empty() => {
                bindings.push(Binding::new(Action::Open).word("fold"));
            }
            Tab::Trace if self.trace.selected().is_some_and(|it| *it != self.id) => {
                bindings.push(Binding::new(Action::Open));
            }
            _ => {}
        }
        bindings.push(Binding::new(Action::NextTab));
        bindings.push(Binding::new(CopyId));
        if self.fetched().is_some() {
            bindings.push(Binding::quiet(ViewInEditor));
        }
        let moves = [CopyJson, PreviousTab, Left, Right, Down, Up, Top, Bottom, HalfPageDown, HalfPageUp];
        bindings.extend(moves.map(Binding::quiet));
        bindings
    }

    fn act(&mut self, cx: &mut ScreenContext<'_>, action: Action) {
        if self.moves(cx.world, action, cx.half_page()) {
            return;
        }
        match action {
            Action::Open if self.tab == Tab::Trace => {
                if let Some(id) = self.trace.selected().filter(|it| **it != self.id) {
                    cx.open(self.source, id.clone());
                }
            }
            Action::CopyId => cx.copy(self.id.as_str(), "the handoff id"),
            Action::CopyJson => {
                let (text, what) = match (self.fetched(), self.handoff(cx.world)) {
                    (Some(it), _) if it.body.format == Format::Text => (Ok(it.body.to_text()), "its text"),
                    (Some(it), _) => (Ok(it.body.to_text()), "it as JSON"),
                    (None, Some(it)) => (serde_json::to_string_pretty(it), "it as JSON"),
                    (None, None) => return,
                };
                if let Ok(text) = text {
                    cx.copy(&text, what);
                }
            }
            Action::ViewInEditor => {
                if let Some(it) = self.fetched() {
                    cx.view(editable(&it.body));
                }
            }
            _ => self.propose(cx, action),
        }
    }

    fn click(&mut self, cx: &mut ScreenContext<'_>, row: usize) {
        let again = match self.tab {
            Tab::Payload => self.paths.click(row),
            Tab::Trace => self.trace.click(row),
            _ => false,
        };
        if again {
            self.act(cx, Action::Open);
        }
    }

    fn tab(&mut self, cx: &mut ScreenContext<'_>, nth: usize) {
        if let Some((tab, _)) = Tab::ALL.get(nth) {
            self.go(cx.world, *tab);
        }
    }

    fn answered(&mut self, world: &World, ticket: Ticket, reply: &Result<Reply, Fault>) {
        let why = || match reply {
            Err(fault) => fault.told(world.now),
            Ok(_) => "the source answered something else".to_owned(),
        };
        if matches!(self.body, Detail::Asked(it) if it == ticket) {
            self.body = match reply {
                Ok(Reply::Found(Found::Body(body))) => Detail::Here(Fetched::new(body.as_ref().clone())),
                _ => Detail::Missing(why()),
            };
        } else if matches!(self.timeline, Detail::Asked(it) if it == ticket) {
            self.timeline = match reply {
                Ok(Reply::Found(Found::Timeline { run, events })) => Detail::Here((run.clone(), events.clone())),
                _ => Detail::Missing(why()),
            };
        }
    }
}
