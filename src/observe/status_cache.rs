//! What the watches have told so far, and the groups as they stand by it. No I/O. Other objects that keep a group
//! from having an effect are not followed: that would take more watches than the groups themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::connection::ConnectionStatus;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::lease::Lease;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::runners::Runners;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::ReadinessSource;
use crate::model::{GroupId, Readiness, ServiceRef, Status, WhyUnknown};
use crate::readiness::backends::{ServiceNames, backends_of, services};
use crate::readiness::cache::{ReadinessCache, WatchChanges};
use crate::readiness::lookup::ReadinessLookup;
use crate::readiness::scope::{Affected, SliceWatchId};
use crate::readiness::survey;
use crate::resource::{GroupName, Record};
use crate::text::nearest::nearest;

#[derive(Debug, Default)]
pub struct StatusCache {
    /// Of the groups of these names; empty: of all.
    names: Vec<GroupName>,
    records: BTreeMap<GroupId, Record>,
    feeds: ReadinessCache,
    planned: Option<(ServiceNames, u64)>,
    pub runners: Runners,
    pub connection: ConnectionStatus,
}

/// A name that no group has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    pub name: GroupName,
    /// The one that may be meant.
    pub nearest: Option<String>,
}

/// The groups that are meant, as they stand.
#[derive(Debug)]
pub struct Coverage {
    /// Sorted by the groups' names.
    pub statuses: Vec<Status>,
    /// Names that no group has.
    pub absent: Vec<UnknownName>,
    /// Groups whose backends are being read for the first time; they are not among the statuses.
    pub unread: BTreeSet<GroupId>,
    /// The readiness of a backend is unknown because nothing comes.
    pub is_cut_off: bool,
}

impl StatusCache {
    pub fn of(names: Vec<GroupName>, asked: NamedRemotes) -> Self {
        Self {
            names,
            feeds: ReadinessCache::new(asked),
            ..Self::default()
        }
    }

    pub fn groups(&mut self, kind: &'static str, event: Event<Record>, now: Duration) {
        match &event {
            event if event.is_absent() => {
                self.connection.absent(kind);
                self.records.retain(|id, _| id.kind != kind);
            }
            Event::Failed(error) => self.connection.failed(kind, error),
            _ => self.connection.heard(kind, now),
        }
        match event {
            Event::Listed(records) => {
                self.records.retain(|id, _| id.kind != kind);
                self.records
                    .extend(records.into_iter().map(|record| (record.id(), record)));
            }
            Event::Applied(record) => {
                self.records.insert(record.id(), record);
            }
            Event::Deleted(record) => {
                self.records.remove(&record.id());
            }
            Event::Alive | Event::Failed(_) => {}
        }
    }

    /// Takes in what a slices' watch told; gives whether it matters, and the feeds to stop.
    pub fn slices(
        &mut self,
        id: SliceWatchId,
        event: Event<Slice>,
        now: Duration,
    ) -> (bool, Vec<SliceWatchId>) {
        let failed = matches!(event, Event::Failed(_));
        let (touched, stop) = self.feeds.slice_event(id, event, now);
        (failed || touched != Affected::Nothing, stop)
    }

    pub fn mirrors(&mut self, id: SliceWatchId, event: Event<Service>) -> bool {
        let failed = matches!(event, Event::Failed(_));
        let touched = self.feeds.mirror_event(id, event);
        failed || touched != Affected::Nothing
    }

    /// Takes in that the cluster of a watch can't be asked; gives whether it matters.
    pub fn no_access(&mut self, id: SliceWatchId, why: WhyUnknown) -> bool {
        self.feeds.no_access(id, why) != Affected::Nothing
    }

    /// Takes in what the Leases' watch told at `at` on the API server's clock.
    pub fn leases(&mut self, event: Event<Lease>, at: Timestamp) {
        if !matches!(event, Event::Failed(_)) {
            self.runners.heard = at;
        }
        // A watch that is allowed again goes on where it ended.
        self.runners.are_stale = match &event {
            Event::Failed(error) => self.runners.are_stale || error.is_forbidden(),
            _ => false,
        };
        let known = &mut self.runners.leases;
        let is_other = |new: &Lease| {
            let namespace = new.metadata.namespace.clone();
            move |old: &Lease| old.metadata.namespace != namespace
        };
        match event {
            Event::Listed(leases) => *known = Some(leases),
            Event::Applied(lease) => {
                let leases = known.get_or_insert_default();
                leases.retain(is_other(&lease));
                leases.push(lease);
            }
            Event::Deleted(lease) => known
                .iter_mut()
                .for_each(|leases| leases.retain(is_other(&lease))),
            Event::Alive | Event::Failed(_) => {}
        }
    }

    pub fn looked_up(&mut self, service: ServiceRef, found: Option<bool>, now: Duration) {
        self.feeds.looked_up(&service, found, now);
    }

    /// The watches to start and to stop, if the groups need others than those that there are.
    pub fn rewire(&mut self, now: Duration) -> WatchChanges {
        let plan = (self.wanted(), self.feeds.revision());
        if self.planned.as_ref() == Some(&plan) {
            return WatchChanges::default();
        }
        let rewiring = self.feeds.plan(plan.0.clone(), now);
        self.planned = Some(plan);
        rewiring
    }

