//! Which requests are lost in an outage of the backend that has the traffic: the rules that were
//! measured with Linkerd's own proxy.

use std::time::Duration;

use serde::Serialize;

/// How a backend fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// It has no endpoints.
    PodsGone,
    /// Its endpoints are listed, and refuse connections.
    NodeDead,
    /// Its endpoints are listed, and answer nothing.
    NetworkDead,
    /// Its endpoints are listed, and answer every request with a 5xx.
    ServerErrors,
}

/// Every kind of outage.
pub const OUTAGES: [Outage; 4] = [
    Outage::PodsGone,
    Outage::NodeDead,
    Outage::NetworkDead,
    Outage::ServerErrors,
];

/// The requests that are lost, the fewest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// None.
    None,
    /// A few at the start, and now and then one that probes an endpoint.
    Few,
    /// The share of the backend, as long as the outage lasts.
    Share,
    /// All until the `failover-delay` has passed.
    UntilDelay,
    /// All until Kubernetes takes the endpoints off the list of ready ones.
    UntilNotReady,
    /// All, as long as the outage lasts.
    All,
}

/// The backend that the proxies can send requests to instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alternative {
    /// No other backend has a weight and endpoints.
    None,
    /// One that has a tiny weight.
    Standby,
    /// One that has a share of the traffic.
    Share,
}

/// The requests that Linkerd's proxies repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryScope {
    /// How often at most.
    pub limit: u16,
    /// Those that get no answer, and those that a gateway answers for the application.
    pub gateway_errors: bool,
    /// Those that the application answers with any 5xx, too.
    pub server_errors: bool,
}

/// What keeps requests from being lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defences {
    /// The other backend.
    pub alternative: Alternative,
    /// A loop could move the traffic to another backend.
    pub can_fail_over: bool,
    /// Retries of the route.
    pub retries: Option<RetryScope>,
    /// The failures in a row after which an endpoint gets no more requests.
    pub breaker: Option<u32>,
    /// The ready endpoints of the backend, each of which has a breaker of its own.
    pub endpoints: u32,
    /// Another object, such as a ServiceProfile, routes the requests instead of the group's.
    pub is_ignored: bool,
    /// How long a loop waits before it moves traffic.
    pub failover_delay: Duration,
    /// A loop leaves the group alone.
    pub is_paused: bool,
}

impl Defences {
    /// Returns the requests that are lost while no loop runs.
    pub fn loss_alone(&self, outage: Outage) -> Loss {
        let without_breaker = match self.alternative {
            Alternative::None => return Loss::All,
            _ if self.is_ignored => return Loss::All,
            Alternative::Standby => Loss::All,
            Alternative::Share => Loss::Share,
        };
        let repeats = |retries: &RetryScope| match outage {
            Outage::PodsGone => true,
            Outage::NodeDead | Outage::NetworkDead => retries.gateway_errors,
            Outage::ServerErrors => retries.server_errors,
        };
        let retries = self.retries.filter(repeats);
        if outage == Outage::PodsGone {
            // The proxies skip what has no endpoints, 3 seconds after the first request for it.
            return retries.map_or(Loss::Few, |_| Loss::None);
        }
        match (self.breaker, retries) {
            (None, _) => without_breaker,
            // The failures that open the breakers of all endpoints can be those of one request.
            (Some(failures), Some(retries))
                if u32::from(retries.limit) >= failures.saturating_mul(self.endpoints.max(1)) =>
            {
                Loss::None
            }
            // Most requests wait for an endpoint that the breaker has shut out, and then fail.
            (Some(_), None) if outage != Outage::ServerErrors => without_breaker,
            (Some(_), _) => Loss::Few,
        }
    }

