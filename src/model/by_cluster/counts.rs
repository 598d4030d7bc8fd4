//! Backends by their readiness.

use crate::model::readiness::Readiness;

/// Backends by their readiness. The members of a federated Service are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackendCounts {
    /// Those with a ready endpoint.
    pub ready: usize,
    /// Those without.
    pub dead: usize,
    /// Those whose readiness is unknown.
    pub unknown: usize,
}

impl BackendCounts {
    /// The number of backends.
    pub fn all(self) -> usize {
        self.ready + self.dead + self.unknown
    }

    pub(super) fn add(&mut self, readiness: &Readiness) {
        let count = if readiness.is_unknown() {
            &mut self.unknown
        } else if readiness.is_ready() {
            &mut self.ready
        } else {
            &mut self.dead
        };
        *count += 1;
    }
}
