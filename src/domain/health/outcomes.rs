//! The last few handoffs that settled on an edge: what stands in for five minutes in which too few did.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::signal::Rate;
use crate::domain::wire;

/// Whether each of the last handoffs that settled needed a retry, the latest last; at most [`MOST`](Self::MOST).
///
/// Written as a text of a `1` for each that did and a `0` for each that did not: a slice of time costs some bytes more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    count: u8,
    /// The latest in the lowest bit; nothing above those that count.
    bits: u8,
}

impl Outcomes {
    /// Handoffs that are remembered.
    pub const MOST: u8 = 5;

    /// True when none settled.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde passes references
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes up the latest.
    pub const fn push(&mut self, retried: bool) {
        self.bits = (self.bits << 1 | retried as u8) & ((1 << Self::MOST) - 1);
        if self.count < Self::MOST {
            self.count += 1;
        }
    }

    /// Takes up all of `later`.
    pub fn append(&mut self, later: Self) {
        later.iter().for_each(|retried| self.push(retried));
    }

    /// The last `n` of them.
    #[must_use]
    pub fn last(self, n: u32) -> Self {
        let count = u32::from(self.count).min(n) as u8;
        Self { count, bits: self.bits & ((1 << count) - 1) }
    }

    /// Those of them that needed a retry, of all of them.
    pub fn rate(self) -> Rate {
        Rate { k: self.bits.count_ones(), n: self.count.into() }
    }

    fn iter(self) -> impl Iterator<Item = bool> {
        (0..self.count).rev().map(move |nth| self.bits >> nth & 1 == 1)
    }
}

impl Serialize for Outcomes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.iter().map(|retried| if retried { '1' } else { '0' }).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Outcomes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::text(deserializer, |text| {
            let mut outcomes = Self::default();
            for one in text.chars() {
                match one {
                    '0' | '1' => outcomes.push(one == '1'),
                    _ => return Err(format!("`{text}` does not say by 0 and 1 what needed a retry")),
                }
            }
            Ok(outcomes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Outcomes {
        serde_json::from_str(&format!("\"{text}\"")).unwrap()
    }

    #[test]
    fn the_latest_five_are_kept_and_written() {
        let mut it = of("11");
        it.append(of("0010"));
        assert_eq!(serde_json::to_string(&it).unwrap(), "\"10010\"");
        assert_eq!(it.rate(), Rate { k: 2, n: 5 });
        assert_eq!((it.last(3), it.last(9)), (of("010"), it));
        assert_eq!(it.last(0).rate(), Rate { k: 0, n: 0 });
        assert!(serde_json::from_str::<Outcomes>("\"0x1\"").unwrap_err().to_string().contains("0x1"));
    }
}
