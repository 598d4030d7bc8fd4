//! Each command as a user with only the Role that `check --rbac` prints, and with one rule less.

use k8s_openapi::api::rbac::v1::{PolicyRule, Role};
use rustix::process::Signal;

use super::{error, find, said};
use crate::support::{Side, TestNamespace, end, plugin, restricted_kubeconfig, rule, watching};

/// A command, and its message when the right to a resource is missing. With all rights it prints
/// none of them.
struct Case {
    command: &'static str,
    args: &'static [&'static str],
    without: &'static [(&'static str, &'static str)],
}

/// Nothing works without the right to list groups.
const GROUPS: (&str, &str) = (
    "trafficsplits",
    "cannot list trafficsplits.split.smi-spec.io",
);

const CASES: [Case; 13] = [
    Case {
        command: "create",
        args: &["spare", "--fallback", "bare"],
        without: &[GROUPS, ("services", "cannot get services")],
    },
    Case {
        command: "status",
        args: &["-o", "wide"],
        without: &[
            GROUPS,
            ("endpointslices", "reading its EndpointSlices is forbidden"),
            ("services", "reading its Service is forbidden"),
            ("leases", "unknown"),
        ],
    },
    Case {
        command: "status",
        args: &["--for", "unattended", "--timeout", "10s"],
        without: &[GROUPS, ("leases", "timed out after 10 s")],
    },
    Case {
        command: "watch",
        args: &["--once"],
        without: &[
            (
                "trafficsplits",
                "cannot read trafficsplits.split.smi-spec.io",
            ),
            ("endpointslices", "EndpointSlices of namespace"),
            ("services", "Services of namespace"),
            ("leases", "on leases.coordination.k8s.io"),
        ],
    },
    Case {
        command: "force",
        args: &["web", "--to", "web-east", "--yes"],
        without: &[
            GROUPS,
            ("endpointslices", "reading its EndpointSlices is forbidden"),
        ],
    },
    Case {
        command: "failback",
        args: &["web", "--yes"],
        without: &[GROUPS],
    },
    Case {
        command: "set",
        args: &["web", "--min-ready", "2"],
        without: &[GROUPS],
    },
    Case {
        command: "delete",
        args: &["web", "--yes"],
        without: &[GROUPS],
    },
    Case {
        command: "pause",
        args: &["web"],
        without: &[GROUPS],
    },
    Case {
        command: "resume",
        args: &["web"],
        without: &[GROUPS],
    },
    Case {
        command: "history",
        args: &[],
        without: &[GROUPS],
    },
    Case {
        command: "traffic",
        args: &["web", "--window", "2s"],
        without: &[GROUPS, ("pods", "cannot list pods")],
    },
    Case {
        command: "check",
        args: &["--proxy"],
        without: &[
            ("trafficsplits", "‼ the groups of namespace"),
            ("endpointslices", "reading its EndpointSlices is forbidden"),
            ("services", "reading its Service is forbidden"),
            ("leases", "cannot read Leases"),
            ("pods", "cannot list pods"),
        ],
    },
];

/// The rules of the Role for a command. The output has no other objects.
async fn rules(side: &Side, command: &str) -> Vec<PolicyRule> {
    let output = plugin()
        .args(["check", "--rbac", command])
        .on(side)
        .run()
        .await
        .success();
    let role: Role = serde_yaml::from_str(&output.stdout).expect("the output is a Role");
    assert_eq!(
        role.metadata.name,
        Some(format!("kubectl-failover-{command}"))
    );
    assert_eq!(role.metadata.namespace.as_ref(), Some(&side.namespace));
    role.rules.expect("a Role has rules")
}

async fn run_with(side: &Side, user: &str, case: &Case, rules: &[PolicyRule]) -> String {
    let kubeconfig = restricted_kubeconfig(side, user, rules).await;
    let plugin = plugin()
        .args([case.command])
        .args(case.args.to_vec())
        .on(side);
    said(&plugin.kubeconfig(kubeconfig.path()).run().await)
}

/// A command with something to do, in a namespace of its own.
async fn try_without_each(case: &Case) {
    let ns = TestNamespace::new(&format!("rbac-{}", case.command)).await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    for service in ["bare", "spare"] {
        ns.west.bare_service(service).await;
    }
    ns.west.traffic_split("bare", "bare", &[("bare", 1)]).await;
    let all = rules(&ns.west, case.command).await;
    for (resource, words) in case.without {
        let about =
            |rule: &PolicyRule| rule.resources.iter().flatten().any(|name| name == resource);
        let rest: Vec<PolicyRule> = all.iter().filter(|rule| !about(rule)).cloned().collect();
        assert!(rest.len() < all.len(), "a rule is about {resource}");
        let said = run_with(&ns.west, &format!("no-{resource}"), case, &rest).await;
        assert!(
            said.contains(words),
            "{} without {resource} should say {words:?}:\n{said}",
            case.command
        );
    }
    let said = run_with(&ns.west, "user", case, &all).await;
    for (_, words) in case.without {
        assert!(
            !said.contains(words),
            "{} with its Role says {words:?}:\n{said}",
            case.command
        );
    }
    assert!(
        !said.contains("error: ") && !said.contains("forbidden: User \"system:serviceaccount:")
            || case.command == "check",
        "{said}"
    );
}

