//! From what the terminal reports to messages.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::terminal::usable;
use crate::console::app::msg::{Gesture, Msg, PointerEvent};
use crate::console::ui::Memo;
use crate::keymap::{Code, Key};

/// The message for an event; `None` for those that mean nothing here, such as a key going up.
pub(super) fn message(event: Event, memo: &Memo) -> Option<Msg> {
    match event {
        Event::Key(event) => key(event).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Mouse(event) => mouse(event, memo).map(Msg::Mouse),
        Event::Resize(columns, rows) => Some(Msg::Resize(usable((columns, rows)))),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = |modifier| event.modifiers.contains(modifier);
    let code = match event.code {
        KeyCode::Char(typed) => Code::Char(typed),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab | KeyCode::BackTab => Code::Tab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(number) => Code::F(number),
        _ => return None,
    };
    let shift = held(KeyModifiers::SHIFT) || event.code == KeyCode::BackTab;
    Some(Key::new(code, held(KeyModifiers::CONTROL), held(KeyModifiers::ALT), shift))
}

fn mouse(event: MouseEvent, memo: &Memo) -> Option<PointerEvent> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Gesture::Press,
        MouseEventKind::ScrollDown => Gesture::WheelDown,
        MouseEventKind::ScrollUp => Gesture::WheelUp,
        _ => return None,
    };
    let (x, y) = (event.column, event.row);
    Some(PointerEvent { x, y, kind, on: memo.at(x, y) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_arrive_in_their_normal_form() {
        let cases = [
            (KeyCode::Char('G'), KeyModifiers::SHIFT, "G"),
            (KeyCode::Char('d'), KeyModifiers::CONTROL, "ctrl-d"),
            (KeyCode::BackTab, KeyModifiers::SHIFT, "shift-tab"),
            (KeyCode::BackTab, KeyModifiers::NONE, "shift-tab"),
            (KeyCode::F(5), KeyModifiers::NONE, "f5"),
            (KeyCode::Char('b'), KeyModifiers::ALT, "alt-b"),
        ];
        for (code, modifiers, text) in cases {
            let pressed = key(KeyEvent::new(code, modifiers));
            assert_eq!(pressed, text.parse().ok(), "{text}");
        }
        let up = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(key(up), None);
    }
}
