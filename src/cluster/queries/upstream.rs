//! Linkerd's own failover controller, where it runs in the cluster.

use crate::cluster::api::workloads;
use crate::cluster::api::workloads::Deployment;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Kind as _, Labels, Record, TrafficSplit};

const EXTENSION: &str = "linkerd.io/extension=failover";
/// The name that its writes bear.
pub const MANAGER: &str = "failover.linkerd.io";

/// What the controller selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub namespace: String,
    /// The labels of the objects that it runs.
    pub selector: String,
}

impl Upstream {
    /// Whether it runs this object. A selector that is not understood is taken to cover every TrafficSplit.
    pub fn covers(&self, record: &Record) -> bool {
        let labels = &record.meta.labels;
        let is_split = record.kind.info().kind == TrafficSplit.info().kind;
        is_split && requirements(&self.selector).all(|requirement| meets(labels, requirement))
    }
}

/// The parts of a label selector: commas within brackets join values.
fn requirements(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    selector.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

fn meets(labels: &Labels, requirement: &str) -> bool {
    let requirement = requirement.trim();
    let is = |key: &str, value: &str| labels.get(key.trim()).is_some_and(|is| is == value.trim());
    if requirement.is_empty() || requirement.contains(['(', ' ']) {
        return true;
    }
    if let Some((key, value)) = requirement.split_once("!=") {
        return !is(key, value);
    }
    if let Some((key, value)) = requirement.split_once('=') {
        return is(key, value.strip_prefix('=').unwrap_or(value));
    }
    match requirement.strip_prefix('!') {
        Some(key) => !labels.contains_key(key.trim()),
        None => labels.contains_key(requirement),
    }
}

/// The controller that runs in the cluster: a Deployment that is to have pods, in a namespace of the extension. Those
/// that are not ready yet may be at any moment.
pub async fn find(cluster: &Cluster) -> RequestResult<Option<Upstream>> {
    for namespace in workloads::namespaces(cluster, EXTENSION).await? {
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
    fn selectors_cover_what_the_api_server_would_select() {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = Labels::from_iter([
            label(CONTROLLED_BY, "linkerd-failover"),
            label("tier", "web"),
        ]);
        let covers =
            |selector: &str| requirements(selector).all(|requirement| meets(&labels, requirement));
        for selector in [
            "",
            CONTROLLED_BY,
            "tier=web",
            "tier==web",
            "tier!=db",
            "!gone",
            "tier=web,!gone",
        ] {
            assert!(covers(selector), "{selector}");
        }
        for selector in [
            "gone",
            "tier=db",
            "tier!=web",
            "!tier",
            "tier=web,gone",
            "tier in (a,b),gone",
        ] {
            assert!(!covers(selector), "{selector}");
        }
        assert!(covers("tier in (a, b)"));
    }

    #[test]
    fn the_selector_is_what_the_arguments_say() {
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
