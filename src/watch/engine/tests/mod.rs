//! The engine by itself: time is what the tests say, and nothing is asked of a cluster.

pub mod fights;
pub mod flapping;
pub mod moves;
pub mod older;
pub mod places;
pub mod remotes;
pub mod sleep;
pub mod trust;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::core::{Effect, Engine, EngineSettings, Moment};
use super::leases::LeaseState;
use crate::cluster::api::endpoint_slices::Slice;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::watch::Event;
use crate::cluster::remotes::remote_clusters::NamedRemotes;
use crate::cluster::transport::error::Cause;
use crate::cluster::{RequestError, RequestResult};
use crate::model::readiness::{AddressFamily, SliceCounts};
use crate::model::{GroupId, Notice, ServiceRef};
use crate::readiness::mirror_index::RemoteNamespace;
use crate::readiness::scope::SliceWatchId;
use crate::resource::{Kind as _, Record, TrafficSplit};

/// An engine with one group, `web`, and the effects that nobody has looked at yet.
struct Harness {
    engine: Engine,
    now: Duration,
    effects: Vec<Effect>,
    /// The number of the last write.
    number: u64,
}

impl Harness {
    /// The group is known, and nothing else.
    fn new(backends: &[(&str, u64)]) -> Self {
        Self::with(EngineSettings::default(), backends)
    }

    /// The same with other clusters that may be asked.
    fn asking(remotes: &[&str], backends: &[(&str, u64)]) -> Self {
        Self::with(
            EngineSettings {
                asked: NamedRemotes::of(remotes),
                ..EngineSettings::default()
            },
            backends,
        )
    }

    fn with(settings: EngineSettings, backends: &[(&str, u64)]) -> Self {
        let engine = Engine::new("me@here".into(), settings);
        let mut bench = Self {
            engine,
            now: Duration::ZERO,
            effects: Vec::new(),
            number: 0,
        };
        bench.engine.groups(
            "trafficsplit",
            Event::Listed(vec![group(1, backends, None)]),
            bench.now,
        );
        bench.settle();
        let standing = LeaseState::Held {
            until: Duration::from_secs(100_000),
        };
        bench.engine.lease("ns", standing, bench.now);
        bench
    }

    /// Both backends of a group at home are ready, and all is listed.
    fn at_home() -> Self {
        Self::at_home_with(EngineSettings::default())
    }

    fn at_home_with(settings: EngineSettings) -> Self {
        let mut bench = Self::with(settings, &[("web", 1), ("web-east", 0)]);
        let feed = bench.started()[0];
        bench.list(feed, &[("web", 1), ("web-east", 1)]);
        assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
        bench
    }

    fn settle(&mut self) {
        let server = Timestamp::UNIX_EPOCH + SignedDuration::try_from(self.now).unwrap();
        let moment = Moment {
            now: self.now,
            server,
        };
        let effects = self.engine.settle(moment);
        for effect in &effects {
            if let Effect::Write(write) = effect {
                self.number = write.number;
            }
        }
        self.effects.extend(effects);
    }

