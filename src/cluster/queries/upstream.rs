//! Finds Linkerd's own failover controller in the cluster: whether it is ready, and the selector
//! that it was started with.

use futures::future::try_join_all;

use crate::cluster::api::workloads::Deployment;
use crate::cluster::api::{namespaces, workloads};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::upstream::{DEFAULT_NAMESPACE, Upstream};

/// The label of the namespace of the controller, and of this program's own installation.
pub const EXTENSION_LABEL: &str = "linkerd.io/extension=failover";

/// The most namespaces that are searched: anyone who may label a namespace adds one.
const MAX_EXTENSION_NAMESPACES: usize = 20;

/// Finds what may be the controller, in each namespace of the extension: a Deployment with the name
/// or the image of the controller, and with replicas. That in the chart's own namespace is first.
pub async fn find(cluster: &Cluster) -> RequestResult<Vec<Upstream>> {
    let mut names = namespaces::names(cluster, EXTENSION_LABEL).await?;
    names.sort_by_key(|name| name != DEFAULT_NAMESPACE);
    let names = names.into_iter().take(MAX_EXTENSION_NAMESPACES);
    let found = names.map(|namespace| async move {
        let deployments = workloads::deployments(cluster, &namespace).await?;
        Ok(controller(&deployments).map(|controller| Upstream {
            namespace,
            deployment: controller.name.clone(),
            is_ready: controller.ready > 0,
            selector: selector(controller).to_owned(),
        }))
    });
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

/// Returns the Deployment of the controller, preferably one with a ready pod. Other programs can run
/// in a namespace with the label.
fn controller(deployments: &[Deployment]) -> Option<&Deployment> {
    let is_it = |it: &&Deployment| it.is_upstream() && it.wanted > 0;
    let wanted = || deployments.iter().filter(is_it);
    wanted().find(|it| it.ready > 0).or_else(|| wanted().next())
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

    fn deployment(args: &[&str]) -> Deployment {
        Deployment {
            name: "linkerd-failover".to_owned(),
            wanted: 1,
            ready: 1,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            ..Deployment::default()
        }
    }

    #[test]
    fn this_program_is_not_the_controller() {
        let own = Deployment {
            application: Some("kubectl-failover".to_owned()),
            ..deployment(&["watch", "--selector=a=b"])
        };
        assert_eq!(controller(std::slice::from_ref(&own)), None);
        let both = [own, deployment(&[])];
        assert_eq!(controller(&both), both.get(1));
    }

    #[test]
    fn a_program_in_a_namespace_with_the_label_is_not_the_controller() {
        let named = |name: &str, application: Option<&str>, image: &str| Deployment {
            name: name.to_owned(),
            application: application.map(str::to_owned),
            image: image.to_owned(),
            ..deployment(&[])
        };
        for (other, is_controller) in [
            (named("cart", None, "shop/cart:1"), false),
            (named("failover", None, "shop/failover:1"), false),
            (named("f", Some("linkerd-failover"), "a"), true),
            (named("f", None, "cr.l5d.io/linkerd/failover:1.0.0"), true),
            (named("f", None, "x:5000/linkerd-failover@sha256:ab"), true),
        ] {
            let found = controller(std::slice::from_ref(&other));
            assert_eq!(found.is_some(), is_controller, "{other:?}");
        }
    }

    #[test]
    fn the_selector_comes_from_the_arguments() {
        let of = |args: &[&str]| selector(&deployment(args)).to_owned();
        assert_eq!(of(&["--log-level=info"]), CONTROLLED_BY);
        assert_eq!(of(&["--log-level=info", "--selector=a=b,c"]), "a=b,c");
        assert_eq!(of(&["--selector", "a=b"]), "a=b");
    }
}
