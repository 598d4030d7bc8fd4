//! From the model to what people and programs read.

pub mod ago;
pub mod changes;
pub mod check;
pub mod clusters;
pub mod columns;
pub mod compact;
pub mod history;
pub mod live;
pub mod object;
pub mod status;
pub mod stream;
pub mod table;
