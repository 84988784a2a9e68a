//! Entries of the palette.

use crate::console::app::overlay::Pick;
use crate::console::app::palette::Entry;
use crate::console::app::place::{Focus, ScreenId};
use crate::console::app::state::State;

/// Everything that can be done or gone to, for the palette.
pub(super) fn entries(state: &State) -> Vec<Entry> {
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
    let here = state.place.context.as_ref();
    entries.extend(state.contexts.iter().map(|it| Entry {
        label: format!("context {}", it.name),
        hint: it.word.clone(),
        locked: (here == Some(&it.name)).then(|| "you are here".to_owned()),
        does: Pick::Switch(it.name.clone()),
    }));
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
