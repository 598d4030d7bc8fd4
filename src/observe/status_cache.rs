//! The cache of statuses: the reports of the watches, and the groups' statuses derived from them.
//! Does no I/O. Does not watch for conflicts with other objects, which would need more watches than
//! the groups themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::connection::{ConnectionStatus, Lost};
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::lease::Lease;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::queries::runners::Runners;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::ReadinessSource;
use crate::model::{GroupId, Readiness, Status, WhyUnknown};
use crate::readiness::backends::{Reading, ServiceNames, backends_of};
use crate::readiness::cache::{ReadinessCache, WatchChanges};
use crate::readiness::lookup::ReadinessLookup;
use crate::readiness::scope::{Affected, SliceWatchId};
use crate::readiness::survey;
use crate::resource::{GroupName, LabelSelector, Record};
use crate::text::nearest::nearest;

#[derive(Debug, Default)]
pub struct StatusCache {
    /// The names of the groups to show. Empty: all groups.
    names: Vec<GroupName>,
    /// The labels of the groups to show.
    selector: LabelSelector,
    records: BTreeMap<GroupId, Record>,
    pub readiness: ReadinessCache,
    planned: Option<(ServiceNames, u64)>,
    pub runners: Runners,
    pub connection: ConnectionStatus,
}

/// A name that no group has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    pub name: GroupName,
    /// The most similar name of a group.
    pub nearest: Option<String>,
}

/// The statuses of the chosen groups at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Sorted by the groups' names.
    pub statuses: Vec<Status>,
    /// Names that no group has.
    pub absent: Vec<UnknownName>,
    /// The connection is lost. The statuses are those from before the loss.
    pub lost: Option<Lost>,
}

/// A snapshot, and what it lacks.
#[derive(Debug)]
pub struct Coverage {
    pub snapshot: Snapshot,
    /// Groups whose backends are being read for the first time. The statuses do not include them.
    pub unread: BTreeSet<GroupId>,
    /// The readiness of a backend is unknown because its watch is silent.
    pub is_cut_off: bool,
}

impl StatusCache {
    pub fn of(names: Vec<GroupName>, selector: LabelSelector, remotes: NamedRemotes) -> Self {
        Self {
            names,
            selector,
            readiness: ReadinessCache::new(remotes),
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
            Event::Alive | Event::SlowList | Event::Failed(_) => {}
        }
    }

    /// Handles an event of a watch of slices. Returns whether a status may change, and the watches
    /// to stop.
    pub fn slices(
        &mut self,
        id: SliceWatchId,
        event: Event<Slice>,
        now: Duration,
    ) -> (bool, Vec<SliceWatchId>) {
        let failed = matches!(event, Event::Failed(_));
        let (affected, stop) = self.readiness.slice_event(id, event, now);
        (failed || affected != Affected::Nothing, stop)
    }

    pub fn services(&mut self, id: SliceWatchId, event: Event<Service>, now: Duration) -> bool {
        let failed = matches!(event, Event::Failed(_));
        let affected = self.readiness.service_event(id, event, now);
        failed || affected != Affected::Nothing
    }

    /// Handles an event of the watch of Leases, at `at` on the API server's clock.
    pub fn leases(&mut self, event: Event<Lease>, at: Timestamp) {
        if !matches!(event, Event::Failed(_) | Event::SlowList) {
            self.runners.heard = at;
        }
        // A watch that is allowed again resumes from where it stopped.
        self.runners.are_stale = match &event {
            Event::Failed(error) => self.runners.are_stale || error.is_forbidden(),
            _ => false,
        };
        let known = &mut self.runners.leases;
        let is_other = |new: &Lease| {
            let (namespace, name) = (new.metadata.namespace.clone(), new.metadata.name.clone());
            move |old: &Lease| old.metadata.namespace != namespace || old.metadata.name != name
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
            Event::Alive | Event::SlowList | Event::Failed(_) => {}
        }
    }

    /// Returns the watches to start and to stop, if the groups need different ones.
    pub fn watch_changes(&mut self, now: Duration) -> WatchChanges {
        let plan = (backends_of(self.chosen().0), self.readiness.revision());
        if self.planned.as_ref() == Some(&plan) {
            return WatchChanges::default();
        }
        let changes = self.readiness.plan(plan.0.clone(), now);
        self.planned = Some(plan);
        changes
    }

