//! The `watch` that is installed in the cluster: which groups it should run, and where its log is.

use std::collections::BTreeMap;

use crate::cluster::api::workloads::{self, Deployment, NAME_LABEL, OWN_NAME};
use crate::cluster::transport::client::Cluster;
use crate::resource::{LabelSelector, Record};
use crate::text::ConnectionFlags;

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
    /// their namespaces.
    pub fn logs<'a>(
        &self,
        reach: &ConnectionFlags,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> BTreeMap<String, String> {
        let log = |record: &Record| {
            let deployment = self.0.iter().find(|it| should_run(it, record))?;
            let reach = reach.within(&deployment.namespace);
            let labels = format!("{NAME_LABEL}={OWN_NAME}");
            let command = format!("kubectl {reach} logs -l {labels} --prefix --tail=50");
            Some((record.meta.namespace.clone(), command))
        };
        records.into_iter().filter_map(log).collect()
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

fn should_run(deployment: &Deployment, record: &Record) -> bool {
    let namespaces = deployment.watched_namespaces();
    let selector = LabelSelector::parse(deployment.selector().unwrap_or_default());
    (namespaces.is_empty() || namespaces.contains(&record.meta.namespace))
        && selector.is_ok_and(|selector| selector.matches(&record.meta.labels))
}
