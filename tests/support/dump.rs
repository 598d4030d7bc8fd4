//! Prints the objects of a test's namespace when the test fails.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::objects::traffic_split_resource;

/// The maximum number of objects of a kind that are shown.
const MAX_OBJECTS: usize = 20;

/// The objects of the namespace that help to understand a failed test, as YAML.
pub async fn namespace(client: &Client, context: &str, name: &str) -> String {
    let splits: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), name, &traffic_split_resource("v1alpha2"));
    let services: Api<Service> = Api::namespaced(client.clone(), name);
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), name);
    let parts = [
        list(&splits).await,
        list(&services).await,
        list(&slices).await,
    ];
    format!("# {context}, namespace {name}\n{}", parts.concat())
}

async fn list<K>(api: &Api<K>) -> String
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug + ResourceExt,
{
    match api.list(&ListParams::default()).await {
        Ok(list) => {
            let more = list.items.len().saturating_sub(MAX_OBJECTS);
            let shown: String = list
                .items
                .into_iter()
                .take(MAX_OBJECTS)
                .map(document)
                .collect();
            if more > 0 {
                format!("{shown}# and {more} more\n")
            } else {
                shown
            }
        }
        Err(cause) => format!("# {cause}\n"),
    }
}

fn document<K: Serialize + ResourceExt>(mut object: K) -> String {
    object.managed_fields_mut().clear();
    serde_yaml::to_string(&object).map_or_else(
        |cause| format!("# {cause}\n"),
        |text| format!("---\n{text}\n"),
    )
}
