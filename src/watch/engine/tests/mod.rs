//! Tests of the engine in virtual time, without a cluster: a harness reports events and takes
//! effects.

pub mod avoid;
pub mod contention;
pub mod facts;
pub mod failed_writes;
pub mod flapping;
pub mod many_namespaces;
pub mod namespaces;
pub mod other_leases;
pub mod ports;
pub mod remotes;
pub mod replaced_watches;
pub mod selector;
pub mod stale_objects;
pub mod stale_watches;
pub mod standby;
pub mod suspend;
pub mod unhandled;
pub mod upstream;
pub mod write_rights;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::core::{Engine, EngineOptions};
use super::effect::{Effect, Moment};
use super::leases::LeaseState;
use crate::cluster::api::endpoint_counts::{EndpointKey, PortName, SliceEndpoints};
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services::{Port, Service};
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::cluster::transport::error::Cause;
use crate::cluster::{RequestError, RequestResult};
use crate::model::readiness::AddressFamily;
use crate::model::{GroupId, Mirror, Notice, ServiceRef};
use crate::readiness::cache::ReadinessCache;
use crate::readiness::scope::RelistRequest;
use crate::readiness::scope::SliceWatchId;
use crate::resource::{Change, Kind as _, Record, TrafficSplit};

/// An engine with one group, `web`, and the effects that the test has not taken.
struct Harness {
    engine: Engine,
    now: Duration,
    effects: Vec<Effect>,
    /// The request number of the last write.
    request: u64,
}

impl Harness {
    /// Starts with only the group known.
    fn new(backends: &[(&str, u64)]) -> Self {
        Self::with(EngineOptions::default(), backends)
    }

    /// Like [`Self::new`], with other clusters that can be read.
    fn asking(remotes: &[&str], backends: &[(&str, u64)]) -> Self {
        let cache = ReadinessCache::new(NamedRemotes::of(remotes));
        Self::of(EngineOptions::default(), cache).with_group(backends)
    }

    fn with(options: EngineOptions, backends: &[(&str, u64)]) -> Self {
        Self::of(options, ReadinessCache::default()).with_group(backends)
    }

    fn of(options: EngineOptions, cache: ReadinessCache) -> Self {
        let mut engine = Engine::new("me@here".into(), options, cache);
        engine.other_leases_event(Event::Listed(Vec::new()), "me@here/1", Duration::ZERO);
        Self {
            engine,
            now: Duration::ZERO,
            effects: Vec::new(),
            request: 0,
        }
    }

    fn with_group(self, backends: &[(&str, u64)]) -> Self {
        self.with_records(vec![group(1, backends, None)])
    }

    /// Lists these groups, and then holds the Lease.
    fn with_records(mut self, records: Vec<Record>) -> Self {
        let listed = Event::Listed(records);
        self.engine.group_event("trafficsplit", listed, self.now);
        self.settle();
        self.hold_lease("ns");
        self
    }

    /// Holds the Lease of a namespace for longer than any test takes.
    fn hold_lease(&mut self, namespace: &str) {
        let state = LeaseState::Held {
            until: Duration::from_secs(100_000),
        };
        self.engine.lease_event(namespace, state, self.now);
    }

    /// Starts with the traffic on the primary, both backends ready, and everything listed.
    fn at_home() -> Self {
        Self::at_home_with(EngineOptions::default())
    }

    fn at_home_with(options: EngineOptions) -> Self {
        let mut harness = Self::with(options, &[("web", 1), ("web-east", 0)]);
        let watch = harness.started()[0];
        harness.list(watch, &[("web", 1), ("web-east", 1)]);
        assert!(harness.writes().is_empty() && harness.engine.is_settled());
        harness
    }

    fn settle(&mut self) {
        let server = Timestamp::UNIX_EPOCH + SignedDuration::try_from(self.now).unwrap();
        let moment = Moment {
            now: self.now,
            server,
        };
        let effects = self.engine.turn(moment);
        for effect in &effects {
            if let Effect::Write(write) = effect {
                self.request = write.request;
            }
        }
        self.effects.extend(effects);
    }

