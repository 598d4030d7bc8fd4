//! The clusters: programs, ports, credentials, and the objects that every cluster starts with.

pub mod access;
pub mod assets;
pub mod build;
pub mod cluster;
pub mod definitions;
pub mod group_kinds;
pub mod install;
pub mod links;
pub mod ports;
pub mod program;
