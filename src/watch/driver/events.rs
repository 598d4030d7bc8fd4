//! What the watches tell the loop.

use std::time::Duration;

use super::event_loop::Driver;
use super::sync_status::Stream;
use crate::cluster::RequestError;
use crate::cluster::listwatch::watch::Event;
use crate::readiness::watches::FollowedEvent;
use crate::resource::Kind;

impl Driver<'_> {
    pub(crate) fn hear(&mut self, told: FollowedEvent, now: Duration) -> anyhow::Result<()> {
        match told {
            FollowedEvent::Groups(kind, event) => {
                let news = self.kinds.hear(kind, &event);
                self.say(news)?;
                match event.as_ref() {
                    Event::Failed(error) if !self.kinds.is_known(kind) => {
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
        if self.kinds.may_yet_come(error) {
            let notice = self.troubles.note_failure(kind.info().crd, error);
            return self.say_with_others(notice);
        }
        self.kinds.lack(kind, error, self.cluster)
    }
}
