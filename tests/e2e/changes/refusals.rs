//! Refused changes, each of which one flag allows.

use http::Method;
use rustix::process::Signal;

use super::{annotation, override_of, run, run_through, web};
use crate::support::{
    Fault, FaultProxy, Output, Side, TestNamespace, operator_rights_without, plugin,
    restricted_kubeconfig,
};

/// Checks that a command is refused, also with every other danger allowed, and writes nothing.
pub async fn refused(side: &Side, command: &str, danger: &str, words: &str) {
    let version = side.version("web").await;
    let others: Vec<&str> = ["unready", "unknown", "conflict", "gitops"]
        .into_iter()
        .filter(|other| *other != danger)
        .collect();
    for allow in [String::new(), format!(" --allow={}", others.join(","))] {
        let output = run(side, &format!("{command}{allow}")).await;
        let output = is_refused(output, side, words);
        output.stderr_contains(&format!("to do it anyway, add --allow={danger}"));
    }
    assert_eq!(side.version("web").await, version);
}

fn is_refused(output: Output, side: &Side, words: &str) -> Output {
    output
        .code(4)
        .stdout_is("")
        .stderr_contains(&format!("refused: {}/web: {words}", side.namespace))
}

#[tokio::test]
async fn a_target_that_is_not_ready() {
    let ns = TestNamespace::new("unready").await;
    web(&ns.west, [1, 0, 1]).await;
    refused(
        &ns.west,
        "force web --to web-east",
        "unready",
        "web-east has no ready endpoint",
    )
    .await;
    let output = run(&ns.west, "force web --to web-east --allow=unready")
        .await
        .success();
    output.stdout_contains("forced to web-east; traffic is on web-central (Failover)");
    ns.west.until_weights("web", &[0, 0, 1]).await;

    ns.west
        .set_weights("web", &[("web", 1), ("web-east", 0), ("ghost", 0)])
        .await;
    refused(
        &ns.west,
        "force web --to ghost",
        "unready",
        "Service ghost does not exist",
    )
    .await;
}

