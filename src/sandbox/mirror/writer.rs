//! Writes the mirrors of one cluster that have changed, by server-side apply.

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
use crate::sandbox::host::log::Log;

const MIRROR_MANAGER: &str = "linkerd-service-mirror";

/// Writes the mirrors of one cluster.
pub struct MirrorWriter<'a> {
    cluster: String,
    client: Client,
    file: &'a Log,
    /// What was written last, without mirrors that someone else has deleted.
    written: BTreeMap<Key, DesiredMirror>,
    /// The errors that were logged, to log each one once.
    logged_errors: BTreeMap<Key, String>,
}

impl<'a> MirrorWriter<'a> {
    pub fn new(cluster: &str, client: Client, log: &'a Log) -> Self {
        let cluster = cluster.to_owned();
        Self {
            cluster,
            client,
            file: log,
            written: BTreeMap::new(),
            logged_errors: BTreeMap::new(),
        }
    }

    /// Writes a mirror if it differs from what was written last. Returns whether it is as desired.
    pub async fn apply(&mut self, key: Key, mirror: DesiredMirror) -> bool {
        if self.written.get(&key) == Some(&mirror) {
            return true;
        }
        let outcome = self.write(&key, &mirror).await;
        let done = self.succeeded(&key, outcome);
        if done {
            self.written.insert(key, mirror);
        }
        done
    }

    /// Deletes a mirror. Returns whether that succeeded.
    pub async fn remove(&mut self, key: &Key) -> bool {
        self.written.remove(key);
        let services: Api<Service> = Api::namespaced(self.client.clone(), &key.0);
        // Kubernetes' endpoints controller deletes the Endpoints.
        let outcome = delete(&services, &key.1).await;
        self.succeeded(key, outcome)
    }

    /// Forgets mirrors that no longer exist, so that they are written again.
    pub fn forget(&mut self, is_gone: impl Fn(&Key) -> bool) {
        self.written.retain(|key, _| !is_gone(key));
    }

    /// Logs a line.
    pub fn log(&self, text: &str) {
        self.file
            .line(&format!("mirrors in {}: {text}", self.cluster));
    }

    async fn write(&self, key: &Key, mirror: &DesiredMirror) -> anyhow::Result<()> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &key.0);
        if !self.written.contains_key(key)
            && let Some(present) = limited(services.get_opt(&key.1)).await?
            && !present.labels().contains_key(MIRRORED_SERVICE)
        {
            anyhow::bail!("a Service of that name exists, and is not a mirror");
        }
        apply_object(&services, &key.1, &mirror.service).await?;
        let endpoints: Api<Endpoints> = Api::namespaced(self.client.clone(), &key.0);
        match &mirror.endpoints {
            Some(wanted) => apply_object(&endpoints, &key.1, wanted).await,
            None => delete(&endpoints, &key.1).await,
        }
    }

    /// Logs an error once. Returns whether the write succeeded.
    fn succeeded(&mut self, key: &Key, outcome: anyhow::Result<()>) -> bool {
        let Err(cause) = outcome else {
            self.logged_errors.remove(key);
            return true;
        };
        let error = format!("cannot write {}/{}, retrying: {cause:#}", key.0, key.1);
        if self.logged_errors.get(key) != Some(&error) {
            self.log(&error);
            self.logged_errors.insert(key.clone(), error);
        }
        false
    }
}

/// Whether a writer made the Service.
pub fn is_own(service: &Service) -> bool {
    service
        .managed_fields()
        .iter()
        .any(|entry| entry.manager.as_deref() == Some(MIRROR_MANAGER))
}

async fn apply_object<K>(api: &Api<K>, name: &str, object: &K) -> anyhow::Result<()>
where
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    let params = PatchParams::apply(MIRROR_MANAGER).force();
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
