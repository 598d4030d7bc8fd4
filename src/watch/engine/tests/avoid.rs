//! Groups whose traffic is to keep off a backend.

use super::*;
use crate::model::LastMove;

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];
const FOR_30_S: &str = r#"[{"backends":["web"],"id":"CHG-77","by":"ann@desk",
    "at":"1970-01-01T00:00:00Z","until":"1970-01-01T00:00:30Z"}]"#;

fn avoiding(version: u64, backends: &[(&str, u64)], last: Option<&LastMove>) -> Record {
    let note = last.map(|last| serde_json::to_string(last).unwrap());
    let delays = [("failover-delay", "60s"), ("failback", "manual")];
    let mut annotations = vec![("avoid", FOR_30_S)];
    annotations.extend(delays);
    if let Some(note) = &note {
        annotations.push(("last-move", note));
    }
    read(version, backends, &annotations)
}

impl Harness {
    /// Starts with both backends ready, and an evacuation that nobody has acted on.
    fn evacuated() -> (Self, Change) {
        let harness = Self::of(EngineOptions::default(), ReadinessCache::default());
        let mut harness = harness.with_records(vec![avoiding(1, HOME, None)]);
        let watch = harness.started()[0];
        harness.list(watch, &[("web", 1), ("web-east", 1)]);
        let change = harness.only_change().unwrap();
        let last = change.last_move.clone();
        harness.answer(Ok(avoiding(2, AWAY, last.as_ref())));
        harness.settle();
        assert!(harness.only_change().is_none() && harness.engine.is_settled());
        (harness, change)
    }

    fn expired(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Report(Notice::OrderExpired { what, .. }) => Some(what.clone()),
            _ => None,
        })
    }
}

#[test]
fn an_evacuation_does_not_wait_for_the_delay() {
    let (_, change) = Harness::evacuated();
    assert_eq!(change.weights.as_deref(), Some(&[0, 1][..]));
    assert_eq!(change.last_move.unwrap().why, "web is evacuated (CHG-77)");
    assert!(!change.annotations.contains_key("avoid"));
}

#[test]
fn an_evacuation_expires_and_brings_the_traffic_home() {
    let (mut harness, _) = Harness::evacuated();
    harness.pass_alive(29);
    assert_eq!(harness.only_change(), None);
    harness.pass_alive(1);
    let change = harness.only_change().unwrap();
    assert_eq!(change.weights.as_deref(), Some(&[1, 0][..]));
    assert_eq!(change.annotations["avoid"], None);
    let last = change.last_move.unwrap();
    assert_eq!(
        last.why,
        "the evacuation of web (CHG-77) has expired, and web has 1 of 2 endpoints ready"
    );
    let note = serde_json::to_string(&last).unwrap();
    harness.answer(Ok(read(3, HOME, &[("last-move", &note)])));
    harness.settle();
    assert_eq!(harness.expired(), ["evacuation of web (CHG-77)"]);
    assert!(harness.only_change().is_none() && harness.engine.is_settled());
}

#[test]
fn an_evacuation_rests_while_nothing_else_is_ready_and_then_expires() {
    let (mut harness, change) = Harness::evacuated();
    harness.slice_changed(SliceWatchId(1), "web-east", 0);
    let back = harness.only_change().unwrap();
    assert_eq!(back.weights.as_deref(), Some(&[1, 0][..]));
    assert_eq!(
        back.last_move.as_ref().unwrap().why,
        "web has 1 of 2 endpoints ready, and no fallback that carries traffic is ready; web is evacuated (CHG-77), but no other backend can take its traffic"
    );
    harness.answer(Ok(avoiding(3, HOME, back.last_move.as_ref())));
    harness.settle();
    assert_eq!(harness.only_change(), None);
    harness.pass_alive(30);
    let expired = harness.only_change().unwrap();
    assert_eq!((expired.weights, expired.moves_to), (None, None));
    assert_eq!(expired.annotations["avoid"], None);
    assert!(change.last_move.is_some());
}

#[test]
fn weights_that_somebody_puts_back_over_an_evacuation_are_a_revert() {
    let (mut harness, change) = Harness::evacuated();
    harness.edit(avoiding(3, HOME, change.last_move.as_ref()));
    assert_eq!(harness.contests(), [("someone".to_owned(), 5)]);
    harness.pass_alive(4);
    assert_eq!(harness.only_change(), None);
    harness.pass_alive(1);
    let again = harness.only_change().unwrap();
    assert_eq!(again.weights.as_deref(), Some(&[0, 1][..]));
}
