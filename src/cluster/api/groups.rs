//! The objects that define groups: TrafficSplits and routes.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::listwatch::watch_event::Event;
use crate::cluster::transport::api_resource::ApiResource;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Kind, KindInfo, NewGroup, Record};

/// Returns the API resource of a kind.
pub fn api_resource(kind: &dyn Kind) -> ApiResource {
    ApiResource {
        api: kind.info().api,
        plural: kind.info().plural,
    }
}

/// Returns the groups of a kind with these labels, in a namespace or in the whole cluster.
pub fn collection(
    kind: &'static dyn Kind,
    namespace: Option<&str>,
    labels: Option<&str>,
) -> Collection<Record> {
    let labels = match labels {
        Some(labels) if !labels.is_empty() => format!("{CONTROLLED_BY},{labels}"),
        _ => CONTROLLED_BY.to_owned(),
    };
    Collection::new(api_resource(kind), namespace, labels, |raw| kind.read(raw))
}

/// Returns all objects of a kind in a namespace or in the whole cluster, even those that are not
/// groups.
pub fn all<'a>(
    kind: &'static dyn Kind,
    namespace: impl Into<Option<&'a str>>,
) -> Collection<Record> {
    Collection::new(api_resource(kind), namespace.into(), "", |raw| {
        kind.read(raw)
    })
}

/// Turns "forbidden" into "not found" if the cluster does not serve the kind. For users without the
/// right, the API server answers "forbidden" in both cases.
pub async fn clarified(cluster: &Cluster, kind: &dyn Kind, error: RequestError) -> RequestError {
    let KindInfo { crd, .. } = kind.info();
    let is_absent = async || matches!(cluster.served_version(kind.info()).await, Ok(None));
    if !error.is_forbidden() || !is_absent().await {
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

/// Like [`clarified`], for an event that contains the error.
pub async fn clarify(cluster: &Cluster, kind: &dyn Kind, event: Event<Record>) -> Event<Record> {
    match event {
        Event::Failed(error) => Event::Failed(clarified(cluster, kind, error).await),
        event => event,
    }
}

/// Returns the manifest of a new object, in the version that the cluster serves.
pub fn manifest(cluster: &Cluster, kind: &dyn Kind, group: &NewGroup) -> Value {
    let info = kind.info();
    let mut manifest = kind.manifest(group);
    manifest["apiVersion"] = format!("{}/{}", info.group(), cluster.version_of(info)).into();
    manifest
}

/// Gets one object. Returns None if the object or its kind does not exist.
pub async fn get(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<Record>> {
    let read = |raw: &RawValue| kind.read(raw);
    cluster
        .find(api_resource(kind), namespace, name, read)
        .await
}

/// Like [`get`], but also returns the whole object.
pub async fn with_object(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    namespace: &str,
    name: &str,
) -> RequestResult<Option<(Record, Value)>> {
    let read = |raw: &RawValue| Ok((kind.read(raw)?, serde_json::from_str(raw.get())?));
    cluster
        .find(api_resource(kind), namespace, name, read)
        .await
}

impl Versioned for Record {
    fn resource_version(&self) -> &str {
        &self.meta.resource_version
    }
}
