//! Linkerd's own controller beside the loop: whether it runs, and which groups are left to it.

use std::time::Duration;

use super::event_loop::{Driver, DriverInput};
use crate::cluster::RequestResult;
use crate::cluster::queries::upstream::find;
use crate::model::{Notice, Readiness};
use crate::resource::Record;
use crate::resource::annotations::POLICY_KEYS;
use crate::resource::upstream::{UPSTREAM_MANAGER, Upstream};
use crate::watch::engine::core::EngineSettings;
use crate::watch::options::WatchOutcome;

/// Whether it still runs is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a look that failed.
const AGAIN: Duration = Duration::from_secs(10);

/// When the controller is to be looked for.
#[derive(Debug, Default)]
pub struct UpstreamProbe {
    due: Option<Duration>,
    unseen: bool,
}

impl UpstreamProbe {
    /// Takes in what the loop says: that the controller has put weights back is a reason to look at once.
    pub fn hear(&mut self, notice: &Notice, now: Duration) {
        if matches!(notice, Notice::Contested { by, .. } if by == UPSTREAM_MANAGER) {
            self.due = Some(now);
        }
    }

    /// Takes in what was seen; gives whether it is to be said that nothing can be. Where it does not run there is no
    /// need to look again until it shows: it does no harm before.
    pub fn looked(&mut self, seen: &RequestResult<Option<Upstream>>, now: Duration) -> bool {
        self.due = match seen {
            Ok(Some(_)) => Some(now + LOOK_EVERY),
            Ok(None) => None,
            Err(error) if error.is_forbidden() => {
                return !std::mem::replace(&mut self.unseen, true);
            }
            Err(_) => Some(now + AGAIN),
        };
        false
    }
}

impl Driver<'_> {
    /// Looks whether the controller runs, if that is due.
    pub(crate) fn look_for_upstream(&mut self, now: Duration) {
        if self.lookout.due.take_if(|due| *due <= now).is_none() {
            return;
        }
        let (cluster, inbox) = (self.cluster.clone(), self.inbox.clone());
        self.watches.spawn(async move {
            let _ = inbox
                .send(DriverInput::Upstream(find(&cluster).await))
                .await;
        });
    }

    /// What is not seen any more for some other reason is taken to be there still.
    pub(crate) fn looked(&mut self, seen: RequestResult<Option<Upstream>>) -> anyhow::Result<()> {
        let now = self.now();
        if self.lookout.looked(&seen, now) {
            self.say([Notice::UpstreamUnseen])?;
        }
        if let Ok(upstream) = seen {
            self.engine.upstream(upstream, now);
        }
        Ok(())
    }

    /// Two loops that do not know of each other would undo each other's moves.
    pub(crate) fn refused_by_upstream(&self) -> Option<WatchOutcome> {
        if !self.announced || self.options.alongside_upstream || self.options.dry_run {
            return None;
        }
        let groups = self.engine.run_by_upstream();
        (!groups.is_empty()).then_some(WatchOutcome::RunByUpstream { groups })
    }
}

/// Why the controller is to have this group alone: the two would come to different answers.
pub fn has_it(
    settings: &EngineSettings,
    record: &Record,
    readiness: &[Readiness],
) -> Option<&'static str> {
    if !settings.upstream.as_ref()?.covers(record) {
        return None;
    }
    if !settings.alongside_upstream && !settings.dry_run {
        return Some("its selector covers the group; --alongside-upstream shares such groups");
    }
    if POLICY_KEYS
        .iter()
        .any(|key| record.meta.annotations.get(key).is_some())
    {
        return Some("it knows no policy annotations, and the group has some");
    }
    readiness
        .iter()
        .any(Readiness::rests_elsewhere)
        .then_some("it knows local endpoints alone, and those do not say all of a backend")
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
    fn what_runs_is_looked_at_until_it_is_gone() {
        let mut lookout = UpstreamProbe::default();
        let runs = Upstream {
            namespace: "there".into(),
            selector: String::new(),
        };
        assert!(!lookout.looked(&Ok(Some(runs)), seconds(0)));
        assert_eq!(lookout.due, Some(LOOK_EVERY));
        lookout.looked(&failed(503), seconds(60));
        assert_eq!(lookout.due, Some(seconds(60) + AGAIN));
        lookout.looked(&Ok(None), seconds(70));
        assert_eq!(lookout.due, None);
    }

    #[test]
    fn only_its_own_reversals_are_a_reason_to_look() {
        let mut lookout = UpstreamProbe::default();
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
        lookout.hear(&by("kubectl-edit"), seconds(1));
        assert_eq!(lookout.due, None);
        lookout.hear(&by(UPSTREAM_MANAGER), seconds(2));
        assert_eq!(lookout.due, Some(seconds(2)));
    }

    #[test]
    fn that_nothing_can_be_seen_is_said_once() {
        let mut lookout = UpstreamProbe::default();
        assert!(lookout.looked(&failed(403), seconds(0)));
        assert!(!lookout.looked(&failed(403), seconds(1)));
    }
}
