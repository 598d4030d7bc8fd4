//! A watch while it runs, as a user with only the rights that it needs.

use k8s_openapi::api::rbac::v1::PolicyRule;
use kubectl_failover::internals::rights::{RbacCommand, RightScope};
use rustix::process::Signal;

use super::namespace::Side;
use super::plugin::{Plugin, plugin};
use super::rights::{restricted_kubeconfig, rule};
use super::running::Running;

/// The rights that a watch needs in a namespace, by resource.
pub fn operator_rights() -> Vec<PolicyRule> {
    rights_within(RightScope::Namespace)
}

/// The rights that it can use in the whole cluster.
pub fn operator_rights_beyond() -> Vec<PolicyRule> {
    rights_within(RightScope::Cluster)
}

fn rights_within(reach: RightScope) -> Vec<PolicyRule> {
    let rights = RbacCommand::Watch
        .rights()
        .into_iter()
        .filter(|right| right.scope == reach);
    rights
        .map(|right| PolicyRule {
            resource_names: right
                .names
                .name("kubectl-failover")
                .map(|name| vec![name.to_owned()]),
            ..rule(right.group, &[right.resource], right.verbs)
        })
        .collect()
}

/// The rights of a watch without one resource.
pub fn operator_rights_without(resource: &str) -> Vec<PolicyRule> {
    let about = |rule: &PolicyRule| rule.resources.iter().flatten().any(|name| name == resource);
    operator_rights()
        .into_iter()
        .filter(|rule| !about(rule))
        .collect()
}

/// Starts a watch of one namespace, as a user with only the rights that it needs, and waits until
/// it has synced.
pub async fn watching(side: &Side, args: &[&str]) -> Running {
    watching_as(side, &operator_rights(), args).await
}

/// Starts a watch as a user with these rights.
pub async fn watching_as(side: &Side, rights: &[PolicyRule], args: &[&str]) -> Running {
    let kubeconfig = restricted_kubeconfig(side, "operator", rights).await;
    let watch = plugin()
        .args(["watch"])
        .args(args.to_vec())
        .on(side)
        .kubeconfig(kubeconfig.path());
    started(watch).await.keeping(kubeconfig)
}

/// Starts a watch and waits until it has synced.
pub async fn started(watch: Plugin) -> Running {
    let mut running = watch.spawn();
    running.stderr_line_containing("watching").await;
    running
}

/// Ends a watch as Ctrl-C does, which must succeed. Returns the moves that were not taken, and
/// standard error.
pub async fn end(running: Running) -> Rest {
    let (status, stdout, stderr) = running.end_and_collect(Signal::INT).await;
    assert_eq!(
        status.code(),
        Some(0),
        "stdout: {stdout:#?}\nstderr: {stderr:#?}"
    );
    Rest { stdout, stderr }
}

/// The lines of standard output that were not taken when a watch ended, and all of standard error.
#[derive(Debug)]
pub struct Rest {
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
}

impl Rest {
    /// How many lines of standard error contain this text.
    pub fn complaints(&self, text: &str) -> usize {
        self.stderr
            .iter()
            .filter(|line| line.contains(text))
            .count()
    }

    /// How many lines of standard output contain this text.
    pub fn moves(&self, text: &str) -> usize {
        self.stdout
            .iter()
            .filter(|line| line.contains(text))
            .count()
    }
}
