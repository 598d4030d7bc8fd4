//! Writes that the API server rejects: reported once, and not repeated in a tight loop.

use http::Method;

use crate::support::{
    Fault, FaultProxy, OBSERVATION_TIME, TestNamespace, end, operator_rights, plugin, rule,
    started, watching_as,
};

#[tokio::test]
async fn a_rejected_patch_is_reported_once_and_backs_off() {
    let ns = TestNamespace::new("unprocessable").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1000,
        Fault::Answer(422, None),
    );
    let mut watch = started(
        plugin()
            .args(["watch"])
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    watch
        .stderr_line_containing("(HTTP 422); retrying every 30 s")
        .await;
    assert_eq!(watch.line_within(OBSERVATION_TIME).await, None);
    assert_eq!(proxy.writes(), 1);

    // A new version of the object is tried again.
    proxy.heal();
    ns.west
        .edit_split(
            "web",
            serde_json::json!({"metadata": {"annotations": {"note": "new"}}}),
        )
        .await;
    watch.line_containing("web -> web-east").await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("not moved"), 1, "{rest:?}");
}

#[tokio::test]
async fn once_fails_if_a_group_could_not_be_moved() {
    let ns = TestNamespace::new("once-refused").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("fine", &[("fine", 1, 0), ("fine-east", 0, 1)])
        .await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(
        Method::PATCH,
        "/trafficsplits/web",
        1000,
        Fault::Answer(422, None),
    );
    let output = plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .run()
        .await;
    let output = output.code(1).stdout_contains("fine -> fine-east");
    output
        .stderr_contains("web was not moved")
        .stderr_contains("1 group could not be moved");
}

#[tokio::test]
async fn a_missing_right_to_write_is_reported_once() {
    let ns = TestNamespace::new("no-patch").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let mut rights = operator_rights();
    rights[0] = rule(
        "split.smi-spec.io",
        &["trafficsplits"],
        &["get", "list", "watch"],
    );
    let mut watch = watching_as(&ns.west, &rights, &[]).await;
    watch
        .stderr_line_containing("cannot patch trafficsplits.split.smi-spec.io")
        .await;
    assert_eq!(watch.line_within(OBSERVATION_TIME).await, None);
    let rest = end(watch).await;
    assert_eq!(rest.complaints("cannot patch"), 1, "{rest:?}");
    assert_eq!(rest.complaints("not moved"), 0, "{rest:?}");
}
