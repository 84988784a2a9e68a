//! The handoff contract: six fields, working memory, brief.