    /// Returns the chosen groups, and the names that no group has.
    fn chosen(&self) -> (Vec<&Record>, Vec<UnknownName>) {
        let is_selected = |record: &&Record| self.selector.matches(&record.meta.labels);
        let selected: Vec<&Record> = self.records.values().filter(is_selected).collect();
        if self.names.is_empty() {
            return (selected, Vec::new());
        }
        let (mut chosen, mut absent) = (BTreeMap::new(), Vec::new());
        for name in &self.names {
            let found = name.pick(selected.iter().copied());
            if found.is_empty() {
                let known = selected
                    .iter()
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

    /// Returns the statuses at `now`, which is `at` on the API server's clock.
    pub fn coverage(&self, now: Duration, at: Timestamp) -> Coverage {
        let (chosen, absent) = self.chosen();
        let claims = survey::claims_of(self.records.values());
        let (mut readings, mut unread) = (HashMap::new(), BTreeSet::new());
        for record in &chosen {
            for backend in record.group.iter().flat_map(|group| &group.backends) {
                match self.readiness.lookup(&backend.service, &backend.ports, now) {
                    ReadinessLookup::Answer(readiness) => {
                        let last_write = self.readiness.last_write(&backend.service, now);
                        let reading = Reading {
                            readiness,
                            last_write,
                        };
                        readings.insert(backend.destination(), reading);
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
        let snapshot = Snapshot {
            statuses: read.map(status).collect(),
            absent,
            lost: None,
        };
        Coverage {
            snapshot,
            is_cut_off: readings.values().any(|it| is_cut_off(&it.readiness)),
            unread,
        }
    }
}

fn is_cut_off(readiness: &Readiness) -> bool {
    matches!(
        readiness,
        Readiness::Unknown {
            why: WhyUnknown::Silent(_) | WhyUnknown::Failing(ReadinessSource::Slices, _)
        }
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::cluster::api::lease;
    use crate::cluster::api::lease::LeaseScope;
    use crate::cluster::transport::error::{Cause, RequestError};
    use crate::model::Runner;
    use crate::resource::{Kind as _, TrafficSplit};

    const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

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

    fn held(at: Timestamp) -> Lease {
        Lease::new("ns", lease::NAME).held_by("loop", &LeaseScope::default(), at)
    }

    #[test]
    fn the_controller_of_a_group_is_unknown_while_leases_cannot_be_watched() {
        let record = record();
        let runner = |cache: &StatusCache| cache.runners.of(&record, EPOCH);
        let mut cache = StatusCache::default();
        cache.leases(Event::Listed(Vec::new()), EPOCH);
        assert_eq!(runner(&cache), Runner::Unattended);
        let cause = Cause::Status {
            code: 403,
            reason: String::new(),
            message: String::new(),
            retry_after: None,
        };
        cache.leases(failed(cause), EPOCH);
        assert_eq!(runner(&cache), Runner::Unknown);
        cache.leases(Event::Alive, EPOCH);
        assert_eq!(runner(&cache), Runner::Unattended);
    }

    #[test]
    fn a_lease_has_expired_only_once_the_server_is_heard_after_its_end() {
        let record = record();
        let at = |second| EPOCH + Duration::from_secs(second);
        let mut cache = StatusCache::default();
        cache.leases(Event::Listed(vec![held(EPOCH)]), EPOCH);
        let runner = |cache: &StatusCache, second| cache.runners.of(&record, at(second));
        assert_eq!(runner(&cache, 14), Runner::Watch("loop".to_owned()));
        assert_eq!(runner(&cache, 20), Runner::Unknown);
        cache.leases(
            failed(Cause::TimedOut {
                after: Duration::from_secs(25),
            }),
            at(21),
        );
        assert_eq!(runner(&cache, 21), Runner::Unknown);
        cache.leases(Event::Applied(held(at(20))), at(22));
        assert_eq!(runner(&cache, 22), Runner::Watch("loop".to_owned()));
        cache.leases(Event::Alive, at(36));
        assert_eq!(runner(&cache, 36), Runner::Unattended);
    }

    #[test]
    fn a_released_lease_ends_at_once() {
        let mut cache = StatusCache::default();
        cache.leases(Event::Listed(vec![held(EPOCH).released()]), EPOCH);
        assert_eq!(cache.runners.of(&record(), EPOCH), Runner::Unattended);
    }
}