    /// Returns the requests that are lost while a loop runs. It sees only which endpoints are
    /// ready.
    pub fn loss_with_loop(&self, outage: Outage) -> Loss {
        let alone = self.loss_alone(outage);
        if self.is_paused || self.is_ignored || !self.can_fail_over {
            return alone;
        }
        let moved = match outage {
            Outage::PodsGone if self.failover_delay.is_zero() => Loss::Few,
            Outage::PodsGone => Loss::UntilDelay,
            _ => Loss::UntilNotReady,
        };
        alone.min(moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Loss::{All, Few, None as Nothing, Share, UntilDelay, UntilNotReady};

    const PLAIN: Defences = Defences {
        alternative: Alternative::None,
        can_fail_over: true,
        retries: None,
        breaker: None,
        endpoints: 1,
        is_ignored: false,
        failover_delay: Duration::ZERO,
        is_paused: false,
    };
    const EVERY_5XX: RetryScope = RetryScope {
        limit: 3,
        gateway_errors: true,
        server_errors: true,
    };
    const GATEWAY: RetryScope = RetryScope {
        server_errors: false,
        ..EVERY_5XX
    };
    const UNSENT: RetryScope = RetryScope {
        gateway_errors: false,
        ..GATEWAY
    };

    fn alone(defences: Defences) -> [Loss; 4] {
        OUTAGES.map(|outage| defences.loss_alone(outage))
    }

    fn with_loop(defences: Defences) -> [Loss; 4] {
        OUTAGES.map(|outage| defences.loss_with_loop(outage))
    }

    #[test]
    fn without_another_weight_only_a_loop_helps() {
        for retries in [None, Some(EVERY_5XX), Some(GATEWAY), Some(UNSENT)] {
            for breaker in [None, Some(3)] {
                let defences = Defences {
                    retries,
                    breaker,
                    ..PLAIN
                };
                assert_eq!(alone(defences), [All; 4]);
                let expected = [Few, UntilNotReady, UntilNotReady, UntilNotReady];
                assert_eq!(with_loop(defences), expected);
            }
        }
    }

    #[test]
    fn each_combination_with_a_standby() {
        let cases = [
            (None, None, [Few, All, All, All]),
            (None, Some(3), [Few, All, All, Few]),
            (Some(UNSENT), None, [Nothing, All, All, All]),
            (Some(UNSENT), Some(3), [Nothing, All, All, Few]),
            (Some(GATEWAY), None, [Nothing, All, All, All]),
            (Some(GATEWAY), Some(3), [Nothing, Nothing, Nothing, Few]),
            (Some(GATEWAY), Some(5), [Nothing, Few, Few, Few]),
            (Some(EVERY_5XX), None, [Nothing, All, All, All]),
            (Some(EVERY_5XX), Some(3), [Nothing; 4]),
            (Some(EVERY_5XX), Some(5), [Nothing, Few, Few, Few]),
        ];
        for (retries, breaker, expected) in cases {
            let defences = Defences {
                alternative: Alternative::Standby,
                retries,
                breaker,
                ..PLAIN
            };
            assert_eq!(alone(defences), expected, "{defences:?}");
            let later = |loss| if loss == All { UntilNotReady } else { loss };
            assert_eq!(with_loop(defences), expected.map(later), "{defences:?}");
            let sharing = Defences {
                alternative: Alternative::Share,
                ..defences
            };
            let share = |loss| if loss == All { Share } else { loss };
            assert_eq!(alone(sharing), expected.map(share), "{defences:?}");
            assert_eq!(with_loop(sharing), expected.map(share), "{defences:?}");
        }
    }

    #[test]
    fn what_another_object_routes_is_lost_whatever_the_group_says() {
        let ignored = Defences {
            alternative: Alternative::Standby,
            retries: Some(EVERY_5XX),
            breaker: Some(3),
            is_ignored: true,
            ..PLAIN
        };
        assert_eq!(alone(ignored), [All; 4]);
        assert_eq!(with_loop(ignored), [All; 4]);
    }

    #[test]
    fn each_endpoint_has_a_breaker_that_has_to_open() {
        let several = |limit| Defences {
            alternative: Alternative::Standby,
            retries: Some(RetryScope { limit, ..EVERY_5XX }),
            breaker: Some(3),
            endpoints: 3,
            ..PLAIN
        };
        assert_eq!(alone(several(8)), [Nothing, Few, Few, Few]);
        assert_eq!(alone(several(9)), [Nothing; 4]);
    }

    #[test]
    fn a_loop_cannot_help_where_every_other_backend_is_dead() {
        let single = Defences {
            can_fail_over: false,
            ..PLAIN
        };
        assert_eq!(with_loop(single), [All; 4]);
    }

    #[test]
    fn a_pause_and_a_delay_keep_the_loop_from_helping() {
        let paused = Defences {
            is_paused: true,
            ..PLAIN
        };
        assert_eq!(with_loop(paused), [All; 4]);
        let delayed = Defences {
            failover_delay: Duration::from_secs(30),
            ..PLAIN
        };
        assert_eq!(with_loop(delayed)[0], UntilDelay);
        let standby = Defences {
            alternative: Alternative::Standby,
            ..delayed
        };
        assert_eq!(with_loop(standby)[0], Few);
    }
}
