//! The quality of the work as its source sees it, beside the brief, which the server scores: its checks, and the tool calls
//! that failed.

use super::{Doc, TextRole};
use crate::domain::contract::{CallStatus, CheckStatus, Contract, Quality};
use crate::domain::text::plural;

/// What the source says of its work, what it checked, and what failed on the way.
pub(super) fn quality(doc: &mut Doc, contract: &Contract) {
    doc.head("QUALITY, BY ITS SOURCE");
    match &contract.quality {
        Some(quality) => said(doc, quality),
        None => doc.field("completeness", TextRole::Dim, "not said"),
    }
    let calls = &contract.provenance.tool_calls;
    let failed = calls.iter().filter(|it| it.status == CallStatus::Error);
    for call in failed {
        doc.item((TextRole::Bad, "✗"), TextRole::Text, &format!("tool call {}. {} failed", call.seq, call.name));
    }
}

fn said(doc: &mut Doc, quality: &Quality) {
    doc.field("completeness", TextRole::Text, &format!("{:.2}", quality.completeness));
    let known = |count: Option<u64>| count.map_or_else(|| "not said".to_owned(), |it| it.to_string());
    doc.field("open issues", TextRole::Text, &known(quality.open_issues));
    doc.field("sources", TextRole::Text, &format!("{} verified", known(quality.sources_verified)));
    if quality.checks.is_empty() {
        doc.field("checks", TextRole::Dim, "none");
    }
    for check in &quality.checks {
        let (sign, how) = match check.status {
            CheckStatus::Pass => ((TextRole::Good, "✓"), ""),
            CheckStatus::Fail => ((TextRole::Bad, "✗"), " failed"),
            CheckStatus::Skipped => ((TextRole::Warn, "○"), " was not run"),
        };
        let detail = check.detail.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
        doc.item(sign, TextRole::Text, &format!("{}{how}{detail}", check.name));
    }
}

/// The same in one line, such as `0.60, 1 of 3 checks failed, 1 of 4 tool calls failed`; `None` when the source says nothing
/// of it and nothing failed.
pub(super) fn in_short(contract: &Contract) -> Option<(TextRole, String)> {
    let mut parts = Vec::new();
    let checks = contract.quality.as_ref().map_or(&[][..], |it| &it.checks);
    if let Some(quality) = &contract.quality {
        parts.push(format!("{:.2}", quality.completeness));
    }
    let calls = &contract.provenance.tool_calls;
    let failures = [
        (checks.iter().filter(|it| it.status == CheckStatus::Fail).count(), checks.len(), "check"),
        (calls.iter().filter(|it| it.status == CallStatus::Error).count(), calls.len(), "tool call"),
    ];
    let mut role = TextRole::Text;
    for (failed, all, what) in failures.into_iter().filter(|it| it.0 > 0) {
        role = TextRole::Bad;
        parts.push(format!("{failed} of {} failed", plural(all, what)));
    }
    (!parts.is_empty()).then(|| (role, parts.join(", ")))
}
