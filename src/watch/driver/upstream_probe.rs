//! When to look for Linkerd's own failover controller (upstream).

use std::time::Duration;

use crate::cluster::RequestResult;
use crate::model::Notice;
use crate::resource::upstream::{UPSTREAM_MANAGER, Upstream};

/// How often to check that the controller still runs.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);
/// When to retry a probe that failed.
const PROBE_RETRY: Duration = Duration::from_secs(10);

/// Once the controller is known not to run, probes stop until it reverts weights. Until then it
/// does no harm.
#[derive(Debug, Default)]
pub struct UpstreamProbe {
    due: Option<Duration>,
    is_forbidden: bool,
}

impl UpstreamProbe {
    /// Checks a notice. If the controller has reverted weights, the next probe is due at once.
    pub fn note(&mut self, notice: &Notice, now: Duration) {
        if matches!(notice, Notice::Contested { by, .. } if by == UPSTREAM_MANAGER) {
            self.due = Some(now);
        }
    }

    /// Returns whether the next probe has to start now.
    pub fn take_due(&mut self, now: Duration) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// Records the result of a probe. Returns whether to report that it is forbidden.
    pub fn ended(&mut self, found: &RequestResult<Option<Upstream>>, now: Duration) -> bool {
        self.due = match found {
            Ok(Some(_)) => Some(now + PROBE_INTERVAL),
            Ok(None) => None,
            Err(error) if error.is_forbidden() => {
                return !std::mem::replace(&mut self.is_forbidden, true);
            }
            Err(_) => Some(now + PROBE_RETRY),
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::RequestError;
    use crate::cluster::transport::error::Cause;

    fn failed(code: u16) -> RequestResult<Option<Upstream>> {
        let cause = Cause::Status {
            code,
            reason: String::new(),
            message: String::new(),
            retry_after: None,
        };
        Err(RequestError {
            method: http::Method::GET,
            path: String::new(),
            cause,
        })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_controller_that_runs_is_probed_until_it_is_gone() {
        let mut probe = UpstreamProbe::default();
        let runs = Upstream {
            namespace: "there".into(),
            selector: String::new(),
        };
        assert!(!probe.ended(&Ok(Some(runs)), seconds(0)));
        assert_eq!(probe.due, Some(PROBE_INTERVAL));
        probe.ended(&failed(503), seconds(60));
        assert_eq!(probe.due, Some(seconds(60) + PROBE_RETRY));
        probe.ended(&Ok(None), seconds(70));
        assert_eq!(probe.due, None);
    }

    #[test]
    fn only_its_own_reverts_cause_a_probe() {
        let mut probe = UpstreamProbe::default();
        let group = crate::model::GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let by = |by: &str| Notice::Contested {
            group: group.clone(),
            by: by.into(),
            wait: seconds(5),
        };
        probe.note(&by("kubectl-edit"), seconds(1));
        assert_eq!(probe.due, None);
        probe.note(&by(UPSTREAM_MANAGER), seconds(2));
        assert_eq!(probe.due, Some(seconds(2)));
    }

    #[test]
    fn a_probe_that_is_forbidden_is_reported_once() {
        let mut probe = UpstreamProbe::default();
        assert!(probe.ended(&failed(403), seconds(0)));
        assert!(!probe.ended(&failed(403), seconds(1)));
    }
}
