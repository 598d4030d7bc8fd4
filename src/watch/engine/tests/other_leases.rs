//! Another `watch` with a selector runs some of the groups.

use super::*;
use crate::cluster::api::lease::{Lease, LeaseScope};
use crate::resource::LabelSelector;

const OWN: &str = "me@here/1";

fn scope(selector: &str) -> LeaseScope {
    LeaseScope::new(LabelSelector::parse(selector).unwrap())
}

fn held(selector: &str, second: i64) -> Lease {
    let (scope, at) = (scope(selector), Timestamp::from_second(second).unwrap());
    Lease::new("ns", &scope.lease_name()).held_by("other", &scope, at)
}

fn labelled(version: u64, weights: [u64; 2]) -> Record {
    let mut record = group(
        version,
        &[("web", weights[0]), ("web-east", weights[1])],
        None,
    );
    let labels = [("failover.linkerd.io/controlled-by", "x"), ("team", "b")];
    record.meta.labels = labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    record
}

/// Starts with the group of team b, its primary dead, and this Lease of another watch.
fn beside(own: &str, lease: Lease) -> Harness {
    let options = EngineOptions {
        selector: LabelSelector::parse(own).unwrap(),
        ..EngineOptions::default()
    };
    let mut harness = Harness::of(options, ReadinessCache::default());
    harness
        .engine
        .other_leases_event(Event::Listed(vec![lease]), OWN, harness.now);
    let mut harness = harness.with_records(vec![labelled(1, [1, 0])]);
    let watch = harness.started()[0];
    harness.list(watch, &[("web", 0), ("web-east", 1)]);
    harness
}

impl Harness {
    fn other_lease(&mut self, lease: Lease) {
        self.engine
            .other_leases_event(Event::Applied(lease), OWN, self.now);
        self.settle();
    }

    /// Keeps the watch of EndpointSlices alive.
    fn pass_with_slices(&mut self, watch: SliceWatchId, seconds: u64) {
        for _ in 0..seconds {
            self.pass(1);
            self.engine.slice_event(watch, Event::Alive, self.now);
        }
    }
}

#[test]
fn a_group_that_a_live_lease_covers_is_left_alone_until_that_expires() {
    let mut harness = beside("", held("team=b", 1));
    assert!(harness.writes().is_empty());
    assert!(!harness.engine.is_settled(), "the holder may be dead");
    assert_eq!(harness.engine.left_to(), None);
    harness.pass(10);
    harness.other_lease(held("team=b", 10));
    assert_eq!(
        harness.engine.left_to().map(|(_, holder)| holder),
        Some("other")
    );
    assert!(harness.engine.is_settled());
    harness.pass(14);
    assert!(harness.writes().is_empty());
    harness.pass(1);
    assert_eq!(
        harness.rereads().len() + harness.relist_count() + harness.writes().len(),
        1
    );
}

#[test]
fn a_released_lease_gives_its_groups_back_at_once() {
    let mut harness = beside("", held("team=b", 1));
    harness.other_lease(held("team=b", 1).released());
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_lease_for_other_labels_or_without_the_kind_leaves_the_group() {
    assert_eq!(beside("", held("team=a", 1)).writes().len(), 1);
    let mut limited = scope("team=b");
    limited
        .except_kinds
        .insert("trafficsplits.split.smi-spec.io".to_owned());
    let at = Timestamp::from_second(1).unwrap();
    let lease = Lease::new("ns", "x").held_by("other", &limited, at);
    assert_eq!(beside("", lease).writes().len(), 1);
}

#[test]
fn of_two_selectors_exactly_one_runs_a_group() {
    let written = |own: &str, other: &str| beside(own, held(other, 1)).writes().len();
    let both = ["team=b", "team"];
    assert_eq!(written(both[0], both[1]) + written(both[1], both[0]), 1);
}

#[test]
fn own_leases_and_those_without_a_selector_do_not_count() {
    let mut own = held("team=b", 1);
    own.spec.holder_identity = Some(OWN.to_owned());
    assert_eq!(beside("", own).writes().len(), 1);
    assert_eq!(beside("", held("", 1)).writes().len(), 1);
}

#[test]
fn nothing_is_written_before_the_leases_are_known() {
    let mut harness = Harness::of(EngineOptions::default(), ReadinessCache::default());
    harness.engine = Engine::new(
        "me@here".into(),
        EngineOptions::default(),
        ReadinessCache::default(),
    );
    let mut harness = harness.with_group(&[("web", 1), ("web-east", 0)]);
    let watch = harness.started()[0];
    harness.list(watch, &[("web", 0), ("web-east", 1)]);
    harness.pass_with_slices(watch, 9);
    assert!(harness.writes().is_empty());
    harness.pass_with_slices(watch, 1);
    assert_eq!(harness.writes().len(), 1);
}
