//! Names and times straight out of JSON text, without a `String` in between: a console that starts reads hundreds
//! of thousands of them.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a text and makes `T` of it.
pub(super) fn text<'de, D, T>(from: D, make: impl FnOnce(&str) -> Result<T, String>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_str(Text(make, PhantomData))
}

/// Reads a text that is shared from then on.
pub(super) fn shared<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    text(from, |text| Ok(text.into()))
}

/// Reads a name that many things have: of an agent, a pipeline, a stage. Those read lately are shared.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    text(from, |text| Ok(NAMES.with_borrow_mut(|names| names.get(text))))
}

thread_local! {
    static NAMES: RefCell<Names> = RefCell::default();
}

/// The name read last in each slot; every name has one slot that it may be in.
struct Names([Option<Arc<str>>; Self::SLOTS]);

impl Names {
    const SLOTS: usize = 256;

    fn get(&mut self, text: &str) -> Arc<str> {
        // FNV-1a: a poor slot only costs a copy.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let slot = &mut self.0[hash as usize % Self::SLOTS];
        match slot {
            Some(name) if **name == *text => Arc::clone(name),
            _ => Arc::clone(slot.insert(text.into())),
        }
    }
}

impl Default for Names {
    fn default() -> Self {
        Self([const { None }; Self::SLOTS])
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_never_taken_for_another() {
        let mut names = Names::default();
        for nth in 0..2 * Names::SLOTS {
            let text = format!("agent-{nth}");
            let (first, second) = (names.get(&text), names.get(&text));
            assert_eq!(*first, *text);
            assert!(Arc::ptr_eq(&first, &second));
        }
        assert_eq!(*names.get("agent-0"), *"agent-0");
    }
}
