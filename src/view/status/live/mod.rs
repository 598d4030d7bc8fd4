//! The live view of `status -w`, without its terminal: what it knows, what a key does, and what it
//! draws.

mod ansi;
pub mod app;
mod draw;
mod keys;
mod pages;
mod rows;

#[cfg(test)]
mod tests;
