//! The filter of edges: what it can name, and which edges it keeps.

use crate::domain::query::Query;
use crate::domain::report::EdgeRow;

use super::explain::word;

/// The fields a filter of edges can name.
pub(super) const FIELDS: &[&str] = &["pipeline", "from", "to", "stage", "health"];

/// Whether an edge is to be shown.
pub(super) fn matches(query: &Query, row: &EdgeRow) -> bool {
    if query.is_empty() {
        return true;
    }
    let (edge, name, health) = (&row.edge, row.edge.to_string(), word(row));
    query.keeps(&[&edge.pipeline, &name, &row.stage, health], |field| match field {
        "pipeline" => &edge.pipeline,
        "from" => &edge.from,
        "to" => &edge.to,
        "stage" => &row.stage,
        _ => health,
    })
}
