//! A cluster, and the remote clusters whose services it mirrors.

use std::ops::Deref;
use std::time::Duration;

use tokio::time::timeout;

use super::remote_clusters::{PendingConnection, Remotes};
use crate::cluster::transport::client::Cluster;
use crate::model::WhyUnknown;

/// How long to wait for the credentials of a remote cluster.
const REMOTE_CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(10);

/// The cluster that a command works in, and the remote clusters that it may ask. Dereferences to
/// the local cluster, which receives nearly all requests.
#[derive(Debug, Clone)]
pub struct Clusters {
    pub local: Cluster,
    remotes: Remotes,
}

impl Deref for Clusters {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.local
    }
}

/// A cluster without remote clusters to ask.
impl From<Cluster> for Clusters {
    fn from(local: Cluster) -> Self {
        Self::new(local, Remotes::default())
    }
}

impl Clusters {
    /// Adds the flags for the remotes to suggested commands.
    pub fn new(mut local: Cluster, remotes: Remotes) -> Self {
        local.reach = local.reach.with_remotes(remotes.flags());
        Self { local, remotes }
    }

    pub fn remotes(&self) -> &Remotes {
        &self.remotes
    }

    /// Returns one of the mirrored clusters.
    ///
    /// # Errors
    /// If the cluster cannot be asked, the reason.
    pub async fn remote(&self, name: &str) -> Result<Cluster, WhyUnknown> {
        let connected = self.remote_connection(name).await;
        connected.map(|(cluster, _)| cluster)
    }

    /// Like [`Self::remote`], but also returns the connection, for [`Remotes::forget`].
    ///
    /// # Errors
    /// If the cluster cannot be asked, the reason.
    pub(crate) async fn remote_connection(
        &self,
        name: &str,
    ) -> Result<(Cluster, PendingConnection), WhyUnknown> {
        let connection = self.remotes.connection(&self.local, name)?;
        let connected = match timeout(REMOTE_CREDENTIALS_TIMEOUT, connection.clone()).await {
            Ok(connected) => connected.inspect_err(|_| self.remotes.forget(name, &connection)),
            Err(_) => {
                let seconds = REMOTE_CREDENTIALS_TIMEOUT.as_secs();
                let how = format!("no credentials within {seconds} s");
                Err(WhyUnknown::NoAccess(how))
            }
        };
        connected
            .map(|cluster| (cluster, connection))
            .map_err(|why| why.in_cluster(name))
    }
}
