//! The part of Go's text/template, with Helm's functions, that the chart uses. A test compares the
//! result with Helm's own.
//!
//! No crate is used: those that exist are not maintained, and have much more than the chart needs.

mod eval;
mod functions;
mod lexer;
mod parser;

pub use eval::Templates;

/// Why a template cannot be parsed or rendered, in words.
pub type TemplateResult<T> = Result<T, String>;
