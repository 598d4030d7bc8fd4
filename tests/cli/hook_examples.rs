//! The hooks in `examples`, against a local HTTP server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

/// Runs a hook with an event, and returns the JSON that it posts.
fn posted(script: &str, address_variable: &str, event: &[(&str, &str)]) -> Value {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
        stream.write_all(answer).unwrap();
        body
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/");
    let output = Command::new("sh")
        .arg(format!("{path}{script}"))
        .env(address_variable, url)
        .env("PAGERDUTY_ROUTING_KEY", "key")
        .env("no_proxy", "*")
        .envs(event.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&server.join().unwrap()).unwrap()
}

const OUTAGE: [(&str, &str); 12] = [
    ("FAILOVER_EVENT", "unavailable"),
    ("FAILOVER_SEVERITY", "warning"),
    ("FAILOVER_CONTEXT", "west"),
    ("FAILOVER_NAMESPACE", "shop"),
    ("FAILOVER_OBJECT", "trafficsplit"),
    ("FAILOVER_GROUP", "web"),
    ("FAILOVER_APEX", "web"),
    ("FAILOVER_FROM", ""),
    ("FAILOVER_TO", ""),
    ("FAILOVER_BY", ""),
    ("FAILOVER_WHY", r#"say "no" \ now"#),
    ("FAILOVER_TIME", "2026-11-26T03:00:00.000Z"),
];

#[test]
fn slack_gets_a_line_for_each_event() {
    let text = r#":warning: west: shop/web unavailable: say "no" \ now"#;
    let body = posted("slack.sh", "SLACK_WEBHOOK_URL", &OUTAGE);
    assert_eq!(body, json!({ "text": text }));

    let mut moved = OUTAGE.to_vec();
    moved.extend([
        ("FAILOVER_EVENT", "moved"),
        ("FAILOVER_SEVERITY", "info"),
        ("FAILOVER_FROM", "web"),
        ("FAILOVER_TO", "web-east"),
        ("FAILOVER_BY", "watch (admin@vm)"),
        ("FAILOVER_WHY", "web has no ready endpoints"),
    ]);
    let text = ":information_source: west: shop/web moved: web -> web-east: web has no ready \
                endpoints (by watch (admin@vm))";
    let body = posted("slack.sh", "SLACK_WEBHOOK_URL", &moved);
    assert_eq!(body, json!({ "text": text }));
}

#[test]
fn pagerduty_gets_an_incident_that_the_recovery_resolves() {
    let outage = posted("pagerduty.sh", "PAGERDUTY_URL", &OUTAGE);
    let seen = |body: &Value| {
        json!([
            body["event_action"],
            body["dedup_key"],
            body["payload"]["severity"]
        ])
    };
    let key = "failover/west/shop/trafficsplit/web";
    assert_eq!(seen(&outage), json!(["trigger", key, "critical"]));
    assert_eq!(outage["routing_key"], "key");
    let summary = r#"shop/web unavailable: say "no" \ now"#;
    assert_eq!(outage["payload"]["summary"], summary);

    let mut recovered = OUTAGE.to_vec();
    recovered.push(("FAILOVER_EVENT", "recovered"));
    let recovered = posted("pagerduty.sh", "PAGERDUTY_URL", &recovered);
    assert_eq!(seen(&recovered), json!(["resolve", key, "info"]));
}
