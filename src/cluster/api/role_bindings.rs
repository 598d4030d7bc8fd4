//! The RoleBindings and ClusterRoleBindings of the chart: who gets which role where.

use serde::Deserialize;

use super::types::ObjectMeta;
use super::workloads::{NAME_LABEL, OWN_NAME};
use crate::cluster::listwatch::collection::Collection;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::transport::api_resource::ApiResource;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

const API: &str = "apis/rbac.authorization.k8s.io/v1";
const KINDS: [ApiResource; 2] = [
    ApiResource::new(API, "clusterrolebindings"),
    ApiResource::new(API, "rolebindings"),
];

/// A binding of a role to ServiceAccounts of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub name: String,
    /// The namespace where the role holds. None: the whole cluster.
    pub namespace: Option<String>,
    pub role: String,
    /// The namespaces of the ServiceAccounts.
    pub accounts_in: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingObject {
    metadata: ObjectMeta,
    role_ref: Named,
    #[serde(default)]
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Subject {
    name: String,
    #[serde(default)]
    namespace: String,
}

/// Lists the bindings that the chart made.
pub async fn own_bindings(cluster: &Cluster) -> RequestResult<Vec<Binding>> {
    let mut found = Vec::new();
    for resource in KINDS {
        let labels = format!("{NAME_LABEL}={OWN_NAME}");
        let source = Collection::new(resource, None, labels, |raw| {
            serde_json::from_str::<BindingObject>(raw.get())
        });
        found.extend(list_objects(cluster, &source).await?.into_iter().map(slim));
    }
    Ok(found)
}

fn slim(object: BindingObject) -> Binding {
    let accounts = object.subjects.into_iter();
    let accounts = accounts.filter(|subject| subject.name == OWN_NAME);
    Binding {
        name: object.metadata.name,
        namespace: Some(object.metadata.namespace).filter(|namespace| !namespace.is_empty()),
        role: object.role_ref.name,
        accounts_in: accounts.map(|subject| subject.namespace).collect(),
    }
}
