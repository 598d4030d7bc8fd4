//! Which pods are clients, and what they call. No I/O.

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use super::plan::Target;
use crate::model::ServiceRef;

const PROXY_CONTAINER: &str = "linkerd-proxy";
/// As in emojivoto: a variable such as `WEB_HOST` has the address of a Service.
const ADDRESS_SUFFIX: &str = "_HOST";
const DEFAULT_PORT: u16 = 80;

/// A running pod with a proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// The Services that it sends requests to.
    pub targets: Vec<Target>,
    /// In Unix seconds.
    pub started: f64,
}

impl ClientPod {
    /// Returns the client, if the pod runs and has a container for a proxy.
    pub fn read(pod: &DynamicObject) -> Option<Self> {
        let containers = pod.data.pointer("/spec/containers")?.as_array()?;
        let is_proxy = |container: &Value| container["name"] == PROXY_CONTAINER;
        let runs = pod.data.pointer("/status/phase")?.as_str()? == "Running";
        if !runs || pod.metadata.deletion_timestamp.is_some() || !containers.iter().any(is_proxy) {
            return None;
        }
        let namespace = pod.namespace().unwrap_or_default();
        let variables = containers
            .iter()
            .filter_map(|container| container["env"].as_array())
            .flatten();
        let addresses = variables.filter_map(|variable| {
            let is_address = variable["name"].as_str()?.ends_with(ADDRESS_SUFFIX);
            is_address.then(|| variable["value"].as_str())?
        });
        let mut targets: Vec<Target> = addresses
            .filter_map(|address| target(address, &namespace))
            .collect();
        targets.sort();
        targets.dedup();
        let started = pod
            .data
            .pointer("/status/startTime")
            .and_then(Value::as_str);
        let started: Option<jiff::Timestamp> = started.and_then(|text| text.parse().ok());
        #[allow(clippy::cast_precision_loss, reason = "Unix seconds")]
        let started = started.map_or(0.0, |started| started.as_second() as f64);
        Some(Self {
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            namespace,
            targets,
            started,
        })
    }
}

/// Reads `web-svc.emojivoto:80`.
fn target(address: &str, home: &str) -> Option<Target> {
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (address, DEFAULT_PORT),
    };
    let mut parts = host.split('.');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let namespace = parts.next().unwrap_or(home);
    Some(Target {
        service: ServiceRef::new(namespace, name),
        port,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(phase: &str, containers: &Value) -> Option<ClientPod> {
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "vote-bot-1", "namespace": "emojivoto", "uid": "1"},
            "spec": {"containers": containers},
            "status": {"phase": phase, "startTime": "2026-11-26T03:00:00Z"},
        });
        ClientPod::read(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_client_calls_the_services_in_its_environment() {
        let containers = json!([
            {"name": "vote-bot", "env": [
                {"name": "WEB_HOST", "value": "web-svc.emojivoto:80"},
                {"name": "OTHER_HOST", "value": "other.shop.svc.cluster.local:8080"},
                {"name": "HERE_HOST", "value": "here"},
                {"name": "SECRET_HOST", "valueFrom": {}},
                {"name": "TTL", "value": "60"},
            ]},
            {"name": "linkerd-proxy"},
        ]);
        let client = pod("Running", &containers).unwrap();
        let targets = client.targets.iter();
        let targets: Vec<_> = targets
            .map(|it| format!("{}:{}", it.service, it.port))
            .collect();
        assert_eq!(
            targets,
            [
                "emojivoto/here:80",
                "emojivoto/web-svc:80",
                "shop/other:8080"
            ]
        );
        assert_eq!(client.started, 1_795_662_000.0);
    }

    #[test]
    fn pods_that_do_not_run_or_have_no_proxy_are_no_clients() {
        let proxy = json!([{"name": "linkerd-proxy"}]);
        assert!(pod("Running", &proxy).is_some());
        assert_eq!(pod("Pending", &proxy), None);
        assert_eq!(pod("Running", &json!([{"name": "vote-bot"}])), None);
    }
}
