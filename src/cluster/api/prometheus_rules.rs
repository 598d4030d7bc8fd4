//! PrometheusRules of the Prometheus Operator: whether there is one of this program's chart.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::workloads::{NAME_LABEL, OWN_NAME};
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;

pub const API_GROUP: &str = "monitoring.coreos.com";
pub const API_VERSION: &str = "monitoring.coreos.com/v1";

#[derive(Deserialize)]
struct Items {
    items: Vec<IgnoredAny>,
}

/// Returns whether any namespace has a PrometheusRule of the chart.
pub async fn has_own(cluster: &Cluster) -> RequestResult<bool> {
    let labels = format!("labelSelector={NAME_LABEL}%3D{OWN_NAME}");
    let path = format!("/apis/{API_VERSION}/prometheusrules?{labels}&limit=1");
    let found: Items = cluster.get_path(&path).await?;
    Ok(!found.items.is_empty())
}
