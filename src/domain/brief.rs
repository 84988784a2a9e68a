//! Completeness of a handoff's brief: a score from 0 to 100 with a reason for every point missing (protocol
//! section 2, completeness).
//!
//! The points say how much a receiver loses when a part is absent. What a producer must send is worth 40 of
//! them, so a minimal handoff starts there; the rest is what saves the receiver from asking back. An empty
//! list counts in full: "none" is an answer, silence is not.

use serde::{Deserialize, Serialize};

use super::contract::Contract;

/// A score and everything that keeps it from 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// `0..=100`; 100 when nothing is missing.
    pub score: u8,
    /// The parts that are missing, those worth most points first; empty when the score is 100.
    pub missing: Vec<Missing>,
}

/// One part that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// JSON pointer to the place where the part belongs.
    pub path: String,
    /// Points that it would add to the score, from 1.
    pub points: u8,
    /// The cost to the receiver of going without it, as a sentence.
    pub why: String,
}

/// Scores a contract. The points below add up to 100.
pub fn completeness(contract: &Contract) -> Completeness {
    let brief = &contract.brief;
    let said = |text: &str| !text.trim().is_empty();
    let parts: [(bool, &str, u8, &str); 17] = [
        (said(&brief.title), "/brief/title", 5, "nobody can tell from a list what this is"),
        (said(&brief.goal), "/brief/goal", 5, "the receiver cannot judge what serves the purpose"),
        (
            said(&brief.current_state),
            "/brief/current_state",
            10,
            "the receiver starts by finding out where things stand",
        ),
        (said(&brief.next_step), "/brief/next_step", 10, "the receiver has to guess what to do first"),
        (
            brief.definition_of_done.iter().any(|done| said(&done.item)),
            "/brief/definition_of_done",
            5,
            "nobody can tell when it is finished",
        ),
        (said(&brief.owner.id), "/brief/owner", 5, "nobody is responsible"),
        (brief.decisions.is_some(), "/brief/decisions", 8, "settled questions may be opened again"),
        (brief.constraints.is_some(), "/brief/constraints", 8, "the receiver may change what has to stay"),
        (brief.completed.is_some(), "/brief/completed", 6, "finished work may be done again"),
        (brief.source_links.is_some(), "/brief/source_links", 6, "claims cannot be checked at their origin"),
        (brief.tried.is_some(), "/brief/tried", 4, "dead ends may be walked again"),
        (brief.key_facts.is_some(), "/brief/key_facts", 4, "facts have to be looked up again"),
        (brief.blockers.is_some(), "/brief/blockers", 4, "obstacles come as a surprise"),
        (brief.pending_approvals.is_some(), "/brief/pending_approvals", 4, "missing consent comes as a surprise"),
        (brief.urgency.is_some(), "/brief/urgency", 4, "it waits in the normal queue whatever it is"),
        (contract.quality.is_some(), "/quality", 8, "the receiver cannot tell checked work from a draft"),
        (contract.classification.is_some(), "/classification", 4, "it is treated as internal whatever it holds"),
    ];
    let mut missing: Vec<Missing> = parts
        .into_iter()
        .filter(|(present, ..)| !present)
        .map(|(_, path, points, why)| Missing { path: path.to_owned(), points, why: why.to_owned() })
        .collect();
    missing.sort_by_key(|missing| std::cmp::Reverse(missing.points));
    let lost: u8 = missing.iter().map(|missing| missing.points).sum();
    Completeness { score: 100_u8.saturating_sub(lost), missing }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::contract::example;

    fn full() -> Contract {
        let mut contract = example();
        contract.brief.key_facts = Some(vec!["Five vendors".into()]);
        contract.brief.blockers = Some(Vec::new());
        contract.brief.pending_approvals = Some(Vec::new());
        contract
    }

    #[test]
    fn a_whole_contract_scores_100_and_empty_lists_are_answers() {
        assert_eq!(completeness(&full()), Completeness { score: 100, missing: Vec::new() });
    }

    #[test]
    fn the_example_loses_exactly_what_it_does_not_say() {
        let found = completeness(&example());
        let paths: Vec<&str> = found.missing.iter().map(|missing| missing.path.as_str()).collect();
        assert_eq!(paths, ["/brief/key_facts", "/brief/blockers", "/brief/pending_approvals"]);
        assert_eq!(found.score, 88);
    }

    #[test]
    fn what_is_required_is_worth_40_and_every_optional_part_its_points() {
        let mut value = full().to_value();
        let optional = [
            "decisions",
            "constraints",
            "completed",
            "source_links",
            "tried",
            "key_facts",
            "blockers",
            "pending_approvals",
            "urgency",
        ];
        let mut last = 100;
        let score = |value: &Value| completeness(&serde_json::from_value(value.clone()).unwrap()).score;
        for name in optional {
            value["brief"].as_object_mut().unwrap().remove(name).unwrap();
            assert!(score(&value) < last, "{name}");
            last = score(&value);
        }
        for name in ["quality", "classification"] {
            value.as_object_mut().unwrap().remove(name).unwrap();
            assert!(score(&value) < last, "{name}");
            last = score(&value);
        }
        assert_eq!(last, 40);
        value["brief"]["goal"] = json!("   ");
        assert_eq!(score(&value), 35, "blank text says nothing");
    }

    #[test]
    fn nothing_at_all_scores_zero() {
        let mut contract = full();
        let brief = &mut contract.brief;
        for text in
            [&mut brief.title, &mut brief.goal, &mut brief.current_state, &mut brief.next_step, &mut brief.owner.id]
        {
            text.clear();
        }
        brief.definition_of_done.clear();
        brief.decisions = None;
        brief.constraints = None;
        brief.completed = None;
        brief.source_links = None;
        brief.tried = None;
        brief.key_facts = None;
        brief.blockers = None;
        brief.pending_approvals = None;
        brief.urgency = None;
        contract.quality = None;
        contract.classification = None;
        let found = completeness(&contract);
        assert_eq!(found.score, 0);
        assert_eq!(found.missing.iter().map(|missing| u32::from(missing.points)).sum::<u32>(), 100);
    }
}
