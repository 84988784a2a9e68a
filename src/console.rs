//! The terminal console: [`app`] decides, [`ui`] draws, [`shell`] does.

pub mod app;
pub mod shell;
pub mod ui;
