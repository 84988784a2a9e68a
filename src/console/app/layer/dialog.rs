//! A box with text and buttons.

use crate::console::app::act::{Form, optional};
use crate::console::app::overlay::{ButtonAction, Hint, Outcome, Overlay};
use crate::domain::environment::Environment;
use crate::domain::time::Time;
use crate::keymap::{Action, Context, Key};

/// A box with text and buttons. The focus starts on the harmless one.
#[derive(Debug)]
pub struct Dialog {
    /// The act, such as `requeue 4 handoffs`.
    pub title: String,
    /// Consequences of the act, a paragraph each.
    pub body: Vec<String>,
    /// Changes since it was opened, a sentence each; renewed before every draw, empty when nothing changed.
    pub news: Vec<String>,
    /// The buttons with their actions, left to right; the first one is harmless.
    pub buttons: Vec<(String, ButtonAction)>,
    /// Index of the button with the focus.
    pub focus: usize,
    /// Lines scrolled away above the window, from 0.
    pub offset: usize,
    /// The form that it confirms; `None` when it confirms no act.
    pub form: Option<Box<Form>>,
}

impl Dialog {
    /// The confirmation of a form, which names the environment it is sent to.
    pub fn confirm(form: Form, now: Time, environment: &Environment) -> Self {
        let mut body = form.proposal.facts(now);
        if let Some(reason) = form.given.reason {
            body.push(format!("Reason: {}", reason.word().replace('_', " ")));
        }
        if !form.given.verdict.is_empty() {
            body.push(format!("Verdict: {}", form.given.verdict));
        }
        if let Some(value) = &form.given.value {
            body.push(format!("Answer: {value}"));
        } else if !form.words.is_empty() {
            body.push(format!("In your words: {}", form.words));
        }
        let send = environment.says(&capital(form.proposal.act.verb()));
        let mut buttons = vec![("Cancel".to_owned(), ButtonAction::Cancel), (send, ButtonAction::Send)];
        if optional(form.proposal.act).is_some() {
            buttons.push(("Reason".to_owned(), ButtonAction::Explain));
        }
        Self {
            title: form.proposal.title(),
            body,
            news: Vec::new(),
            buttons,
            focus: 0,
            offset: 0,
            form: Some(Box::new(form)),
        }
    }

    /// The dialog of all mistakes in the files of the user: more than the message line holds.
    pub fn notes(notes: Vec<String>) -> Self {
        Self {
            title: match notes.len() {
                1 => "1 line of your files was left out".to_owned(),
                many => format!("{many} lines of your files were left out"),
            },
            body: notes,
            news: Vec::new(),
            buttons: vec![("Go on without them".to_owned(), ButtonAction::Cancel)],
            focus: 0,
            offset: 0,
            form: None,
        }
    }

    /// True when one of its buttons sends an act.
    pub fn sends(&self) -> bool {
        self.buttons.iter().any(|(_, press)| matches!(press, ButtonAction::Send | ButtonAction::SendAndQuit))
    }

    /// Moves the focus; it stops at the ends.
    fn turn(&mut self, right: bool) {
        self.focus = if right {
            (self.focus + 1).min(self.buttons.len().saturating_sub(1))
        } else {
            self.focus.saturating_sub(1)
        };
    }
}

impl Overlay for Dialog {
    fn context(&self) -> Context {
        Context::Dialog
    }

    fn hints(&self, scrolls: bool) -> Vec<Hint> {
        let mut hints = vec![Hint::Keys(&[Action::Right], "move"), Hint::Keys(&[Action::Open], "press")];
        if scrolls {
            hints.insert(0, Hint::Keys(&[Action::Down, Action::Up], "scroll"));
        } else {
            hints.push(Hint::Keys(&[Action::Confirm], "yes"));
        }
        hints.push(Hint::Keys(&[Action::Back], "no"));
        hints
    }

    fn key(&mut self, _: Key, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Back) => return self.click(0),
            Some(Action::Open) => return self.click(self.focus),
            Some(Action::Confirm) => return self.click(1),
            Some(Action::Left) => self.turn(false),
            Some(Action::Right) => self.turn(true),
            scroll => self.scroll(scroll),
        }
        Outcome::Stay
    }

    fn click(&mut self, nth: usize) -> Outcome {
        self.buttons.get(nth).map_or(Outcome::Stay, |it| Outcome::Press(it.1))
    }

    fn offset(&mut self) -> Option<&mut usize> {
        Some(&mut self.offset)
    }
}

/// With a capital first letter, for buttons and sentences.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
