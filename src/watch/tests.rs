//! The engine by itself: time is what the tests say, and nothing is asked of a cluster.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::engine::{Effect, Engine, Moment};
use super::feed::FeedId;
use super::leases::Standing;
use crate::cluster::error::Cause;
use crate::cluster::services::Service;
use crate::cluster::slices::Slice;
use crate::cluster::stream::Event;
use crate::cluster::{RequestError, RequestResult};
use crate::model::readiness::{AddressFamily, SliceCounts};
use crate::model::{GroupId, Notice, ServiceRef};
use crate::resource::{Kind as _, Record, TrafficSplit};

/// An engine with one group, `web`, and the effects that nobody has looked at yet.
struct Bench {
    engine: Engine,
    now: Duration,
    effects: Vec<Effect>,
}

impl Bench {
    /// The group is known, and nothing else.
    fn new(backends: &[(&str, u64)]) -> Self {
        let mut bench =
            Self { engine: Engine::new("me@here".into(), false), now: Duration::ZERO, effects: Vec::new() };
        bench.engine.groups("trafficsplit", Event::Listed(vec![group(1, backends, None)]), bench.now);
        bench.settle();
        let standing = Standing::Held { until: Duration::from_secs(100_000) };
        bench.engine.lease("ns", standing, bench.now);
        bench
    }

    /// Both backends of a group at home are ready, and all is listed.
    fn at_home() -> Self {
        let mut bench = Self::new(&[("web", 1), ("web-east", 0)]);
        let feed = bench.started()[0];
        bench.list(feed, &[("web", 1), ("web-east", 1)]);
        assert!(bench.writes().is_empty() && bench.engine.is_at_rest());
        bench
    }

    fn settle(&mut self) {
        let moment = Moment { now: self.now, server: Timestamp::UNIX_EPOCH };
        self.effects.extend(self.engine.settle(moment));
    }

    /// Lets time pass, a second at a time as the loop does.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.engine.tick(self.now);
            self.settle();
        }
    }

    fn list(&mut self, feed: FeedId, services: &[(&str, u32)]) {
        self.engine.mirrors(feed, Event::Listed(Vec::new()), self.now);
        let slices = services.iter().map(|(service, ready)| slice(service, *ready)).collect();
        self.engine.slices(feed, Event::Listed(slices), self.now);
        self.settle();
    }

    fn tell(&mut self, feed: FeedId, service: &str, ready: u32) {
        self.engine.slices(feed, Event::Applied(slice(service, ready)), self.now);
        self.settle();
    }

    fn edit(&mut self, record: Record) {
        self.engine.groups("trafficsplit", Event::Applied(record), self.now);
        self.settle();
    }

    fn verify(&mut self, slices: RequestResult<Vec<Slice>>) {
        self.engine.verified(&id(), slices, self.now);
        self.settle();
    }

    /// Takes the effects of one kind out.
    fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        let taken = self.effects.iter().filter_map(&pick).collect();
        self.effects.retain(|effect| pick(effect).is_none());
        taken
    }

    fn started(&mut self) -> Vec<FeedId> {
        self.take(|effect| if let Effect::StartFeed(id, _) = effect { Some(*id) } else { None })
    }

    fn stopped(&mut self) -> Vec<FeedId> {
        self.take(|effect| if let Effect::StopFeed(id) = effect { Some(*id) } else { None })
    }

    fn verifications(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::Verify(..)).then_some(())).len()
    }

    /// The weights of the writes, with what they note as last move.
    fn writes(&mut self) -> Vec<(Vec<u64>, String)> {
        self.take(|effect| match effect {
            Effect::Write(_, _, change, _) => {
                Some((change.weights.clone()?, change.annotations["last-move"].clone()?))
            }
            _ => None,
        })
    }

    fn moves(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::Moved(..)).then_some(())).len()
    }

    fn complaints(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Say(Notice::WriteFailed { error, .. }) => Some(error.clone()),
            _ => None,
        })
    }
}

fn id() -> GroupId {
    GroupId { namespace: "ns".into(), kind: "trafficsplit", name: "web".into() }
}

fn group(version: u64, backends: &[(&str, u64)], last_move: Option<&str>) -> Record {
    let backends: Vec<_> = backends
        .iter()
        .map(|(service, weight)| serde_json::json!({"service": service, "weight": weight}))
        .collect();
    let object = serde_json::json!({
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "1", "resourceVersion": version.to_string(),
            "labels": {"failover.linkerd.io/controlled-by": "x"},
            "annotations": {"failover.linkerd.io/last-move": last_move.unwrap_or_default()},
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
        counts: SliceCounts { family: AddressFamily::V4, ready, total: 2 },
    }
}

fn lost() -> RequestError {
    let cause = Cause::Unreachable { how: "the connection was cut".into() };
    RequestError { method: http::Method::GET, path: "/x".into(), cause }
}

fn forbidden() -> RequestError {
    let (reason, message) = ("Forbidden".to_owned(), "not allowed".to_owned());
    RequestError { cause: Cause::Status { code: 403, reason, message, retry_after: None }, ..lost() }
}

mod moves;
mod trust;
