//! Holds the differences of real scrapes against what an independent program computed, and what the
//! client saw.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::difference::{GroupTraffic, difference};
use super::exposition::ExpositionReader;
use super::scrape::{GroupServices, Scrape, ScrapedGroups};
use crate::model::ServiceRef;
use crate::model::traffic::BackendTraffic;

const BACKENDS: [&str; 2] = ["web-svc", "web-svc-east"];
/// The upper bounds of the proxy's buckets, in milliseconds.
const BOUNDS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 10.0];

fn service(name: &str) -> ServiceRef {
    ServiceRef::new("emojivoto", name)
}

fn services() -> ScrapedGroups {
    ScrapedGroups::new(vec![GroupServices {
        apex: service("web-svc"),
        backends: BACKENDS.map(service).to_vec(),
    }])
}

fn scrape(groups: &ScrapedGroups, text: &str) -> Scrape {
    let (mut reader, mut scrape) = (ExpositionReader::default(), Scrape::default());
    for part in text.as_bytes().chunks(1000) {
        reader
            .read(part, |sample| scrape.add(groups, &sample).unwrap())
            .unwrap();
    }
    reader.finish(|sample| scrape.add(groups, &sample).unwrap());
    scrape
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/traffic");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

#[derive(Deserialize)]
struct Expected {
    seconds: f64,
    backends: BTreeMap<String, ExpectedBackend>,
    #[serde(rename = "refused by the proxy")]
    refused: f64,
}

#[derive(Deserialize)]
struct ExpectedBackend {
    requests: f64,
    success: f64,
    rps: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

fn assert_row(what: &str, seen: &BackendTraffic, expected: &ExpectedBackend) {
    assert_eq!(seen.responses(), expected.requests, "{what}");
    assert_eq!(seen.success_rate(), Some(expected.success), "{what}");
    assert!(
        (seen.rps - expected.rps).abs() < 0.01,
        "{what}: {}",
        seen.rps
    );
    for (share, value) in [
        (0.5, expected.p50_ms),
        (0.95, expected.p95_ms),
        (0.99, expected.p99_ms),
    ] {
        let bucket = |value: f64| BOUNDS.iter().position(|bound| value <= *bound).unwrap();
        let found = seen.latency.quantile(share).unwrap();
        assert!(
            bucket(found).abs_diff(bucket(value)) <= 1 && (found - value).abs() < 0.1,
            "{what}: the quantile {share} is {found}, not {value}"
        );
    }
}

#[test]
fn every_row_of_the_real_scrapes_comes_out() {
    let expected: BTreeMap<String, Expected> =
        serde_json::from_str(&fixture("expected.json")).unwrap();
    assert_eq!(expected.len(), 6);
    let group = services();
    for (interval, expected) in expected {
        let (first, second) = interval.split_once(" to ").unwrap();
        let [first, second] =
            [first, second].map(|name| scrape(&group, &fixture(&format!("{name}.txt"))));
        let seen = difference(&first, &second, expected.seconds, &group);
        assert!(!seen.is_restarted);
        let seen = &seen.groups[&0];
        for (name, traffic) in BACKENDS.iter().zip(&seen.backends) {
            match expected.backends.get(*name) {
                Some(expected) => assert_row(&format!("{interval}, {name}"), traffic, expected),
                None => assert_eq!(traffic.responses(), 0.0, "{interval}, {name}"),
            }
            assert_eq!(traffic.direct, 0.0, "{interval}, {name}");
        }
        let refused: Vec<f64> = seen
            .backends
            .iter()
            .map(|traffic| traffic.refused)
            .collect();
        assert_eq!(refused, [expected.refused, 0.0], "{interval}");
        assert_eq!(seen.refused, 0.0, "{interval}");
    }
}

/// Two scrapes of the series that the tests below are about, 10 s apart.
fn between(before: &str, after: &str) -> GroupTraffic {
    let groups = services();
    let [before, after] = [before, after].map(|text| scrape(&groups, text));
    let seen = difference(&before, &after, 10.0, &groups).groups.remove(&0);
    seen.unwrap_or_else(|| GroupTraffic {
        backends: vec![BackendTraffic::default(); 2],
        refused: 0.0,
    })
}

fn responses(service: &str, pod: &str, count: u64) -> String {
    format!(
        "response_total{{direction=\"outbound\",authority=\"{service}.emojivoto.svc.cluster.local\",\
         dst_pod=\"{pod}\",status_code=\"200\",classification=\"success\"}} {count}\n"
    )
}

fn started(at: u64) -> String {
    format!("process_start_time_seconds {at}\n")
}

#[test]
fn a_new_process_counts_from_0() {
    let before = started(100) + &responses("web-svc", "a", 50);
    let after = started(200) + &responses("web-svc", "a", 70);
    let groups = services();
    let [before, after] = [before, after].map(|text| scrape(&groups, &text));
    let seen = difference(&before, &after, 10.0, &groups);
    assert!(seen.is_restarted);
    assert_eq!(seen.groups[&0].backends[0].success, 70.0);
}

#[test]
fn series_that_are_new_or_were_dropped_count_from_0() {
    let before = started(1) + &responses("web-svc", "a", 50) + &responses("web-svc", "b", 9);
    let after = started(1)
        + &responses("web-svc", "a", 60)
        + &responses("web-svc", "b", 4)
        + &responses("web-svc", "c", 5);
    let seen = between(&before, &after);
    assert_eq!(seen.backends[0].success, 10.0 + 4.0 + 5.0);
    assert!((seen.backends[0].rps - 1.9).abs() < 1e-9);
}

#[test]
fn labels_in_another_order_are_the_same_series() {
    let before = "response_total{direction=\"outbound\",authority=\"web-svc.emojivoto.svc\",\
                  status_code=\"200\",classification=\"success\"} 5\n";
    let after = "response_total{classification=\"success\",status_code=\"200\",\
                 authority=\"web-svc.emojivoto.svc\",direction=\"outbound\"} 7\n";
    assert_eq!(between(before, after).backends[0].success, 2.0);
}

#[test]
fn other_services_and_inbound_requests_do_not_count() {
    let other = responses("emoji-svc", "a", 9)
        + &responses("web-svc", "a", 9).replace("outbound", "inbound")
        + &responses("web-svc", "a", 9).replace("emojivoto", "other");
    let seen = between("", &other);
    assert!(
        seen.backends
            .iter()
            .all(|traffic| traffic.responses() == 0.0)
    );
}

#[test]
fn a_failure_of_grpc_is_a_failure() {
    let failed = responses("web-svc", "a", 3).replace(
        "classification=\"success\"",
        "classification=\"failure\",grpc_status=\"13\"",
    );
    assert_eq!(between("", &failed).backends[0].failure, 3.0);
}

#[test]
fn requests_to_a_backend_itself_are_not_those_for_the_apex() {
    let queued = |parent: &str, count: u64| {
        format!(
            "outbound_http_balancer_queue_requests_total{{parent_namespace=\"emojivoto\",\
             parent_name=\"{parent}\",backend_namespace=\"emojivoto\",\
             backend_name=\"web-svc-east\"}} {count}\n"
        )
    };
    let seen = between("", &(queued("web-svc-east", 7) + &queued("web-svc", 4)));
    assert_eq!(seen.backends[1].direct, 7.0);
}

/// One scrape serves several groups, also if they share a backend.
#[test]
fn a_scrape_has_the_series_of_every_group() {
    let group = |apex: &str, backends: &[&str]| GroupServices {
        apex: service(apex),
        backends: backends.iter().copied().map(service).collect(),
    };
    let groups = ScrapedGroups::new(vec![
        group("web", &["web", "shared"]),
        group("api", &["shared", "api"]),
        group("idle", &["idle"]),
    ]);
    let queued = "outbound_http_balancer_queue_length{parent_namespace=\"emojivoto\",\
                  parent_name=\"web\",backend_namespace=\"emojivoto\",backend_name=\"shared\"} 2\n";
    let text = responses("web", "a", 1) + &responses("shared", "b", 3) + queued;
    let text = text + &responses("api", "c", 5);
    let seen = difference(&scrape(&groups, ""), &scrape(&groups, &text), 10.0, &groups);
    let successes = |group: usize| {
        let backends = seen.groups[&group].backends.iter();
        backends.map(|it| it.success).collect::<Vec<_>>()
    };
    assert_eq!(successes(0), [1.0, 3.0]);
    assert_eq!(successes(1), [3.0, 5.0]);
    assert_eq!(seen.groups[&0].backends[1].waiting, 2.0);
    assert_eq!(seen.groups[&1].backends[0].waiting, 0.0, "of another apex");
    assert!(!seen.groups.contains_key(&2));
}

/// A headless name leads to a pod: the proxy knows no Service of such requests.
#[test]
fn requests_to_a_pod_itself_are_in_no_other_number() {
    let mut groups = services();
    let pods = [(service("web-0"), vec![service("web-svc")])];
    groups.set_pods(pods.into_iter().collect());
    let to_pod = |pod: &str| {
        format!(
            "response_total{{direction=\"outbound\",dst_namespace=\"emojivoto\",dst_pod=\"{pod}\",\
             status_code=\"200\",classification=\"success\"}} 6\n"
        )
    };
    let text = to_pod("web-0") + &to_pod("other-0") + &responses("web-svc", "web-0", 2);
    let [before, after] = ["", &text].map(|text| scrape(&groups, text));
    let seen = difference(&before, &after, 10.0, &groups);
    let backend = &seen.groups[&0].backends[0];
    assert_eq!((backend.to_pods, backend.responses()), (6.0, 2.0));
}
