//! Services: whether they exist, and which remote services they mirror.

use std::collections::{HashMap, HashSet};

use futures::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::types::{Object, ObjectMeta};
use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::SERVICES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::limits::MAX_MEMBERS;
use crate::model::{Member, Mirror, RemoteService, Residence, ServiceRef};
use crate::resource::linkerd::{
    CLUSTER_NAME, HEADLESS_MIRROR, LOCAL_DISCOVERY, MIRRORED_GATEWAY, MIRRORED_SERVICE,
    REMOTE_DISCOVERY, REMOTE_FQ_NAME, REMOTE_SERVICE,
};
use crate::resource::names::is_object_name;

/// To read more Services of a namespace than this, one list of all of them is cheaper.
const MAX_SINGLE_SERVICE_READS: usize = 4;

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub at: ServiceRef,
    pub version: String,
    pub ports: Vec<Port>,
    /// It mirrors a service of one or more remote clusters.
    pub is_mirror: bool,
    /// The name of the remote service that it mirrors, without namespace and domain.
    pub mirrors: Option<String>,
    /// The services that it mirrors, if it names them.
    pub stands_for: Option<Mirror>,
    /// The cluster in the labels of a mirror.
    pub mirrored_cluster: Option<String>,
    /// Why a route cannot be attached to it. None: a route can be attached.
    pub no_parent: Option<&'static str>,
    /// It only stands for a DNS name, so proxies have no endpoints for it.
    pub is_external_name: bool,
    /// The first port of the pods that it looks for by name.
    pub named_target: Option<String>,
    /// Kubernetes writes its EndpointSlices.
    pub has_selector: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub struct Port {
    pub port: u16,
    #[serde(default)]
    pub name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceSpec {
    ports: Vec<ServicePort>,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    #[serde(rename = "type")]
    kind: String,
    selector: Option<HashMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePort {
    #[serde(flatten)]
    port: Port,
    /// A number or a name.
    #[serde(default)]
    target_port: Value,
}

impl ServiceSpec {
    fn is_external_name(&self) -> bool {
        self.kind == "ExternalName"
    }

    fn named_target(&self) -> Option<String> {
        let mut targets = self
            .ports
            .iter()
            .filter_map(|port| port.target_port.as_str());
        targets.next().map(str::to_owned)
    }

    fn no_parent(&self) -> Option<&'static str> {
        match (self.kind.as_str(), self.cluster_ip.as_str()) {
            ("ExternalName", _) => Some("is an ExternalName service"),
            (_, "None") => Some("is headless (clusterIP: None)"),
            _ => None,
        }
    }
}

impl Service {
    /// # Errors
    /// If the object is not a Service.
    pub fn decode(raw: &RawValue) -> serde_json::Result<Self> {
        let object: Object<ServiceSpec> = serde_json::from_str(raw.get())?;
        let Object { metadata, spec, .. } = object;
        let labels = &metadata.labels;
        let is_mirror = labels.get(MIRRORED_SERVICE).is_some_and(|it| it == "true")
            && !labels.contains_key(MIRRORED_GATEWAY);
        let mirrors = metadata
            .annotations
            .get(REMOTE_FQ_NAME)
            .and_then(|name| name.split('.').next());
        Ok(Self {
            no_parent: spec.no_parent(),
            is_external_name: spec.is_external_name(),
            named_target: spec.named_target(),
            has_selector: spec.selector.is_some_and(|it| !it.is_empty()),
            ports: spec.ports.into_iter().map(|port| port.port).collect(),
            mirrors: mirrors.map(str::to_owned),
            mirrored_cluster: labels
                .get(CLUSTER_NAME)
                .or_else(|| labels.get(REMOTE_DISCOVERY))
                .filter(|name| is_mirror && is_object_name(name))
                .cloned(),
            is_mirror,
            stands_for: if is_mirror {
                stands_for(&metadata).map(if_well_named)
            } else {
                None
            },
            at: ServiceRef::new(metadata.namespace, metadata.name),
            version: metadata.resource_version,
        })
    }

    /// Returns the cluster that its pods are in.
    pub fn residence(&self) -> Residence {
        if self.is_mirror {
            Residence::of_mirror(self.stands_for.as_ref(), self.mirrored_cluster.as_deref())
        } else {
            Residence::Local
        }
    }

    /// Flat-network and federated mirrors have no local endpoints by design.
    pub fn has_local_endpoints(&self) -> bool {
        self.stands_for
            .as_ref()
            .is_none_or(Mirror::has_local_endpoints)
    }
}

/// Returns the services of other clusters that a mirror service mirrors.
fn stands_for(meta: &ObjectMeta) -> Option<Mirror> {
    let there = meta.annotations.get(REMOTE_DISCOVERY);
    let here = meta.annotations.get(LOCAL_DISCOVERY);
    if there.is_some() || here.is_some() {
        return Some(members(meta, there, here).map_or(Mirror::TooManyMembers, Mirror::Federated));
    }
    if let Some(cluster) = meta.labels.get(REMOTE_DISCOVERY) {
        let name = meta.labels.get(REMOTE_SERVICE).map(String::as_str);
        // A mirror that does not name its remote services has no endpoints of its own either.
        let unnamed = Mirror::Federated(Vec::new());
        let remote = remote(meta, cluster, name);
        return Some(remote.map_or(unnamed, Mirror::RemoteDiscovery));
    }
    // The full name of one pod's mirror is that of the pod. Linkerd deletes such a mirror when its
    // pod is not ready, so its local endpoints are enough.
    if meta.labels.contains_key(HEADLESS_MIRROR) {
        return None;
    }
    remote(meta, meta.labels.get(CLUSTER_NAME)?, None).map(Mirror::Gateway)
}

/// Returns the mirrored service by its full name, or `name` in the mirror's own namespace.
fn remote(meta: &ObjectMeta, cluster: &str, name: Option<&str>) -> Option<RemoteService> {
    let full_name = meta.annotations.get(REMOTE_FQ_NAME).map(String::as_str);
    let mut parts = full_name.unwrap_or_default().split('.');
    let (full_name, namespace) = (parts.next(), parts.next());
    let name = name.or(full_name).filter(|name| !name.is_empty())?;
    let namespace = namespace
        .filter(|name| !name.is_empty())
        .unwrap_or(&meta.namespace);
    (!cluster.is_empty()).then(|| RemoteService {
        cluster: cluster.to_owned(),
        service: ServiceRef::new(namespace, name),
    })
}

/// Returns the members of a federated service, each once: `svc@east,svc@north`, and the service of
/// this cluster. Returns None if there are too many.
fn members(
    meta: &ObjectMeta,
    there: Option<&String>,
    here: Option<&String>,
) -> Option<Vec<Member>> {
    let own = |name: &str| ServiceRef::new(&meta.namespace, name);
    let here = here.map(|name| name.trim()).filter(|name| !name.is_empty());
    let here = here.map(|name| Member::Local(own(name)));
    let there = there.into_iter().flat_map(|members| members.split(','));
    let there = there.filter_map(|member| {
        let (name, cluster) = member.trim().split_once('@')?;
        let names_both = !name.is_empty() && !cluster.is_empty();
        names_both.then(|| {
            Member::Remote(RemoteService {
                cluster: cluster.to_owned(),
                service: own(name),
            })
        })
    });
    let mut members = Vec::new();
    let mut known = HashSet::new();
    for member in here.into_iter().chain(there) {
        if known.insert(member.clone()) {
            members.push(member);
        }
        if members.len() > MAX_MEMBERS {
            return None;
        }
    }
    Some(members)
}

/// Drops invalid names: the annotations of a mirror end up in requests to other clusters and in
/// suggested commands.
fn if_well_named(mirror: Mirror) -> Mirror {
    let names =
        |service: &ServiceRef| is_object_name(&service.name) && is_object_name(&service.namespace);
    let remotes = mirror
        .remotes()
        .all(|it| is_object_name(&it.cluster) && names(&it.service));
    if remotes && mirror.locals().all(names) {
        mirror
    } else {
        Mirror::InvalidName
    }
}

impl Versioned for Service {
    fn resource_version(&self) -> &str {
        &self.version
    }
}

/// Returns the mirror services of a namespace or of the cluster.
pub fn mirrors(namespace: Option<&str>) -> Collection<Service> {
    Collection::new(
        SERVICES,
        namespace,
        format!("{MIRRORED_SERVICE}=true,!{MIRRORED_GATEWAY}"),
        Service::decode,
    )
}

/// Returns all services of a namespace or of the cluster.
pub fn all<'a>(namespace: impl Into<Option<&'a str>>) -> Collection<Service> {
    labelled(namespace.into(), "")
}

