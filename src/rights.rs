//! The rights that each command needs: the one table for checks, for Roles and for hints.

use clap::ValueEnum;
use serde_json::{Value, json};

/// A command that needs rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    Create,
    Status,
    Watch,
    Force,
    Failback,
    Pause,
    Resume,
    History,
    Check,
}

/// What may be done with one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// API group; empty for the core.
    pub group: &'static str,
    pub resource: &'static str,
    pub verbs: &'static [&'static str],
    pub reach: Reach,
    /// What is lost without it; none where the command fails.
    pub lost: Option<&'static str>,
}

/// Where a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Namespace,
    /// In the whole cluster, whichever namespace is worked in: a Role can't give it.
    Cluster,
}

impl Right {
    const fn needed(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Self {
        Self { group, resource, verbs, reach: Reach::Namespace, lost: None }
    }

    const fn helpful(self, lost: &'static str) -> Self {
        Self { lost: Some(lost), ..self }
    }

    const fn cluster_wide(self) -> Self {
        Self { reach: Reach::Cluster, ..self }
    }

    /// As `kubectl auth can-i` takes it: `trafficsplits.split.smi-spec.io`.
    pub fn full_resource(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

const fn splits(verbs: &'static [&'static str]) -> Right {
    Right::needed("split.smi-spec.io", "trafficsplits", verbs)
}

const SLICES: Right = Right::needed("discovery.k8s.io", "endpointslices", &["list"]);
const SERVICES: Right = Right::needed("", "services", &["get", "list"]);
/// To follow both, not just to read them.
const SLICES_FOLLOWED: Right = Right::needed("discovery.k8s.io", "endpointslices", &["list", "watch"]);
const SERVICES_FOLLOWED: Right = Right::needed("", "services", &["get", "list", "watch"]);
const LEASES: Right =
    Right::needed("coordination.k8s.io", "leases", &["list"]).helpful("who runs the groups is not shown");
const CHANGED_SPLITS: Right = splits(&["get", "list", "patch"]);
const EVENTS: Right =
    Right::needed("events.k8s.io", "events", &["create"]).helpful("moves are not told in Events");
const PROFILES: Right = Right::needed("linkerd.io", "serviceprofiles", &["get"])
    .helpful("a ServiceProfile on the same service is not noticed");

impl Task {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Status => "status",
            Self::Watch => "watch",
            Self::Force => "force",
            Self::Failback => "failback",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::History => "history",
            Self::Check => "check",
        }
    }

    /// What it needs, and what it can use.
    pub fn rights(self) -> &'static [Right] {
        match self {
            Self::Create => const { &[splits(&["get", "list", "create"]), SERVICES] },
            Self::Status => {
                const { &[splits(&["get", "list", "watch"]), SLICES_FOLLOWED, SERVICES_FOLLOWED, LEASES] }
            }
            Self::Watch => {
                const {
                    &[
                        splits(&["get", "list", "watch", "patch"]),
                        SLICES_FOLLOWED,
                        SERVICES_FOLLOWED,
                        EVENTS,
                        Right::needed("coordination.k8s.io", "leases", &["get", "create", "update"])
                            .helpful("a second loop is not kept out"),
                    ]
                }
            }
            Self::Force => const { &[CHANGED_SPLITS, SLICES, SERVICES, EVENTS, LEASES, PROFILES] },
            Self::Failback => const { &[CHANGED_SPLITS, SLICES_FOLLOWED, SERVICES, EVENTS, LEASES] },
            Self::Pause | Self::Resume => {
                const {
                    const LOST: &str = "how the groups stand afterwards is not shown";
                    &[CHANGED_SPLITS, SLICES.helpful(LOST), SERVICES.helpful(LOST), LEASES]
                }
            }
            Self::History => {
                const {
                    &[
                        splits(&["get", "list"]),
                        Right::needed("events.k8s.io", "events", &["list"])
                            .helpful("of each group only the last move is known"),
                    ]
                }
            }
            Self::Check => {
                const {
                    &[
                        splits(&["list"]),
                        SLICES,
                        SERVICES,
                        LEASES,
                        Right::needed("", "pods", &["list"]).helpful("--proxy cannot look at pods"),
                        Right::needed("", "namespaces", &["list"])
                            .cluster_wide()
                            .helpful("Linkerd is not looked for"),
                        Right::needed("apps", "deployments", &["list"])
                            .cluster_wide()
                            .helpful("whether Linkerd is ready is not known"),
                    ]
                }
            }
        }
    }

    /// The least Role or, for all namespaces, ClusterRole with which the command works.
    pub fn role(self, reach: Reach, namespace: Option<&str>) -> Value {
        let fits = |right: &&Right| right.reach == Reach::Namespace || reach == Reach::Cluster;
        let rule = |right: &Right| json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs });
        let mut metadata = json!({ "name": self.role_name() });
        if let (Reach::Namespace, Some(namespace)) = (reach, namespace) {
            metadata["namespace"] = json!(namespace);
        }
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if reach == Reach::Cluster { "ClusterRole" } else { "Role" },
            "metadata": metadata,
            "rules": self.rights().iter().filter(fits).map(rule).collect::<Vec<_>>(),
        })
    }

    pub fn role_name(self) -> String {
        format!("kubectl-failover-{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_resource_has_one_rule() {
        for task in Task::value_variants() {
            let resources: HashSet<String> = task.rights().iter().map(Right::full_resource).collect();
            assert_eq!(resources.len(), task.rights().len(), "{task:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for task in Task::value_variants() {
            let typed = task.to_possible_value().unwrap();
            assert_eq!(task.name(), typed.get_name());
        }
    }

    #[test]
    fn a_role_has_no_rights_in_the_whole_cluster() {
        let resources = |role: &Value| {
            role["rules"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule["resources"][0].clone())
                .collect::<Vec<_>>()
        };
        let role = Task::Check.role(Reach::Namespace, Some("web"));
        assert_eq!(role["metadata"], json!({ "name": "kubectl-failover-check", "namespace": "web" }));
        assert!(!resources(&role).contains(&json!("namespaces")), "{role}");
        let role = Task::Check.role(Reach::Cluster, Some("web"));
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(role["metadata"], json!({ "name": "kubectl-failover-check" }));
        assert!(resources(&role).contains(&json!("namespaces")), "{role}");
    }
}
