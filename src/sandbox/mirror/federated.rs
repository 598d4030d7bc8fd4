//! Computes a federated Service, which is a union of its members in all clusters. No I/O.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use kube::api::ObjectMeta;

use super::desired::{DesiredMirror, copied_ports};
use super::known::Key;
use crate::resource::linkerd::{LOCAL_DISCOVERY, MIRRORED_SERVICE, REMOTE_DISCOVERY};

/// The label selector of the members of federated Services.
pub const MEMBER_SELECTOR: &str = "mirror.linkerd.io/federated=member";

/// A Service that is labelled as a member, and its cluster; none means the federated Service's own
/// cluster.
pub type FederationMember<'a> = (Option<&'a str>, &'a Service);

/// Returns the federated Service of members that all have this namespace and name.
pub fn mirror((namespace, name): &Key, members: &[FederationMember<'_>]) -> DesiredMirror {
    let remote: Vec<_> = members
        .iter()
        .filter_map(|(cluster, _)| cluster.map(|it| format!("{name}@{it}")))
        .collect();
    let is_local = members.iter().any(|(cluster, _)| cluster.is_none());
    let remote = (!remote.is_empty()).then(|| (REMOTE_DISCOVERY.to_owned(), remote.join(",")));
    let local = is_local.then(|| (LOCAL_DISCOVERY.to_owned(), name.clone()));
    let ports = members.first().map(|(_, service)| copied_ports(service));
    DesiredMirror {
        service: Service {
            metadata: ObjectMeta {
                name: Some(format!("{name}-federated")),
                namespace: Some(namespace.clone()),
                labels: Some(BTreeMap::from([(
                    MIRRORED_SERVICE.to_owned(),
                    "true".to_owned(),
                )])),
                annotations: Some(remote.into_iter().chain(local).collect()),
                ..ObjectMeta::default()
            },
            spec: Some(ServiceSpec {
                ports,
                ..ServiceSpec::default()
            }),
            status: None,
        },
        endpoints: None,
    }
}
