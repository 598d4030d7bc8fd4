//! The notices of `watch`, as lines of text or JSON.

mod json;
#[cfg(test)]
mod tests;
mod text;

pub use self::json::{event_line, move_line};
pub use self::text::text_line;