    /// Lets time pass, one second at a time like the driver.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.engine.tick(self.now);
            self.settle();
        }
    }

    /// Lets time pass while the watch of the local slices stays active.
    fn pass_alive(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.engine
                .slice_event(SliceWatchId(1), Event::Alive, self.now);
            self.pass(1);
        }
    }

    fn list(&mut self, watch: SliceWatchId, services: &[(&str, u32)]) {
        let names = ["web", "web-east"].into_iter();
        let names = names.chain(services.iter().map(|(name, _)| *name));
        let known = Event::Listed(names.map(service).collect());
        self.engine.service_event(watch, known, self.now);
        let slices = services
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        self.engine
            .slice_event(watch, Event::Listed(slices), self.now);
        self.settle();
    }

    fn slice_changed(&mut self, watch: SliceWatchId, service: &str, ready: u32) {
        self.engine
            .slice_event(watch, Event::Applied(slice(service, ready)), self.now);
        self.settle();
    }

    fn delete_service(&mut self, name: &str) {
        self.engine
            .service_event(SliceWatchId(1), Event::Deleted(service(name)), self.now);
        self.settle();
    }

    fn edit(&mut self, record: Record) {
        self.engine
            .group_event("trafficsplit", Event::Applied(record), self.now);
        self.settle();
    }

    /// Ends the last write.
    fn answer(&mut self, answer: RequestResult<Record>) {
        self.engine.written(&id(), self.request, answer, self.now);
    }

    fn relist(&mut self, slices: RequestResult<Vec<Slice>>) {
        let mut ours = Vec::new();
        for name in ["web", "web-east"] {
            RelistRequest::add(&mut ours, None, &ServiceRef::new("ns", name));
        }
        ours.iter()
            .for_each(|place| self.engine.relisted(place, slices.clone(), self.now));
        self.settle();
    }

    /// Takes the requested lists.
    fn relists(&mut self) -> Vec<RelistRequest> {
        self.take(|effect| {
            if let Effect::Relist(place) = effect {
                Some(place.clone())
            } else {
                None
            }
        })
    }

    /// Takes the effects of one kind.
    fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        let taken = self.effects.iter().filter_map(&pick).collect();
        self.effects.retain(|effect| pick(effect).is_none());
        taken
    }

    fn started(&mut self) -> Vec<SliceWatchId> {
        self.take(|effect| {
            if let Effect::StartWatch(id, _) = effect {
                Some(*id)
            } else {
                None
            }
        })
    }

    fn stopped(&mut self) -> Vec<SliceWatchId> {
        self.take(|effect| {
            if let Effect::StopWatch(id) = effect {
                Some(*id)
            } else {
                None
            }
        })
    }

    fn relist_count(&mut self) -> usize {
        self.relists().len()
    }

    /// Takes the writes: their weights and `last-move` annotations.
    fn writes(&mut self) -> Vec<(Vec<u64>, String)> {
        self.take(|effect| match effect {
            Effect::Write(write) => Some((
                write.change.weights.clone()?,
                write.change.annotations["last-move"].clone()?,
            )),
            _ => None,
        })
    }

    /// Takes the only change that is written, if one is.
    fn only_change(&mut self) -> Option<Change> {
        let changes = self.take(|effect| match effect {
            Effect::Write(write) => Some(write.change.clone()),
            _ => None,
        });
        assert!(changes.len() < 2, "{changes:?}");
        changes.into_iter().next()
    }

    /// Takes the request numbers of the reads of the group's object.
    fn rereads(&mut self) -> Vec<u64> {
        self.take(|effect| {
            if let Effect::ReadGroup(_, number, _) = effect {
                Some(*number)
            } else {
                None
            }
        })
    }

    fn reread(&mut self, number: u64, record: Record) {
        self.engine
            .object_read(&id(), number, Ok(Some(record)), self.now);
        self.settle();
    }

    fn moves(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::Moved(..)).then_some(()))
            .len()
    }

    /// Takes the time of each move from its cause.
    fn reactions(&mut self) -> Vec<Duration> {
        self.take(|effect| {
            if let Effect::Moved(_, moved) = effect {
                Some(moved.took)
            } else {
                None
            }
        })
    }

    /// Takes the reports of contention: the other writer, and the seconds until the answer.
    fn contests(&mut self) -> Vec<(String, u64)> {
        self.take(|effect| match effect {
            Effect::Report(Notice::Contested { by, wait, .. }) => {
                Some((by.clone(), wait.as_secs()))
            }
            _ => None,
        })
    }

    /// Takes the reports that no backend is known to be ready, or that one is again.
    fn stuck(&mut self) -> Vec<&'static str> {
        self.take(|effect| match effect {
            Effect::Report(Notice::Stuck { .. }) => Some("stuck"),
            Effect::Report(Notice::Unstuck { .. }) => Some("unstuck"),
            _ => None,
        })
    }

    fn complaints(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Report(Notice::WriteFailed { error, .. }) => Some(error.clone()),
            _ => None,
        })
    }
}

