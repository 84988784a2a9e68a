//! Identity is computed, not coordinated: handoff, effect and compensation keys (protocol section 2).
//!
//! A key is a hash over what the work *is* (trace, step, branch, effect number), so a producer that crashed
//! and runs again arrives at the same key without asking anybody. Bad inputs are refused, never repaired:
//! a repaired input would give two producers two keys for one piece of work.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first number of a branch beside a run: no fan-out has that many follow-ups.
const BESIDE: u64 = 1 << 63;
/// The highest step a handoff can have, `2^31 - 1`.
pub const STEP_MAX: u32 = 2_147_483_647;
/// The longest branch in bytes.
pub const BRANCH_MAX: usize = 64;

/// Reason for which an input cannot become part of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The trace id is not 32 lower-case hexadecimal digits, or all zero.
    #[error("{0} is not a trace id: it has to be 32 lower-case hexadecimal digits, not all zero")]
    Trace(String),
    /// The branch is not `""` or decimal numbers joined by dots.
    #[error("{0} is not a branch: it has to be empty or numbers joined by dots, such as 1.0, at most 64 characters")]
    Branch(String),
    /// The step is above [`STEP_MAX`].
    #[error("step {0} is too large: the last step is 2147483647")]
    Step(u64),
    /// The key is not a prefix and 64 lower-case hexadecimal digits.
    #[error("{text} is not a key: it has to be {prefix} and 64 lower-case hexadecimal digits")]
    Key {
        /// The text that was given, shortened and escaped.
        text: String,
        /// The prefix expected, such as `hk1_`.
        prefix: &'static str,
    },
    /// Effects are numbered from 1.
    #[error("effect 0 does not exist: effects are numbered from 1")]
    Effect,
    /// A list index outside its list.
    #[error("follow-up {index} of {count} does not exist")]
    Index {
        /// The index given, counted from 0.
        index: usize,
        /// Number of follow-ups there are.
        count: usize,
    },
}

