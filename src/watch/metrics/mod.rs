pub mod recorder;
pub mod registry;
