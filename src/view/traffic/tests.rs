//! The table.

use unicode_width::UnicodeWidthStr as _;

use super::{TrafficStyle, heading, table};
use crate::model::fixtures::{id, traffic_report, traffic_row};
use crate::model::traffic::{BackendTraffic, Clients, TrafficReport, TrafficRow};

fn report() -> TrafficReport {
    let mut east = BackendTraffic {
        success: 93.04,
        failure: 6.96,
        rps: 1.94,
        connections: 1.0,
        ready: Some((1, 2)),
        ..BackendTraffic::default()
    };
    for (bound, count) in [(20.0, 0.0), (30.0, 100.0), (f64::INFINITY, 100.0)] {
        east.latency.add(bound, count);
    }
    let rows = vec![
        TrafficRow {
            meshed: Some((1, 1)),
            ..traffic_row("web-svc", 0, BackendTraffic::default())
        },
        traffic_row("web-svc-east", 1, east),
    ];
    TrafficReport {
        id: id("ns", "web-svc-failover"),
        apex: "web-svc".to_owned(),
        seconds: 10.2,
        clients: Clients {
            pods: 312,
            asked: 50,
            ..Clients::default()
        },
        ..traffic_report(rows)
    }
}

#[test]
fn the_table_rounds_as_linkerd_viz_does() {
    assert_eq!(
        heading(&[report()]),
        "web-svc: 10s of requests from 50 of 312 client pods"
    );
    assert_eq!(
        table(&[report()], TrafficStyle::default()),
        [
            "NAME          WEIGHT  SHARE  MESHED  SUCCESS     RPS  LATENCY_P50  LATENCY_P95  LATENCY_P99  TCP_CONN",
            "web-svc            0     0%     1/1        -       -            -            -            -         -",
            "web-svc-east       1   100%       -   93.04%  1.9rps         25ms         30ms         30ms         1",
        ]
    );
}

#[test]
fn a_narrow_terminal_gets_fewer_columns() {
    let history = [vec![1.0; 20], vec![2.0; 20], vec![1.0; 20], vec![2.0; 20]];
    let reports = [report(), report()];
    for (groups, limit) in [(1, 100), (1, 80), (1, 60), (2, 200), (2, 80), (2, 60)] {
        let reports = &reports[..groups];
        for (wide, history) in [
            (false, None),
            (false, Some(&history[..])),
            (true, Some(&history)),
        ] {
            let style = TrafficStyle {
                columns: Some(limit),
                wide,
                history,
            };
            let lines = table(reports, style);
            assert!(
                lines.iter().all(|line| line.width() <= limit.into()),
                "{lines:?}"
            );
            assert!(lines[0].contains("SUCCESS     RPS"), "{lines:?}");
            assert!(!lines.concat().contains('…') || limit == 60, "{lines:?}");
        }
    }
    let style = TrafficStyle {
        columns: Some(80),
        history: Some(&history),
        ..TrafficStyle::default()
    };
    assert_eq!(
        table(&reports, style)[0],
        "GROUP             NAME          WEIGHT  SHARE  SUCCESS     RPS  LATENCY_P95"
    );
    assert_eq!(
        table(&reports[..1], style)[0],
        "NAME          WEIGHT  SHARE  SUCCESS     RPS  LATENCY_P95           RPS_HISTORY"
    );
}

#[test]
fn a_wide_table_ends_with_what_the_proxies_know_and_a_history() {
    let history = [vec![0.0, f64::NAN, 0.0], vec![1.0, f64::NAN, 8.0]];
    let style = TrafficStyle {
        wide: true,
        history: Some(&history),
        ..TrafficStyle::default()
    };
    let lines = table(&[report()], style);
    assert!(
        lines[0].ends_with("WAITING  FAILFAST  READY  RPS_HISTORY"),
        "{lines:?}"
    );
    assert!(
        lines[1].ends_with("0         0      -          ▁?▁"),
        "{lines:?}"
    );
    assert!(
        lines[2].ends_with("0         0    1-2          ▂?█"),
        "{lines:?}"
    );
}
