//! The writes in the audit log of an API server.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Revived, Sandbox, start_again};

const APISERVER: &str = "kube-apiserver";
const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: [system:serviceaccount:linkerd-failover:kubectl-failover]
- level: Metadata
  verbs: [create, update, patch]
  resources:
  - group: split.smi-spec.io
  - group: coordination.k8s.io
";

/// The audit log of a cluster.
pub struct AuditLog {
    path: PathBuf,
    _server: Revived,
}

/// A write that has succeeded.
#[derive(Debug, Clone)]
pub struct Write {
    pub user: String,
    /// The plural of the object's kind.
    pub resource: String,
    pub began: Timestamp,
    pub ended: Timestamp,
}

/// A request, whatever became of it.
#[derive(Debug)]
pub struct AuditedRequest {
    pub verb: String,
    /// The API group and the plural: `apps/deployments`.
    pub resource: String,
    /// Empty if the request is about all objects, or names the object only in its body.
    pub name: String,
    pub code: u64,
}

impl AuditLog {
    /// Starts the API server of a cluster again, with an audit log.
    pub async fn keep(sandbox: &Sandbox, cluster: &str) -> Self {
        let (policy, path) = (
            sandbox.dir().join("audit.yaml"),
            sandbox.dir().join("audit.log"),
        );
        std::fs::write(&policy, POLICY).unwrap();
        let mut command = sandbox.kill(cluster, APISERVER).await;
        command.push(format!("--audit-policy-file={}", policy.display()));
        command.push(format!("--audit-log-path={}", path.display()));
        command.push("--audit-log-mode=blocking".to_owned());
        Self {
            path,
            _server: start_again(&command),
        }
    }

    /// The writes in a namespace that succeeded, in the order in which they ended.
    pub fn writes(&self, namespace: &str) -> Vec<Write> {
        let events = self.events().into_iter();
        let mut writes: Vec<Write> = events
            .filter_map(|event| write(&event, namespace))
            .collect();
        writes.sort_by_key(|write| write.ended);
        writes
    }

    /// The requests of a user that were answered.
    pub fn requests(&self, user: &str) -> Vec<AuditedRequest> {
        let events = self.events().into_iter();
        let own = events.filter(|event| event["user"]["username"] == user);
        own.filter_map(|event| {
            let object = &event["objectRef"];
            let text = |key: &str| object[key].as_str().unwrap_or_default();
            Some(AuditedRequest {
                name: text("name").to_owned(),
                verb: event["verb"].as_str()?.to_owned(),
                resource: format!("{}/{}", text("apiGroup"), text("resource")),
                code: event["responseStatus"]["code"].as_u64()?,
            })
        })
        .collect()
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        // The server may be writing the last line at this moment.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn write(event: &Value, namespace: &str) -> Option<Write> {
    let code = event["responseStatus"]["code"].as_u64()?;
    if event["stage"] != "ResponseComplete"
        || code >= 300
        || event["objectRef"]["namespace"] != namespace
    {
        return None;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    Some(Write {
        user: text(&event["user"]["username"])?,
        resource: text(&event["objectRef"]["resource"])?,
        began: time(&event["requestReceivedTimestamp"])?,
        ended: time(&event["stageTimestamp"])?,
    })
}
