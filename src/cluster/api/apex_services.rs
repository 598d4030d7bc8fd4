//! The annotations of the Services that clients call: Linkerd reads circuit breakers there.

use kube::api::PatchParams;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::SERVICES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::ServiceRef;
use crate::resource::annotations::LinkerdAnnotations;
use crate::resource::{FIELD_MANAGER, Meta, annotation_patch};

/// A Service with its annotations.
#[derive(Debug, Clone)]
pub struct ApexService {
    pub meta: Meta,
    /// As the API server returned it.
    pub object: Value,
}

/// The metadata of a Service.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceMeta {
    pub metadata: Meta,
}

impl Versioned for ServiceMeta {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// Returns the metadata of the Services of a namespace.
pub fn metadata(namespace: &str) -> Collection<ServiceMeta> {
    Collection::all(SERVICES, Some(namespace))
}

/// Gets a Service. Returns None if it does not exist.
pub async fn get(cluster: &Cluster, service: &ServiceRef) -> RequestResult<Option<ApexService>> {
    let ServiceRef { namespace, name } = service;
    let decode = |raw: &serde_json::value::RawValue| {
        let object: Value = serde_json::from_str(raw.get())?;
        let meta = Meta::deserialize(&object["metadata"])?;
        Ok(ApexService { meta, object })
    };
    cluster.find(SERVICES, namespace, name, decode).await
}

/// Writes annotations and returns the Service. The API server refuses the patch if the Service has
/// changed since it was read. With `dry_run` it stores nothing.
pub async fn annotate(
    cluster: &Cluster,
    meta: &Meta,
    annotations: &LinkerdAnnotations,
    dry_run: bool,
) -> RequestResult<Value> {
    let params = PatchParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = annotation_patch(meta, annotations);
    cluster
        .for_writes()
        .patch(SERVICES, &meta.namespace, &meta.name, &params, patch)
        .await
}
