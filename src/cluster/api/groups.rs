//! The objects that carry groups.

use serde_json::Value;
use serde_json::value::RawValue;

use super::discovery;
use crate::cluster::listwatch::watch::{Collection, Event, Versioned};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::cluster::transport::path::ApiResource;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Kind, KindInfo, Record};

/// Where objects of a kind are.
pub fn endpoint(kind: &dyn Kind) -> ApiResource {
    ApiResource {
        api: kind.info().api,
        plural: kind.info().plural,
    }
}

/// The groups of a kind in a namespace, or in the cluster, that have these labels too.
pub fn source(
    kind: &'static dyn Kind,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Collection<Record> {
    let labels = match labels {
        Some(labels) if !labels.is_empty() => format!("{CONTROLLED_BY},{labels}"),
        _ => CONTROLLED_BY.to_owned(),
    };
    Collection::new(endpoint(kind), namespace, labels, |raw| kind.read(raw))
}

/// Every object of a kind in a namespace, or in the cluster, whether it is a group or not.
pub fn all<'a>(
    kind: &'static dyn Kind,
    namespace: impl Into<Option<&'a str>>,
) -> Collection<Record> {
    Collection::new(endpoint(kind), namespace.into(), "", |raw| kind.read(raw))
}

/// The error of a list, told as "not found" where the cluster does not know the kind: who may not read such objects
/// is told just that, whether there are any or not.
pub async fn clarified(cluster: &Cluster, kind: &dyn Kind, error: RequestError) -> RequestError {
    let KindInfo {
        api_version,
        plural,
        crd,
        ..
    } = kind.info();
    if !error.is_forbidden()
        || !matches!(
            discovery::serves(cluster, api_version, plural).await,
            Ok(false)
        )
    {
        return error;
    }
    let message = format!("the CustomResourceDefinition {crd} is not installed");
    RequestError {
        cause: Cause::Status {
            code: 404,
            reason: "NotFound".to_owned(),
            message,
            retry_after: None,
        },
        ..error
    }
}

/// The same for an event that tells of the error.
pub async fn clarify(cluster: &Cluster, kind: &dyn Kind, event: Event<Record>) -> Event<Record> {
    match event {
        Event::Failed(error) => Event::Failed(clarified(cluster, kind, error).await),
        event => event,
    }
}

/// One object; none where it, or its kind, does not exist.
pub async fn get(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<Record>> {
    get_as(cluster, kind, namespace, name, |raw| kind.read(raw)).await
}

/// The same with all that is in the object.
pub async fn with_object(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<(Record, Value)>> {
    let read = |raw: &RawValue| Ok((kind.read(raw)?, serde_json::from_str(raw.get())?));
    get_as(cluster, kind, namespace, name, read).await
}

async fn get_as<T>(
    cluster: &Cluster,
    kind: &dyn Kind,
    namespace: &str,
    name: &str,
    read: impl Fn(&RawValue) -> serde_json::Result<T>,
) -> RequestResult<Option<T>> {
    let path = endpoint(kind).object(namespace, name);
    match cluster.get::<Box<RawValue>>(&path).await {
        Ok(raw) => read(&raw)
            .map(Some)
            .map_err(|cause| crate::cluster::transport::client::unreadable(&path, &cause)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Versioned for Record {
    fn resource_version(&self) -> &str {
        &self.meta.resource_version
    }
}
