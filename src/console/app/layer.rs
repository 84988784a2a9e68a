//! What lies over the screen. The layer on top has the keys.

use crate::domain::time::Time;
use crate::keymap::Context;

use super::act::{Form, Proposal, Question, optional};
use super::line::Line;
use super::msg::Ticket;
use super::palette::Palette;

/// Something that lies over the screen until it is answered or closed.
#[derive(Debug)]
pub enum Layer {
    /// Questions that come before a confirmation.
    Ask(Ask),
    /// A confirmation, or another choice by buttons.
    Dialog(Dialog),
    /// The filter line.
    Filter {
        /// What is typed.
        line: Line,
        /// The filter before, for `esc`.
        before: String,
        /// What is wrong with it.
        error: Option<String>,
    },
    /// Everything by name.
    Palette(Palette),
    /// What the keys do here; lines scrolled away.
    Help(usize),
    /// What came of a bulk act.
    Results(Results),
}

impl Layer {
    /// Where its keys are looked up.
    pub const fn context(&self) -> Context {
        match self {
            Self::Ask(_) | Self::Filter { .. } | Self::Palette(_) => Context::Prompt,
            Self::Dialog(_) | Self::Help(_) | Self::Results(_) => Context::Dialog,
        }
    }
}

/// The questions of one act, asked one after the other.
#[derive(Debug)]
pub struct Ask {
    /// What it is about.
    pub proposal: Proposal,
    /// The questions, with what was answered so far.
    pub questions: Vec<(Question, String)>,
    /// The one asked now.
    pub at: usize,
    /// The line being typed.
    pub line: Line,
    /// The choice under the cursor.
    pub chosen: usize,
    /// What is wrong with the answer.
    pub error: Option<String>,
}

impl Ask {
    /// Starts with the first question.
    pub fn new(proposal: Proposal, questions: Vec<Question>) -> Self {
        Self {
            proposal,
            questions: questions.into_iter().map(|it| (it, String::new())).collect(),
            at: 0,
            line: Line::default(),
            chosen: 0,
            error: None,
        }
    }

    /// The question asked now.
    pub fn question(&self) -> Option<&Question> {
        self.questions.get(self.at).map(|(question, _)| question)
    }

    /// Keeps the answer on the line and goes on; true when that was the last question.
    pub fn go_on(&mut self) -> bool {
        let Some((question, answer)) = self.questions.get_mut(self.at) else {
            return true;
        };
        let given = match question.choices.get(self.chosen) {
            Some(choice) => choice.clone(),
            None => self.line.text().trim().to_owned(),
        };
        if question.required && given.is_empty() {
            self.error = Some("this cannot stay empty".to_owned());
            return false;
        }
        *answer = given;
        self.at += 1;
        self.restart();
        self.at >= self.questions.len()
    }

    /// Goes back to the question before; false when this is the first.
    pub fn back(&mut self) -> bool {
        let Some(before) = self.at.checked_sub(1) else {
            return false;
        };
        self.at = before;
        self.restart();
        true
    }

    fn restart(&mut self) {
        self.error = None;
        let (choices, given) = match self.questions.get(self.at) {
            Some((question, given)) => (question.choices.as_slice(), given.as_str()),
            None => (&[][..], ""),
        };
        self.chosen = choices.iter().position(|it| it == given).unwrap_or(0);
        self.line = Line::new(if choices.is_empty() { given } else { "" });
    }

    /// Moves the cursor over the choices.
    pub fn choose(&mut self, down: bool) {
        let count = self.question().map_or(0, |it| it.choices.len());
        if count > 0 {
            let step = if down { 1 } else { count - 1 };
            self.chosen = (self.chosen + step) % count;
        }
    }
}

/// A box with text and buttons. The focus starts on the harmless one.
#[derive(Debug)]
pub struct Dialog {
    /// The act, such as `requeue 4 handoffs`.
    pub title: String,
    /// What will happen, a paragraph each.
    pub body: Vec<String>,
    /// What changed since it was opened; renewed before every draw.
    pub news: Vec<String>,
    /// What enter would press, left to right; the first one is harmless.
    pub buttons: Vec<(String, ButtonAction)>,
    /// The button with the focus.
    pub focus: usize,
    /// Lines scrolled away.
    pub offset: usize,
    /// The form it confirms.
    pub form: Option<Form>,
}

/// What a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ButtonAction {
    /// Nothing.
    Cancel,
    /// Send the form.
    Send,
    /// Ask for words to add to the form, then confirm it again.
    Explain,
    /// Open the editor again with the text as it was.
    EditAgain(Ticket),
    /// Send the dismissals that wait, then leave.
    SendAndQuit,
    /// Leave; the dismissals that wait are not sent.
    DropAndQuit,
}

impl Dialog {
    /// The confirmation of a form.
    pub fn confirm(form: Form, now: Time) -> Self {
        let mut body = form.proposal.facts(now);
        if let Some(reason) = form.given.reason {
            body.push(format!("Reason: {}", reason.word().replace('_', " ")));
        }
        if let Some(value) = &form.given.value {
            body.push(format!("Answer: {value}"));
        } else if !form.words.is_empty() {
            body.push(format!("In your words: {}", form.words));
        }
        let mut buttons =
            vec![("Cancel".to_owned(), ButtonAction::Cancel), (capital(form.proposal.act.verb()), ButtonAction::Send)];
        if optional(form.proposal.act).is_some() {
            buttons.push(("Reason".to_owned(), ButtonAction::Explain));
        }
        Self { title: form.proposal.title(), body, news: Vec::new(), buttons, focus: 0, offset: 0, form: Some(form) }
    }

    /// What is wrong with the files of the user, all of it: more than the message line holds.
    pub fn notes(notes: Vec<String>) -> Self {
        Self {
            title: format!("{} lines of your files were left out", notes.len()),
            body: notes,
            news: Vec::new(),
            buttons: vec![("Go on without them".to_owned(), ButtonAction::Cancel)],
            focus: 0,
            offset: 0,
            form: None,
        }
    }

    /// Moves the focus; it stops at the ends.
    pub fn turn(&mut self, right: bool) {
        self.focus = if right {
            (self.focus + 1).min(self.buttons.len().saturating_sub(1))
        } else {
            self.focus.saturating_sub(1)
        };
    }
}

/// What came of an act on several items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Such as `requeued 3 of 4`.
    pub title: String,
    /// Each item, and why it was not done where it was not.
    pub items: Vec<(String, Result<(), String>)>,
    /// Lines scrolled away.
    pub offset: usize,
}

/// With a capital first letter, for buttons and sentences.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
