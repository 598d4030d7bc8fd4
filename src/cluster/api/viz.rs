//! linkerd-viz, the extension that has a Prometheus: where that is.

use serde::de::IgnoredAny;

use super::pods::pods;
use super::types::Object;
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::NAMESPACES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

/// The label of its namespace and its pods.
const EXTENSION: &str = "linkerd.io/extension";
/// The annotation of its namespace with the URL of a Prometheus that is not its own.
const EXTERNAL_PROMETHEUS: &str = "viz.linkerd.io/external-prometheus";
/// The namespace in which `linkerd viz install` puts it.
const DEFAULT_NAMESPACE: &str = "linkerd-viz";

/// The Prometheus of linkerd-viz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VizPrometheus {
    NotInstalled,
    /// No pod of it runs.
    NotRunning {
        namespace: String,
    },
    Pod {
        namespace: String,
        pod: String,
    },
    /// linkerd-viz was installed with the URL of another one.
    External {
        url: String,
    },
}

/// Finds the Prometheus of linkerd-viz. Without the right to list namespaces, it is looked for in the
/// default one.
///
/// # Errors
/// If namespaces or pods cannot be listed.
pub async fn find_prometheus(cluster: &Cluster) -> RequestResult<VizPrometheus> {
    let namespaces = Collection::new(NAMESPACES, None, "linkerd.io/extension=viz", |raw| {
        serde_json::from_str::<Object<IgnoredAny, IgnoredAny>>(raw.get())
    });
    let namespace = match list_objects(cluster, &namespaces).await {
        Ok(found) => match found.into_iter().next() {
            Some(namespace) => namespace.metadata,
            None => return Ok(VizPrometheus::NotInstalled),
        },
        Err(error) if error.is_forbidden() => super::types::ObjectMeta {
            name: DEFAULT_NAMESPACE.to_owned(),
            ..super::types::ObjectMeta::default()
        },
        Err(error) => return Err(error),
    };
    if let Some(url) = namespace.annotations.get(EXTERNAL_PROMETHEUS) {
        return Ok(VizPrometheus::External { url: url.clone() });
    }
    let namespace = namespace.name;
    let pods = pods(cluster, &namespace).await?;
    let mut pods = pods.into_iter().filter(|pod| {
        let has = |key: &str, value: &str| pod.labels.get(key) == Some(value);
        pod.is_running && has(EXTENSION, "viz") && has("component", "prometheus")
    });
    Ok(match pods.next() {
        Some(pod) => VizPrometheus::Pod {
            namespace,
            pod: pod.name,
        },
        None => VizPrometheus::NotRunning { namespace },
    })
}
