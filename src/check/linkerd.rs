//! Checks Linkerd and its extensions: whether each is installed and ready.

use futures::future::{join, join_all, try_join_all};

use super::complaints::complaints;
use super::deprecated;
use crate::cluster::api::workloads::Deployment;
use crate::cluster::api::{namespaces, workloads};
use crate::cluster::queries::upstream;
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::resource::Upstream;

const CONTROL_PLANE: Component = Component {
    name: "Linkerd's control plane",
    label: "linkerd.io/is-control-plane=true",
    absence: "Linkerd was not found: without it, the weights of groups have no effect",
    hint: "https://linkerd.io/2/getting-started/",
};
const EXTENSIONS: [Component; 2] = [
    Component {
        name: "Linkerd's SMI extension",
        label: "linkerd.io/extension=smi",
        absence: "linkerd-smi was not found: without it, Linkerd ignores TrafficSplits",
        hint: "https://linkerd.io/2/tasks/linkerd-smi/",
    },
    Component {
        name: "Linkerd's multicluster extension",
        label: "linkerd.io/extension=multicluster",
        absence: "linkerd-multicluster was not found: without it, no services of other clusters \
                  are mirrored here",
        hint: "https://linkerd.io/2/tasks/installing-multicluster/",
    },
];

/// A component of Linkerd with its own namespace.
struct Component {
    name: &'static str,
    /// The label of its namespace.
    label: &'static str,
    /// The message if it was not found.
    absence: &'static str,
    hint: &'static str,
}

/// Deployments with their namespaces.
type FoundDeployments = Vec<(String, Deployment)>;

/// Checks Linkerd, and also returns the version of its control plane, if that can be read.
/// `namespace` is the expected namespace of the control plane.
pub async fn check(cluster: &Cluster, namespace: &str) -> (Category, Option<String>) {
    let extensions = EXTENSIONS
        .iter()
        .map(|part| async move { part.judge(cluster, &labelled(cluster, part.label).await) });
    let control_plane = control_plane(cluster, namespace);
    let (control_plane, extensions) = join(control_plane, join_all(extensions)).await;
    let mut checks = vec![CONTROL_PLANE.judge(cluster, &control_plane)];
    checks.extend(extensions);
    checks.push(controller(cluster).await);
    let found = control_plane.iter().flatten().map(|(_, found)| found);
    let version = deprecated::version_of(found);
    let name = "linkerd";
    (Category { name, checks }, version)
}

/// Looks in the given namespace first. If that is empty, looks for a namespace with the label of
/// the control plane.
async fn control_plane(cluster: &Cluster, namespace: &str) -> RequestResult<FoundDeployments> {
    let named = within(cluster, namespace.to_owned()).await?;
    if named.is_empty() {
        labelled(cluster, CONTROL_PLANE.label).await
    } else {
        Ok(named)
    }
}

async fn labelled(cluster: &Cluster, label: &str) -> RequestResult<FoundDeployments> {
    let namespaces = namespaces::names(cluster, label).await?.into_iter();
    let found = namespaces.map(|namespace| within(cluster, namespace));
    Ok(try_join_all(found).await?.concat())
}

async fn within(cluster: &Cluster, namespace: String) -> RequestResult<FoundDeployments> {
    let deployments = workloads::deployments(cluster, &namespace).await?;
    Ok(deployments
        .into_iter()
        .map(|deployment| (namespace.clone(), deployment))
        .collect())
}

impl Component {
    fn judge(&self, cluster: &Cluster, found: &RequestResult<FoundDeployments>) -> CheckResult {
        let description = format!("{} is ready", self.name);
        let found = match found {
            Ok(found) if found.is_empty() => {
                return CheckResult::warning(description, vec![self.absence.to_owned()])
                    .hint(self.hint);
            }
            Ok(found) => found,
            Err(error) => return CheckResult::warning(description, complaints(cluster, error)),
        };
        let mut waiting = found.iter().filter(|(_, it)| !it.is_ready()).peekable();
        let first = waiting
            .peek()
            .map(|(namespace, _)| cluster.reach.within(namespace));
        let complaint = |(namespace, it): &(String, Deployment)| {
            let Deployment {
                name,
                wanted,
                ready,
                ..
            } = it;
            format!("deployment {namespace}/{name} has {ready} of {wanted} pods ready")
        };
        CheckResult::error(description, waiting.map(complaint).collect())
            .hint(format!("kubectl {} get pods", first.unwrap_or_default()))
            .that_may_pass()
    }
}

/// Reports Linkerd's own controller, for information only: either controller is fine. `groups`
/// checks whether both run the same group.
async fn controller(cluster: &Cluster) -> CheckResult {
    match upstream::find(cluster).await {
        Ok(found) if found.is_empty() => {
            CheckResult::success("Linkerd's failover controller: not installed (optional)")
        }
        Ok(found) => {
            let place = |it: &Upstream| {
                let state = if it.is_ready { "running" } else { "not ready" };
                format!("{state} in namespace {} for {}", it.namespace, it.selector)
            };
            let places: Vec<String> = found.iter().map(place).collect();
            CheckResult::success(format!(
                "Linkerd's failover controller: {}",
                places.join(", and ")
            ))
        }
        Err(error) => {
            CheckResult::warning("Linkerd's failover controller", complaints(cluster, &error))
        }
    }
}
