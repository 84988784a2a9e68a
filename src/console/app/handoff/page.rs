//! Keys, clicks and answers of the page.

use crate::console::app::flow::pretty;

use super::{
    Action, Binding, Body, Fault, Found, Handoff, Reply, Screen, ScreenContext, Shown, Tab, Ticket, Want, World, tree,
};

impl Handoff {
    /// Lays out the tab shown.
    pub(super) fn lay_out(&mut self, world: &World) {
        let (width, rows) = Self::room(world);
        self.tree = match (self.tab, self.shown()) {
            (Tab::Payload, Some(shown)) => {
                let wrong = self.handoff(world).and_then(|it| it.failure.as_ref());
                let wrong = wrong.map_or(&[][..], |it| it.violations.as_slice());
                tree::grow(shown.value.value(), &self.folded, wrong)
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
        let digest = self.shown().map_or("", |it| it.digest.as_str());
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
        let now = self.of(world).map(|(run, it)| (run.id.clone(), run.version, it.digest().map(str::to_owned)));
        // Another revision of the contract, or more events of the run, are fetched when they are there.
        if let (Body::Here(shown), Some((_, _, digest))) = (&self.contract, &now)
            && digest.as_ref().is_some_and(|digest| *digest != shown.digest)
        {
            self.contract = Body::Unasked;
        }
        if bodies && matches!(self.contract, Body::Unasked) {
            self.contract = Body::Asked(cx.fetch(self.source, Want::Contract(self.id.clone())));
        }
        let Some((run, version, _)) = now else { return };
        let old = match &self.timeline {
            Body::Unasked => true,
            Body::Here((known, _)) => known.version < version,
            _ => false,
        };
        if timelines && old && self.tab == Tab::Attempts {
            self.timeline = Body::Asked(cx.fetch(self.source, Want::Timeline(run)));
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
        if self.shown().is_some() {
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
                let json = match (self.shown(), self.handoff(cx.world)) {
                    (Some(shown), _) => serde_json::to_string_pretty(shown.value.value()),
                    (None, Some(it)) => serde_json::to_string_pretty(it),
                    (None, None) => return,
                };
                if let Ok(json) = json {
                    cx.copy(&json, "it as JSON");
                }
            }
            Action::ViewInEditor => {
                if let Some(shown) = self.shown() {
                    cx.view(pretty(&shown.value));
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
        if matches!(self.contract, Body::Asked(it) if it == ticket) {
            self.contract = match reply {
                Ok(Reply::Found(Found::Contract { value, digest })) => {
                    Body::Here(Shown { parts: value.contract(), value: value.clone(), digest: digest.clone() })
                }
                _ => Body::Missing(why()),
            };
        } else if matches!(self.timeline, Body::Asked(it) if it == ticket) {
            self.timeline = match reply {
                Ok(Reply::Found(Found::Timeline { run, events })) => Body::Here((run.clone(), events.clone())),
                _ => Body::Missing(why()),
            };
        }
    }
}
