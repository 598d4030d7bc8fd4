//! Outages in paused groups, and groups without a live fallback.

use super::*;
use crate::model::{EventKind, State};

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];

/// Returns the kinds of the events that were reported.
fn told(harness: &mut Harness) -> Vec<EventKind> {
    harness.take(|effect| match effect {
        Effect::Report(notice) => notice.event_kind(),
        _ => None,
    })
}

#[test]
fn a_group_without_a_live_fallback_is_reported_after_5_s_and_once() {
    let mut harness = Harness::at_home();
    told(&mut harness);
    harness.slice_changed(SliceWatchId(1), "web-east", 0);
    harness.pass(4);
    assert_eq!(told(&mut harness), []);
    harness.pass(1);
    assert_eq!(told(&mut harness), [EventKind::Exposed]);
    let exposed = |harness: &mut Harness| harness.engine.changed_counts().map(|(_, count)| count);
    assert_eq!(exposed(&mut harness), Some(1));
    harness.pass(10);
    assert_eq!(told(&mut harness), []);
    harness.slice_changed(SliceWatchId(1), "web-east", 1);
    assert_eq!(told(&mut harness), [EventKind::Recovered]);
    assert_eq!(exposed(&mut harness), Some(0));
}

#[test]
fn a_fallback_that_is_only_replaced_is_not_reported() {
    let mut harness = Harness::at_home();
    told(&mut harness);
    harness.slice_changed(SliceWatchId(1), "web-east", 0);
    harness.pass(3);
    harness.slice_changed(SliceWatchId(1), "web-east", 1);
    harness.pass(10);
    assert_eq!(told(&mut harness), []);
}

#[test]
fn an_outage_of_a_paused_group_is_reported_until_it_ends() {
    let mut harness = Harness::at_home();
    let paused = [("paused", r#"{"by":"ann@vm","reason":"looking"}"#)];
    harness.edit(read(2, HOME, &paused));
    told(&mut harness);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(told(&mut harness), [EventKind::Down]);
    harness.pass(2);
    harness.slice_changed(SliceWatchId(1), "web-east", 0);
    assert_eq!(told(&mut harness), [EventKind::Unavailable]);
    harness.slice_changed(SliceWatchId(1), "web", 1);
    assert_eq!(told(&mut harness), [EventKind::Recovered]);
    assert!(harness.writes().is_empty());
}

#[test]
fn the_end_of_the_pause_is_not_yet_the_end_of_the_outage() {
    let mut harness = Harness::at_home();
    let paused = [("paused", r#"{"by":"ann@vm"}"#)];
    harness.edit(read(2, HOME, &paused));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    told(&mut harness);
    harness.edit(read(3, HOME, &[]));
    assert_eq!(harness.writes().len(), 1);
    let kinds = told(&mut harness);
    assert!(!kinds.contains(&EventKind::Recovered), "{kinds:?}");
}

#[test]
fn a_move_that_is_not_written_for_5_s_is_an_outage() {
    let mut harness = Harness::at_home();
    told(&mut harness);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes().len(), 1);
    harness.pass(4);
    assert_eq!(told(&mut harness), []);
    harness.pass(1);
    assert_eq!(told(&mut harness), [EventKind::Down]);
    let (states, _) = harness.engine.changed_counts().unwrap();
    assert_eq!(states.get(&State::Down), Some(&1));
}
