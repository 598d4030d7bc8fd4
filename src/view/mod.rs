//! From the model to what people and programs read.

pub mod ago;
pub mod object;
pub mod stream;

pub mod text;