#[tokio::test]
async fn a_target_with_unknown_readiness() {
    let ns = TestNamespace::new("unknown-target").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    let rights = operator_rights_without("endpointslices");
    let user = restricted_kubeconfig(&ns.west, "blind", &rights).await;
    let words = "the readiness of web-east is unknown: reading its EndpointSlices is forbidden";
    for allow in ["", " --allow=unready,conflict,gitops"] {
        let command = format!("force web --to web-east{allow}");
        let output = is_refused(
            run_through(&ns.west, user.path(), &command).await,
            &ns.west,
            words,
        );
        output.stderr_contains("add --allow=unknown");
    }
    assert_eq!(ns.west.version("web").await, version);

    let command = "force web --to web-east --allow=unknown";
    let output = run_through(&ns.west, user.path(), command).await.success();
    output.stdout_contains("traffic is on web-east (Unknown)");
    ns.west.until_weights("web", &[0, 1, 0]).await;
    assert_eq!(ns.west.last_move("web").await["unverified"], true);

    let words = "the readiness of web is unknown: ";
    let refused = is_refused(
        run_through(&ns.west, user.path(), "failback web").await,
        &ns.west,
        words,
    );
    refused
        .stderr_contains("kubectl failover check --")
        .stderr_lacks("--when-ready");
    let waits = run_through(
        &ns.west,
        user.path(),
        "failback web --when-ready --timeout 1m",
    )
    .await;
    is_refused(waits, &ns.west, words);
    run_through(&ns.west, user.path(), "failback web --allow=unknown")
        .await
        .success();
    ns.west.until_weights("web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn a_target_that_is_not_a_backend_cannot_be_allowed() {
    let ns = TestNamespace::new("no-backend").await;
    web(&ns.west, [1, 1, 1]).await;
    let version = ns.west.version("web").await;
    let all = "--allow=unready,unknown,conflict,gitops";
    let output = run(&ns.west, &format!("force web --to elsewhere {all}")).await;
    is_refused(output, &ns.west, "elsewhere is not a backend of this group")
        .stderr_contains("name a backend with --to: web, web-east, web-central")
        .stderr_lacks("--allow");
    let output = run(&ns.west, &format!("force web {all}")).await;
    is_refused(output, &ns.west, "the group has several fallbacks").stderr_lacks("--allow");
    let output = run(&ns.west, "failback web --home elsewhere").await;
    is_refused(output, &ns.west, "elsewhere is not a backend of this group")
        .stderr_contains("name a backend with --home: web, web-east, web-central");
    for command in ["force web --to web-eats", "failback web --home web-eats"] {
        let output = run(&ns.west, command).await;
        is_refused(output, &ns.west, "web-eats is not a backend of this group")
            .stderr_contains("did you mean web-east?");
    }
    let output = run(&ns.west, "failback web --home web-east").await;
    is_refused(
        output,
        &ns.west,
        "there is no override, and the primary is web",
    );
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn failback_while_home_is_not_enough() {
    let ns = TestNamespace::new("home-down").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.ready("web", 0).await;
    refused(
        &ns.west,
        "failback web",
        "unready",
        "web has 0 of 1 endpoints ready, 1 needed",
    )
    .await;
    let output = run(&ns.west, "failback web --allow=unready")
        .await
        .success();
    output.stdout_contains("ended the override; traffic is on web-east, web-central (Failover)");
    assert!(override_of(&ns.west, "web").await.is_null());
    assert_eq!(annotation(&ns.west, "web", "primary-service").await, "web");
    ns.west.until_weights("web", &[0, 1, 1]).await;

    // Without an override, failback has nothing to end.
    let version = ns.west.version("web").await;
    let output = run(&ns.west, "failback web --allow=unready")
        .await
        .success();
    output.stdout_contains("/web: web has no ready endpoints (0 of 1)");
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn an_override_without_a_home_needs_the_flag() {
    let ns = TestNamespace::new("homeless").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    let homeless = serde_json::json!({"metadata": {"annotations": {
        "failover.linkerd.io/override": r#"{"to":"web-east","until":"2020-01-01T00:00:00Z"}"#,
    }}});
    ns.west.edit_split("web", homeless).await;
    plugin()
        .args(["status", "web"])
        .on(&ns.west)
        .run()
        .await
        .success()
        .stdout_contains("without an expiry: the override does not say which backend is home")
        .stdout_contains("next: kubectl failover failback web --home BACKEND");
    let output = run(
        &ns.west,
        "failback web --allow=unready,unknown,conflict,gitops",
    )
    .await;
    is_refused(
        output,
        &ns.west,
        "the override does not name the backend to fail back to",
    )
    .stderr_contains("kubectl failover failback web --home BACKEND");
    run(&ns.west, "failback web --home web").await.success();
    super::assert_home(&ns.west, "web", &[1, 0, 0]).await;
}

#[tokio::test]
async fn without_a_terminal_and_yes_nothing_changes() {
    let ns = TestNamespace::new("no-terminal").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    run(&ns.west, "force web --to web-east").await.success();
    for command in [
        ["force", "web", "--to=web-central"],
        ["failback", "web", "--reason=x"],
    ] {
        let output = plugin()
            .args(command)
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig())
            .run()
            .await
            .code(4);
        output
            .stdout_is("")
            .stderr_contains(&format!(
                "{} asks for confirmation, and there is no terminal to ask on",
                command[0]
            ))
            .stderr_contains("add --yes to skip the prompt, or --dry-run=client");
    }
    assert_eq!(proxy.writes(), 0);
    // A change that moves no traffic needs no confirmation.
    plugin()
        .args(["pause", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
    plugin()
        .args(["resume", "web"])
        .on(&ns.west)
        .run()
        .await
        .success();
}

#[tokio::test]
async fn an_invalid_group_is_refused() {
    let ns = TestNamespace::new("no-group").await;
    web(&ns.west, [1, 1, 1]).await;
    let primary = serde_json::json!({"failover.linkerd.io/primary-service": "elsewhere"});
    ns.west
        .edit_split(
            "web",
            serde_json::json!({"metadata": {"annotations": primary}}),
        )
        .await;
    for command in [
        "force web --to web-east",
        "failback web",
        "pause web",
        "resume web",
    ] {
        let output = run(&ns.west, command).await;
        is_refused(
            output,
            &ns.west,
            "not a valid group: the primary \"elsewhere\" is not among",
        )
        .stderr_contains("to fix it, name a backend in the annotation");
    }
}

#[tokio::test]
async fn an_interrupt_during_the_wait_for_home_changes_nothing() {
    let ns = TestNamespace::new("wait-signal").await;
    web(&ns.west, [1, 1, 1]).await;
    run(&ns.west, "force web --to web-east").await.success();
    ns.west.ready("web", 0).await;
    let version = ns.west.version("web").await;
    let mut waiting = super::order(&ns.west, "failback web --when-ready").spawn();
    waiting.stderr_line_containing("waiting: ").await;
    // Not SIGINT: shells start background jobs with SIGINT ignored.
    let status = waiting.end_with(Signal::TERM).await;
    assert_ne!(status.code(), Some(0));
    assert_eq!(ns.west.version("web").await, version);
}

#[tokio::test]
async fn checks_that_could_not_be_made_are_reported() {
    let ns = TestNamespace::new("doubts").await;
    web(&ns.west, [1, 1, 1]).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(
        Method::GET,
        "/serviceprofiles?",
        1,
        Fault::Answer(503, None),
    );
    let output = run_through(&ns.west, proxy.kubeconfig(), "force web --to web-east")
        .await
        .success();
    output.stdout_contains(
        "forced to web-east; warning: can't tell whether a ServiceProfile routes the same service: as scripted",
    );
    let again = run_through(&ns.west, proxy.kubeconfig(), "force web --to web-central")
        .await
        .success();
    again.stdout_contains("forced to web-central; traffic is on web-central");
}
