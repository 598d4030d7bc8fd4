//! Checks whether the API server answers, and whether it is new enough.

use futures::future::join;

use super::complaints::complaints;
use crate::cluster::api::discovery::{self, ApiGroups, Version};
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
    let (checks, server) = check_server(options).await;
    let name = "kubernetes-api";
    (Category { name, checks }, server)
}

async fn check_server(
    options: &ConnectOptions,
) -> (Vec<CheckResult>, Option<(Cluster, ApiGroups)>) {
    const USABLE: &str = "the kubeconfig can be used";
    let cluster = match Cluster::connect(options).await {
        Ok(cluster) => cluster,
        Err(error) => return (vec![CheckResult::error(USABLE, words(&error))], None),
    };
    let usable = CheckResult::success(format!("{USABLE} (context {})", cluster.context));
    let answers = format!("the API server answers ({})", cluster.server);
    let (version, apis) = (
        discovery::version(&cluster),
        discovery::api_groups(&cluster),
    );
    match join(version, apis).await {
        (Ok(version), Ok(apis)) => {
            let answers = CheckResult::success(answers);
            let checks = vec![usable, answers, is_new_enough(&version), serves_all(&apis)];
            (checks, Some((cluster, apis)))
        }
        (Err(error), _) | (_, Err(error)) => {
            let mut failed = CheckResult::error(answers, complaints(&cluster, &error));
            failed.may_pass = may_pass(&error);
            (vec![usable, failed], None)
        }
    }
}

/// Returns the lines of an error. A [`Problem`] includes what to do next.
fn words(error: &anyhow::Error) -> Vec<String> {
    let problem = error.downcast_ref::<Problem>();
    let next = problem.map(|problem| problem.next.clone());
    let next = next.unwrap_or_default();
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
    let ((major, minor), git_version) = (MIN_VERSION, &version.git_version);
    let description = format!("its version is {major}.{minor} or newer ({git_version})");
    let numbers = version.numbers();
    let complaint = numbers
        .filter(|numbers| *numbers < MIN_VERSION)
        .map(|_| format!("{git_version} has no EndpointSlices as v1; upgrade the cluster"));
    CheckResult::error(description, Vec::from_iter(complaint))
}

fn serves_all(apis: &ApiGroups) -> CheckResult {
    let missing = REQUIRED_APIS.iter().filter(|api| !apis.serve(api));
    let complaints = missing.map(|api| format!("{api} is not served")).collect();
    CheckResult::error(
        "it serves EndpointSlices, Events and Leases as v1",
        complaints,
    )
}
