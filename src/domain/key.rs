//! Identity is computed, not coordinated: handoff, effect and compensation keys.
