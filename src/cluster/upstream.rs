//! Linkerd's own failover controller, where it runs in the cluster.

use super::client::Cluster;
use super::error::RequestResult;
use super::workloads::{self, Deployment};
use crate::resource::annotations::CONTROLLED_BY;

const EXTENSION: &str = "linkerd.io/extension=failover";

/// What the controller selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub namespace: String,
    /// The labels of the objects that it runs.
    pub selector: String,
}

/// The controller that runs in the cluster: a Deployment with a ready pod, in a namespace of the extension.
pub async fn find(cluster: &Cluster) -> RequestResult<Option<Upstream>> {
    for namespace in workloads::namespaces(cluster, EXTENSION).await? {
        let deployments = workloads::deployments(cluster, &namespace).await?;
        if let Some(controller) = deployments.iter().find(|deployment| deployment.ready > 0) {
            let selector = selector(controller).to_owned();
            return Ok(Some(Upstream { namespace, selector }));
        }
    }
    Ok(None)
}

/// What its arguments say, else what the controller selects by itself.
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
    fn the_selector_is_what_the_arguments_say() {
        let of = |args: &[&str]| {
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            let controller = Deployment { name: String::new(), wanted: 1, ready: 1, args };
            selector(&controller).to_owned()
        };
        assert_eq!(of(&["--log-level=info"]), CONTROLLED_BY);
        assert_eq!(of(&["--log-level=info", "--selector=a=b,c"]), "a=b,c");
        assert_eq!(of(&["--selector", "a=b"]), "a=b");
    }
}
