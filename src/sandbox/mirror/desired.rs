//! Computes the mirror of an exported Service. No I/O.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service, ServicePort, ServiceSpec,
};
use kube::ResourceExt;
use kube::api::ObjectMeta;

use crate::resource::linkerd::{
    CLUSTER_NAME, EXPORTED, MIRRORED_SERVICE, REMOTE_DISCOVERY, REMOTE_FQ_NAME, REMOTE_SERVICE,
};
use crate::sandbox::host::state::Gateway;

/// The label selector of exported Services, through the gateway or on a flat network.
pub const EXPORTED_SELECTOR: &str = "mirror.linkerd.io/exported in (true,remote-discovery)";
const REMOTE_VERSION: &str = "mirror.linkerd.io/remote-resource-version";
const OWN_PREFIX: &str = "mirror.linkerd.io/";
/// Topology hints are meaningless in another cluster.
const NOT_COPIED: [&str; 2] = [
    "service.kubernetes.io/topology-aware-hints",
    "service.kubernetes.io/topology-mode",
];
/// The port of Linkerd's multicluster gateway.
const GATEWAY_PORT: i32 = 4143;

/// The exporting cluster.
#[derive(Debug, Clone)]
pub struct Exporter {
    pub cluster: String,
    pub gateway: Ipv4Addr,
}

/// The objects of one mirror.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredMirror {
    pub service: Service,
    /// None unless the traffic goes through a gateway.
    pub endpoints: Option<Endpoints>,
}

impl Exporter {
    /// Returns the mirror of an exported Service.
    pub fn mirror(
        &self,
        exported: &Service,
        endpoints: Option<&Endpoints>,
        gateway: Gateway,
    ) -> DesiredMirror {
        let endpoints = (!is_flat(exported)).then(|| self.endpoints(exported, endpoints, gateway));
        DesiredMirror {
            service: self.service(exported),
            endpoints,
        }
    }

    fn service(&self, exported: &Service) -> Service {
        let mut labels = exported.labels().clone();
        labels.retain(|key, _| !key.starts_with(OWN_PREFIX));
        labels.extend(self.labels());
        if is_flat(exported) {
            labels.insert(REMOTE_DISCOVERY.to_owned(), self.cluster.clone());
            labels.insert(REMOTE_SERVICE.to_owned(), exported.name_any());
        }
        let version = exported.resource_version().unwrap_or_default();
        let mut annotations = exported.annotations().clone();
        annotations.retain(|key, _| !NOT_COPIED.contains(&key.as_str()));
        annotations.insert(REMOTE_FQ_NAME.to_owned(), fq_name(exported));
        annotations.insert(REMOTE_VERSION.to_owned(), version);
        Service {
            metadata: self.metadata(exported, labels, annotations),
            spec: Some(ServiceSpec {
                ports: Some(copied_ports(exported)),
                ..ServiceSpec::default()
            }),
            status: None,
        }
    }

    fn endpoints(
        &self,
        exported: &Service,
        endpoints: Option<&Endpoints>,
        gateway: Gateway,
    ) -> Endpoints {
        let annotations = BTreeMap::from([(REMOTE_FQ_NAME.to_owned(), fq_name(exported))]);
        let subsets = if endpoints.is_some_and(has_ready_address) {
            vec![self.subset(exported, gateway)]
        } else {
            Vec::new()
        };
        Endpoints {
            metadata: self.metadata(exported, self.labels().into(), annotations),
            subsets: Some(subsets),
        }
    }

    fn subset(&self, exported: &Service, gateway: Gateway) -> EndpointSubset {
        let address = EndpointAddress {
            ip: self.gateway.to_string(),
            ..EndpointAddress::default()
        };
        let (ready, not_ready) = match gateway {
            Gateway::Up => (Some(vec![address]), None),
            Gateway::Down => (None, Some(vec![address])),
        };
        let ports = ports(exported).iter().map(|port| EndpointPort {
            name: port.name.clone(),
            port: GATEWAY_PORT,
            protocol: port.protocol.clone(),
            app_protocol: None,
        });
        EndpointSubset {
            addresses: ready,
            not_ready_addresses: not_ready,
            ports: Some(ports.collect()),
        }
    }

    fn metadata(
        &self,
        exported: &Service,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
    ) -> ObjectMeta {
        ObjectMeta {
            name: Some(format!("{}-{}", exported.name_any(), self.cluster)),
            namespace: exported.namespace(),
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }
    }

    fn labels(&self) -> [(String, String); 2] {
        [
            (MIRRORED_SERVICE.to_owned(), "true".to_owned()),
            (CLUSTER_NAME.to_owned(), self.cluster.clone()),
        ]
    }
}

/// Whether clients reach the pods directly, without a gateway.
fn is_flat(exported: &Service) -> bool {
    exported
        .labels()
        .get(EXPORTED)
        .is_some_and(|value| value == "remote-discovery")
}

/// Returns the ports of a Service as its mirror has them.
pub fn copied_ports(service: &Service) -> Vec<ServicePort> {
    let copy = |port: &ServicePort| ServicePort {
        name: port.name.clone(),
        port: port.port,
        protocol: port.protocol.clone(),
        app_protocol: port.app_protocol.clone(),
        ..ServicePort::default()
    };
    ports(service).iter().map(copy).collect()
}

fn ports(service: &Service) -> &[ServicePort] {
    service
        .spec
        .as_ref()
        .and_then(|spec| spec.ports.as_deref())
        .unwrap_or_default()
}

fn fq_name(service: &Service) -> String {
    format!(
        "{}.{}.svc.cluster.local",
        service.name_any(),
        service.namespace().unwrap_or_default()
    )
}

fn has_ready_address(endpoints: &Endpoints) -> bool {
    let subsets = endpoints.subsets.as_deref().unwrap_or_default();
    subsets.iter().any(|subset| {
        subset
            .addresses
            .as_ref()
            .is_some_and(|addresses| !addresses.is_empty())
    })
}
