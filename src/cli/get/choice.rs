//! Choice of rows by id and by filter, as the command line asked for them.

use super::{Args, Row};
use crate::cli::look::Look;
use crate::cli::{Exit, Stop};
use crate::domain::query::Query;

/// Filter and ids that rows are matched against, one row after the other.
pub struct Choice<'a> {
    query: Query,
    ids: Vec<Id<'a>>,
    /// Rows that there were to choose from.
    offered: usize,
}

struct Id<'a> {
    text: &'a str,
    found: bool,
}

impl<'a> Choice<'a> {
    /// The choice that the command line makes among rows with these fields.
    ///
    /// # Errors
    /// The filter names a field that does not exist.
    pub fn new(args: &'a Args, fields: &[&'static str]) -> Result<Self, Stop> {
        let usage = |why| Stop::new(Exit::Usage, format!("--filter: {why}"));
        let id = |text: &'a String| Id { text, found: false };
        Ok(Self {
            query: Query::parse(&args.filter, fields).map_err(usage)?,
            ids: args.ids.iter().map(id).collect(),
            offered: 0,
        })
    }

    /// Whether all rows are asked for: there is neither a filter nor an id.
    pub fn is_everything(&self) -> bool {
        self.query.is_empty() && self.ids.is_empty()
    }

    /// Whether this row was asked for.
    pub fn keeps<T: Row>(&mut self, row: &T) -> bool {
        self.offered += 1;
        let mut named = self.ids.is_empty();
        for id in self.ids.iter_mut().filter(|id| row.is(id.text)) {
            (id.found, named) = (true, true);
        }
        named && self.query.matches(row)
    }

    /// Every id that was asked for is one.
    ///
    /// # Errors
    /// The first that nothing has; a pipeline or an edge without rows is no mistake.
    pub fn check(&self, look: &Look) -> anyhow::Result<()> {
        let known = |id: &str| {
            let mut edges = look.ledger.edges();
            edges.any(|it| *it.edge.pipeline == *id || it.edge.to_string() == id)
        };
        let missing = self.ids.iter().find(|id| !id.found && !known(id.text));
        if let Some(id) = missing {
            // Several may have it, with a run in front of it or with its middle left out.
            look.whole(id.text)?;
            anyhow::bail!("nothing here has the id {} ({})", id.text, look.address);
        }
        Ok(())
    }

    /// The sentence that explains an empty result; `many` is the plural noun of the rows.
    pub fn why_none(&self, look: &Look, many: &str) -> String {
        let at = format!("nothing to show at {} as of {}", look.address, look.as_of);
        if look.live && look.events.is_empty() {
            format!("{at}: the store is empty")
        } else if self.offered == 0 {
            format!("{at}: there are no {many}")
        } else {
            let none = match self.offered {
                1 => "the only one does not".to_owned(),
                offered => format!("none of {offered} {many}"),
            };
            let what = if self.query.is_empty() { "belong to that" } else { "match the filter" };
            format!("{at}: {none} {what}")
        }
    }
}
