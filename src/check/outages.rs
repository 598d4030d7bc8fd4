//! Says which requests of each group would be lost in an outage, without a loop and with one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, stream};

use crate::cluster::Cluster;
use crate::cluster::api::apex_services;
use crate::cluster::listwatch::list::list;
use crate::model::check::{Category, CheckResult, OutageLosses};
use crate::model::fold::name_some;
use crate::model::outages::{Alternative, Defences, Loss, OUTAGES, Outage};
use crate::model::{BackendStatus, GroupId, ServiceRef, Status};
use crate::resource::meta::Annotations;
use crate::resource::{Record, breaker, retries};

/// The number of namespaces to read at once.
const CONCURRENT_SERVICE_LISTS: usize = 4;

type Losses = [Loss; OUTAGES.len()];

/// Checks groups. `ignored` are those whose requests another object routes. A route that Linkerd
/// has not accepted has no effect either.
pub async fn check(
    cluster: &Cluster,
    records: &[Record],
    statuses: &[Status],
    ignored: &HashSet<GroupId>,
) -> Category {
    let services = services(cluster, records).await;
    let mut groups: BTreeMap<(Losses, Losses), Vec<GroupId>> = BTreeMap::new();
    for (record, status) in records.iter().zip(statuses) {
        let is_ignored = ignored.contains(&status.id) || record.unaccepted.is_some();
        let Some(defences) = defences(record, status, &services, is_ignored) else {
            continue;
        };
        let alone = OUTAGES.map(|outage| defences.loss_alone(outage));
        let with_loop = OUTAGES.map(|outage| defences.loss_with_loop(outage));
        let of_these = groups.entry((alone, with_loop)).or_default();
        of_these.push(status.id.clone());
    }
    Category {
        name: "failover-outages",
        checks: groups.into_iter().map(result).collect(),
    }
}

/// Groups that lose the same requests are one result.
fn result(((alone, with_loop), groups): ((Losses, Losses), Vec<GroupId>)) -> CheckResult {
    let names = name_some(groups.iter().map(GroupId::to_string));
    let mut result = CheckResult::success(format!(
        "{names}: requests lost without a loop: {}; with a loop: {}",
        words(&alone),
        words(&with_loop)
    ));
    let by_name = |losses: Losses| OUTAGES.map(name).into_iter().zip(losses).collect();
    result.outages = Some(OutageLosses {
        groups: groups.iter().map(GroupId::to_string).collect(),
        without_loop: by_name(alone),
        with_loop: by_name(with_loop),
    });
    result
}

/// Returns what defends a valid group.
fn defences(
    record: &Record,
    status: &Status,
    services: &HashMap<ServiceRef, Annotations>,
    is_ignored: bool,
) -> Option<Defences> {
    let group = record.group.as_ref().ok()?;
    // Of an invalid one, the object may be valid, but another group has its apex.
    status.primary.as_ref()?;
    let kind = record.kind.info();
    let at = ServiceRef::new(&record.meta.namespace, &record.apex);
    let none = Annotations::default();
    let service = services.get(&at).unwrap_or(&none);
    let is_route = kind.retry_key.is_some();
    Some(Defences {
        alternative: alternative(status),
        can_fail_over: alive(status).count() > 1,
        retries: retries::scope(kind, &record.meta.annotations, service),
        breaker: breaker::max_failures(service).filter(|_| is_route),
        endpoints: endpoints(status),
        is_ignored,
        failover_delay: group.policy.failover_delay,
        is_paused: status.paused.is_some(),
    })
}

/// Returns the number of ready endpoints of the backend with the most traffic.
fn endpoints(status: &Status) -> u32 {
    let most = status.backends.iter().max_by_key(|backend| backend.weight);
    let counts = most.and_then(|backend| backend.readiness.counts());
    counts.map_or(0, |(ready, _)| ready)
}

fn alive(status: &Status) -> impl Iterator<Item = &BackendStatus> {
    let backends = status.backends.iter();
    backends.filter(|backend| !backend.readiness.is_dead())
}

