//! Reads the keys that are typed on the terminal.

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures::StreamExt as _;

use crate::view::status::live::app::Key;

/// The keys; none if standard input is not a terminal, or has ended.
pub struct Keys(Option<EventStream>);

impl Keys {
    pub fn listen(has_keys: bool) -> Self {
        Self(has_keys.then(EventStream::new))
    }

    /// Returns the next key that has a meaning. Cancel safe.
    pub async fn next(&mut self) -> Key {
        while let Some(events) = &mut self.0 {
            match events.next().await {
                Some(Ok(Event::Key(event))) => {
                    if let Some(key) = key(event) {
                        return key;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => self.0 = None,
            }
        }
        std::future::pending().await
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return match event.code {
            KeyCode::Char('c') => Some(Key::Interrupt),
            KeyCode::Char('z') => Some(Key::Suspend),
            _ => None,
        };
    }
    Some(match event.code {
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Char(letter) => Key::Char(letter),
        _ => return None,
    })
}
