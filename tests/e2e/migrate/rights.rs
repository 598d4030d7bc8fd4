//! The rights that a migration needs, and who runs the new object.

use k8s_openapi::api::rbac::v1::PolicyRule;
use kubectl_failover::internals::rights::{RbacCommand, RightScope};
use serde_json::json;

use super::{Acceptor, route, run, split, typed};
use crate::support::{
    TestNamespace, end, operator_rights_without, restricted_kubeconfig, rule, started, watching_as,
};

/// The rights that the README names, in a namespace.
fn rights() -> Vec<PolicyRule> {
    let rights = RbacCommand::Migrate.rights().into_iter();
    let rights = rights.filter(|right| right.scope == RightScope::Namespace);
    rights
        .map(|right| rule(right.group, &[right.resource], right.verbs))
        .collect()
}

#[tokio::test]
async fn a_migration_with_just_the_rights_that_it_needs() {
    let ns = TestNamespace::new("migrate-rights").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let _acceptor = Acceptor::of(side);
    let mut without_delete = rights();
    for rule in &mut without_delete {
        rule.verbs.retain(|verb| verb != "delete");
    }
    let kubeconfig = restricted_kubeconfig(side, "half", &without_delete).await;
    let migrate = |path: &std::path::Path| typed(side, "migrate web --yes").kubeconfig(path);
    let refused = migrate(kubeconfig.path()).run().await.code(4);
    refused.stderr_contains("cannot delete trafficsplits.split.smi-spec.io");
    assert_eq!(route(side, "web").await, None);
    let kubeconfig = restricted_kubeconfig(side, "migrator", &rights()).await;
    migrate(kubeconfig.path()).run().await.success();
    assert_eq!(split(side, "web").await, None);
}

#[tokio::test]
async fn the_running_watch_must_run_the_new_object() {
    let ns = TestNamespace::new("migrate-watch").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let labels = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}});
    side.edit_split("web", labels).await;
    let watch = watching_as(side, &operator_rights_without("httproutes"), &[]).await;
    let words = "would not run the new HTTPRoute";
    run(side, "migrate web --yes")
        .await
        .code(4)
        .stderr_contains(words)
        .stderr_contains("--allow=unattended");
    end(watch).await;
    // Labels of GitOps tools stay behind.
    let watch = started(typed(side, "watch -l app.kubernetes.io/managed-by=Helm")).await;
    run(side, "migrate web --yes")
        .await
        .code(4)
        .stderr_contains(words);
    end(watch).await;
    assert_eq!(route(side, "web").await, None);
}
