//! Writes mirrors into a cluster, and only what has changed.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::api::core::v1::{Endpoints, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::desired::DesiredMirror;
use super::known::Key;
use crate::resource::linkerd::MIRRORED_SERVICE;
use crate::sandbox::control_plane::access::{REQUEST_TIMEOUT, limited};
use crate::sandbox::supervisor::log::Log;

const MANAGER: &str = "linkerd-service-mirror";

pub struct Writer<'a> {
    cluster: String,
    client: Client,
    log: &'a Log,
    /// What was written last; a mirror that someone else deletes leaves it.
    written: BTreeMap<Key, DesiredMirror>,
    /// What was said about failed writes, so as not to repeat it.
    complaints: BTreeMap<Key, String>,
}

impl<'a> Writer<'a> {
    pub fn new(cluster: &str, client: Client, log: &'a Log) -> Self {
        let cluster = cluster.to_owned();
        Self {
            cluster,
            client,
            log,
            written: BTreeMap::new(),
            complaints: BTreeMap::new(),
        }
    }

    /// Brings a mirror to where it should be; whether that was possible.
    pub async fn keep(&mut self, key: Key, mirror: DesiredMirror) -> bool {
        if self.written.get(&key) == Some(&mirror) {
            return true;
        }
        let outcome = self.write(&key, &mirror).await;
        let done = self.note(&key, outcome);
        if done {
            self.written.insert(key, mirror);
        }
        done
    }

    /// Removes a mirror; whether that was possible.
    pub async fn remove(&mut self, key: &Key) -> bool {
        self.written.remove(key);
        let services: Api<Service> = Api::namespaced(self.client.clone(), &key.0);
        // The endpoints of a service go with it: Kubernetes' endpoints controller sees to that.
        let outcome = delete(&services, &key.1).await;
        self.note(key, outcome)
    }

    /// Forgets the mirrors that are not there any more, so that they are written again.
    pub fn forget(&mut self, is_gone: impl Fn(&Key) -> bool) {
        self.written.retain(|key, _| !is_gone(key));
    }

    pub fn say(&self, text: &str) {
        self.log
            .line(&format!("mirrors in {}: {text}", self.cluster));
    }

    async fn write(&self, key: &Key, mirror: &DesiredMirror) -> anyhow::Result<()> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &key.0);
        if !self.written.contains_key(key)
            && let Some(present) = limited(services.get_opt(&key.1)).await?
            && !present.labels().contains_key(MIRRORED_SERVICE)
        {
            anyhow::bail!("a service of that name exists and is no mirror");
        }
        apply(&services, &key.1, &mirror.service).await?;
        let endpoints: Api<Endpoints> = Api::namespaced(self.client.clone(), &key.0);
        match &mirror.endpoints {
            Some(wanted) => apply(&endpoints, &key.1, wanted).await,
            None => delete(&endpoints, &key.1).await,
        }
    }

    /// Logs a failure that has not been logged yet; whether there was none.
    fn note(&mut self, key: &Key, outcome: anyhow::Result<()>) -> bool {
        let Err(cause) = outcome else {
            self.complaints.remove(key);
            return true;
        };
        let complaint = format!(
            "{}/{} could not be written, trying again: {cause:#}",
            key.0, key.1
        );
        if self.complaints.get(key) != Some(&complaint) {
            self.say(&complaint);
            self.complaints.insert(key.clone(), complaint);
        }
        false
    }
}

/// Whether the service was made by a writer, and not by hand.
pub fn is_own(service: &Service) -> bool {
    service
        .managed_fields()
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(MANAGER))
}

async fn apply<K>(api: &Api<K>, name: &str, object: &K) -> anyhow::Result<()>
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    limited(api.patch(name, &params, &Patch::Apply(object)))
        .await
        .map(drop)
}

async fn delete<K>(api: &Api<K>, name: &str) -> anyhow::Result<()>
where
    K: Clone + DeserializeOwned + Debug,
{
    match tokio::time::timeout(REQUEST_TIMEOUT, api.delete(name, &DeleteParams::default())).await? {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}