#[tokio::test]
async fn each_command_works_with_its_role_and_names_each_missing_right() {
    futures::future::join_all(CASES.iter().map(try_without_each)).await;
}

#[tokio::test]
async fn rights_depend_on_the_command() {
    let ns = TestNamespace::new("check-rights").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let mut rights = rules(&ns.west, "status").await;
    rights.retain(|rule| rule.resources.iter().flatten().all(|name| name != "leases"));
    let kubeconfig = restricted_kubeconfig(&ns.west, "reader", &rights).await;
    let check = || {
        plugin()
            .args(["check"])
            .on(&ns.west)
            .kubeconfig(kubeconfig.path())
    };
    let report = check().args(["-o", "json"]).run().await.code(1).json();
    let place = format!("in namespace {}", ns.name);

    let status = find(&report, "status is allowed");
    assert_eq!(status["result"], "warning", "{status}");
    let lost = format!(
        "cannot list, watch leases.coordination.k8s.io {place}: cannot show which watch runs the groups"
    );
    assert_eq!(status["error"], lost);
    let watch = find(&report, "watch is allowed");
    assert_eq!(watch["result"], "error");
    let patch = format!("cannot patch trafficsplits.split.smi-spec.io {place}; ");
    assert!(
        error(&report, "watch is allowed").starts_with(&patch),
        "{watch}"
    );
    let hint = format!(
        "kubectl failover check --rbac watch --context west -n {}",
        ns.name
    );
    assert_eq!(watch["hint"], hint);
    assert_eq!(find(&report, "every group is valid")["result"], "success");
    assert_eq!(
        find(&report, "Linkerd's SMI extension")["result"],
        "warning"
    );

    // In short, what several commands lack is one line.
    let short = check().args(["-o", "short"]).run().await.code(1);
    let needed = "needed by create, watch, force, failback, evacuate, return, set, delete, pause, resume, migrate";
    let lacks = short.stdout.lines().filter(|line| line.contains(needed));
    assert_eq!(lacks.count(), 1, "all kinds are one line: {short}");
    let is_lease = |line: &&str| line.contains("leases.coordination.k8s.io");
    assert_eq!(short.stdout.lines().filter(is_lease).count(), 1, "{short}");
    short.stdout_contains("check --rbac COMMAND");

    let everywhere = plugin()
        .args(["check", "-A", "--pre", "-o", "json"])
        .context("west");
    let report = everywhere
        .kubeconfig(kubeconfig.path())
        .run()
        .await
        .code(1)
        .json();
    assert!(
        error(&report, "status is allowed in all namespaces").contains("list"),
        "{report:#}"
    );
}

#[tokio::test]
async fn a_role_can_be_applied() {
    let ns = TestNamespace::new("rbac-apply").await;
    let yaml = plugin()
        .args(["check", "--rbac", "watch"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout;
    let group = "rbac.authorization.k8s.io/v1";
    let path = format!(
        "/apis/{group}/namespaces/{}/roles/kubectl-failover-watch",
        ns.name
    );
    let request = http::Request::patch(format!("{path}?fieldManager=test"))
        .header("content-type", "application/apply-patch+yaml")
        .body(yaml.into_bytes())
        .unwrap();
    let applied: Role = ns.west.client.request(request).await.unwrap();
    let expected = rule(
        "split.smi-spec.io",
        &["trafficsplits"],
        &["get", "list", "watch", "patch"],
    );
    assert_eq!(applied.rules.unwrap()[0], expected);
}

/// Following objects takes the right to watch, not just to list.
#[tokio::test]
async fn with_its_role_status_sees_a_watch_start() {
    let ns = TestNamespace::new("rbac-follow").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let rules = rules(&ns.west, "status").await;
    let user = restricted_kubeconfig(&ns.west, "reader", &rules).await;
    let status = plugin().args(["status", "-w", "-o", "json"]).on(&ns.west);
    let mut status = status.kubeconfig(user.path()).spawn();
    status.line_containing("\"kind\":\"nobody\"").await;
    let watch = watching(&ns.west, &[]).await;
    status.line_containing("\"kind\":\"watch\"").await;
    end(watch).await;
    status.line_containing("\"kind\":\"nobody\"").await;
    assert!(
        !status.seen.join("").contains("\"kind\":\"unknown\""),
        "{:?}",
        status.seen
    );
    assert!(status.end_with(Signal::INT).await.success());
}