fn id() -> GroupId {
    GroupId {
        namespace: "ns".into(),
        kind: "trafficsplit",
        name: "web".into(),
    }
}

fn group(version: u64, backends: &[(&str, u64)], last_move: Option<&str>) -> Record {
    read(
        version,
        backends,
        &[("last-move", last_move.unwrap_or_default())],
    )
}

fn read(version: u64, backends: &[(&str, u64)], annotations: &[(&str, &str)]) -> Record {
    let annotations: serde_json::Map<String, serde_json::Value> = annotations
        .iter()
        .map(|(key, value)| (format!("failover.linkerd.io/{key}"), (*value).into()))
        .collect();
    let backends: Vec<_> = backends
        .iter()
        .map(|(service, weight)| serde_json::json!({"service": service, "weight": weight}))
        .collect();
    let object = serde_json::json!({
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "1", "resourceVersion": version.to_string(),
            "labels": {"failover.linkerd.io/controlled-by": "x"},
            "annotations": annotations,
        },
        "spec": {"service": "web", "backends": backends},
    });
    let raw = RawValue::from_string(object.to_string()).unwrap();
    TrafficSplit.read(&raw).unwrap()
}

fn slice(service: &str, ready: u32) -> Slice {
    Slice {
        name: service.into(),
        service: ServiceRef::new("ns", service),
        version: "1".into(),
        endpoints: endpoints(ready, true, true),
    }
}

/// Returns two endpoints, of which so many are ready.
fn endpoints(ready: u32, has_ports: bool, is_owned: bool) -> SliceEndpoints {
    let keys = (0..2).map(|number| EndpointKey::new(number, number < ready));
    let ports = has_ports.then(|| PortName::new("")).into_iter().collect();
    SliceEndpoints::new(AddressFamily::V4, ports, is_owned, keys.collect())
}

fn service(name: &str) -> Service {
    Service {
        no_parent: None,
        is_external_name: false,
        named_target: Some("http".into()),
        has_selector: true,
        at: ServiceRef::new("ns", name),
        version: "1".into(),
        ports: vec![Port {
            port: 80,
            name: String::new(),
        }],
        is_mirror: false,
        mirrors: None,
        stands_for: None,
        mirrored_cluster: None,
    }
}

fn mirror(name: &str, stands_for: Mirror) -> Service {
    Service {
        is_mirror: true,
        stands_for: Some(stands_for),
        ..service(name)
    }
}

fn lost() -> RequestError {
    let cause = Cause::unreachable("the connection was cut");
    RequestError {
        method: http::Method::GET,
        path: "/x".into(),
        cause,
    }
}

fn forbidden() -> RequestError {
    status(403)
}

fn status(code: u16) -> RequestError {
    let (reason, message) = ("Reason".to_owned(), "not allowed".to_owned());
    RequestError {
        cause: Cause::Status {
            code,
            reason,
            message,
            retry_after: None,
        },
        ..lost()
    }
}

/// Returns the same group under another name, with other services.
fn named(mut record: Record, name: &str) -> Record {
    name.clone_into(&mut record.meta.name);
    name.clone_into(&mut record.apex);
    record
}
