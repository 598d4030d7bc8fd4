//! What the metrics say about a group.

use super::*;
use crate::model::State;
use crate::watch::engine::group_facts::{BackendFacts, GroupFacts, OrderTimes};

const HOME: &[(&str, u64)] = &[("web", 1), ("web-east", 0)];
const AWAY: &[(&str, u64)] = &[("web", 0), ("web-east", 1)];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn moved_at(second: i64) -> String {
    format!(
        r#"{{"from":"web=1,web-east=0","to":"web=0,web-east=1","at":"{}","by":"x","why":"y"}}"#,
        at(second)
    )
}

impl Harness {
    /// Returns the facts, which must have been touched if they differ from those before.
    fn facts(&mut self, before: Option<&GroupFacts>) -> Option<GroupFacts> {
        let server = Timestamp::UNIX_EPOCH + SignedDuration::try_from(self.now).unwrap();
        let now = self.now;
        let facts = self.engine.facts(&id(), before, Moment { now, server });
        let is_touched = self.engine.take_touched().contains(&id());
        assert!(is_touched || facts.as_ref() == before, "{facts:?}");
        facts
    }
}

#[test]
fn the_facts_follow_a_failover() {
    let mut harness = Harness::at_home();
    let home = harness.facts(None).unwrap();
    let backend = |name: &str, ready, weight| BackendFacts {
        name: name.to_owned(),
        ready: Some(ready),
        weight,
    };
    assert_eq!((home.state, home.away_since), (State::Primary, None));
    assert_eq!(
        home.backends,
        [backend("web", 1, 1), backend("web-east", 1, 0)]
    );
    assert!(home.flags.is_empty(), "{home:?}");
    harness.pass(3);
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.writes().clear();
    harness.answer(Err(lost()));
    harness.pass(6);
    let failing = harness.facts(Some(&home)).unwrap();
    assert_eq!(failing.state, State::Down);
    assert_eq!(failing.flags, ["short", "failing"]);
    let (_, note) = harness.writes().pop().unwrap();
    harness.answer(Ok(group(2, AWAY, Some(&note))));
    harness.settle();
    let away = harness.facts(Some(&failing)).unwrap();
    assert_eq!((away.state, &away.flags), (State::Failover, &vec!["short"]));
    assert_eq!(
        away.backends,
        [backend("web", 0, 0), backend("web-east", 1, 1)]
    );
    assert!(away.last_move > Some(at(3)), "{away:?}");
    assert_eq!(away.away_since, away.last_move);
    let forgotten = Event::Listed(Vec::new());
    harness
        .engine
        .group_event("trafficsplit", forgotten, harness.now);
    assert_eq!(harness.facts(Some(&away)), None);
}

#[test]
fn a_move_between_fallbacks_does_not_bring_a_group_home() {
    let mut harness = Harness::at_home();
    harness.edit(group(2, AWAY, Some(&moved_at(-50))));
    let first = harness.facts(None).unwrap();
    assert_eq!(first.away_since, Some(at(-50)));
    harness.edit(group(3, AWAY, Some(&moved_at(0))));
    let next = harness.facts(Some(&first)).unwrap();
    assert_eq!(
        (next.last_move, next.away_since),
        (Some(at(0)), Some(at(-50)))
    );
}

#[test]
fn unknown_readiness_has_no_number() {
    let mut harness = Harness::at_home();
    let known = harness.facts(None);
    harness.pass(31);
    let unknown = harness.facts(known.as_ref()).unwrap();
    assert_eq!(unknown.state, State::Unknown);
    let ready = unknown.backends.iter().map(|backend| backend.ready);
    assert_eq!(Vec::from_iter(ready), [None, None]);
}

#[test]
fn the_orders_of_an_operator_have_times() {
    let order = |since, until: Option<i64>| {
        Some(OrderTimes {
            since: at(since),
            until: until.map(at),
        })
    };
    let entry =
        |made, until| format!(r#"{{"backends":["web"],"id":"x","at":"{made}","until":"{until}"}}"#);
    let avoid = format!("[{},{}]", entry(at(20), at(500)), entry(at(10), at(900)));
    let force = format!(
        r#"{{"to":"web-east","home":"web","at":"{}","until":"{}"}}"#,
        at(0),
        at(600)
    );
    let forced: &[_] = &[
        ("primary-service", "web-east"),
        ("override", force.as_str()),
    ];
    let mut harness = Harness::at_home();
    let facts = |harness: &mut Harness, version, annotations: &[(&str, &str)]| {
        harness.edit(read(version, AWAY, annotations));
        harness.pass_alive(1);
        harness.facts(None).unwrap()
    };
    assert_eq!(facts(&mut harness, 2, forced).forced, order(0, Some(600)));
    let evacuated = facts(&mut harness, 3, &[("avoid", avoid.as_str())]).evacuated;
    assert_eq!(evacuated, order(10, Some(500)));
    // Anything is a pause without an end. The rest is not known, so it begins when it is seen.
    let paused = facts(&mut harness, 4, &[("paused", "yes")]);
    let seen = harness.now.as_secs() as i64;
    assert_eq!(paused.paused, order(seen, None));
    harness.pass_alive(5);
    let later = harness.facts(Some(&paused)).unwrap();
    assert_eq!(later.paused, order(seen, None));
}

#[test]
fn an_outage_of_a_paused_group_is_a_flag() {
    let mut harness = Harness::at_home();
    harness.edit(read(2, HOME, &[("paused", "{}")]));
    let paused = harness.facts(None).unwrap();
    assert!(!paused.flags.contains(&"down"), "{paused:?}");
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let down = harness.facts(Some(&paused)).unwrap();
    assert_eq!(down.state, State::Paused);
    assert!(down.flags.contains(&"down"), "{down:?}");
    harness.slice_changed(SliceWatchId(1), "web-east", 0);
    let dead = harness.facts(Some(&down)).unwrap();
    assert!(dead.flags.contains(&"unavailable"), "{dead:?}");
}

#[test]
fn a_group_is_contested_until_nobody_has_reverted_it_for_10_minutes() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    let (_, note) = harness.writes().remove(0);
    harness.answer(Ok(group(2, AWAY, Some(&note))));
    harness.settle();
    harness.edit(group(3, HOME, Some(&note)));
    let mut facts = harness.facts(None).unwrap();
    assert!(facts.flags.contains(&"contested"), "{facts:?}");
    harness.pass_alive(6);
    let (_, note) = harness.writes().remove(0);
    harness.answer(Ok(group(4, AWAY, Some(&note))));
    harness.settle();
    for _ in 0..599 {
        harness.pass_alive(1);
        facts = harness.facts(Some(&facts)).unwrap();
    }
    assert!(!facts.flags.contains(&"contested"), "{facts:?}");
}
