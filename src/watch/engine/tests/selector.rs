//! A `watch` with a selector.

use super::*;
use crate::resource::LabelSelector;

const BACKENDS: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];

fn labelled(mut record: Record, name: &str, created: i64, label: &str) -> Record {
    name.clone_into(&mut record.meta.name);
    record.meta.creation_timestamp = Timestamp::from_second(created).ok();
    let labels = [("failover.linkerd.io/controlled-by", "x"), (label, "a")];
    record.meta.labels = labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    record
}

fn selected(name: &str, created: i64) -> Record {
    labelled(group(1, BACKENDS, None), name, created, "team")
}

fn outsider(created: i64) -> Record {
    labelled(group(1, BACKENDS, None), "outsider", created, "other")
}

/// Starts with these groups, both backends ready, and then the primary dead.
fn with_dead_primary(records: Vec<Record>) -> Harness {
    let options = EngineOptions {
        selector: LabelSelector::parse("team=a").unwrap(),
        ..EngineOptions::default()
    };
    let mut harness = Harness::of(options, ReadinessCache::default()).with_records(records);
    let watch = harness.started()[0];
    harness.list(watch, &[("web", 0), ("web-east", 1)]);
    harness
}

impl Harness {
    fn written_groups(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Write(write) => Some(write.group.name.clone()),
            _ => None,
        })
    }
}

#[test]
fn an_older_rival_that_the_selector_leaves_out_makes_a_group_invalid() {
    let mut harness = with_dead_primary(vec![selected("web", 20), outsider(10)]);
    assert!(harness.written_groups().is_empty());
    assert_eq!(harness.engine.group_count(), 1);
    let gone = Event::Deleted(outsider(10));
    harness
        .engine
        .group_event("trafficsplit", gone, harness.now);
    harness.settle();
    assert_eq!(harness.written_groups(), ["web"]);
}

#[test]
fn a_group_that_the_selector_leaves_out_is_not_run() {
    let mut harness = with_dead_primary(vec![selected("web", 10), outsider(20)]);
    assert_eq!(harness.written_groups(), ["web"]);
}

#[test]
fn a_group_that_leaves_the_selection_is_forgotten_but_stays_a_rival() {
    let mut harness = with_dead_primary(vec![selected("older", 10), selected("web", 20)]);
    assert_eq!(harness.written_groups(), ["older"]);
    harness.edit(labelled(group(2, BACKENDS, None), "older", 10, "other"));
    assert_eq!(harness.engine.group_count(), 1);
    assert!(harness.written_groups().is_empty());
    harness.engine.group_event(
        "trafficsplit",
        Event::Listed(vec![selected("web", 20)]),
        harness.now,
    );
    harness.settle();
    assert_eq!(harness.written_groups(), ["web"]);
}
