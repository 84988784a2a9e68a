//! From a key, a paste or a click to what it does: the layer on top first, then the view.

use super::feed::Feed;
use super::flow;
use super::handoff::Handoff;
use super::layer::{FilterLine, Help, Layer};
use super::line::Line;
use super::msg::{Effect, View};
use super::overlay::Pick;
use super::palette::{Entry, Palette};
use super::place::{Focus, ScreenId};
use super::screen::Screen;
use super::screen_context::{ScreenContext, ScreenRequest};
use super::state::State;
use super::toast::Tone;
use super::world::TimeFormat;
use crate::domain::port::{Control, SourceId};
use crate::domain::time::SECOND;
use crate::keymap::{Action, Code, Key};

mod layers;
mod pointer;

pub(super) use layers::paste;
pub(super) use pointer::mouse;

pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    state.toasts.go_on(state.world.now);
    let action = state.keymap.action(key, state.context());
    if action == Some(Action::Interrupt) {
        return flow::leave(state);
    }
    if let Some(layer) = state.layers.last_mut() {
        let outcome = layer.overlay_mut().key(key, action);
        return layers::settle(state, outcome);
    }
    if let Some(action) = action {
        return perform(state, action);
    }
    if matches!(key.code, Code::Char(_)) {
        state.say(format!("{key} does nothing{}", where_keys_are(state)), Tone::Plain);
    }
    Vec::new()
}

fn where_keys_are(state: &State) -> String {
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
    if state.view().bindings(&state.world).iter().any(|it| it.action == action) {
        return with_view(state, |view, cx| view.act(cx, action));
    }
    frame_action(state, action)
}

/// Lets the view do something, and does what it wished.
pub(super) fn with_view(state: &mut State, does: impl FnOnce(&mut dyn Screen, &mut ScreenContext<'_>)) -> Vec<Effect> {
    let mut cx = ScreenContext::new(&state.world, &mut state.acting.tickets);
    match &mut state.page {
        Some(page) => does(page, &mut cx),
        None => does(state.screens.get_mut(state.at), &mut cx),
    }
    let ScreenContext { mut effects, requests, .. } = cx;
    for wish in requests {
        effects.extend(grant(state, wish));
    }
    effects
}

fn grant(state: &mut State, wish: ScreenRequest) -> Vec<Effect> {
    match wish {
        ScreenRequest::Open(source, handoff) => {
            let mut cx = ScreenContext::new(&state.world, &mut state.acting.tickets);
            let page = Handoff::open(source, handoff, &mut cx);
            let effects = cx.effects;
            state.page = Some(page);
            return effects;
        }
        ScreenRequest::Close => state.page = None,
        ScreenRequest::Go(screen, focus) => go(state, screen, &focus),
        ScreenRequest::Propose(proposal) => return flow::propose(state, *proposal),
        ScreenRequest::EditApprove(target) => return flow::edit_approve(state, *target),
        ScreenRequest::Say(text) => state.say(text, Tone::Plain),
    }
    Vec::new()
}

fn go(state: &mut State, screen: ScreenId, focus: &Focus) {
    state.page = None;
    state.at = screen;
    let view = state.screens.get_mut(screen);
    if *focus != Focus::Here {
        view.refresh(&state.world);
        view.show(&state.world, focus);
    }
}

/// What the frame itself does.
fn frame_action(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(screen) = ScreenId::ALL.iter().find(|it| it.action() == action) {
        go(state, *screen, &Focus::Here);
        return Vec::new();
    }
    match action {
        Action::Undo => return flow::undo(state),
        Action::Back if state.page.is_some() => state.page = None,
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
            let entries = entries(state);
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
                screen: state.at,
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
        | Action::ReplayFaster => return replay(state, action),
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

fn set_filter(state: &mut State, text: &str) -> Result<(), String> {
    let world = &state.world;
    match &mut state.page {
        Some(page) => page.set_filter(world, text),
        None => state.screens.get_mut(state.at).set_filter(world, text),
    }
}

/// Goes to the rows of the nth badge.
pub(super) fn jump(state: &mut State, nth: usize) {
    if let Some(badge) = state.badges.get(nth).cloned() {
        state.badge_at = Some(nth);
        go(state, badge.screen, &badge.focus);
    }
}

/// Steers every recording that is open.
fn replay(state: &State, action: Action) -> Vec<Effect> {
    const STEPS: [Option<f64>; 6] = [Some(1.0), Some(10.0), Some(60.0), Some(600.0), Some(3600.0), None];
    let control = |feed: &Feed| -> Option<(SourceId, Control)> {
        let at = feed.replay()?;
        let present = feed.ledger().now();
        let speed = STEPS.iter().position(|it| *it == at.speed).unwrap_or(0);
        let step = at.speed.unwrap_or(600.0) as i64 * 10 * SECOND;
        let control = match action {
            Action::PauseReplay if at.paused => Control::Resume,
            Action::PauseReplay => Control::Pause,
            Action::ReplaySlower => Control::Speed(*STEPS.get(speed.saturating_sub(1))?),
            Action::ReplayFaster => Control::Speed(STEPS.get(speed + 1).copied().flatten()),
            Action::ReplayBack => Control::Jump((present + -step).max(at.from)),
            Action::ReplayForward => Control::Jump((present + step).min(at.until)),
            _ => return None,
        };
        Some((feed.id, control))
    };
    let controls = state.world.feeds.iter().filter_map(control);
    controls.map(|(source, it)| Effect::Replay(source, it)).collect()
}

/// Everything that can be done or gone to, for the palette.
fn entries(state: &State) -> Vec<Entry> {
    let context = state.context();
    let mut entries: Vec<Entry> = Vec::new();
    for binding in state.bindings() {
        let key = state.keymap.key_for(binding.action, context);
        let sentence = binding.action.description().trim_end_matches('.');
        entries.push(Entry {
            label: format!("{}: {sentence}", binding.word.as_deref().unwrap_or(binding.action.word())),
            hint: key.map(|it| it.to_string()).unwrap_or_default(),
            locked: binding.locked,
            does: Pick::Act(binding.action),
        });
    }
    for feed in &state.world.feeds {
        let mut pipelines: Vec<&str> = Vec::new();
        for row in &feed.figures().edges {
            entries.push(Entry {
                label: format!("{} {}", row.edge.pipeline, row.edge),
                hint: format!("edge, {}", row.health),
                locked: None,
                does: Pick::Go(ScreenId::Edges, Focus::Edge(feed.id, row.edge.clone())),
            });
            if !pipelines.contains(&&*row.edge.pipeline) {
                pipelines.push(&row.edge.pipeline);
            }
        }
        entries.extend(pipelines.iter().map(|name| Entry {
            label: (*name).to_owned(),
            hint: "pipeline".to_owned(),
            locked: None,
            does: Pick::Go(ScreenId::Pipelines, Focus::Pipeline(feed.id, (*name).to_owned())),
        }));
    }
    entries
}
