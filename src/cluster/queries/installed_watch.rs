//! The `watch` that is installed in the cluster: which groups it should run, and where its log is.

use std::collections::BTreeMap;

use crate::cluster::api::workloads::{self, Deployment, NAME_LABEL, OWN_NAME};
use crate::cluster::transport::client::Cluster;
use crate::resource::{LabelSelector, Record};
use crate::text::{ConnectionFlags, InstalledWatch};

/// The Deployments that run `watch`.
#[derive(Debug, Default)]
pub struct InstalledWatches(Vec<Deployment>);

impl InstalledWatches {
    /// Empty if none is installed, or that cannot be read.
    pub async fn read(cluster: &Cluster) -> Self {
        let found = workloads::own_deployments(cluster).await;
        Self(found.unwrap_or_default())
    }

    /// Returns the command that shows the log of the one that should run these groups, for each of
    /// their namespaces. One without pods has no log: then the command gives it pods.
    pub fn logs<'a>(
        &self,
        reach: &ConnectionFlags,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> BTreeMap<String, InstalledWatch> {
        let log = |record: &Record| {
            let deployment = self.0.iter().find(|it| should_run(it, record))?;
            Some((record.meta.namespace.clone(), installed(deployment, reach)))
        };
        records.into_iter().filter_map(log).collect()
    }

    /// Returns the one that should run new groups without labels in all of these namespaces.
    pub fn of_new_groups(
        &self,
        reach: &ConnectionFlags,
        namespaces: &[&str],
    ) -> Option<InstalledWatch> {
        let runs_all = |it: &&Deployment| {
            let limits = it.watched_namespaces();
            let runs = |name: &&str| limits.is_empty() || limits.iter().any(|it| it == name);
            it.selector().is_none() && namespaces.iter().all(runs)
        };
        let deployment = self.0.iter().find(runs_all)?;
        Some(installed(deployment, reach))
    }

    /// Says which groups each of them leaves alone.
    pub fn limits(&self) -> Vec<String> {
        let limit = |it: &Deployment| {
            let namespaces = it.watched_namespaces().join(", ");
            let place = match namespaces.as_str() {
                "" => String::new(),
                names => format!(" in {names}"),
            };
            let labels = it.selector().map(|labels| format!(" with {labels}"));
            let labels = labels.unwrap_or_default();
            let name = format!("{}/{}", it.namespace, it.name);
            let is_limited = !(place.is_empty() && labels.is_empty());
            is_limited.then(|| format!("deployment {name} runs only groups{place}{labels}"))
        };
        self.0.iter().filter_map(limit).collect()
    }
}

fn installed(deployment: &Deployment, reach: &ConnectionFlags) -> InstalledWatch {
    let reach = reach.within(&deployment.namespace);
    let name = &deployment.name;
    InstalledWatch {
        has_pods: deployment.wanted > 0,
        command: match deployment.wanted {
            0 => format!("kubectl {reach} scale deployment/{name} --replicas=2"),
            _ => format!("kubectl {reach} logs -l {NAME_LABEL}={OWN_NAME} --prefix --tail=50"),
        },
    }
}

fn should_run(deployment: &Deployment, record: &Record) -> bool {
    let namespaces = deployment.watched_namespaces();
    let selector = LabelSelector::parse(deployment.selector().unwrap_or_default());
    (namespaces.is_empty() || namespaces.contains(&record.meta.namespace))
        && selector.is_ok_and(|selector| selector.matches(&record.meta.labels))
}
