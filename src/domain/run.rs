//! The aggregate: one run, its handoffs.
