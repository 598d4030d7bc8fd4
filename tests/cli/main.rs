//! The binary, and the files made from it, without a cluster.

mod argv0;
mod complete;
mod completion;
mod help;
mod install;
mod place;
mod stale;
mod support;
