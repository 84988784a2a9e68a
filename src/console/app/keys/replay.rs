//! Steers recordings.

use crate::console::app::feed::Feed;
use crate::console::app::msg::Effect;
use crate::console::app::state::State;
use crate::domain::port::{Control, SourceId};
use crate::domain::time::SECOND;
use crate::keymap::Action;

/// Steers every recording that is open.
pub(super) fn replay(state: &State, action: Action) -> Vec<Effect> {
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
