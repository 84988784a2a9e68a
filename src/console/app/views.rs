//! The views: the screens, and the pages over them.

use std::collections::HashMap;

use super::edge_page::EdgePage;
use super::handoff::Handoff;
use super::place::ScreenId;
use super::screen::Screen;
use super::screens::Screens;

/// The screens, which of them is shown, and what lies over it.
#[derive(Debug)]
pub struct Views {
    /// All screens, shown or not.
    pub screens: Screens,
    /// Id of the screen shown.
    pub at: ScreenId,
    /// The page of an edge opened from a screen; it stays open there while another screen is shown.
    pub edges: HashMap<ScreenId, EdgePage>,
    /// The page of a handoff, over everything.
    pub page: Option<Handoff>,
}

impl Default for Views {
    fn default() -> Self {
        Self { screens: Screens::default(), at: ScreenId::Pipelines, edges: HashMap::new(), page: None }
    }
}

impl Views {
    /// The page of an edge over the screen shown.
    pub fn edge(&self) -> Option<&EdgePage> {
        self.edges.get(&self.at)
    }

    /// The view that has the keys when no layer lies over it: the page on top, else the screen.
    pub fn top(&self) -> &dyn Screen {
        match (&self.page, self.edge()) {
            (Some(page), _) => page,
            (None, Some(page)) => page,
            (None, None) => self.screens.get(self.at),
        }
    }

    /// The view that has the keys, to change it: see [`Views::top`].
    pub fn top_mut(&mut self) -> &mut dyn Screen {
        match (&mut self.page, self.edges.get_mut(&self.at)) {
            (Some(page), _) => page,
            (None, Some(page)) => page,
            (None, None) => self.screens.get_mut(self.at),
        }
    }

    /// Nothing lies over this screen but layers.
    pub fn shows(&self, screen: ScreenId) -> bool {
        self.at == screen && self.page.is_none() && self.edge().is_none()
    }

    /// Closes the page on top.
    pub fn close(&mut self) {
        if self.page.take().is_none() {
            self.edges.remove(&self.at);
        }
    }
}
