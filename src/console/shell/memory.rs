//! The saved view: the screen and the filter to come back to.

use std::path::{Path, PathBuf};

use crate::console::app::msg::View;
use crate::console::app::{Screen, ScreenId, State};

fn file(directory: &Path) -> PathBuf {
    directory.join("view.toml")
}

/// Keeps a view for the next start. Says what became of it.
pub(super) fn save(directory: &Path, view: &View) -> String {
    let mut table = toml::Table::new();
    table.insert("screen".to_owned(), view.screen.title().into());
    table.insert("filter".to_owned(), view.filter.clone().into());
    let path = file(directory);
    let written =
        std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, table.to_string()));
    match written {
        Ok(()) => format!("saved: seam opens on {} from now on", view.screen.title()),
        Err(why) => format!("cannot save the view to {}: {why}", path.display()),
    }
}

/// Opens on the view that was saved, if one was. A file that makes no sense is as good as none.
pub(super) fn restore(directory: &Path, state: &mut State) {
    let Ok(text) = std::fs::read_to_string(file(directory)) else {
        return;
    };
    let Ok(table) = text.parse::<toml::Table>() else {
        return;
    };
    let word = |name: &str| {
        table
            .get(name)
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
    };
    let saved = ScreenId::ALL.iter().find(|it| it.title() == word("screen"));
    if let Some(&screen) = saved {
        state.at = screen;
        let view = state.screens.get_mut(screen);
        // A filter that this version does not understand is left out.
        let _ = Screen::set_filter(view, &state.world, word("filter"));
    }
}
