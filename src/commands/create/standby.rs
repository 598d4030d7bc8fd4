//! `create --standby`: the weights of the new group, and whether Linkerd's own failover controller
//! would take them away.

use super::requirements::RequiredServices;
use crate::cluster::Cluster;
use crate::cluster::queries::upstream;
use crate::model::{Group, Readiness, Weights, WhyUnknown};
use crate::problem::Problem;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::upstream::{REMOVES_STANDBYS, Upstream};
use crate::resource::{NewGroup, Record};

/// Returns the weights with which all that should stand by does; none if the object has them.
pub fn weights(
    cluster: &Cluster,
    group: &Group,
    asked: &NewGroup,
    services: &RequiredServices,
) -> Option<Vec<u64>> {
    let readiness: Vec<Readiness> = asked
        .backends
        .iter()
        .map(|name| match services.find(&asked.service(name)) {
            Some(_) => Readiness::Unknown {
                why: WhyUnknown::NotListed,
            },
            None => Readiness::Missing,
        })
        .collect();
    let group = group.at(cluster.clock().now(), &readiness);
    group.to_write(&Weights::Hold, &readiness)
}

/// # Errors
/// If backends of the group stand by and Linkerd's own controller manages it.
pub async fn refuse_upstream(cluster: &Cluster, record: &Record) -> Result<(), Problem> {
    if !record
        .group
        .as_ref()
        .is_ok_and(|group| group.policy.standby)
    {
        return Ok(());
    }
    let found = upstream::find(cluster).await.unwrap_or_default();
    if found
        .iter()
        .any(|upstream: &Upstream| upstream.manages(record))
    {
        return Err(Problem::refused(REMOVES_STANDBYS)
            .next(format!(
                "choose a value of the label {CONTROLLED_BY} that it does not select: \
                 --controlled-by VALUE"
            ))
            .next("or create a route, which it does not manage: --kind httproute"));
    }
    Ok(())
}
