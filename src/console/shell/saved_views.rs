//! The saved views: for each address the screen and the filter to come back to.

use std::path::{Path, PathBuf};

use toml::Table;

use crate::console::app::msg::View;
use crate::console::app::{Screen, ScreenId, State};

/// The saved view of what is watched: of a context by its name, else of its addresses.
#[derive(Clone, Debug)]
pub struct SavedViews {
    /// Directory of `views.toml`, which holds the view of each address.
    pub directory: PathBuf,
    /// Addresses that are watched, as they are written, or `context NAME`, which no address looks like.
    pub address: String,
}

impl SavedViews {
    /// Keeps a view for the next start on this address. Says what became of it.
    pub(super) fn save(&self, view: &View) -> String {
        save(&self.directory, &self.address, view)
    }

    /// Opens on the view that was saved for this address, if one was.
    pub(super) fn restore(&self, state: &mut State) {
        if let Some(view) = saved(&self.directory, &self.address) {
            state.views.at = view.screen;
            let screen = state.views.screens.get_mut(view.screen);
            // A filter that this version does not understand is left out.
            let _ = Screen::set_filter(screen, &state.world, &view.filter);
        }
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("views.toml")
}

/// All views by address. A file that makes no sense is as good as none.
fn views(directory: &Path) -> Table {
    let text = std::fs::read_to_string(file(directory)).unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn save(directory: &Path, address: &str, view: &View) -> String {
    let mut table = Table::new();
    table.insert("screen".to_owned(), view.screen.title().into());
    table.insert("filter".to_owned(), view.filter.clone().into());
    let mut all = views(directory);
    all.insert(address.to_owned(), table.into());
    let path = file(directory);
    let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, all.to_string()));
    match written {
        Ok(()) => format!("saved: seam opens {address} on {} from now on", view.screen.title()),
        Err(why) => format!("cannot save the view to {}: {why}", path.display()),
    }
}

/// The view that was saved for an address.
fn saved(directory: &Path, address: &str) -> Option<View> {
    let all = views(directory);
    let view = all.get(address)?;
    let word = |name: &str| view.get(name)?.as_str();
    let screen = word("screen")?;
    Some(View {
        screen: *ScreenId::ALL.iter().find(|it| it.title() == screen)?,
        filter: word("filter").unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_view_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let view = |screen, filter: &str| View { screen, filter: filter.to_owned() };
        let (one, two) = (view(ScreenId::Edges, "to:crm"), view(ScreenId::Tasks, ""));
        for (address, view) in [("http://a:1", &two), ("http://a:1", &one), ("file:/b", &two)] {
            let said = save(directory.path(), address, view);
            assert!(said.starts_with("saved"), "{said}");
        }
        let saved = |address| saved(directory.path(), address);
        assert_eq!(saved("http://a:1"), Some(one));
        assert_eq!(saved("file:/b"), Some(two));
        assert_eq!(saved("http://a:2"), None);
    }
}
