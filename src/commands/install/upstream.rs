//! Linkerd's own failover controller beside the installation, and the way from it to this program.

use crate::cluster::Cluster;
use crate::cluster::queries::upstream;
use crate::commands::env::CommandEnv;
use crate::error::explain;
use crate::problem::Problem;
use crate::resource::Upstream;
use crate::text::{clean, word};

/// # Errors
/// If Linkerd's own controller is installed and would run the same groups.
pub async fn check(
    env: &CommandEnv,
    cluster: &Cluster,
    namespace: &str,
    is_alongside: bool,
) -> Result<(), Problem> {
    let found = match upstream::find(cluster).await {
        Ok(found) => found,
        Err(error) if error.is_forbidden() => {
            env.streams.say(
                "warning: you may not list namespaces and deployments: check that Linkerd's \
                 failover controller is not installed",
            );
            return Ok(());
        }
        Err(error) => return Err(explain(cluster, &error)),
    };
    let Some(theirs) = found.first() else {
        return Ok(());
    };
    if theirs.namespace == namespace && is_alongside {
        let reach = cluster.reach.within(namespace);
        env.streams.say(&format!(
            "next: when its pods are ready, stop Linkerd's controller: kubectl {reach} scale \
             {} --replicas=0",
            deployment(theirs)
        ));
        return Ok(());
    }
    if theirs.namespace != namespace && is_alongside {
        let theirs = clean(&theirs.namespace);
        return Err(Problem::refused(format!(
            "Linkerd's failover controller is in namespace {theirs}: two namespaces of the \
             extension make `linkerd check` fail"
        ))
        .next(format!(
            "install into the same namespace: -n {}",
            word(&theirs)
        )));
    }
    Err(way_from_upstream(cluster, theirs))
}

fn deployment(upstream: &Upstream) -> String {
    word(&format!("deployment/{}", upstream.deployment))
}

/// Two controllers would undo each other's moves. On this way one of them always runs the groups.
fn way_from_upstream(cluster: &Cluster, theirs: &Upstream) -> Problem {
    let (reach, all) = (cluster.reach.within(&theirs.namespace), cluster.reach.all());
    let apply = format!("| kubectl {} apply -f -", cluster.reach.cluster());
    let install = format!("kubectl failover install {reach}");
    let deployment = deployment(theirs);
    Problem::refused(format!(
        "Linkerd's failover controller is installed in namespace {}: {deployment}",
        clean(&theirs.namespace)
    ))
    .next("to replace it without a gap:")
    .next(format!(
        "1. install beside it: {install} --set alongsideUpstream=true {apply}"
    ))
    .next(format!(
        "2. wait: kubectl {reach} rollout status deployment/kubectl-failover"
    ))
    .next(format!(
        "3. stop it: kubectl {reach} scale {deployment} --replicas=0, then see who runs the \
         groups: kubectl failover status -A {all}"
    ))
    .next(format!("4. end the sharing: {install} {apply}"))
    .next(
        "5. remove what is left of it, as it was installed; see first that its release does not \
         hold the definition of TrafficSplits",
    )
}
