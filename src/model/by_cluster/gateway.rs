//! Whether a gateway is ready, by the mirrors behind it.

use crate::model::mirror_side::MirrorSide;
use crate::model::readiness::Readiness;

/// Whether a gateway is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayState {
    /// A mirror has a ready endpoint.
    Ready,
    /// No mirror has one.
    Down,
    /// Nothing tells.
    Unknown,
}

impl GatewayState {
    /// Returns the state's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn of(readiness: &Readiness) -> Self {
        match readiness {
            Readiness::Mirrored {
                side: MirrorSide::Gateway(_) | MirrorSide::Both(_),
                ..
            } => Self::Down,
            Readiness::Known { ready: 0, total } if *total > 0 => Self::Down,
            readiness if readiness.is_ready() => Self::Ready,
            _ => Self::Unknown,
        }
    }

    /// One mirror with a ready endpoint shows that the gateway is ready.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ready, _) | (_, Self::Ready) => Self::Ready,
            (Self::Down, _) | (_, Self::Down) => Self::Down,
            _ => Self::Unknown,
        }
    }
}
