//! What is checked before anything crosses an edge.
