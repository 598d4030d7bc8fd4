//! The objects that carry groups.

use serde_json::value::RawValue;

use super::client::Cluster;
use super::error::RequestResult;
use super::path::Endpoint;
use super::stream::{Source, Versioned};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Kind, Record};

/// Where objects of a kind are.
pub fn endpoint(kind: &dyn Kind) -> Endpoint {
    Endpoint { api: kind.info().api, plural: kind.info().plural }
}

/// The groups of a kind in a namespace, or in the cluster, that have these labels too.
pub fn source(kind: &'static dyn Kind, namespace: Option<&str>, labels: Option<&str>) -> Source<Record> {
    let labels = match labels {
        Some(labels) if !labels.is_empty() => format!("{CONTROLLED_BY},{labels}"),
        _ => CONTROLLED_BY.to_owned(),
    };
    Source::new(endpoint(kind), namespace, labels, |raw| kind.read(raw))
}

/// Every object of a kind in a namespace, whether it is a group or not.
pub fn all(kind: &'static dyn Kind, namespace: &str) -> Source<Record> {
    Source::new(endpoint(kind), Some(namespace), "", |raw| kind.read(raw))
}

/// One object; none where it does not exist.
pub async fn get(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<Record>> {
    let path = endpoint(kind).object(namespace, name);
    match cluster.get::<Box<RawValue>>(&path).await {
        Ok(raw) => kind.read(&raw).map(Some).map_err(|cause| super::client::unreadable(&path, &cause)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Versioned for Record {
    fn resource_version(&self) -> &str {
        &self.meta.resource_version
    }
}
