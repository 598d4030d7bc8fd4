//! Each finding, and reports without one.

use super::*;
use crate::model::fixtures::{id, traffic_report, traffic_row};
use crate::model::ids::GroupId;
use crate::model::traffic::{BackendTraffic, Clients, EarlierTraffic, SilentClient, TrafficRow};

fn row(name: &str, weight: u64, success: f64, failure: f64) -> TrafficRow {
    let traffic = BackendTraffic {
        success,
        failure,
        ready: Some((1, 1)),
        ..BackendTraffic::default()
    };
    traffic_row(name, weight, traffic)
}

fn report(rows: &[TrafficRow]) -> TrafficReport {
    TrafficReport {
        id: GroupId {
            kind: "httproute",
            ..id("ns", "web")
        },
        clients: Clients {
            pods: 3,
            asked: 3,
            senders: 1,
            ..Clients::default()
        },
        ..traffic_report(rows.to_vec())
    }
}

fn messages(report: &TrafficReport) -> Vec<String> {
    findings(report, "-n ns")
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_route_without_effect_hides_what_follows_from_it() {
    let why = "Linkerd has not accepted the route yet, so it has no effect";
    for sent in [0.0, 1000.0] {
        let rows = [row("web", 0, sent, 0.0), row("web-east", 1, 0.0, 0.0)];
        let report = TrafficReport {
            unaccepted: Some(why.to_owned()),
            ..report(&rows)
        };
        assert_eq!(messages(&report), [format!("{why}.")]);
    }
}

#[test]
fn pods_without_a_proxy_are_reported_if_they_were_named() {
    let rows = [row("web", 1, 1000.0, 0.0), row("web-east", 0, 0.0, 0.0)];
    let mut report = report(&rows);
    report.clients.unmeshed = 2;
    assert_eq!(messages(&report), [""; 0]);
    report.clients.are_named = true;
    let reported = messages(&report);
    assert!(
        reported[0].starts_with("2 pods are without"),
        "{reported:?}"
    );
}

#[test]
fn traffic_by_weight_is_well() {
    for rows in [
        [row("web", 1, 1000.0, 2.0), row("web-east", 0, 0.0, 0.0)],
        [row("web", 1, 480.0, 0.0), row("web-east", 1, 520.0, 0.0)],
        // Few requests say little.
        [row("web", 1, 3.0, 0.0), row("web-east", 1, 12.0, 0.0)],
        // A standby.
        [
            row("web", 400_000, 5000.0, 0.0),
            row("web-east", 1, 0.0, 0.0),
        ],
    ] {
        assert_eq!(messages(&report(&rows)), [""; 0], "{rows:?}");
    }
}

#[test]
fn traffic_that_does_not_follow_the_weights_is_found() {
    let mut astray = report(&[row("web", 0, 90.0, 0.0), row("web-east", 1, 10.0, 0.0)]);
    astray.clients.older_than_group = 2;
    assert_eq!(
        messages(&astray),
        [
            "Traffic does not follow the weights: web has 0% of the weight and 90% of the \
          traffic. 2 client pods started before httproute/web."
        ]
    );
    astray.conflicts = vec!["TrafficSplit web routes the same service".to_owned()];
    let [found] = &findings(&astray, "-n ns")[..] else {
        panic!("{astray:?}")
    };
    let routes = ". TrafficSplit web routes the same service. 2 client pods";
    assert!(found.message.contains(routes), "{found:?}");
    assert_eq!(
        found.next.as_deref().unwrap(),
        "keep one of the objects that route web; to see them: kubectl failover status web -n \
         ns; restart the client pods that are older"
    );
    astray.has_moved = true;
    assert_eq!(messages(&astray), [""; 0]);
    // The proxies skip what has no endpoints.
    let mut skipped = report(&[row("web", 1, 0.0, 0.0), row("web-east", 1, 100.0, 0.0)]);
    skipped.rows[0].traffic.ready = Some((0, 0));
    assert_eq!(messages(&skipped), [""; 0]);
}

#[test]
fn calls_of_a_backend_itself_do_not_count_as_astray() {
    let mut direct = report(&[row("web", 1, 100.0, 0.0), row("web-east", 0, 50.0, 0.0)]);
    direct.rows[1].traffic.direct = 50.0;
    assert_eq!(direct.share(&direct.rows[0]), Some(1.0));
    direct
        .clients
        .direct_callers
        .insert("deploy/bot".to_owned());
    assert_eq!(
        messages(&direct),
        [
            "deploy/bot sent 50 requests to web-east itself, not to web: the weights do not apply \
             to them, and SHARE does not count them."
        ]
    );
}

#[test]
fn calls_of_pods_themselves_are_found() {
    let mut headless = report(&[row("web", 1, 100.0, 0.0), row("web-east", 0, 0.0, 0.0)]);
    headless.rows[0].traffic.to_pods = 1.0;
    assert_eq!(
        messages(&headless),
        [
            "Clients sent 1 request to pods of web by their own addresses or names, not to web: \
             the weights do not apply to them, and SHARE does not count them."
        ]
    );
}

#[test]
fn failures_and_refusals_are_found() {
    let mut failing = report(&[row("web", 0, 0.0, 0.0), row("web-east", 1, 10.0, 90.0)]);
    failing.rows[0].traffic.refused = 2.0;
    assert_eq!(
        messages(&failing),
        [
            "The proxies refused 2 requests for web: no endpoint was ready in time. SUCCESS \
             does not count them.",
            "web-east answers only 10% of its requests with success although it has ready \
             endpoints.",
        ]
    );
    let worse = report(&[row("web", 1, 100.0, 0.0), row("web-east", 1, 95.0, 5.0)]);
    assert_eq!(
        messages(&worse),
        [
            "web-east fails more often than web: 95% of its responses are a success, and 100% \
             of web's."
        ]
    );
}

#[test]
fn a_target_that_fails_more_often_than_the_source_did_is_found() {
    let mut moved = report(&[row("web", 0, 0.0, 0.0), row("web-east", 1, 95.0, 5.0)]);
    let mut before = EarlierTraffic::default();
    before.add("web", &row("web", 1, 99.0, 1.0).traffic);
    moved.before = Some(before.clone());
    assert_eq!(
        messages(&moved),
        ["web-east answers 95% with success. Before the traffic moved, web answered 99%."]
    );
    // Few requests say little, and a source that failed as often is no reason to go back.
    moved.before = Some(EarlierTraffic {
        success: 10.0,
        responses: 10.0,
        ..before.clone()
    });
    assert_eq!(messages(&moved), [""; 0]);
    moved.before = Some(EarlierTraffic {
        success: 94.0,
        ..before
    });
    assert_eq!(messages(&moved), [""; 0]);
}

#[test]
fn without_traffic_the_clients_are_in_question() {
    let mut nothing = report(&[row("web", 1, 0.0, 0.0), row("web-east", 0, 0.0, 0.0)]);
    nothing.clients.unmeshed = 1;
    nothing.clients.silent = vec![SilentClient {
        pod: "a".to_owned(),
        why: "it is gone".to_owned(),
    }];
    assert_eq!(
        messages(&nothing),
        [
            "No requests to web within 10s from 2 client pods.",
            "1 pod is without Linkerd's proxy. The weights do not apply to the requests of such \
             pods, and nothing counts them.",
            "1 of 3 pods did not answer: a (it is gone).",
        ]
    );
    nothing.clients = Clients::default();
    assert_eq!(
        messages(&nothing),
        ["There are no meshed client pods to ask, so no requests could be counted."]
    );
}
