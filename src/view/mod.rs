//! From the model to what people and programs read.

pub mod ago;
pub mod object;
pub mod status;
pub mod stream;
pub mod table;
pub mod terminal;
pub use crate::text;
