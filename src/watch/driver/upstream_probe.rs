//! When to look for Linkerd's own failover controller (upstream).

use std::time::Duration;

use crate::cluster::RequestResult;
use crate::model::Notice;
use crate::resource::upstream::{UPSTREAM_MANAGER, Upstream};

/// How often to check that the controller still runs.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);
/// When to retry a probe that failed, or that found the controller without a ready pod.
const PROBE_RETRY: Duration = Duration::from_secs(10);

/// Once the controller is known not to be installed, probes stop until it reverts weights. Until
/// then it does no harm.
#[derive(Debug, Default)]
pub struct UpstreamProbe {
    due: Option<Duration>,
    is_forbidden: bool,
    is_unready: bool,
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

    /// Records the result of a probe. Returns what to report, once: the probe is forbidden, or the
    /// controller in its chart's namespace has no ready pod.
    pub fn ended(&mut self, found: &RequestResult<Vec<Upstream>>, now: Duration) -> Option<Notice> {
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_forbidden() => {
                self.due = None;
                let is_known = std::mem::replace(&mut self.is_forbidden, true);
                return (!is_known).then_some(Notice::UpstreamUnknown);
            }
            Err(_) => {
                self.due = Some(now + PROBE_RETRY);
                return None;
            }
        };
        let mut chart = found.iter().filter(|it| it.is_in_default_namespace());
        let is_unready = chart.any(|upstream| !upstream.is_ready);
        self.due = match found.is_empty() {
            true => None,
            false if is_unready => Some(now + PROBE_RETRY),
            false => Some(now + PROBE_INTERVAL),
        };
        let was_unready = std::mem::replace(&mut self.is_unready, is_unready);
        (is_unready && !was_unready).then_some(Notice::UpstreamNotReady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::RequestError;
    use crate::cluster::transport::error::Cause;

    fn failed(code: u16) -> RequestResult<Vec<Upstream>> {
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

    fn installed(namespace: &str, is_ready: bool) -> Upstream {
        Upstream {
            namespace: namespace.into(),
            deployment: "linkerd-failover".into(),
            is_ready,
            selector: String::new(),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_controller_that_runs_is_probed_until_it_is_gone() {
        let mut probe = UpstreamProbe::default();
        let runs = installed("there", true);
        assert_eq!(probe.ended(&Ok(vec![runs]), seconds(0)), None);
        assert_eq!(probe.due, Some(PROBE_INTERVAL));
        probe.ended(&failed(503), seconds(60));
        assert_eq!(probe.due, Some(seconds(60) + PROBE_RETRY));
        probe.ended(&Ok(Vec::new()), seconds(70));
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
        let mut ended = |now| probe.ended(&failed(403), seconds(now));
        assert_eq!(ended(0), Some(Notice::UpstreamUnknown));
        assert_eq!(ended(1), None);
    }

    #[test]
    fn a_controller_without_a_ready_pod_is_reported_once_and_probed_soon() {
        let mut probe = UpstreamProbe::default();
        let mut ended = |namespace: &str, is_ready, now| {
            let notice = probe.ended(&Ok(vec![installed(namespace, is_ready)]), seconds(now));
            (notice, probe.due)
        };
        let (soon, later) = (seconds(10), PROBE_INTERVAL);
        let unready = Some(Notice::UpstreamNotReady);
        assert_eq!(ended("linkerd-failover", false, 0), (unready, Some(soon)));
        assert_eq!(
            ended("linkerd-failover", false, 10),
            (None, Some(seconds(10) + soon))
        );
        assert_eq!(ended("linkerd-failover", true, 0), (None, Some(later)));
        // A tenant's is nobody's business.
        assert_eq!(ended("tenant", false, 0), (None, Some(later)));
    }
}