/// Returns the Services of a namespace or of the cluster with these labels.
pub fn labelled(namespace: Option<&str>, labels: &str) -> Collection<Service> {
    Collection::new(SERVICES, namespace, labels, Service::decode)
}

/// Gets one Service. Returns None if it does not exist.
pub async fn get(cluster: &Cluster, service: &ServiceRef) -> RequestResult<Option<Service>> {
    let ServiceRef { namespace, name } = service;
    cluster
        .find(SERVICES, namespace, name, Service::decode)
        .await
}

/// Reads these Services of a namespace, one by one or with one list. Returns None for a Service
/// that does not exist.
pub async fn read(
    cluster: &Cluster,
    namespace: &str,
    names: impl ExactSizeIterator<Item = &str>,
) -> Vec<(ServiceRef, RequestResult<Option<Service>>)> {
    let is_few = names.len() <= MAX_SINGLE_SERVICE_READS;
    let services = names.map(|name| ServiceRef::new(namespace, name));
    if is_few {
        let reads = services.map(async |service| {
            let found = get(cluster, &service).await;
            (service, found)
        });
        return join_all(reads).await;
    }
    let listed = list_objects(cluster, &all(namespace)).await;
    let known: RequestResult<HashMap<ServiceRef, Service>> = listed.map(|services| {
        let keyed = services.into_iter();
        keyed.map(|service| (service.at.clone(), service)).collect()
    });
    services
        .map(|service| {
            let found = known.as_ref().map(|known| known.get(&service).cloned());
            (service, found.map_err(Clone::clone))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stands_for(labels: Value, annotations: Value) -> Option<Mirror> {
        let mut labels = labels;
        labels[MIRRORED_SERVICE] = json!("true");
        let object = json!({"metadata": {
            "name": "m", "namespace": "ns", "resourceVersion": "1", "labels": labels, "annotations": annotations,
        }});
        Service::decode(&RawValue::from_string(object.to_string()).unwrap())
            .unwrap()
            .stands_for
    }

    fn east(namespace: &str) -> RemoteService {
        RemoteService {
            cluster: "east".into(),
            service: ServiceRef::new(namespace, "web"),
        }
    }

    #[test]
    fn labels_and_annotations_name_the_mirrored_services() {
        let gateway = json!({CLUSTER_NAME: "east"});
        let named = json!({REMOTE_FQ_NAME: "web.other.svc.cluster.local"});
        assert_eq!(
            stands_for(gateway.clone(), named.clone()),
            Some(Mirror::Gateway(east("other")))
        );
        assert_eq!(stands_for(gateway, json!({})), None);

        let of_one_pod = json!({CLUSTER_NAME: "east", HEADLESS_MIRROR: "web-sts-east"});
        let pod = json!({REMOTE_FQ_NAME: "web-0.web-sts.other.svc.cluster.local"});
        assert_eq!(stands_for(of_one_pod, pod), None, "web-0 is no Service");

        let flat = json!({CLUSTER_NAME: "east", REMOTE_DISCOVERY: "east", REMOTE_SERVICE: "web"});
        assert_eq!(
            stands_for(flat.clone(), json!({})),
            Some(Mirror::RemoteDiscovery(east("ns")))
        );
        assert_eq!(
            stands_for(flat, named),
            Some(Mirror::RemoteDiscovery(east("other")))
        );
        let nameless = stands_for(json!({REMOTE_DISCOVERY: "east"}), json!({}));
        assert_eq!(nameless, Some(Mirror::Federated(Vec::new())));
    }

    #[test]
    fn a_federation_has_local_and_remote_members() {
        let annotations =
            json!({REMOTE_DISCOVERY: "web@east, web@,@x,nothing", LOCAL_DISCOVERY: "web"});
        let members = vec![
            Member::Local(ServiceRef::new("ns", "web")),
            Member::Remote(east("ns")),
        ];
        assert_eq!(
            stands_for(json!({}), annotations),
            Some(Mirror::Federated(members))
        );
    }

    #[test]
    fn a_member_counts_once_and_there_are_at_most_100() {
        let federation = |count: usize| {
            let members = (0..count).map(|i| format!("web@c{i:05},web@c{i:05}"));
            let members: Vec<String> = members.collect();
            stands_for(json!({}), json!({REMOTE_DISCOVERY: members.join(",")}))
        };
        let Some(Mirror::Federated(members)) = federation(MAX_MEMBERS) else {
            panic!("it is within the bound")
        };
        assert_eq!(members.len(), MAX_MEMBERS);
        assert_eq!(federation(MAX_MEMBERS + 1), Some(Mirror::TooManyMembers));
        assert_eq!(federation(25_000), Some(Mirror::TooManyMembers));
        let local = json!({REMOTE_DISCOVERY: "web@east", LOCAL_DISCOVERY: "web"});
        let Some(Mirror::Federated(members)) = stands_for(json!({}), local) else {
            panic!("it is within the bound")
        };
        assert_eq!(members.len(), 2, "the same name in two clusters");
    }

    #[test]
    fn invalid_names_are_not_followed() {
        for cluster in [
            "x;touch${IFS}/tmp/pwned;#",
            "../../../y",
            "Ea st",
            "b@c",
            "-x",
            "$(x)",
            &"a".repeat(254),
        ] {
            let annotations = json!({REMOTE_DISCOVERY: format!("web@east,web@{cluster}")});
            assert_eq!(
                stands_for(json!({}), annotations),
                Some(Mirror::InvalidName),
                "{cluster}"
            );
            let gateway = json!({CLUSTER_NAME: cluster});
            let named = json!({REMOTE_FQ_NAME: "web.other.svc.cluster.local"});
            assert_eq!(
                stands_for(gateway, named),
                Some(Mirror::InvalidName),
                "{cluster}"
            );
        }
        let service = json!({REMOTE_DISCOVERY: "../x@east"});
        assert_eq!(stands_for(json!({}), service), Some(Mirror::InvalidName));
        let why = Mirror::InvalidName.without_remotes();
        assert!(
            why.is_unknown() && Mirror::InvalidName.remotes().next().is_none(),
            "{why:?}"
        );
        let dotted = json!({REMOTE_DISCOVERY: "web@east.example.org"});
        assert!(matches!(
            stands_for(json!({}), dotted),
            Some(Mirror::Federated(_))
        ));
    }

    #[test]
    fn a_federation_may_have_only_local_or_only_remote_members() {
        let here = vec![Member::Local(ServiceRef::new("ns", "web"))];
        let local = stands_for(json!({}), json!({LOCAL_DISCOVERY: "web"}));
        assert_eq!(local, Some(Mirror::Federated(here)));
        let there = vec![Member::Remote(east("ns"))];
        let remote = stands_for(json!({}), json!({REMOTE_DISCOVERY: "web@east"}));
        assert_eq!(remote, Some(Mirror::Federated(there)));
    }
}