fn shown(text: &str) -> String {
    const MAX_EXAMPLE: usize = 80;
    let cut: String = text.chars().take(MAX_EXAMPLE).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

fn lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Gives a checked text its common traits, so that a wrong one cannot be built or read from JSON.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the text exactly as it is.
            ///
            /// # Errors
            /// Fails when it is not in the one accepted form; nothing is trimmed or lower-cased.
            pub fn parse(text: &str) -> Result<Self, KeyError> {
                $check(text).map(|()| Self(text.to_owned()))
            }

            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyError;
            fn try_from(text: String) -> Result<Self, KeyError> {
                $check(&text).map(|()| Self(text))
            }
        }

        impl FromStr for $name {
            type Err = KeyError;
            fn from_str(text: &str) -> Result<Self, KeyError> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text! {
    /// A W3C trace id: 32 lower-case hexadecimal digits, not all zero. It is the run id as well.
    TraceId, |text: &str| if lower_hex(text, 32) && text.bytes().any(|byte| byte != b'0') {
        Ok(())
    } else {
        Err(KeyError::Trace(shown(text)))
    }
}
checked_text! {
    /// The key of a handoff, `hk1_` and 64 hexadecimal digits: the same work always has the same one.
    HandoffKey, |text: &str| prefixed(text, "hk1_")
}
checked_text! {
    /// The key of one side effect, `ek1_` and 64 hexadecimal digits. It is sent to the outside system as
    /// its idempotency key.
    EffectKey, |text: &str| prefixed(text, "ek1_")
}
checked_text! {
    /// The key of undoing one side effect, `ck1_` and 64 hexadecimal digits.
    CompensationKey, |text: &str| prefixed(text, "ck1_")
}

fn prefixed(text: &str, prefix: &'static str) -> Result<(), KeyError> {
    match text.strip_prefix(prefix) {
        Some(hex) if lower_hex(hex, 64) => Ok(()),
        _ => Err(KeyError::Key { text: shown(text), prefix }),
    }
}

/// `prefix` and the lower-case hexadecimal SHA-256 of `input`.
pub(crate) fn hashed(prefix: &str, input: &[u8]) -> String {
    hexadecimal(prefix, &Sha256::digest(input))
}

/// `prefix`, and two lower-case hexadecimal digits for each byte.
pub(crate) fn hexadecimal(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + 2 * bytes.len());
    text.push_str(prefix);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The key of the handoff at this position of a trace (protocol section 2, "exact bytes").
///
/// # Errors
/// Fails when `step` or `branch` is not in the one accepted form.
pub fn handoff_key(trace: &TraceId, step: u32, branch: &str) -> Result<HandoffKey, KeyError> {
    check_step(step)?;
    check_branch(branch)?;
    let input = format!("handoff-key/1\n{trace}\n{step}\n{branch}");
    Ok(HandoffKey(hashed("hk1_", input.as_bytes())))
}

/// The key of effect `n` (from 1) of the handoff an agent is working on.
///
/// # Errors
/// Fails when `n` is 0.
pub fn effect_key(handoff: &HandoffKey, n: u32) -> Result<EffectKey, KeyError> {
    if n == 0 {
        return Err(KeyError::Effect);
    }
    Ok(EffectKey(hashed("ek1_", format!("effect-key/1\n{handoff}\n{n}").as_bytes())))
}

/// The key of undoing `effect`.
#[cfg_attr(not(test), expect(dead_code, reason = "fixed by the protocol; nothing here undoes effects yet"))]
pub fn compensation_key(effect: &EffectKey) -> CompensationKey {
    CompensationKey(hashed("ck1_", format!("compensation-key/1\n{effect}").as_bytes()))
}

/// Refuses a step above [`STEP_MAX`].
///
/// # Errors
/// [`KeyError::Step`].
pub fn check_step(step: u32) -> Result<(), KeyError> {
    if step > STEP_MAX { Err(KeyError::Step(step.into())) } else { Ok(()) }
}

/// Refuses a branch that is not empty or decimal numbers without leading zeros joined by dots.
///
/// # Errors
/// [`KeyError::Branch`].
pub fn check_branch(branch: &str) -> Result<(), KeyError> {
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    if branch.is_empty() || branch.len() <= BRANCH_MAX && branch.split('.').all(number) {
        Ok(())
    } else {
        Err(KeyError::Branch(shown(branch)))
    }
}

/// Position of follow-up `index` (from 0) of `count` when the handoff at (`step`, `branch`) is done: one step
/// further, and on a branch of its own when there are several (protocol section 2, step rules).
///
/// # Errors
/// Fails when there is no such follow-up, or the position would leave the accepted range.
pub fn next_position(step: u32, branch: &str, index: usize, count: usize) -> Result<(u32, String), KeyError> {
    check_branch(branch)?;
    if index >= count {
        return Err(KeyError::Index { index, count });
    }
    let step = following(step)?;
    let branch = match (count, branch) {
        (1, same) => same.to_owned(),
        (_, "") => index.to_string(),
        (_, parent) => format!("{parent}.{index}"),
    };
    check_branch(&branch)?;
    Ok((step, branch))
}

/// The branch beside a run on which a peer from outside hands something to it: always the same for the same work, so that
/// a repeat finds its key taken by itself, and never one of the run's own.
pub fn peer_branch(source: &str, target: &str, stage: &str) -> String {
    (number_of(source, target, stage) | BESIDE).to_string()
}

/// The branch below another one that is this work's own, where other work has its place: always the same, too.
pub fn own_branch(parent: &str, source: &str, target: &str, stage: &str) -> String {
    let number = number_of(source, target, stage) & !BESIDE;
    if parent.is_empty() { number.to_string() } else { format!("{parent}.{number}") }
}

/// The first 8 bytes of a hash over what is the same whenever the same work comes again.
fn number_of(source: &str, target: &str, stage: &str) -> u64 {
    let digest = Sha256::digest(format!("peer-branch/1\n{source}\n{target}\n{stage}").as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The number of the branch beside the run that a branch belongs to; `None` for the run's own branches.
pub fn beside(branch: &str) -> Option<u64> {
    let first = branch.split('.').next().unwrap_or_default();
    first.parse().ok().filter(|it| *it >= BESIDE)
}

fn following(step: u32) -> Result<u32, KeyError> {
    let next = step.checked_add(1).ok_or(KeyError::Step(u64::from(step) + 1))?;
    check_step(next).map(|()| next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn every_published_vector_holds() {
        let vectors = [
            (TRACE, 1, "", "8fe811b494d09c04930b60fb8d7cc4e3420156094255998fe7b004121a77afd1"),
            (TRACE, 2, "", "502333e90f04c59560f35385610c2e85edd12f5de83da989f2afae9988f10669"),
            (TRACE, 12, "", "61dfb5a910dfa35154350ec266a3fae61bd0fd9dd773e3190fb4cd50f42a513b"),
            (TRACE, 3, "0", "6d55c767042d63ed44723cca5c1d5fb1e88eadc0e5cdb58dff530e0b5fbd5854"),
            (TRACE, 3, "1", "5d4f63d92ce5cca1929fca9be3aa6452f4445425c6dc8b0694ca7f69abefbb62"),
            (TRACE, 4, "1.0", "26644f285ce3c1d01f3cd276cf4bb60cc510967fef30ab0c6d4df15984d9a67d"),
            (
                "0af7651916cd43dd8448eb211c80319c",
                STEP_MAX,
                "",
                "c18ce55455795d40a6e3e6abe70f1c97def3ce1db53e2556c3a2637311ca2046",
            ),
        ];
        for (trace, step, branch, hex) in vectors {
            let key = handoff_key(&TraceId::parse(trace).unwrap(), step, branch).unwrap();
            assert_eq!(key.as_str(), format!("hk1_{hex}"));
        }
        let handoff =
            HandoffKey::parse("hk1_8fe811b494d09c04930b60fb8d7cc4e3420156094255998fe7b004121a77afd1").unwrap();
        let effect = effect_key(&handoff, 1).unwrap();
        assert_eq!(effect.as_str(), "ek1_b73048b06a9deec02d2045af0507022e2aefae571f004d5cc6aee72488662487");
        let undo = compensation_key(&effect);
        assert_eq!(undo.as_str(), "ck1_3fe752910a17e46fd150f44bcb5831f107bd23019bb8004902a2fe9c0c73a63d");
    }

    #[test]
    fn the_branch_of_a_peer_is_found_again_and_is_none_of_the_run() {
        let branch = peer_branch("auditor", "writer", "draft");
        assert_eq!(branch, "14146252525415550667");
        assert_eq!(check_branch(&branch), Ok(()));
        let number = branch.parse().ok();
        let own = own_branch("", "auditor", "writer", "draft");
        assert_eq!((beside(&own), own_branch("2", "auditor", "writer", "draft")), (None, format!("2.{own}")));
        assert_eq!((beside(&branch), beside(&format!("{branch}.3.0"))), (number, number));
        for own in ["", "0", "3.9223372036854775808", "9223372036854775807", "99999999999999999999999"] {
            assert_eq!(beside(own), None, "{own}");
        }
        for other in [("auditors", "writer", "draft"), ("auditor", "editor", "draft"), ("auditor", "writer", "review")]
        {
            assert_ne!(peer_branch(other.0, other.1, other.2), branch);
        }
    }

    #[test]
    fn bad_inputs_are_refused_not_repaired() {
        for bad in [
            "",
            "0",
            "00000000000000000000000000000000",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            " 4bf92f3577b34da6a3ce929d0e0e473",
            "4bf92f3577b34da6a3ce929d0e0e47361",
        ] {
            assert!(TraceId::parse(bad).is_err(), "{bad}");
            assert!(serde_json::from_value::<TraceId>(bad.into()).is_err(), "{bad}");
        }
        let trace = TraceId::parse(TRACE).unwrap();
        assert_eq!(handoff_key(&trace, STEP_MAX + 1, ""), Err(KeyError::Step(u64::from(STEP_MAX) + 1)));
        for bad in [".", "0.", ".0", "01", "-1", "a", "1..0", "1\n", "0 ", "٣"] {
            assert!(matches!(handoff_key(&trace, 1, bad), Err(KeyError::Branch(_))), "{bad}");
        }
        assert!(check_branch(&"1.".repeat(33)).is_err());
        assert!(HandoffKey::parse("ek1_b73048b06a9deec02d2045af0507022e2aefae571f004d5cc6aee72488662487").is_err());
        let key = handoff_key(&trace, 0, "").unwrap();
        assert_eq!(effect_key(&key, 0), Err(KeyError::Effect));
    }

    #[test]
    fn errors_show_hostile_input_escaped_and_short() {
        let message = TraceId::parse(&"\u{1b}[2J".repeat(100)).unwrap_err().to_string();
        assert!(message.contains("\\u{1b}") && !message.contains('\u{1b}'));
        assert!(message.len() < 400);
    }

    #[test]
    fn a_chain_keeps_its_branch_and_a_fan_out_numbers_it() {
        assert_eq!(next_position(0, "", 0, 1), Ok((1, String::new())));
        assert_eq!(next_position(4, "1", 0, 1), Ok((5, "1".into())));
        assert_eq!(next_position(1, "", 1, 2), Ok((2, "1".into())));
        assert_eq!(next_position(2, "1", 0, 3), Ok((3, "1.0".into())));
        assert_eq!(next_position(2, "", 2, 2), Err(KeyError::Index { index: 2, count: 2 }));
        assert!(next_position(STEP_MAX, "", 0, 1).is_err());
        assert!(next_position(u32::MAX, "", 0, 1).is_err());
        let deep = vec!["1"; 32].join(".");
        assert!(next_position(1, &deep, 10, 20).is_err(), "65 characters or more");
    }
}
