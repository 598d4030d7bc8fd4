//! Notices as lines of text.

use super::*;
use crate::model::fixtures::id;
use crate::model::notice::ObjectFate;
use crate::model::{GroupId, Notice, State};

fn group(number: usize) -> GroupId {
    id("big", &format!("g{number}"))
}

fn unstuck(number: usize, was: State) -> Notice {
    let reason = format!("g{number} has no ready endpoints (0 of 1)");
    Notice::Unstuck {
        group: group(number),
        was,
        state: State::Failover,
        reason,
    }
}

#[test]
fn a_group_on_its_fallback_is_not_reported_ready_when_only_its_readiness_is_known_again() {
    let reason = "state Failover: g0 has no ready endpoints (0 of 1)";
    let line = text_line(&unstuck(0, State::Unknown));
    assert_eq!(line, format!("big/g0: readiness is known again; {reason}"));
    let line = text_line(&unstuck(0, State::Unavailable));
    assert_eq!(line, format!("big/g0: a backend is ready again; {reason}"));
}

#[test]
fn reads_that_fail_together_are_one_line() {
    let failed = |number: usize| {
        let (what, error) = (
            format!("kind{number}"),
            format!("GET /kind{number}: connection refused"),
        );
        Notice::ReadFailed { what, error }
    };
    let line = text_line(&Notice::Batch((0..6).map(failed).collect()));
    let expected =
        "cannot read kind0, kind1, kind2 and 3 more: GET /kind0: connection refused; retrying";
    assert_eq!(line, expected);
    let again = |number: usize| Notice::ReadRecovered {
        what: format!("kind{number}"),
    };
    let line = text_line(&Notice::Batch((0..3).map(again).collect()));
    assert_eq!(line, "kind0, kind1, kind2 can be read again");
}

#[test]
fn many_groups_with_one_cause_are_one_line() {
    let stuck = |number| Notice::Stuck {
        group: group(number),
        state: State::Unknown,
        reason: format!("g{number}: its EndpointSlices cannot be read: no answer"),
        cause: None,
    };
    let line = text_line(&Notice::Batch((0..600).map(stuck).collect()));
    assert_eq!(
        line,
        "600 groups in big (g0, g1, g2 and 597 more) are Unknown: g0: its EndpointSlices cannot \
         be read: no answer; their traffic stays where it is"
    );
    let free = (0..600)
        .map(|number| unstuck(number, State::Unknown))
        .collect();
    let line = text_line(&Notice::Batch(free));
    assert_eq!(
        line,
        "600 groups in big (g0, g1, g2 and 597 more): readiness is known again"
    );
    let line = text_line(&Notice::Batch(
        (0..7)
            .map(|number| Notice::Gone {
                group: group(number),
                active: Vec::new(),
                fate: None,
            })
            .collect(),
    ));
    let fate = |fate| Notice::Gone {
        group: group(1),
        active: vec!["web-east".to_owned()],
        fate,
    };
    let by = Some("kubectl-client-side-apply".to_owned());
    let words = [
        fate(None),
        fate(Some(ObjectFate::Deleted)),
        fate(Some(ObjectFate::Unlabelled { by })),
    ]
    .map(|notice| text_line(&notice));
    assert_eq!(
        words,
        [
            "big/g1 was deleted, or lost its label; its traffic was on web-east",
            "big/g1 was deleted; its traffic was on web-east",
            "big/g1 lost its label (last edited by kubectl-client-side-apply); its traffic \
             stays on web-east",
        ]
    );
    assert_eq!(
        line,
        "7 groups in big (g0, g1, g2 and 4 more) were deleted, or lost their label"
    );
}
