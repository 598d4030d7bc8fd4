//! Lists and watches of collections of objects, as the Kubernetes API defines them.

pub mod collection;
pub mod freshness;
pub mod lines;
pub mod list;
pub mod list_decoder;
mod named_reads;
mod open_watch;
mod pacer;
mod page;
mod page_limit;
mod polling;
#[cfg(test)]
mod tests;
pub mod watch;
pub mod watch_event;
