//! Screens as SVG pictures.