    /// The services without slices that should be looked up now.
    pub fn unsure_services(&mut self, now: Duration) -> Vec<ServiceRef> {
        let Some((wanted, _)) = &self.planned else {
            return Vec::new();
        };
        services(wanted)
            .filter(|service| {
                self.feeds.lookup(service, now) != ReadinessLookup::Pending
                    && self.feeds.must_look_up(service, now)
            })
            .collect()
    }

    fn wanted(&self) -> ServiceNames {
        backends_of(self.chosen().0)
    }

    /// The groups that are meant, and the names that no group has.
    fn chosen(&self) -> (Vec<&Record>, Vec<UnknownName>) {
        if self.names.is_empty() {
            return (self.records.values().collect(), Vec::new());
        }
        let (mut chosen, mut absent) = (BTreeMap::new(), Vec::new());
        for name in &self.names {
            let found = name.pick(self.records.values());
            if found.is_empty() {
                let known = self
                    .records
                    .values()
                    .flat_map(|record| [record.meta.name.as_str(), &record.apex]);
                let nearest = nearest(&name.name, known).map(str::to_owned);
                absent.push(UnknownName {
                    name: name.clone(),
                    nearest,
                });
            }
            chosen.extend(found.into_iter().map(|record| (record.id(), record)));
        }
        (chosen.into_values().collect(), absent)
    }

    /// The groups as they stand at `now`, which is `at` on the API server's clock.
    pub fn look(&self, now: Duration, at: Timestamp) -> Coverage {
        let (chosen, absent) = self.chosen();
        let claims = survey::claims_of(self.records.values());
        let (mut readings, mut unread) = (HashMap::new(), BTreeSet::new());
        for record in &chosen {
            for backend in record.group.iter().flat_map(|group| &group.backends) {
                match self.feeds.lookup(&backend.service, now) {
                    ReadinessLookup::Answer(readiness) => {
                        readings.insert(backend.service.clone(), readiness);
                    }
                    ReadinessLookup::Pending => {
                        unread.insert(record.id());
                    }
                }
            }
        }
        let read = chosen
            .iter()
            .filter(|record| !unread.contains(&record.id()));
        let status = |record: &&Record| {
            survey::status(record, &readings, &claims, self.runners.of(record, at), at)
        };
        let statuses = read.map(status).collect();
        Coverage {
            statuses,
            absent,
            is_cut_off: readings.values().any(is_cut_off),
            unread,
        }
    }
}

fn is_cut_off(readiness: &Readiness) -> bool {
    let Readiness::Unknown { why } = readiness else {
        return false;
    };
    matches!(
        why,
        WhyUnknown::Silent(_) | WhyUnknown::Failing(ReadinessSource::Slices, _)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::cluster::transport::error::{Cause, RequestError};
    use crate::model::Runner;
    use crate::resource::{Kind as _, TrafficSplit};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn record() -> Record {
        let object = json!({"metadata": {"name": "web", "namespace": "ns"}, "spec": {"service": "web", "backends": []}});
        TrafficSplit
            .read(&RawValue::from_string(object.to_string()).unwrap())
            .unwrap()
    }

    fn failed(cause: Cause) -> Event<Lease> {
        Event::Failed(RequestError {
            method: http::Method::GET,
            path: String::new(),
            cause,
        })
    }

    #[test]
    fn who_runs_a_group_is_unknown_while_leases_may_not_be_watched() {
        let record = record();
        let runner = |picture: &StatusCache| picture.runners.of(&record, START);
        let mut picture = StatusCache::default();
        picture.leases(Event::Listed(Vec::new()), START);
        assert_eq!(runner(&picture), Runner::Nobody);
        let cause = Cause::Status {
            code: 403,
            reason: String::new(),
            message: String::new(),
            retry_after: None,
        };
        picture.leases(failed(cause), START);
        assert_eq!(runner(&picture), Runner::Unknown);
        picture.leases(Event::Alive, START);
        assert_eq!(runner(&picture), Runner::Nobody);
    }

    #[test]
    fn a_lease_has_ended_only_once_the_server_is_heard_after_its_end() {
        let record = record();
        let at = |second| START + Duration::from_secs(second);
        let mut picture = StatusCache::default();
        picture.leases(
            Event::Listed(vec![Lease::new("ns").held_by("loop", START)]),
            START,
        );
        let runner = |picture: &StatusCache, second| picture.runners.of(&record, at(second));
        assert_eq!(runner(&picture, 14), Runner::Held("loop".to_owned()));
        assert_eq!(runner(&picture, 20), Runner::Unknown);
        picture.leases(
            failed(Cause::TimedOut {
                after: Duration::from_secs(25),
            }),
            at(21),
        );
        assert_eq!(runner(&picture, 21), Runner::Unknown);
        picture.leases(
            Event::Applied(Lease::new("ns").held_by("loop", at(20))),
            at(22),
        );
        assert_eq!(runner(&picture, 22), Runner::Held("loop".to_owned()));
        picture.leases(Event::Alive, at(36));
        assert_eq!(runner(&picture, 36), Runner::Nobody);
    }

    #[test]
    fn a_lease_that_was_given_back_has_ended_at_once() {
        let mut picture = StatusCache::default();
        picture.leases(
            Event::Listed(vec![Lease::new("ns").held_by("loop", START).released()]),
            START,
        );
        assert_eq!(picture.runners.of(&record(), START), Runner::Nobody);
    }
}
