//! Which context is in force, and which addresses with it.

use super::context::Context;
use super::file::nearest;
use super::{Origin, Setting, VARIABLE};

/// The line of a value of the file, from 1; 0 of any other.
pub(super) const fn line_of(origin: &Origin) -> usize {
    match origin {
        Origin::File(_, line) => *line,
        Origin::Flag(_) | Origin::Environment(_) | Origin::Default => 0,
    }
}

/// The context of this name; else the line it is named in, and what is wrong with it.
pub(super) fn find(contexts: &[Context], named: Setting<String>) -> Result<Setting<Context>, (usize, String)> {
    if let Some(found) = contexts.iter().find(|it| it.name == named.value) {
        return Ok(named.map(|_| found.clone()));
    }
    let known: Vec<&str> = contexts.iter().map(|it| it.name.as_str()).collect();
    let meant = nearest(&named.value, known.iter().copied()).map(|it| format!("did you mean {it}? "));
    let there_are = if known.is_empty() {
        "the configuration has none: write a table [contexts.NAME]".to_owned()
    } else {
        format!("{}there is {}", meant.unwrap_or_default(), known.join(", "))
    };
    let by = match &named.origin {
        Origin::File(..) => String::new(),
        elsewhere => format!(" ({elsewhere})"),
    };
    Err((line_of(&named.origin), format!("there is no context {:?}{by}; {there_are}", named.value)))
}

/// The context and the addresses in force. An address that is said louder than the context is another place, of which
/// the context says nothing: it is left out, with its token. One that is said as loud takes the place of its own.
pub(super) fn place(
    context: Option<Setting<Context>>,
    addresses: Setting<Vec<String>>,
) -> (Option<Setting<Context>>, Setting<Vec<String>>) {
    let Some(context) = context else {
        return (None, addresses);
    };
    let (address, named) = (addresses.origin.strength(), context.origin.strength());
    if address > named {
        return (None, addresses);
    }
    // In the file the address is for where no context is named.
    let own = address < named || address < VARIABLE;
    let addresses = if own { context.value.addresses.clone() } else { addresses };
    (Some(context), addresses)
}
