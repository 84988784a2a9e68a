//! Names and times straight out of JSON text, without a `String` in between: a console that starts reads hundreds
//! of thousands of them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a text and makes `T` of it.
pub(super) fn text<'de, D, T>(
    from: D,
    make: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_str(Text(make, PhantomData))
}

/// Reads a text that is shared from then on.
pub(super) fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    text(from, |text| Ok(text.into()))
}

struct Text<F, T>(F, PhantomData<T>);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<F, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}
