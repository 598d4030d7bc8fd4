//! The labels by which PromQL selects the series of Services and of clients.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::ServiceRef;
use crate::traffic::window::PodName;

/// Prometheus's job of the proxies, as linkerd-viz and Linkerd's documentation name it.
pub const JOB: &str = "linkerd-proxy";
/// A metric that each proxy has once.
pub const PROCESS_START: &str = "process_start_time_seconds";

/// Whose requests are counted, and since when.
#[derive(Debug)]
pub struct QueryScope<'a> {
    /// The clients' namespaces.
    pub namespaces: &'a BTreeSet<String>,
    /// The clients, if not all pods of the namespaces are clients.
    pub pods: Option<BTreeSet<PodName>>,
    pub window: Duration,
    /// When the object of each group was created.
    pub created: &'a [Option<Timestamp>],
}

impl QueryScope<'_> {
    /// Returns the labels of all series.
    pub fn base(&self) -> String {
        let Some(pods) = &self.pods else {
            let namespaces = self.namespaces.iter().map(|it| escaped(it));
            return in_namespaces(namespaces.collect());
        };
        let namespaces = pods.iter().map(|pod| escaped(&pod.namespace)).collect();
        let names = pods.iter().map(|pod| pod.name.as_str()).collect();
        let pods = quoted(&any_pod(&names));
        format!("{},pod=~{pods}", in_namespaces(namespaces))
    }

    /// Returns a selector of one series of each client, if the labels of all series also fit other
    /// pods: if the clients are in several namespaces, a pod of one can have the name of a client in
    /// another.
    pub fn each_client(&self) -> Option<String> {
        let mut by_namespace = BTreeMap::<&str, BTreeSet<&str>>::new();
        for pod in self.pods.iter().flatten() {
            let names = by_namespace.entry(&pod.namespace).or_default();
            names.insert(&pod.name);
        }
        let series = by_namespace.iter().map(|(namespace, names)| {
            let (namespace, pods) = (quoted(namespace), quoted(&any_pod(names)));
            format!("{PROCESS_START}{{job=\"{JOB}\",namespace={namespace},pod=~{pods}}}")
        });
        let series: Vec<String> = series.collect();
        (series.len() > 1).then(|| series.join(" or "))
    }
}

fn in_namespaces(namespaces: BTreeSet<String>) -> String {
    let any = Vec::from_iter(namespaces).join("|");
    format!("job=\"{JOB}\",namespace=~{}", quoted(&any))
}

/// The labels of the series of the backends: by the authority that the proxy addresses, else by the
/// Service of the endpoint.
pub fn destinations(backends: &BTreeSet<&ServiceRef>) -> [String; 2] {
    [
        format!(
            "direction=\"outbound\",authority=~{}",
            quoted(&hosts(backends))
        ),
        format!(
            "direction=\"outbound\",authority!~{},{}",
            quoted(&format!("[^.]*[.][^.]*[.]{SVC}")),
            labels("dst_service", "dst_namespace", backends)
        ),
    ]
}

/// The rest of a Service's host name.
const SVC: &str = "svc([.].*)?";

/// A regular expression of the host names of Services.
pub fn hosts(services: &BTreeSet<&ServiceRef>) -> String {
    let hosts = services.iter().map(|service| {
        let [name, namespace] = [&service.name, &service.namespace].map(|text| escaped(text));
        format!("{name}[.]{namespace}[.]{SVC}")
    });
    hosts.collect::<Vec<_>>().join("|")
}

pub fn services(what: &str, services: &BTreeSet<&ServiceRef>) -> String {
    labels(
        &format!("{what}_name"),
        &format!("{what}_namespace"),
        services,
    )
}

/// Labels that have the names and the namespaces of Services. Their combinations are not compared:
/// what is too much in the answer is ignored there.
fn labels(name: &str, namespace: &str, services: &BTreeSet<&ServiceRef>) -> String {
    let (mut names, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for service in services {
        names.insert(escaped(&service.name));
        namespaces.insert(escaped(&service.namespace));
    }
    let any = |texts: BTreeSet<String>| quoted(&texts.into_iter().collect::<Vec<_>>().join("|"));
    format!("{name}=~{},{namespace}=~{}", any(names), any(namespaces))
}

/// A regular expression of pods. Most names differ only after the last hyphen.
fn any_pod(pods: &BTreeSet<&str>) -> String {
    let mut ends = BTreeMap::<&str, Vec<String>>::new();
    for pod in pods {
        let (begin, end) = pod.split_at(pod.rfind('-').map_or(0, |hyphen| hyphen + 1));
        ends.entry(begin).or_default().push(escaped(end));
    }
    let names = ends
        .into_iter()
        .map(|(begin, ends)| format!("{}({})", escaped(begin), ends.join("|")));
    names.collect::<Vec<_>>().join("|")
}

/// Escapes what has a meaning in a regular expression (RE2).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\.+*?()|[]{}^$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A string of PromQL.
pub fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
