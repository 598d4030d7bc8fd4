//! What the watches tell the loop.

use std::time::Duration;

use super::event_loop::Driver;
use super::sync_status::Stream;
use crate::cluster::RequestError;
use crate::cluster::listwatch::watch::Event;
use crate::cluster::queries::kind_status::KindStatus;
use crate::error;
use crate::model::Notice;
use crate::readiness::watches::FollowedEvent;
use crate::resource::{Kind, Record};

impl Driver<'_> {
    pub(crate) fn hear(&mut self, told: FollowedEvent, now: Duration) -> anyhow::Result<()> {
        match told {
            FollowedEvent::Groups(kind, event) => {
                let change = kind_notice(&mut self.kinds, kind, &event);
                self.say(change)?;
                match event.as_ref() {
                    Event::Failed(error) if self.kinds.is_pending(kind) => {
                        self.no_groups(kind, error)?
                    }
                    event => {
                        let notice = self.troubles.note(event, || kind.info().crd.to_owned());
                        self.say_with_others(notice)?;
                    }
                }
                let event = if event.is_absent() {
                    Event::Listed(Vec::new())
                } else {
                    *event
                };
                self.engine.groups(kind.info().name, event, now);
            }
            FollowedEvent::Slices(id, event) => {
                let notice = self
                    .troubles
                    .note(&event, || self.watches.place("EndpointSlices", id));
                self.say_with_others(notice)?;
                self.engine.slices(id, event, now);
            }
            FollowedEvent::Mirrors(id, event) => {
                let notice = self
                    .troubles
                    .note(&event, || self.watches.place("Services", id));
                self.say_with_others(notice)?;
                self.engine.mirrors(id, event, now);
            }
            FollowedEvent::NoAccess(id, why) => {
                let what = self.watches.place("EndpointSlices", id);
                let notice = self.troubles.note_failure(&what, &why);
                self.say_with_others(notice)?;
                self.engine.no_access(id, why, now);
            }
        }
        Ok(())
    }

    pub(crate) fn measure(&mut self, told: &FollowedEvent, now: Duration) {
        let (stream, failure, resource) = match told {
            FollowedEvent::Groups(kind, event) => (
                Some(Stream::Groups(kind.info().name)),
                event.failure(),
                kind.info().crd,
            ),
            FollowedEvent::Slices(id, event) => {
                (Some(Stream::Slices(*id)), event.failure(), "endpointslices")
            }
            FollowedEvent::Mirrors(_, event) => (None, event.failure(), "services"),
            FollowedEvent::NoAccess(..) => return self.meter.restarts("endpointslices"),
        };
        match (failure, stream) {
            (Some(error), _) if !error.is_not_found() => self.meter.restarts(resource),
            (Some(_), Some(stream)) => self.hearing.ends(stream),
            (None, Some(stream)) => self.hearing.heard(stream, now),
            _ => {}
        }
    }

    /// The first list of a kind's groups failed: most failures end the loop then, later none does.
    fn no_groups(&mut self, kind: &'static dyn Kind, error: &RequestError) -> anyhow::Result<()> {
        if self.kinds.may_yet_be_served(error) {
            let notice = self.troubles.note_failure(kind.info().crd, error);
            return self.say_with_others(notice);
        }
        self.kinds
            .unavailable(kind, error)
            .map_err(|error| error::explain_group_list(self.cluster, &error).into())
    }
}

/// Notes that a kind is served, or no longer. Returns what to report of that.
fn kind_notice(kinds: &mut KindStatus, kind: &dyn Kind, event: &Event<Record>) -> Option<Notice> {
    let crd = kind.info().crd;
    match event {
        Event::Listed(records) => {
            let groups = records.len();
            let is_back = kinds.served(kind);
            is_back.then_some(Notice::KindAgain { crd, groups })
        }
        event if event.is_absent() => {
            let is_gone = kinds.removed(kind);
            is_gone.then_some(Notice::KindGone { crd })
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
        assert_eq!(notice(absent()), Some(Notice::KindGone { crd }));
        assert_eq!(notice(absent()), None);
        let back = notice(Event::Listed(Vec::new()));
        assert_eq!(back, Some(Notice::KindAgain { crd, groups: 0 }));
        assert_eq!(notice(Event::Listed(Vec::new())), None);
    }
}
