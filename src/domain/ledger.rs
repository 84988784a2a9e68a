//! What a watcher knows: events folded into indexes.
