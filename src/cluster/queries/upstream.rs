//! Finds Linkerd's own failover controller in the cluster, and the selector that it was started
//! with.

use crate::cluster::api::workloads::Deployment;
use crate::cluster::api::{namespaces, workloads};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::upstream::Upstream;

const EXTENSION_LABEL: &str = "linkerd.io/extension=failover";

/// Finds the controller in the cluster: a Deployment with replicas, in a namespace of the
/// extension. Pods that are not ready count too, since they may become ready at any moment.
pub async fn find(cluster: &Cluster) -> RequestResult<Option<Upstream>> {
    for namespace in namespaces::names(cluster, EXTENSION_LABEL).await? {
        let deployments = workloads::deployments(cluster, &namespace).await?;
        if let Some(controller) = deployments.iter().find(|deployment| deployment.wanted > 0) {
            let selector = selector(controller).to_owned();
            return Ok(Some(Upstream {
                namespace,
                selector,
            }));
        }
    }
    Ok(None)
}

/// Returns the selector in the controller's arguments, or the default selector.
fn selector(controller: &Deployment) -> &str {
    const FLAG: &str = "--selector";
    let mut args = controller.args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix(FLAG) {
            Some("") => return args.next().map_or(CONTROLLED_BY, String::as_str),
            Some(rest) => return rest.strip_prefix('=').unwrap_or(CONTROLLED_BY),
            None => {}
        }
    }
    CONTROLLED_BY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_comes_from_the_arguments() {
        let of = |args: &[&str]| {
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            let controller = Deployment {
                name: String::new(),
                wanted: 1,
                ready: 1,
                args,
            };
            selector(&controller).to_owned()
        };
        assert_eq!(of(&["--log-level=info"]), CONTROLLED_BY);
        assert_eq!(of(&["--log-level=info", "--selector=a=b,c"]), "a=b,c");
        assert_eq!(of(&["--selector", "a=b"]), "a=b");
    }
}
