//! What `create` prints of an object: its name, and the object itself.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::api::groups;
use crate::error::explain;
use crate::problem::Problem;
use crate::resource::{Kind, NewGroup};
use crate::view::manifest::ObjectFormat;

pub fn apex_name(group: &NewGroup) -> String {
    format!("service/{}", group.apex)
}

/// Reads the existing object, unless only its name is printed.
pub async fn existing_object(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    group: &NewGroup,
    format: ObjectFormat,
) -> Result<Value, Problem> {
    if format == ObjectFormat::Name {
        return Ok(Value::Null);
    }
    let resource = groups::api_resource(kind);
    let found = cluster.get(resource, Some(&group.namespace), &group.name);
    found.await.map_err(|error| explain(cluster, &error))
}
