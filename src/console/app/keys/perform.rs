//! Dispatch of an action: the view does its own, the frame around it the rest.

use super::{entries, replay};
use crate::console::app::edge_page::EdgePage;
use crate::console::app::flow;
use crate::console::app::handoff::Handoff;
use crate::console::app::layer::{FilterLine, Help, Layer};
use crate::console::app::line::Line;
use crate::console::app::msg::{Effect, View};
use crate::console::app::palette::Palette;
use crate::console::app::place::{Focus, ScreenId};
use crate::console::app::screen::Screen;
use crate::console::app::screen_context::{ScreenContext, ScreenRequest};
use crate::console::app::state::State;
use crate::console::app::toast::Tone;
use crate::console::app::world::TimeFormat;
use crate::keymap::Action;

/// Says where to find out which keys there are.
pub(super) fn where_keys_are(state: &State) -> String {
    let help = state.keymap.key_for(Action::Help, state.view_context());
    help.map_or_else(String::new, |key| format!("; {key} shows the keys"))
}

/// Does an action if it is offered; says why not when it is locked, or when somebody might wait for its effect.
pub(super) fn perform(state: &mut State, action: Action) -> Vec<Effect> {
    let bindings = state.bindings();
    let Some(binding) = bindings.iter().find(|it| it.action == action) else {
        if action.changes() {
            let text = format!("nothing here to {}{}", action.word(), where_keys_are(state));
            state.say(text, Tone::Plain);
        }
        return Vec::new();
    };
    if let Some(why) = &binding.locked {
        let text = format!("{}: {why}", action.word());
        state.say(text, Tone::Bad);
        return Vec::new();
    }
    if binding.of_view {
        return with_view(state, |view, cx| view.act(cx, action));
    }
    frame_action(state, action)
}

/// Lets the view do something, and does what it asks for.
pub(super) fn with_view(state: &mut State, does: impl FnOnce(&mut dyn Screen, &mut ScreenContext<'_>)) -> Vec<Effect> {
    let mut cx = ScreenContext::new(&state.world, &mut state.acting.tickets);
    does(state.views.top_mut(), &mut cx);
    let ScreenContext { mut effects, requests, .. } = cx;
    for request in requests {
        effects.extend(carry_out(state, request));
    }
    effects
}

fn carry_out(state: &mut State, request: ScreenRequest) -> Vec<Effect> {
    match request {
        ScreenRequest::Open(source, handoff) => state.views.page = Some(Handoff::open(source, handoff)),
        ScreenRequest::OpenEdge(source, edge) => {
            state.views.edges.insert(state.views.at, EdgePage::new(source, edge));
        }
        ScreenRequest::Close => state.views.close(),
        ScreenRequest::Go(screen, focus) => go(state, screen, &focus),
        ScreenRequest::Propose(proposal) => return flow::propose(state, *proposal),
        ScreenRequest::EditApprove(target) => return flow::edit_approve(state, *target),
        ScreenRequest::Say(text) => state.say(text, Tone::Plain),
    }
    Vec::new()
}

pub(super) fn go(state: &mut State, screen: ScreenId, focus: &Focus) {
    let views = &mut state.views;
    views.page = None;
    views.at = screen;
    if *focus == Focus::Here {
        return;
    }
    views.edges.remove(&screen);
    let view = views.screens.get_mut(screen);
    view.refresh(&state.world);
    view.show(&state.world, focus);
    if let (ScreenId::Edges, Focus::Edge(source, edge)) = (screen, focus) {
        views.edges.insert(screen, EdgePage::new(*source, edge.clone()));
    }
}

/// Does an action of the frame itself.
fn frame_action(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(screen) = ScreenId::ALL.iter().find(|it| it.action() == action) {
        go(state, *screen, &Focus::Here);
        return Vec::new();
    }
    match action {
        Action::Undo => return flow::undo(state),
        Action::Back if state.views.page.is_some() => state.views.close(),
        // An empty filter cannot be wrong.
        Action::Back => _ = set_filter(state, ""),
        Action::Filter => {
            let before = state.view().filter().unwrap_or_default().to_owned();
            state.layers.push(Layer::Filter(FilterLine { line: Line::new(&before), before, error: None }));
        }
        Action::NextMatch => return with_view(state, |view, cx| view.act(cx, Action::Down)),
        Action::PreviousMatch => return with_view(state, |view, cx| view.act(cx, Action::Up)),
        Action::NextAlert => {
            let count = state.badges.len().max(1);
            jump(state, state.badge_at.map_or(0, |at| (at + 1) % count));
        }
        Action::Palette => {
            let entries = entries::entries(state);
            state.layers.push(Layer::Palette(Palette::new(entries)));
        }
        Action::Help => state.layers.push(Layer::Help(Help::default())),
        Action::Freeze => {
            let still = state.world.frozen.is_none();
            state.world.frozen = still.then_some(state.world.now);
            for feed in &mut state.world.feeds {
                feed.hold(still);
            }
        }
        Action::TimeFormat => {
            let (time_format, word) = match state.world.time_format {
                TimeFormat::Utc => (TimeFormat::Local, "local"),
                TimeFormat::Local => (TimeFormat::Relative, "relative"),
                TimeFormat::Relative => (TimeFormat::Utc, "UTC"),
            };
            state.world.time_format = time_format;
            state.say(format!("times are {word}"), Tone::Plain);
        }
        Action::SaveView => {
            return vec![Effect::Save(View {
                screen: state.views.at,
                filter: state.view().filter().unwrap_or_default().to_owned(),
            })];
        }
        Action::ReleaseMouse => {
            state.mouse = !state.mouse;
            let text = if state.mouse {
                "the mouse is ours again"
            } else {
                "the mouse is the terminal's: select text; m takes it back"
            };
            state.say(text, Tone::Plain);
            return vec![Effect::Mouse(state.mouse)];
        }
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return flow::quit(state),
        Action::Interrupt => return flow::leave(state),
        Action::PauseReplay
        | Action::ReplayBack
        | Action::ReplayForward
        | Action::ReplaySlower
        | Action::ReplayFaster => return replay::replay(state, action),
        // Screens are shown above; the rest only views and layers offer, and do themselves.
        Action::ShowPipelines
        | Action::ShowEdges
        | Action::ShowTasks
        | Action::ShowDeadLetters
        | Action::ShowInbox
        | Action::ShowEvents
        | Action::ShowSources
        | Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::Left
        | Action::Right
        | Action::NextTab
        | Action::PreviousTab
        | Action::Open
        | Action::Mark
        | Action::MarkRange
        | Action::MarkAll
        | Action::Sort
        | Action::SortReverse
        | Action::CopyId
        | Action::CopyJson
        | Action::ViewInEditor
        | Action::Details
        | Action::Complete
        | Action::Confirm
        | Action::Act(_)
        | Action::RetryNow => {}
    }
    Vec::new()
}

pub(super) fn set_filter(state: &mut State, text: &str) -> Result<(), String> {
    state.views.top_mut().set_filter(&state.world, text)
}

/// Goes to the rows of the nth badge.
pub(super) fn jump(state: &mut State, nth: usize) {
    if let Some(badge) = state.badges.get(nth).cloned() {
        state.badge_at = Some(nth);
        go(state, badge.screen, &badge.focus);
    }
}
