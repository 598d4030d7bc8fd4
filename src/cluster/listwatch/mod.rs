pub mod freshness;
pub mod lines;
pub mod list;
pub mod list_decoder;
pub mod watch;
