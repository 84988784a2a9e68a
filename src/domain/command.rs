//! What agents, operators and approvers may ask for.
