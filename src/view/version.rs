//! The version of this program, and what runs in the cluster.

use serde::Serialize;

use super::columns::{Cell, Columns};
use super::formats::API_VERSION;
use crate::text::clean_lines;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionDocument {
    api_version: &'static str,
    kind: &'static str,
    pub client: ClientVersion,
    /// None with `--client`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterVersions>,
}

#[derive(Debug, Serialize)]
pub struct ClientVersion {
    pub version: &'static str,
    pub platform: String,
}

/// What runs in a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterVersions {
    pub context: String,
    pub server: String,
    pub kubernetes: String,
    /// None: Leases cannot be read.
    pub watches: Option<Vec<RunningWatch>>,
    /// The namespaces with Linkerd's own failover controller. None: cannot be told.
    pub linkerd_failover: Option<Vec<String>>,
}

/// A holder of a Lease.
#[derive(Debug, Serialize)]
pub struct RunningWatch {
    pub namespace: String,
    pub holder: String,
    /// None: the holder does not say.
    pub version: Option<String>,
    /// The labels of the groups that it runs; none if it runs all.
    pub selector: Option<String>,
}

impl VersionDocument {
    /// `platform` is the operating system and the processor of this program.
    pub fn new(platform: String, cluster: Option<ClusterVersions>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Version",
            client: ClientVersion {
                version: env!("CARGO_PKG_VERSION"),
                platform,
            },
            cluster,
        }
    }
}

impl ClientVersion {
    pub fn text(&self) -> String {
        format!("Client:            {} ({})\n", self.version, self.platform)
    }
}

impl ClusterVersions {
    pub fn text(&self) -> String {
        clean_lines(&(self.lines().join("\n") + "\n"))
    }

    fn lines(&self) -> Vec<String> {
        let upstream = match self.linkerd_failover.as_deref() {
            None => "unknown: cannot list namespaces and deployments".to_owned(),
            Some([]) => "not installed".to_owned(),
            Some(namespaces) => format!("in namespace {}", namespaces.join(", ")),
        };
        let mut lines = vec![
            format!("Context:           {} ({})", self.context, self.server),
            format!("Kubernetes:        {}", self.kubernetes),
            format!("linkerd-failover:  {upstream}"),
        ];
        match self.watches.as_deref() {
            None => lines.push("Running watches:   unknown: cannot list Leases".to_owned()),
            Some([]) => lines.push("Running watches:   none".to_owned()),
            Some(watches) => {
                lines.push(String::new());
                lines.push(table(watches));
            }
        }
        lines
    }
}

fn table(watches: &[RunningWatch]) -> String {
    let rows = watches.iter().map(|watch| {
        let groups = watch
            .selector
            .as_deref()
            .map(|labels| format!("-l {labels}"));
        vec![
            Cell::new(&watch.namespace),
            Cell::new(&watch.holder),
            Cell::new(watch.version.as_deref().unwrap_or("unknown")),
            Cell::new(groups.as_deref().unwrap_or("all")),
        ]
    });
    Columns::new(&["NAMESPACE", "WATCH", "VERSION", "GROUPS"], rows)
        .lines()
        .join("\n")
}
