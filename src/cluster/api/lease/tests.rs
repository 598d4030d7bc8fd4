//! Who holds a Lease, and what a renewal keeps.

use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::model::{LateWatch, Runner};
use crate::resource::LabelSelector;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn held(holder: &str, at: Timestamp) -> Lease {
    Lease::new("ns", NAME).held_by(holder, &LeaseScope::default(), at)
}

fn scope(selector: &str) -> LeaseScope {
    LeaseScope::new(LabelSelector::parse(selector).unwrap())
}

#[test]
fn a_lease_names_the_version_of_its_holder() {
    let lease = held("me", at(100));
    assert_eq!(lease.holder_version(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(Lease::new("ns", NAME).holder_version(), None);
}

#[test]
fn each_selector_has_its_lease_which_tells_it() {
    assert_eq!(scope("").lease_name(), NAME);
    let name = scope("team==a, tier=web").lease_name();
    assert_eq!(name, scope("tier=web,team=a").lease_name());
    assert_ne!(name, scope("team=a").lease_name());
    let lease = Lease::new("ns", &name).held_by("me", &scope("team=a"), at(100));
    assert_eq!(lease.scope(), Some(scope("team=a")));
    let mut limited = scope("team=b");
    limited.except_kinds.insert("httproutes.x".to_owned());
    let lease = lease.held_by("you", &limited, at(200));
    assert_eq!(lease.scope(), Some(limited));
    let lease = lease.held_by("me", &scope(""), at(300));
    assert!(lease.selector().is_none());
}

#[test]
fn a_renewal_keeps_what_others_have_set() {
    let stored = serde_json::json!({
        "metadata": {
            "name": NAME, "namespace": "ns", "resourceVersion": "1", "uid": "u",
            "labels": {"team": "a"}, "annotations": {"note": "x"},
            "ownerReferences": [{"name": "o"}], "finalizers": ["f"],
        },
        "spec": {"holderIdentity": "me", "strategy": "s"},
    });
    let lease: Lease = serde_json::from_value(stored.clone()).unwrap();
    for lease in [lease.held_by("me", &scope("a=b"), at(1)), lease.released()] {
        let written = serde_json::to_value(lease).unwrap();
        let meta = &written["metadata"];
        assert_eq!(meta["labels"]["team"], "a");
        assert_eq!(meta["annotations"]["note"], "x");
        for key in ["ownerReferences", "finalizers", "uid"] {
            assert_eq!(meta[key], stored["metadata"][key]);
        }
        assert_eq!(written["spec"]["strategy"], "s");
    }
}

#[test]
fn a_lease_is_held_until_it_expires_or_is_released() {
    let lease = held("me", at(100));
    assert_eq!(lease.spec.holder(at(114)), Some("me"));
    assert_eq!(lease.spec.holder(at(115)), None);
    assert_eq!(lease.released().spec.holder(at(101)), None);
}

#[test]
fn a_lease_counts_for_a_minute_at_most() {
    let mut lease = held("me", at(100));
    for (seconds, counted) in [(Some(i32::MAX), 60), (Some(-1), 1), (None, 15)] {
        lease.spec.lease_duration_seconds = seconds;
        assert_eq!(lease.spec.duration(), Duration::from_secs(counted));
        let end = at(100 + i64::try_from(counted).unwrap());
        assert_eq!(lease.spec.holder(end), None, "{seconds:?}");
    }
}

#[test]
fn a_holder_is_late_until_its_lease_expires_or_its_successor_has_it() {
    let lease = held("me", at(100));
    let watch = Some(Runner::Watch("me".to_owned()));
    let late = |successor: Option<&str>, until| {
        Some(Runner::Late(LateWatch {
            holder: "me".to_owned(),
            renewed: at(100),
            successor: successor.map(str::to_owned),
            until: at(until),
        }))
    };
    assert_eq!(lease.runner(at(109)), watch);
    assert_eq!(lease.runner(at(110)), late(None, 115));
    assert_eq!(lease.runner(at(115)), None);
    let successor = LeaseSuccessor {
        by: "you".to_owned(),
        at: at(120),
    };
    let lease = lease.awaited_by(&successor);
    assert_eq!(lease.runner(at(110)), late(Some("you"), 120));
    assert_eq!(lease.runner(at(125)), late(Some("you"), 120));
    assert_eq!(lease.runner(at(126)), None);
    assert_eq!(lease.released().runner(at(110)), None);
    let all = LeaseScope::default();
    let renewed = lease.held_by("me", &all, at(110));
    assert_eq!(renewed.runner(at(111)), watch);
    assert_eq!(renewed.successor(at(111)), None);
}

#[test]
fn acquiring_is_a_transition_and_renewing_is_not() {
    let (first, all) = (held("me", at(100)), LeaseScope::default());
    let renewed = first.held_by("me", &all, at(105));
    assert_eq!(renewed.spec.lease_transitions, Some(0));
    let taken = first.held_by("you", &all, at(200));
    assert_eq!(
        (taken.spec.lease_transitions, taken.spec.acquire_time),
        (Some(1), Some(at(200)))
    );
}
