//! Which kinds of objects can be read, and what can't be read at present.

use std::collections::{BTreeMap, HashMap};

use crate::cluster::listwatch::watch::Event;
use crate::cluster::{Cluster, RequestError};
use crate::error;
use crate::model::Notice;
use crate::readiness::scope::SliceWatchId;
use crate::readiness::watches::{FollowedEvent, WatchSet};
use crate::resource::{KINDS, Kind, Record};

/// How far the list of one kind's objects has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Asked,
    /// Not known to the cluster, or not to be read by this user.
    Absent,
    Listed,
    /// Not known to the cluster any more.
    Lost,
}

#[derive(Debug, Default)]
pub struct KindStatus {
    progress: HashMap<&'static str, Progress>,
    /// Why kinds that may not be read are not, until that has been said.
    forbidden: BTreeMap<&'static str, RequestError>,
}

impl KindStatus {
    pub fn ask(&mut self, kind: &dyn Kind) {
        self.progress
            .entry(kind.info().name)
            .or_insert(Progress::Asked);
    }

    /// Takes in what a watch of a kind's objects told; gives what there is to say of the kind itself.
    pub fn hear(&mut self, kind: &dyn Kind, event: &Event<Record>) -> Option<Notice> {
        let (crd, progress) = (kind.info().crd, self.progress.get_mut(kind.info().name)?);
        match event {
            Event::Listed(groups) => {
                let before = std::mem::replace(progress, Progress::Listed);
                (before == Progress::Lost).then_some(Notice::KindAgain {
                    crd,
                    groups: groups.len(),
                })
            }
            event if event.is_absent() && *progress == Progress::Listed => {
                *progress = Progress::Lost;
                Some(Notice::KindGone { crd })
            }
            _ => None,
        }
    }

    /// Whether it has been found out what there is of a kind.
    pub fn is_known(&self, kind: &dyn Kind) -> bool {
        !matches!(
            self.progress.get(kind.info().name),
            None | Some(Progress::Asked)
        )
    }

    /// Whether it is known of each kind whether there is any.
    pub fn are_known(&self) -> bool {
        self.progress
            .values()
            .all(|progress| *progress != Progress::Asked)
    }

    /// Whether the first list of a kind may yet succeed after this failure: once others have been listed, a connection
    /// that breaks says nothing of the cluster as a whole.
    pub fn may_yet_come(&self, error: &RequestError) -> bool {
        let any_listed = self
            .progress
            .values()
            .any(|progress| *progress == Progress::Listed);
        error.may_pass() || (any_listed && error.is_about_the_line())
    }

    /// The first list of a kind failed in a way that does not pass.
    ///
    /// # Errors
    /// Where that leaves nothing to follow.
    pub fn lack(
        &mut self,
        kind: &dyn Kind,
        error: &RequestError,
        cluster: &Cluster,
    ) -> anyhow::Result<()> {
        if !error.is_not_found() && !error.is_forbidden() {
            return Err(error::explain(cluster, error).into());
        }
        self.progress.insert(kind.info().name, Progress::Absent);
        if error.is_forbidden() {
            self.forbidden.insert(kind.info().crd, error.clone());
        }
        if self
            .progress
            .values()
            .any(|progress| *progress != Progress::Absent)
        {
            return Ok(());
        }
        let refused = KINDS
            .iter()
            .find_map(|kind| self.forbidden.get(kind.info().crd));
        Err(match refused {
            Some(error) => error::explain(cluster, error).into(),
            None => error::no_kinds(cluster).into(),
        })
    }

    /// Why kinds can't be read, to be said.
    pub fn take_forbidden(&mut self) -> BTreeMap<&'static str, RequestError> {
        std::mem::take(&mut self.forbidden)
    }
}

/// What cannot be read at present, so that it is said once.
#[derive(Debug, Default)]
pub struct Troubles {
    /// Whether the loop works without it.
    troubled: HashMap<String, bool>,
}

impl Troubles {
    /// What is to be said when something can no longer be read, and when it can again.
    pub fn note<T>(&mut self, event: &Event<T>, what: impl FnOnce() -> String) -> Option<Notice> {
        match event {
            Event::Failed(error) if error.is_not_found() => None,
            Event::Failed(error) => self.note_failure(&what(), error),
            _ if self.troubled.is_empty() => None,
            _ => {
                let what = what();
                self.troubled
                    .remove(&what)
                    .map(|_| Notice::ReadAgain { what })
            }
        }
    }

