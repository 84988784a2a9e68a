//! The page of one handoff, laid out for people: a screen draws it, and `seam show` prints it.

mod annotations;
mod attempts;
mod brief;
mod contract;
mod doc;
mod origin;
mod quality;
mod question;
mod revealed;

pub use annotations::annotations;
pub use doc::{Doc, TextRole, Viewport};
pub use question::{call, question};
pub use revealed::revealed;

use crate::domain::contract::Contract;
use crate::domain::port::Body;
use crate::domain::report::{InboxRow, Outlook};
use crate::domain::run::{Annotated, Handoff, State};
use crate::domain::time::Time;

/// One handoff as far as it is known: each part of its page is a method.
pub struct Subject<'a> {
    /// The handoff as it stands.
    pub it: &'a Handoff,
    /// Its body.
    pub body: Shown<'a>,
    /// The question a person is asked about it; `None` when nobody is.
    pub question: Option<&'a InboxRow>,
    /// Verdicts of people on its run and on the handoffs in it, oldest first.
    pub annotations: &'a [Annotated],
    /// Outlook for a requeue; `None` unless it is a dead letter.
    pub outlook: Option<Outlook>,
    /// The present of its source.
    pub now: Time,
    /// The format of a time.
    pub stamp: &'a dyn Fn(Time) -> String,
}

/// The body of a handoff, as far as it can be shown.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// A contract, in its parts.
    Contract(&'a Contract),
    /// A body that is shown as it is, and why it is not shown as a contract.
    Other(&'a Body, &'a str),
    /// There is none to show, and why.
    Missing(&'a str),
}

impl<'a> Shown<'a> {
    /// A body that was fetched, with its parts as [`Body::parts`] gives them.
    pub fn of(body: &'a Body, parts: &'a Result<Contract, String>) -> Self {
        match parts {
            Ok(contract) => Self::Contract(contract),
            Err(why) => Self::Other(body, why),
        }
    }

    /// The parts of the contract, or why they cannot be shown.
    pub const fn contract(self) -> Result<&'a Contract, &'a str> {
        match self {
            Self::Contract(contract) => Ok(contract),
            Self::Other(_, why) | Self::Missing(why) => Err(why),
        }
    }

    /// Lays out a body that is no contract, whole; nothing of any other.
    fn as_it_is(self, doc: &mut Doc) {
        if let Self::Other(body, _) = self {
            doc.head("BODY");
            raw(doc, body);
        }
    }
}

impl Subject<'_> {
    /// Enough to decide: the question that waits for a person, else what is asked of the receiver and where it stands.
    pub fn brief(&self, doc: &mut Doc) {
        if let Some(row) = self.question {
            question(doc, row, self.body);
            return annotations(doc, self.annotations, Some(&self.it.id), self.stamp);
        }
        match self.body.contract() {
            Ok(contract) => brief::brief(doc, contract),
            Err(why) => brief::head(doc, self.it, why),
        }
        self.standing(doc);
        self.body.as_it_is(doc);
        annotations(doc, self.annotations, Some(&self.it.id), self.stamp);
    }

    /// The six fields of the contract, and what is wrong or missing.
    pub fn contract(&self, doc: &mut Doc) {
        match self.body.contract() {
            Ok(contract) => contract::fields(doc, contract, self.it),
            Err(why) => brief::head(doc, self.it, why),
        }
    }

    /// The side effects: everything written to the outside, with the outlook for a requeue of a dead letter.
    pub fn effects(&self, doc: &mut Doc) {
        match self.body.contract() {
            Ok(contract) => origin::effects(doc, contract, self.it),
            Err(why) => return doc.paragraph(TextRole::Dim, why),
        }
        if self.outlook.is_some() {
            doc.gap();
            self.requeue(doc);
        }
    }

    /// The provenance: model, prompt, tool calls in order.
    pub fn provenance(&self, doc: &mut Doc) {
        match self.body.contract() {
            Ok(contract) => origin::provenance(doc, contract),
            Err(why) => origin::maker(doc, self.it, why),
        }
    }

    fn requeue(&self, doc: &mut Doc) {
        if let Some(outlook) = &self.outlook {
            doc.field("requeue", outlook_role(outlook), outlook.why());
        }
    }
}

/// A body as it is: JSON with a member a line, or the text.
pub fn raw(doc: &mut Doc, body: &Body) {
    doc.paragraph(TextRole::Text, &body.to_text());
}

/// Role of the text that tells an outlook.
pub const fn outlook_role(outlook: &Outlook) -> TextRole {
    match outlook {
        Outlook::Likely(_) => TextRole::Good,
        Outlook::Open(_) => TextRole::Text,
        Outlook::WouldFail(_) => TextRole::Bad,
        Outlook::Impossible(_) => TextRole::Dim,
    }
}

/// Role of the text that tells a state.
pub const fn state_role(state: State) -> TextRole {
    match state {
        State::Completed => TextRole::Good,
        State::Pending | State::Leased | State::Acknowledged => TextRole::Accent,
        State::RetryWait | State::Returned => TextRole::Warn,
        State::Escalated => TextRole::Wait,
        State::DeadLettered | State::Failed | State::Rejected => TextRole::Bad,
        State::Dismissed | State::Cancelled => TextRole::Dim,
    }
}
