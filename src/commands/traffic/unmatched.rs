//! Explains which filter leaves no client pods.

use super::measure::{TrafficMeter, place_of};
use crate::commands::args::absent::missing_namespace;
use crate::problem::Problem;
use crate::text::{clean, word};
use crate::traffic::proxies::Unmatched;

/// Refuses clients that were named if there are none of them. Pods without a proxy are left to the
/// findings.
pub async fn refuse(meter: &TrafficMeter) -> Result<(), Problem> {
    let proxies = meter.source.clients();
    let Some(unmatched) = proxies.unmatched() else {
        return Ok(());
    };
    let mut namespaces = proxies.namespaces().iter();
    let only = namespaces.next().filter(|_| namespaces.len() == 0);
    let place = clean(&place_of(proxies));
    let within = only.map_or_else(
        || meter.cluster.reach.all().to_owned(),
        |only| meter.cluster.reach.within(only),
    );
    let pods = format!("kubectl {within} get pods --show-labels");
    Err(match unmatched {
        Unmatched::Namespace => {
            let namespace = only.map(String::as_str);
            match missing_namespace(&meter.cluster, namespace).await {
                Some(missing) => {
                    Problem::new(format!("namespace {} does not exist", clean(missing))).next(
                        format!(
                            "see the namespaces: kubectl {} get namespaces",
                            meter.cluster.reach.all()
                        ),
                    )
                }
                None => Problem::new(format!("there are no pods in {place}"))
                    .next("name the namespace of the clients with --from-namespace"),
            }
        }
        Unmatched::Labels { labels, workloads } => {
            let whose = if workloads.is_empty() {
                String::new()
            } else {
                format!(" of {}", clean(&workloads))
            };
            let labels = word(&labels);
            Problem::new(format!("no pods{whose} in {place} match -l {labels}"))
                .next(format!("see their labels: {pods}"))
        }
        Unmatched::NotRunning { workload } => {
            let workload = clean(&workload);
            let message = if workload.starts_with("pod/") {
                format!("{workload} in {place} is not running")
            } else {
                format!("no pod of {workload} in {place} is running")
            };
            Problem::new(message).next(format!("see why: {pods}"))
        }
    })
}