    /// Whether all that the loop needs can be read.
    pub fn are_none(&self) -> bool {
        self.troubled.values().all(|is_dispensable| *is_dispensable)
    }

    pub fn note_failure(&mut self, what: &str, error: &impl ToString) -> Option<Notice> {
        self.add(what, error, false)
    }

    /// The same of something without which the loop works, for less.
    pub fn note_lack(&mut self, what: &str, error: &impl ToString) -> Option<Notice> {
        self.add(what, error, true)
    }

    fn add(&mut self, what: &str, error: &impl ToString, is_dispensable: bool) -> Option<Notice> {
        if self.troubled.contains_key(what) {
            return None;
        }
        self.troubled.insert(what.to_owned(), is_dispensable);
        Some(Notice::ReadFailed {
            what: what.to_owned(),
            error: error.to_string(),
        })
    }

    /// What a feed reads is not to be read any more, unless another one does so.
    pub fn forget<I: From<FollowedEvent> + Send + 'static>(
        &mut self,
        watches: &WatchSet<I>,
        feed: SliceWatchId,
    ) {
        if watches.is_alone(feed) {
            for what in ["EndpointSlices", "Services"] {
                self.troubled.remove(&watches.place(what, feed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::transport::error::Cause;

    const WHAT: &str = "EndpointSlices of all namespaces";

    #[test]
    fn what_cannot_be_read_is_said_once_and_so_is_its_return() {
        let mut troubles = Troubles::default();
        assert!(troubles.note_failure(WHAT, &"no").is_some());
        assert!(troubles.note_failure(WHAT, &"no").is_none());
        assert!(!troubles.are_none());
        let again = troubles.note(&Event::<()>::Alive, || WHAT.to_owned());
        assert_eq!(
            again,
            Some(Notice::ReadAgain {
                what: WHAT.to_owned()
            })
        );
        assert!(troubles.are_none());
    }

    #[test]
    fn what_the_loop_can_do_without_is_said_and_leaves_it_well() {
        let mut troubles = Troubles::default();
        assert!(troubles.note_lack("httproutes", &"no").is_some());
        assert!(troubles.note_failure("httproutes", &"no").is_none());
        assert!(troubles.are_none());
        assert!(
            troubles
                .note(&Event::<()>::Alive, || "httproutes".to_owned())
                .is_some()
        );
    }

    #[test]
    fn a_kind_that_is_gone_is_said_once_and_so_is_its_return() {
        let absent = || {
            let (reason, message) = ("NotFound".to_owned(), "not found".to_owned());
            let cause = Cause::Status {
                code: 404,
                reason,
                message,
                retry_after: None,
            };
            Event::Failed(RequestError {
                method: http::Method::GET,
                path: "/x".into(),
                cause,
            })
        };
        let (kind, crd) = (KINDS[0], KINDS[0].info().crd);
        let mut kinds = KindStatus::default();
        kinds.ask(kind);
        assert_eq!(kinds.hear(kind, &absent()), None, "it was never there");
        assert_eq!(kinds.hear(kind, &Event::Listed(Vec::new())), None);
        assert_eq!(kinds.hear(kind, &absent()), Some(Notice::KindGone { crd }));
        assert_eq!(kinds.hear(kind, &absent()), None);
        assert!(kinds.is_known(kind));
        let again = kinds.hear(kind, &Event::Listed(Vec::new()));
        assert_eq!(again, Some(Notice::KindAgain { crd, groups: 0 }));
        assert_eq!(kinds.hear(kind, &Event::Listed(Vec::new())), None);
    }

    #[test]
    fn a_line_that_breaks_passes_once_any_kind_has_been_listed() {
        let error = |cause| RequestError {
            method: http::Method::GET,
            path: "/x".into(),
            cause,
        };
        let cut = error(Cause::Unreachable {
            how: "the connection was cut".into(),
        });
        let late = error(Cause::TimedOut {
            after: Duration::from_secs(5),
        });
        let mut kinds = KindStatus::default();
        KINDS.iter().for_each(|kind| kinds.ask(*kind));
        assert!(!kinds.may_yet_come(&cut) && !kinds.may_yet_come(&late));
        kinds.hear(KINDS[1], &Event::Listed(Vec::new()));
        assert!(kinds.may_yet_come(&cut) && kinds.may_yet_come(&late));
        assert!(!kinds.may_yet_come(&error(Cause::Credentials {
            how: "no program".into()
        })));
    }
}
