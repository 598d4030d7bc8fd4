//! A finding about traffic, and limits that several kinds of findings share.

/// The reason of a finding, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficFault {
    /// No request was counted.
    NoTraffic,
    /// The route has no effect.
    NotAccepted,
    /// The shares are not those of the weights.
    NotByWeight,
    /// Clients call a backend itself.
    DirectCalls,
    /// The proxies refuse requests.
    Refused,
    /// A backend fails although it has ready endpoints.
    Failing,
    /// A backend fails more often than the primary.
    WorseThanPrimary,
    /// A backend fails more often than the one that had the traffic before it.
    WorseThanBefore,
    /// Pods without a proxy.
    Unmeshed,
    /// Pods that did not answer.
    Silent,
    /// Proxies that restarted.
    Restarted,
}

impl TrafficFault {
    /// Whether requests fail.
    pub fn is_of_success(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Failing | Self::WorseThanPrimary | Self::WorseThanBefore
        )
    }

    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoTraffic => "noTraffic",
            Self::NotAccepted => "notAccepted",
            Self::NotByWeight => "notByWeight",
            Self::DirectCalls => "directCalls",
            Self::Refused => "refused",
            Self::Failing => "failing",
            Self::WorseThanPrimary => "worseThanPrimary",
            Self::WorseThanBefore => "worseThanBefore",
            Self::Unmeshed => "unmeshed",
            Self::Silent => "silent",
            Self::Restarted => "restarted",
        }
    }
}

/// Something that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficFinding {
    /// What it is about.
    pub fault: TrafficFault,
    /// What was seen.
    pub message: String,
    /// What to do about it, or where to look.
    pub next: Option<String>,
}

/// With fewer responses, shares and rates say little.
pub(super) const MIN_RESPONSES: f64 = 20.0;
/// So many silent pods are named.
pub(super) const MAX_NAMED_PODS: usize = 3;
