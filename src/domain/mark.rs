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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_number_on_the_wire_only_where_it_is_one() {
        for (mark, json) in [("7", "7"), ("007", "\"007\""), ("+7", "\"+7\""), ("1f-2", "\"1f-2\""), ("", "\"\"")] {
            let mark = Cursor::from(mark);
            assert_eq!(serde_json::to_string(&mark).unwrap(), json);
            assert_eq!(serde_json::from_str::<Cursor>(json).unwrap(), mark);
        }
    }
}
