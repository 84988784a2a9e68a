//! Drawing: what [`super::app`] knows, on a grid of cells.

pub mod part;
pub mod svg;
