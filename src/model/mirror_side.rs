//! Where the endpoint counts of a mirror Service come from.

use super::ids::RemoteService;
use super::unknown::WhyUnknown;

/// The side that the endpoint counts of a mirror Service describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorSide {
    /// The remote Service: the gateway is ready, or traffic does not go through one.
    Remote(RemoteService),
    /// The gateway, which is not ready; the remote Service is ready or unknown.
    Gateway(RemoteService),
    /// Neither the gateway nor the remote Service is ready.
    Both(RemoteService),
    /// The known members of a federated Service, added up.
    Members {
        /// The number of members.
        all: usize,
        /// Why members are unknown, one reason for each of them.
        unknown: Vec<WhyUnknown>,
    },
}

impl MirrorSide {
    /// Returns the mirrored Service; none for a federated Service.
    pub fn remote(&self) -> Option<&RemoteService> {
        match self {
            Self::Remote(remote) | Self::Gateway(remote) | Self::Both(remote) => Some(remote),
            Self::Members { .. } => None,
        }
    }

    /// Returns the side's name in JSON: `remote`, `gateway`, `both` or `members`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Remote(_) => "remote",
            Self::Gateway(_) => "gateway",
            Self::Both(_) => "both",
            Self::Members { .. } => "members",
        }
    }

    /// Returns at most two words on what lacks endpoints if the mirror is not ready.
    pub fn short(&self) -> Option<&'static str> {
        match self {
            Self::Remote(_) => Some("remote empty"),
            Self::Gateway(_) => Some("gateway down"),
            Self::Both(_) => Some("both down"),
            Self::Members { .. } => None,
        }
    }

    /// Explains the counts, as a clause.
    pub fn words(&self, ready: u32, total: u32) -> String {
        let counts = |remote: &RemoteService| {
            format!(
                "{} in {} has {ready} of {total} endpoints ready",
                remote.service.name, remote.cluster
            )
        };
        match self {
            Self::Remote(remote) => counts(remote),
            Self::Gateway(remote) => format!("the gateway of {} is not ready", remote.cluster),
            Self::Both(remote) => format!(
                "the gateway of {} is not ready, and {}",
                remote.cluster,
                counts(remote)
            ),
            Self::Members { all, unknown } => {
                let known = all.saturating_sub(unknown.len());
                let known = if known == *all {
                    String::new()
                } else {
                    format!(" ({known} of them known)")
                };
                format!("{ready} of {total} endpoints of its {all} members{known} are ready")
            }
        }
    }
}
