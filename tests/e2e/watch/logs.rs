//! The log on standard error, as JSON.

use serde_json::Value;

use crate::support::{TestNamespace, operator_rights, plugin, restricted_kubeconfig, token_in};

#[tokio::test]
async fn every_line_is_an_object_and_none_has_a_secret() {
    let ns = TestNamespace::new("logs").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("odd", &[("odd", 1, 1), ("odd-east", 0, 1)])
        .await;
    let note = serde_json::json!({"failover.linkerd.io/min-ready": "\u{1b}[2Jnone"});
    ns.west
        .edit_split(
            "odd",
            serde_json::json!({"metadata": {"annotations": note}}),
        )
        .await;
    let kubeconfig = restricted_kubeconfig(&ns.west, "operator", &operator_rights()).await;
    let token = token_in(kubeconfig.path());
    let args = [
        "watch",
        "-vv",
        "--log-format",
        "json",
        "--until",
        "failover",
        "--timeout",
        "3s",
    ];
    let output = plugin()
        .args(args)
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .code(3);
    assert!(
        !output.stderr.contains(&token) && !output.stdout.contains(&token),
        "{output}"
    );
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
    // In a container, both streams are one log: a move must not be there twice.
    assert_eq!(output.stdout, "", "{output}");
    let lines: Vec<Value> = output
        .stderr
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|cause| panic!("{cause}: {line}\n{output}"))
        })
        .collect();
    for line in &lines {
        let time: Result<jiff::Timestamp, _> = line["time"].as_str().unwrap_or_default().parse();
        assert!(
            time.is_ok() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    let find = |wanted: &dyn Fn(&Value) -> bool| {
        lines
            .iter()
            .find(|line| wanted(line))
            .unwrap_or_else(|| panic!("no such line\n{output}"))
    };
    let moved = find(&|line| line["to"] == "web-east");
    assert_eq!(
        (&moved["level"], &moved["from"]),
        (&"info".into(), &"web".into())
    );
    assert_eq!(
        (&moved["namespace"], &moved["group"]),
        (&ns.name.as_str().into(), &"web".into())
    );
    assert_eq!(
        (&moved["context"], &moved["object"]),
        (&"west".into(), &"trafficsplit".into())
    );
    let odd = find(&|line| line["group"] == "odd");
    assert_eq!(odd["level"], "warn", "{odd}");
    let request = find(&|line| line["method"] == "PATCH");
    assert_eq!(
        (&request["level"], &request["status"]),
        (&"debug".into(), &200.into())
    );
    let last = find(&|line| line["level"] == "error");
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .starts_with("timed out after 3 s"),
        "{last}"
    );
    assert_eq!(last["exit_code"], 3, "{last}");
}
