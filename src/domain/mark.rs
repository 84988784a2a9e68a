//! Marks that a source makes and takes back: texts that mean something to that source only.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A mark on the wire: an orchestrator of ours writes numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wire {
    Number(u64),
    Text(String),
}

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text, as the source made it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The number that it is made of, for the sources that make it of one; `None` for any other text, such as
            /// `007`, which no number is written as.
            pub fn number(&self) -> Option<u64> {
                self.0.parse().ok().filter(|number: &u64| number.to_string() == *self.0)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number.to_string().into())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self.number() {
                    Some(number) => to.serialize_u64(number),
                    None => to.serialize_str(&self.0),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(match Wire::deserialize(from)? {
                    Wire::Number(number) => number.into(),
                    Wire::Text(text) => text.as_str().into(),
                })
            }
        }
    )*};
}

marks! {
    /// State in which something was seen. An act names it, and is refused with a conflict when it is another by now.
    SeenToken

    /// Position in a source's log, from which that source can go on. Nobody else compares it or counts with it; empty
    /// when the source keeps no log.
    Cursor
}

impl Cursor {
    /// The position in a log of ours, with the name of the log: `17-9f2c41aa`. A position in another log is another one,
    /// though the number is the same.
    pub fn in_log(position: u64, log: &str) -> Self {
        Self(format!("{position}-{log}").into())
    }

    /// The position in a log of ours, whether it names the log or not; `None` for any other text.
    pub fn position(&self) -> Option<u64> {
        Self::from(self.0.split_once('-').map_or(&*self.0, |(position, _)| position)).number()
    }

    /// Whether it is of this log, or names none.
    pub fn fits(&self, log: &str) -> bool {
        self.0.split_once('-').is_none_or(|(_, named)| named == log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_fits_its_own_log_only() {
        let cursor = Cursor::in_log(17, "9f2c");
        assert_eq!((cursor.as_str(), cursor.position(), cursor.number()), ("17-9f2c", Some(17), None));
        assert!(cursor.fits("9f2c") && !cursor.fits("9f2d") && Cursor::from(17).fits("9f2c"));
        assert_eq!((Cursor::from(17).position(), Cursor::from("x-9f2c").position()), (Some(17), None));
    }

    #[test]
    fn a_mark_is_a_number_on_the_wire_only_where_it_is_one() {
        for (mark, json) in [("7", "7"), ("007", "\"007\""), ("+7", "\"+7\""), ("1f-2", "\"1f-2\""), ("", "\"\"")] {
            let mark = Cursor::from(mark);
            assert_eq!(serde_json::to_string(&mark).unwrap(), json);
            assert_eq!(serde_json::from_str::<Cursor>(json).unwrap(), mark);
        }
    }
}