/// Returns the backend that takes over from the one with the most traffic.
fn alternative(status: &Status) -> Alternative {
    let has_weight = |backend: &&BackendStatus| backend.weight_on_object > 0;
    let carries = |backend: &&BackendStatus| backend.weight > 0;
    match (
        alive(status).filter(has_weight).count(),
        alive(status).filter(carries).count(),
    ) {
        (0 | 1, _) => Alternative::None,
        (_, 0 | 1) => Alternative::Standby,
        _ => Alternative::Share,
    }
}

/// Returns the annotations of the Services that clients call. Those that cannot be read are left
/// out: another check reports that.
async fn services(cluster: &Cluster, records: &[Record]) -> HashMap<ServiceRef, Annotations> {
    let routes = records
        .iter()
        .filter(|it| it.kind.info().retry_key.is_some());
    let namespaces: BTreeSet<&str> = routes.map(|it| it.meta.namespace.as_str()).collect();
    let lists = namespaces.into_iter().map(async |namespace| {
        let listed = list(cluster, &apex_services::metadata(namespace)).await;
        listed.map(|(services, _)| services).unwrap_or_default()
    });
    let mut lists = stream::iter(lists).buffer_unordered(CONCURRENT_SERVICE_LISTS);
    let mut services = HashMap::new();
    while let Some(listed) = lists.next().await {
        for service in listed {
            let meta = service.metadata;
            services.insert(ServiceRef::new(meta.namespace, meta.name), meta.annotations);
        }
    }
    services
}

/// Returns `a few (pods gone), all (node dead)`, or just `none` if that is so in every outage.
fn words(losses: &Losses) -> String {
    let mut kinds: BTreeMap<Loss, Vec<&'static str>> = BTreeMap::new();
    for (outage, loss) in OUTAGES.into_iter().zip(losses) {
        kinds.entry(*loss).or_default().push(in_words(outage));
    }
    if kinds.len() == 1 && kinds.contains_key(&Loss::None) {
        return "none".to_owned();
    }
    let part =
        |(loss, outages): (Loss, Vec<&str>)| format!("{} ({})", lost(loss), outages.join(", "));
    kinds.into_iter().map(part).collect::<Vec<_>>().join(", ")
}

fn in_words(outage: Outage) -> &'static str {
    match outage {
        Outage::PodsGone => "pods gone",
        Outage::NodeDead => "node dead",
        Outage::NetworkDead => "network dead",
        Outage::ServerErrors => "only 5xx",
    }
}

/// The name in JSON.
fn name(outage: Outage) -> &'static str {
    match outage {
        Outage::PodsGone => "podsGone",
        Outage::NodeDead => "nodeDead",
        Outage::NetworkDead => "networkDead",
        Outage::ServerErrors => "serverErrors",
    }
}

fn lost(loss: Loss) -> &'static str {
    match loss {
        Loss::None => "none",
        Loss::Few => "a few",
        Loss::Share => "its share",
        Loss::UntilDelay => "all during failover-delay",
        Loss::UntilNotReady => "all until no endpoint is ready",
        Loss::All => "all",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_what_is_lost_in_each_outage() {
        use Loss::{All, Few, None as Nothing, UntilNotReady};
        let group = |name: &str| GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: name.into(),
        };
        let with_loop = [Few, UntilNotReady, UntilNotReady, UntilNotReady];
        let one = result((([All; 4], with_loop), vec![group("web")]));
        assert_eq!(
            one.description,
            "ns/web: requests lost without a loop: all (pods gone, node dead, network dead, only \
             5xx); with a loop: a few (pods gone), all until no endpoint is ready (node dead, \
             network dead, only 5xx)"
        );
        let many = ["a", "b", "c", "d", "e"].map(group).to_vec();
        let many = result((([Nothing; 4], [Nothing; 4]), many));
        assert_eq!(
            many.description,
            "ns/a, ns/b, ns/c and 2 more: requests lost without a loop: none; with a loop: none"
        );
        let outages = many.outages.unwrap();
        assert_eq!(outages.groups.len(), 5);
        assert_eq!(outages.without_loop["podsGone"], Nothing);
    }
}
