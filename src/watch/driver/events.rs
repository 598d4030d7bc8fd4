//! Handles the events of the watches: updates metrics and `/readyz`, reports failures, and informs
//! the engine.

use std::time::Duration;

use super::event_loop::Driver;
use super::sync_tracker::Stream;
use crate::cluster::RequestError;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::error;
use crate::model::Notice;
use crate::readiness::scope::SliceWatchId;
use crate::readiness::watches::FollowedEvent;
use crate::resource::{Kind, Record};

impl Driver<'_> {
    pub(super) fn handle_event(
        &mut self,
        event: FollowedEvent,
        now: Duration,
    ) -> anyhow::Result<()> {
        match event {
            FollowedEvent::Groups(kind, event) => return self.handle_groups(kind, *event, now),
            FollowedEvent::Slices(id, event) => {
                let place = || self.watches.place("EndpointSlices", id);
                let notice = self.read_failures.note(&event, place);
                self.aggregate(notice)?;
                self.engine.slice_event(id, event, now);
                self.note_replacement("EndpointSlices", id);
            }
            FollowedEvent::Services(id, event) => {
                let place = || self.watches.place("Services", id);
                let notice = self.read_failures.note(&event, place);
                self.aggregate(notice)?;
                self.engine.service_event(id, event, now);
                self.note_replacement("Services", id);
            }
            FollowedEvent::NoAccess(id, why) => {
                let place = self.watches.place("EndpointSlices", id);
                let notice = self.read_failures.note_failure(&place, &why);
                self.aggregate(notice)?;
                self.engine.no_access(id, why, now);
            }
        }
        Ok(())
    }

    /// Does without a cluster-wide watch whose namespaces are watched instead.
    fn note_replacement(&mut self, what: &str, id: SliceWatchId) {
        if self.engine.is_watched_by_namespace(id) {
            let place = self.watches.place(what, id);
            self.read_failures.can_do_without(&place);
            self.sync_tracker.ended(Stream::Slices(id));
        }
    }

    fn handle_groups(
        &mut self,
        kind: &'static dyn Kind,
        event: Event<Record>,
        now: Duration,
    ) -> anyhow::Result<()> {
        let notice = kind_notice(&mut self.kinds, kind, &event);
        self.report(notice)?;
        match &event {
            Event::Failed(error) if self.kinds.is_pending(kind) => {
                self.first_list_failed(kind, error)?;
            }
            // A retry. All forbidden kinds are reported at once, when each kind is known.
            Event::Failed(_) if !self.announced && self.kinds.is_forbidden(kind) => {}
            event => {
                let notice = self
                    .read_failures
                    .note(event, || kind.info().crd.to_owned());
                self.aggregate(notice)?;
            }
        }
        let event = if event.is_absent() {
            Event::Listed(Vec::new())
        } else {
            event
        };
        self.engine.group_event(kind.info().name, event, now);
        Ok(())
    }

    /// Handles a failure of the first list of a kind. Most of them end `watch`; later failures do
    /// not.
    fn first_list_failed(
        &mut self,
        kind: &'static dyn Kind,
        error: &RequestError,
    ) -> anyhow::Result<()> {
        if self.kinds.may_yet_be_served(error) {
            let notice = self.read_failures.note_failure(kind.info().crd, error);
            return self.aggregate(notice);
        }
        self.kinds
            .unavailable(kind, error)
            .map_err(|error| error::explain_group_list(self.cluster, &error).into())
    }

    /// Counts the failures of watches, and records which watches are active.
    pub(super) fn note_activity(&mut self, event: &FollowedEvent, now: Duration) {
        let (stream, failure, resource) = match event {
            FollowedEvent::Slices(_, Event::SlowList)
            | FollowedEvent::Services(_, Event::SlowList) => return,
            FollowedEvent::Groups(_, event) if matches!(**event, Event::SlowList) => return,
            FollowedEvent::Groups(kind, event) => {
                let info = kind.info();
                (Some(Stream::Groups(info.name)), event.failure(), info.crd)
            }
            FollowedEvent::Slices(id, event) => {
                (Some(Stream::Slices(*id)), event.failure(), "endpointslices")
            }
            FollowedEvent::Services(_, event) => (None, event.failure(), "services"),
            FollowedEvent::NoAccess(..) => return self.metrics.watch_failed("endpointslices"),
        };
        match (failure, stream) {
            (Some(error), _) if !error.is_not_found() => self.metrics.watch_failed(resource),
            (Some(_), Some(stream)) => self.sync_tracker.ended(stream),
            (None, Some(stream)) => self.sync_tracker.heard(stream, now),
            _ => {}
        }
    }
}

/// Records whether a kind is served. Returns the notice to report, if any.
fn kind_notice(kinds: &mut KindStatus, kind: &dyn Kind, event: &Event<Record>) -> Option<Notice> {
    let crd = kind.info().crd;
    match event {
        Event::Listed(records) => {
            let groups = records.len();
            let is_back = kinds.served(kind);
            is_back.then_some(Notice::KindServed { crd, groups })
        }
        event if event.is_absent() => {
            let is_gone = kinds.removed(kind);
            is_gone.then_some(Notice::KindRemoved { crd })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::transport::error::Cause;
    use crate::resource::KINDS;

    #[test]
    fn the_removal_of_a_kind_is_reported_once_and_so_is_its_return() {
        let absent = || {
            let cause = Cause::Status {
                code: 404,
                reason: "NotFound".to_owned(),
                message: "not found".to_owned(),
                retry_after: None,
            };
            Event::Failed(RequestError {
                method: http::Method::GET,
                path: "/x".into(),
                cause,
            })
        };
        let (kind, crd) = (KINDS[0], KINDS[0].info().crd);
        let kinds = &mut KindStatus::default();
        let mut notice = |event| kind_notice(kinds, kind, &event);
        assert_eq!(notice(absent()), None, "it was never there");
        assert_eq!(notice(Event::Listed(Vec::new())), None);
        assert_eq!(notice(absent()), Some(Notice::KindRemoved { crd }));
        assert_eq!(notice(absent()), None);
        let back = notice(Event::Listed(Vec::new()));
        assert_eq!(back, Some(Notice::KindServed { crd, groups: 0 }));
        assert_eq!(notice(Event::Listed(Vec::new())), None);
    }
}
