//! Adds up what the clients' proxies counted.

use super::ProxySource;
use crate::cluster::{RequestError, RequestResult};
use crate::model::ServiceRef;
use crate::model::traffic::{BackendTraffic, Clients, SilentClient, Traffic};
use crate::traffic::clients::workload_name;
use crate::traffic::metrics::difference::GroupTraffic;
use crate::traffic::metrics::scrape::GroupServices;
use crate::traffic::proxy_client::ScrapeError;
use crate::traffic::window::{Answer, PodName};

impl ProxySource {
    /// Adds up what the pods said.
    pub(super) fn add_up(
        &self,
        answers: Vec<(PodName, Result<Answer, ScrapeError>)>,
    ) -> RequestResult<Vec<Traffic>> {
        let none = |group: &GroupServices| Traffic {
            backends: vec![BackendTraffic::default(); group.backends.len()],
            ..Traffic::default()
        };
        let mut traffic: Vec<Traffic> = self.groups.iter().map(none).collect();
        let mut all = Clients {
            pods: self.candidates().len(),
            asked: self.asked.len(),
            unmeshed: self.unmeshed(),
            are_named: self.are_named(),
            ..Clients::default()
        };
        let (mut seconds, mut answered) = (0.0, 0_u32);
        let mut forbidden: Option<RequestError> = None;
        for (pod, answer) in answers {
            match answer {
                Ok(answer) => {
                    seconds += answer.seconds;
                    answered += 1;
                    all.are_simulated |= answer.is_simulated;
                    if answer.traffic.is_restarted {
                        all.restarted.push(self.shown(&pod));
                    }
                    self.add(&mut traffic, &pod, answer);
                }
                Err(error) => {
                    all.silent.push(SilentClient {
                        pod: self.shown(&pod),
                        why: error.to_string(),
                    });
                    match error {
                        ScrapeError::Request(error) if error.is_forbidden() => {
                            forbidden = Some(error);
                        }
                        _ => {}
                    }
                }
            }
        }
        let seconds = if answered > 0 {
            seconds / f64::from(answered)
        } else {
            0.0
        };
        for traffic in &mut traffic {
            let counted = std::mem::take(&mut traffic.clients);
            traffic.seconds = seconds;
            traffic.clients = Clients {
                senders: counted.senders,
                older_than_group: counted.older_than_group,
                direct_callers: counted.direct_callers,
                ..all.clone()
            };
        }
        match forbidden {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(traffic),
        }
    }

    /// Adds what a pod said.
    fn add(&self, traffic: &mut [Traffic], pod: &PodName, answer: Answer) {
        let caller = pod;
        let pod = ServiceRef::new(pod.namespace.as_str(), pod.name.as_str());
        for (index, mut client) in answer.traffic.groups {
            let group = self.groups.iter().nth(index);
            let backends = group.map(|group| group.backends.as_slice());
            let backends = backends.unwrap_or_default().iter();
            let mut is_direct = false;
            for (traffic, backend) in client.backends.iter_mut().zip(backends) {
                // The pods of a backend are no clients of each other.
                if self.groups.is_pod_of(&pod, backend) {
                    traffic.to_pods = 0.0;
                }
                is_direct |= traffic.direct + traffic.to_pods > 0.0;
            }
            let Some(traffic) = traffic.get_mut(index) else {
                continue;
            };
            add(traffic, &client);
            if is_direct {
                traffic.clients.direct_callers.insert(self.workload(caller));
            }
            #[allow(clippy::cast_precision_loss, reason = "Unix seconds")]
            let created = self.created.get(index).copied().flatten();
            let created = created.map(|created| created.as_second() as f64);
            let is_older = answer
                .started
                .zip(created)
                .is_some_and(|(started, created)| started < created);
            let calls = |backend: &BackendTraffic| backend.routed() + backend.refused > 0.0;
            let calls_apex = client.refused > 0.0 || client.backends.iter().any(calls);
            traffic.clients.older_than_group += usize::from(is_older && calls_apex);
        }
    }

    /// Returns the workload of a pod as it is shown, or the pod if it has none.
    fn workload(&self, pod: &PodName) -> String {
        let known = self.pods.iter();
        let mut known = known.filter(|it| it.namespace == pod.namespace && it.name == pod.name);
        let workload = known.next().and_then(workload_name);
        let workload = workload.unwrap_or_else(|| format!("pod/{}", pod.name));
        match self.namespaces.len() {
            1 => workload,
            _ => format!("{workload} (namespace {})", pod.namespace),
        }
    }

    /// Returns the name of a pod as it is shown.
    fn shown(&self, pod: &PodName) -> String {
        match self.namespaces.len() {
            1 => pod.name.clone(),
            _ => format!("{}/{}", pod.namespace, pod.name),
        }
    }
}

fn add(traffic: &mut Traffic, client: &GroupTraffic) {
    let sends = |backend: &BackendTraffic| backend.responses() + backend.refused > 0.0;
    let is_sender = client.refused > 0.0 || client.backends.iter().any(sends);
    traffic.clients.senders += usize::from(is_sender);
    traffic.refused += client.refused;
    for (sum, backend) in traffic.backends.iter_mut().zip(&client.backends) {
        sum.merge(backend);
    }
}
