//! Finds out why backends have no ready endpoints, or too few: reads the pods and Deployments that
//! their Services select. A few requests, for a few groups.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use crate::cluster::api::pod_health::{
    self, DeploymentHealth, PodHealth, PodSelector, deployments, labels, pods,
};
use crate::cluster::transport::client::Cluster;
use crate::model::ailment::MAX_EXPLAINED_SERVICES;
use crate::model::{Ailment, BackendStatus, Kubectl, ServiceRef, Status};

/// Hints are not worth a longer wait.
const HINT_TIMEOUT: Duration = Duration::from_secs(3);

/// Adds to the first groups that are not well what ails the pods of their backends.
pub async fn explain(cluster: &Cluster, statuses: &mut [Status]) {
    let mut ailing: Vec<(&Status, ServiceRef)> = statuses
        .iter()
        .flat_map(|status| {
            let backends = status.backends.iter();
            let ailing = backends.filter(|backend| is_ailing(status, backend));
            ailing.map(move |backend| (status, backend.service(&status.id.namespace)))
        })
        .collect();
    ailing.sort_by_key(|(status, _)| status.state);
    let mut services: Vec<ServiceRef> = Vec::new();
    for (_, service) in ailing {
        if services.len() < MAX_EXPLAINED_SERVICES && !services.contains(&service) {
            services.push(service);
        }
    }
    let reads = services.into_iter().map(async |service| {
        let ailment = timeout(HINT_TIMEOUT, ailment(cluster, &service)).await;
        Some((service, ailment.ok()??))
    });
    let found: HashMap<ServiceRef, Ailment> = join_all(reads).await.into_iter().flatten().collect();
    for status in statuses {
        let namespace = status.id.namespace.clone();
        for backend in &mut status.backends {
            backend.ailment = found.get(&backend.service(&namespace)).cloned();
        }
    }
}

/// Whether the pods of a backend are worth a look. Those of a mirror are elsewhere.
fn is_ailing(status: &Status, backend: &BackendStatus) -> bool {
    let is_primary = status.primary.as_ref() == Some(&backend.name);
    let is_short = is_primary && status.flags.short;
    let remote = backend.readiness.side().and_then(|side| side.remote());
    remote.is_none()
        && backend.readiness.counts().is_some()
        && (is_short || backend.readiness.is_dead())
        && (is_primary || backend.weight > 0 || !status.has_ready_backend())
}

async fn ailment(cluster: &Cluster, service: &ServiceRef) -> Option<Ailment> {
    let namespace = &service.namespace;
    let selector = pod_health::selector(cluster, service).await.ok()??;
    if selector.is_empty() {
        return None;
    }
    let unread = || Ailment {
        words: None,
        look: Kubectl::get_pods(labels(&selector)),
    };
    let Ok(mut pods) = pods(cluster, namespace, &selector).await else {
        return Some(unread());
    };
    pods.retain(|pod| !pod.is_terminating);
    if !pods.is_empty() {
        return of_pods(&pods);
    }
    match deployments(cluster, namespace).await {
        Ok(deployments) => Some(of_deployments(&deployments, &selector)),
        Err(_) => Some(unread()),
    }
}

/// Returns nothing if all pods are ready: then the Service's ports do not fit them, for example.
fn of_pods(pods: &[PodHealth]) -> Option<Ailment> {
    let unready: Vec<&PodHealth> = pods.iter().filter(|pod| !pod.is_ready).collect();
    let count = |trouble: &str| unready.iter().filter(|pod| pod.trouble == trouble).count();
    let worst = unready.iter().rev().max_by_key(|pod| count(&pod.trouble))?;
    let (trouble, alike) = (&worst.trouble, count(&worst.trouble));
    let words = if pods.len() == 1 {
        format!("pod {}: {trouble}", worst.name)
    } else {
        let more = if alike > 1 {
            format!(" and {} more", alike - 1)
        } else {
            String::new()
        };
        let ready = pods.len() - unready.len();
        let since = unready.iter().filter_map(|pod| pod.since).max();
        let since = since.filter(|_| ready == 0);
        let since = since.map_or(String::new(), |since| format!(" since {since:.0}"));
        format!(
            "{ready} of {} pods are ready{since}: {trouble} (pod {}{more})",
            pods.len(),
            worst.name
        )
    };
    Some(Ailment {
        words: Some(words),
        look: Kubectl::describe("pod", &worst.name),
    })
}

/// The Service has no pods.
fn of_deployments(deployments: &[DeploymentHealth], selector: &PodSelector) -> Ailment {
    let mut owners = deployments.iter().filter(|it| it.is_selected_by(selector));
    let Some(deployment) = owners.next() else {
        return Ailment {
            words: Some(format!("no pod has the labels {}", labels(selector))),
            look: Kubectl::get_pods(labels(selector)),
        };
    };
    let name = &deployment.name;
    let words = match (deployment.wanted, &deployment.failure) {
        (0, _) => format!("deployment {name} is scaled to 0"),
        (_, Some(failure)) => format!("deployment {name} cannot create pods: {failure}"),
        (wanted, None) => format!("deployment {name} has none of its {wanted} pods"),
    };
    Ailment {
        words: Some(words),
        look: Kubectl::describe("deployment", name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, trouble: &str) -> PodHealth {
        PodHealth {
            name: name.to_owned(),
            is_ready: trouble.is_empty(),
            since: "2026-11-26T03:00:00Z".parse().ok(),
            trouble: trouble.to_owned(),
            is_terminating: false,
        }
    }

    fn words(pods: &[PodHealth]) -> Option<String> {
        of_pods(pods)?.words
    }

    #[test]
    fn pods_are_described_by_what_ails_most_of_them() {
        let crash = |name| pod(name, "CrashLoopBackOff");
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(
            words(&[crash("web-a")]),
            said("pod web-a: CrashLoopBackOff")
        );
        let all = [pod("web-x", "Pending"), crash("web-a"), crash("web-b")];
        assert_eq!(
            words(&all),
            said(
                "0 of 3 pods are ready since 2026-11-26T03:00:00Z: CrashLoopBackOff (pod web-a and \
                 1 more)"
            )
        );
        let some = [pod("web-x", ""), crash("web-a")];
        assert_eq!(
            words(&some),
            said("1 of 2 pods are ready: CrashLoopBackOff (pod web-a)")
        );
        assert_eq!(words(&[pod("web-x", "")]), None);
    }
}
