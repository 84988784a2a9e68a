//! The questions that come before a confirmation.

use crate::console::app::act::{Proposal, Question};
use crate::console::app::line::Line;
use crate::console::app::overlay::{Hint, Outcome, Overlay};
use crate::keymap::{Action, Context, Key};

/// The questions of one act, asked one after the other.
#[derive(Debug)]
pub struct Ask {
    /// The act that the questions belong to.
    pub proposal: Proposal,
    /// The questions, with what was answered so far.
    pub questions: Vec<(Question, String)>,
    /// Index of the question asked now.
    pub at: usize,
    /// The line being typed.
    pub line: Line,
    /// Index of the choice under the cursor.
    pub chosen: usize,
    /// The mistake in the answer, as shown below the line; `None` when there is none.
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
    fn go_on(&mut self) -> bool {
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

    /// True when it is answered by a choice, not by a line of text.
    fn is_choice(&self) -> bool {
        self.question().is_some_and(|it| !it.choices.is_empty())
    }

    fn next(&mut self) -> Outcome {
        if self.go_on() { Outcome::Asked } else { Outcome::Stay }
    }

    /// Moves the cursor over the choices.
    fn choose(&mut self, down: bool) {
        let count = self.question().map_or(0, |it| it.choices.len());
        if count > 0 {
            let step = if down { 1 } else { count - 1 };
            self.chosen = (self.chosen + step) % count;
        }
    }
}

impl Overlay for Ask {
    fn context(&self) -> Context {
        if self.is_choice() { Context::Choice } else { Context::Prompt }
    }

    fn hints(&self, _: bool) -> Vec<Hint> {
        let (next, back) = (Hint::Keys(&[Action::Open], "next"), Hint::Keys(&[Action::Back], "back"));
        if self.is_choice() {
            vec![Hint::Keys(&[Action::Up, Action::Down], "choose"), next, back]
        } else {
            vec![next, Hint::Typed("ctrl-u", "clear"), back]
        }
    }

    fn key(&mut self, key: Key, action: Option<Action>) -> Outcome {
        match action {
            Some(Action::Back) if !self.back() => return Outcome::Close,
            Some(Action::Back) => {}
            Some(Action::Open) => return self.next(),
            Some(Action::Up) => self.choose(false),
            Some(Action::Down | Action::Complete) => self.choose(true),
            _ if self.is_choice() => {}
            _ => {
                self.line.key(key);
                self.error = None;
            }
        }
        Outcome::Stay
    }

    fn click(&mut self, nth: usize) -> Outcome {
        self.chosen = nth;
        self.next()
    }

    fn paste(&mut self, text: &str) -> Option<Outcome> {
        (!self.is_choice()).then(|| {
            self.line.paste(text);
            Outcome::Stay
        })
    }
}
