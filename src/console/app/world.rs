//! The world of the console: one feed per source, the present, and the settings of the view.

use crate::domain::bearer::Roles;
use crate::domain::port::{ActKind, SourceId};
use crate::domain::text::age;
use crate::domain::time::{Millis, Time};

use super::feed::{Feed, Link, STALE_AFTER};
use super::msg::Size;

/// Everything the screens read. They never change it.
#[derive(Debug)]
pub struct World {
    /// The present, by the clock of this machine; it goes on when that is set back.
    pub now: Time,
    /// By how many milliseconds the clock of this machine was set back since the console was opened; 0 when it was not.
    pub set_back: Millis,
    /// The sources; a [`SourceId`] is an index here.
    pub feeds: Vec<Feed>,
    /// Name of the operator, where the source does not know better: see [`World::you`].
    pub operator: String,
    /// The reason that acts are locked altogether; `None` when they are not.
    pub locked: Option<String>,
    /// Instant that the screen is frozen since; `None` when it is live.
    pub frozen: Option<Time>,
    /// Format of times on the screen.
    pub time_format: TimeFormat,
    /// Offset of local time from UTC at an instant, in milliseconds: it changes with the season.
    pub local_offset: fn(Time) -> Millis,
    /// Size of the terminal.
    pub size: Size,
}

/// Format of times on the screen; `t` goes round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Time of day in UTC, such as `03:12:44`.
    #[default]
    Utc,
    /// Time of day where the user is.
    Local,
    /// Age, such as `18m ago`.
    Relative,
}

impl World {
    /// A feed by its id.
    pub fn feed(&self, id: SourceId) -> Option<&Feed> {
        self.feeds.get(usize::from(id.0))
    }

    /// Your name at a source: the subject of the token where it knows one, else the name you act under.
    pub fn you(&self, source: SourceId) -> &str {
        let known = self.feed(source).and_then(|it| it.can()?.you.as_deref());
        known.unwrap_or(&self.operator)
    }

    /// A time as the user wants to read it; `now` is the present of the source it comes from.
    pub fn stamp(&self, at: Time, now: Time) -> String {
        match self.time_format {
            TimeFormat::Utc => at.utc().format("%H:%M:%S").to_string(),
            TimeFormat::Local => self.local(at).utc().format("%H:%M:%S").to_string(),
            TimeFormat::Relative => format!("{} ago", age(at.age(now))),
        }
    }

    /// The reason that nobody with your token answers what is asked of `role` at a source; `None` when you may, also where
    /// no role is asked.
    pub fn lacks_role(&self, source: SourceId, role: &str) -> Option<String> {
        let roles = &self.feed(source)?.can()?.roles;
        (!role.is_empty() && !roles.include(role)).then(|| match roles {
            Roles::Only(held) if !held.is_empty() => {
                let held: Vec<&str> = held.iter().map(String::as_str).collect();
                format!("{role} are asked, and your token has the role {} only", held.join(", "))
            }
            Roles::Only(_) | Roles::All => format!("{role} are asked, and your token has no role"),
        })
    }

    /// An instant moved by the local offset it has: as a calendar time it is what local clocks said.
    pub fn local(&self, at: Time) -> Time {
        at + (self.local_offset)(at)
    }

    /// The reason that this act is locked on this source now; `None` when it is not. Said in the footer when the
    /// key is pressed, and in the help.
    pub fn lock(&self, source: SourceId, act: ActKind) -> Option<String> {
        let feed = self.feed(source)?;
        if self.locked.is_some() {
            return self.locked.clone();
        }
        if let Some(Err(why)) = feed.can().map(|can| can.may(act)) {
            return Some(why.to_owned());
        }
        if let Link::Down { since, .. } = feed.link() {
            return Some(format!("{} unreachable for {}: acting waits for it", feed.name, age(since.age(self.now))));
        }
        if let Some(frozen) = self.frozen
            && frozen.age(self.now) > STALE_AFTER
        {
            return Some(format!(
                "the screen stands still since {}: go on with the live data first",
                age(frozen.age(self.now))
            ));
        }
        match feed.data_age(self.now) {
            None => Some(format!("{} has not sent anything yet", feed.name)),
            Some(old) if old > STALE_AFTER => {
                Some(format!("the data is {} old: acting waits until it is fresh", age(old)))
            }
            Some(_) => None,
        }
    }
}
