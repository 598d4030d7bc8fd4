pub mod conflicts;
pub mod history;
pub mod mirror_readiness;
pub mod prefetch;
pub mod readiness;
pub mod status;
pub mod upstream;
