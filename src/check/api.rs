//! Checks whether the API server answers, and whether it is new enough.

use futures::future::join;

use super::complaints::complaints;
use crate::cluster::api::discovery;
use crate::cluster::api::discovery::{ApiGroups, Version};
use crate::cluster::transport::error::Cause;
use crate::cluster::transport::options::ConnectOptions;
use crate::cluster::{Cluster, RequestError};
use crate::model::check::{Category, CheckResult};
use crate::problem::Problem;

/// The first version that serves EndpointSlices as v1.
const MIN_VERSION: (u32, u32) = (1, 21);
/// The APIs that the tool needs besides the core.
const REQUIRED_APIS: [&str; 3] = [
    "discovery.k8s.io/v1",
    "events.k8s.io/v1",
    "coordination.k8s.io/v1",
];

/// Checks the API server. Also returns the cluster and the API groups that it serves, if it
/// answers.
pub async fn check(options: &ConnectOptions) -> (Category, Option<(Cluster, ApiGroups)>) {
    let mut category = Category::new("kubernetes-api");
    let cluster = match Cluster::connect(options).await {
        Ok(cluster) => cluster,
        Err(error) => {
            category.checks.push(CheckResult::error(
                "the kubeconfig can be used",
                words(&error),
            ));
            return (category, None);
        }
    };
    let context = &cluster.context;
    category.checks.push(CheckResult::success(format!(
        "the kubeconfig can be used (context {context})"
    )));
    let answers = format!("the API server answers ({})", cluster.server);
    match join(
        discovery::version(&cluster),
        discovery::api_groups(&cluster),
    )
    .await
    {
        (Ok(version), Ok(apis)) => {
            category.checks.push(CheckResult::success(answers));
            category.checks.push(is_new_enough(&version));
            category.checks.push(serves_all(&apis));
            (category, Some((cluster, apis)))
        }
        (Err(error), _) | (_, Err(error)) => {
            let failed = CheckResult::error(answers, complaints(&cluster, &error));
            category.checks.push(if may_pass(&error) {
                failed.that_may_pass()
            } else {
                failed
            });
            (category, None)
        }
    }
}

/// Returns the lines of an error. A [`Problem`] includes what to do next.
fn words(error: &anyhow::Error) -> Vec<String> {
    let next = error
        .downcast_ref::<Problem>()
        .map(|problem| problem.next.clone())
        .unwrap_or_default();
    std::iter::once(format!("{error:#}")).chain(next).collect()
}

fn may_pass(error: &RequestError) -> bool {
    error.is_transient()
        || matches!(
            error.cause,
            Cause::Unreachable { .. } | Cause::TimedOut { .. }
        )
}

fn is_new_enough(version: &Version) -> CheckResult {
    let (major, minor) = MIN_VERSION;
    let description = format!(
        "its version is {major}.{minor} or newer ({})",
        version.git_version
    );
    let is_old = version
        .numbers()
        .is_some_and(|numbers| numbers < MIN_VERSION);
    let complaint = || {
        format!(
            "{} has no EndpointSlices as v1; upgrade the cluster",
            version.git_version
        )
    };
    CheckResult::error(description, is_old.then(complaint).into_iter().collect())
}

fn serves_all(apis: &ApiGroups) -> CheckResult {
    let missing = REQUIRED_APIS.iter().filter(|api| !apis.serve(api));
    let complaints = missing.map(|api| format!("{api} is not served")).collect();
    CheckResult::error(
        "it serves EndpointSlices, Events and Leases as v1",
        complaints,
    )
}