    /// Lets time pass, a second at a time as the loop does.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.engine.tick(self.now);
            self.settle();
        }
    }

    fn list(&mut self, feed: SliceWatchId, services: &[(&str, u32)]) {
        self.engine
            .mirrors(feed, Event::Listed(Vec::new()), self.now);
        let slices = services
            .iter()
            .map(|(service, ready)| slice(service, *ready))
            .collect();
        self.engine.slices(feed, Event::Listed(slices), self.now);
        self.settle();
    }

    fn tell(&mut self, feed: SliceWatchId, service: &str, ready: u32) {
        self.engine
            .slices(feed, Event::Applied(slice(service, ready)), self.now);
        self.settle();
    }

    fn edit(&mut self, record: Record) {
        self.engine
            .groups("trafficsplit", Event::Applied(record), self.now);
        self.settle();
    }

    /// The last write is answered.
    fn answer(&mut self, answer: RequestResult<Record>) {
        self.engine.written(&id(), self.number, answer, self.now);
    }

    fn verify(&mut self, slices: RequestResult<Vec<Slice>>) {
        let mut ours = Vec::new();
        for name in ["web", "web-east"] {
            RemoteNamespace::add(&mut ours, None, &ServiceRef::new("ns", name));
        }
        ours.iter()
            .for_each(|place| self.engine.verified(place, slices.clone(), self.now));
        self.settle();
    }

    /// The places of which fresh lists are asked for.
    fn listed_again(&mut self) -> Vec<RemoteNamespace> {
        self.take(|effect| {
            if let Effect::Verify(place) = effect {
                Some(place.clone())
            } else {
                None
            }
        })
    }

    /// Takes the effects of one kind out.
    fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        let taken = self.effects.iter().filter_map(&pick).collect();
        self.effects.retain(|effect| pick(effect).is_none());
        taken
    }

    fn started(&mut self) -> Vec<SliceWatchId> {
        self.take(|effect| {
            if let Effect::StartFeed(id, _) = effect {
                Some(*id)
            } else {
                None
            }
        })
    }

    fn stopped(&mut self) -> Vec<SliceWatchId> {
        self.take(|effect| {
            if let Effect::StopFeed(id) = effect {
                Some(*id)
            } else {
                None
            }
        })
    }

    fn verifications(&mut self) -> usize {
        self.listed_again().len()
    }

    /// The weights of the writes, with what they note as last move.
    fn writes(&mut self) -> Vec<(Vec<u64>, String)> {
        self.take(|effect| match effect {
            Effect::Write(write) => Some((
                write.change.weights.clone()?,
                write.change.annotations["last-move"].clone()?,
            )),
            _ => None,
        })
    }

    /// The numbers of the reads of the group's object.
    fn rereads(&mut self) -> Vec<u64> {
        self.take(|effect| {
            if let Effect::Reread(_, number, _) = effect {
                Some(*number)
            } else {
                None
            }
        })
    }

    fn reread(&mut self, number: u64, record: Record) {
        self.engine
            .reread(&id(), number, Ok(Some(record)), self.now);
        self.settle();
    }

    fn looked_up(&mut self) -> Vec<ServiceRef> {
        self.take(|effect| {
            if let Effect::LookUp(service) = effect {
                Some(service.clone())
            } else {
                None
            }
        })
    }

    fn moves(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::Moved(..)).then_some(()))
            .len()
    }

    /// How long each move took from its cause.
    fn reactions(&mut self) -> Vec<Duration> {
        self.take(|effect| {
            if let Effect::Moved(_, moved) = effect {
                Some(moved.took)
            } else {
                None
            }
        })
    }

    /// Who was said to contest the weights, and the seconds until the answer.
    fn contests(&mut self) -> Vec<(String, u64)> {
        self.take(|effect| match effect {
            Effect::Say(Notice::Contested { by, wait, .. }) => Some((by.clone(), wait.as_secs())),
            _ => None,
        })
    }

    /// What was said of traffic that has nowhere to go, and that it has again.
    fn stuck(&mut self) -> Vec<&'static str> {
        self.take(|effect| match effect {
            Effect::Say(Notice::Stuck { .. }) => Some("stuck"),
            Effect::Say(Notice::Unstuck { .. }) => Some("unstuck"),
            _ => None,
        })
    }

    fn complaints(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Say(Notice::WriteFailed { error, .. }) => Some(error.clone()),
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
        counts: SliceCounts {
            family: AddressFamily::V4,
            ready,
            total: 2,
        },
    }
}

fn lost() -> RequestError {
    let cause = Cause::Unreachable {
        how: "the connection was cut".into(),
    };
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

/// The same group under another name, with other services.
fn named(mut record: Record, name: &str) -> Record {
    name.clone_into(&mut record.meta.name);
    name.clone_into(&mut record.apex);
    record
}
