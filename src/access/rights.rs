//! The RBAC rights that each command needs: the one table for `check`, Roles and hints.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cluster::api::journal::JOURNAL_NAME;
use crate::resource::{KINDS, Kind};

/// A command that needs rights; `check --rbac` prints its Role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RbacCommand {
    Create,
    Status,
    Watch,
    Force,
    Failback,
    Evacuate,
    Return,
    Set,
    Delete,
    Pause,
    Resume,
    Migrate,
    History,
    Traffic,
    Check,
    Install,
    Uninstall,
}

/// Verbs on one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// API group; empty for the core.
    pub group: &'static str,
    pub resource: &'static str,
    pub verbs: &'static [&'static str],
    pub names: ResourceNames,
    pub scope: RightScope,
    /// What is lost without it. None: the command fails.
    pub lost: Option<&'static str>,
}

/// The names of the objects that a right is limited to (`resourceNames`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceNames {
    All,
    /// The Lease of the `watch`: never the leader elections and the heartbeats of others.
    OwnLease,
    /// The ConfigMap with the journal of a namespace, never those of others.
    Journal,
}

impl ResourceNames {
    /// Returns the only name. `lease`: the name of the Lease of the `watch`.
    pub fn name(self, lease: &str) -> Option<&str> {
        match self {
            Self::All => None,
            Self::OwnLease => Some(lease),
            Self::Journal => Some(JOURNAL_NAME),
        }
    }
}

/// Where a right is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightScope {
    Namespace,
    /// Always cluster-wide: a Role cannot grant it.
    Cluster,
}

impl Right {
    const fn needed(
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
    ) -> Self {
        Self {
            group,
            resource,
            verbs,
            names: ResourceNames::All,
            scope: RightScope::Namespace,
            lost: None,
        }
    }

    const fn helpful(self, lost: &'static str) -> Self {
        Self {
            lost: Some(lost),
            ..self
        }
    }

    const fn of_own_lease(self) -> Self {
        Self {
            names: ResourceNames::OwnLease,
            ..self
        }
    }

    const fn cluster_wide(self) -> Self {
        Self {
            scope: RightScope::Cluster,
            ..self
        }
    }

    /// Returns the kind of groups, if the right is about one.
    pub fn carrier(&self) -> Option<&'static dyn Kind> {
        let is_kind = |kind: &&&dyn Kind| {
            let info = kind.info();
            info.plural == self.resource && info.group() == self.group
        };
        KINDS.iter().find(is_kind).copied()
    }

    /// Returns the resource in the form of `kubectl auth can-i`: `trafficsplits.split.smi-spec.io`.
    pub fn full_resource(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_owned()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

/// Returns the verbs on each kind of object that can define groups. Without verbs there is no right.
fn carriers(verbs: &'static [&'static str]) -> impl Iterator<Item = Right> {
    let kinds = KINDS.iter().filter(move |_| !verbs.is_empty());
    kinds.map(move |kind| {
        let info = kind.info();
        Right::needed(info.group(), info.plural, verbs).helpful("groups of this kind are skipped")
    })
}

const SLICES: Right = Right::needed("discovery.k8s.io", "endpointslices", &["list"]);
const SERVICES: Right = Right::needed("", "services", &["get", "list"]);
/// The right to watch EndpointSlices, not only to list them.
const SLICES_FOLLOWED: Right =
    Right::needed("discovery.k8s.io", "endpointslices", &["list", "watch"]);
const SERVICES_FOLLOWED: Right = Right::needed("", "services", &["get", "list", "watch"]);
const LEASES: Right = Right::needed("coordination.k8s.io", "leases", &["list"])
    .helpful("cannot show which watch runs the groups");
const OWN_LEASE: Right = Right::needed("coordination.k8s.io", "leases", &["get", "update"])
    .of_own_lease()
    .helpful("nothing prevents a second watch from running");
const LEASES_FOLLOWED: Right = Right {
    verbs: &["list", "watch"],
    ..LEASES
};
const EVENTS: Right =
    Right::needed("events.k8s.io", "events", &["create"]).helpful("no Events are written");
/// The journal of the events of groups.
const JOURNAL: Right = Right {
    names: ResourceNames::Journal,
    ..Right::needed("", "configmaps", &["get", "update"])
}
.helpful("no journal is kept, so the history of groups goes back one hour");
const PROFILES: Right = Right::needed("linkerd.io", "serviceprofiles", &["list"])
    .helpful("conflicting ServiceProfiles cannot be detected");

const NAMESPACES: Right = Right::needed("", "namespaces", &["list"]).cluster_wide();
const DEPLOYMENTS: Right = Right::needed("apps", "deployments", &["list"]).cluster_wide();
const PROMETHEUS_RULES: Right =
    Right::needed("monitoring.coreos.com", "prometheusrules", &["list"])
        .cluster_wide()
        .helpful("cannot tell whether the alerts are loaded");
const UNSEEN: &str = "cannot detect linkerd-failover, which may undo failovers";

/// A kind of object that `install` prints: those that exist are listed.
const fn printed(group: &'static str, resource: &'static str) -> Right {
    Right::needed(group, resource, &["list"])
        .cluster_wide()
        .helpful("cannot tell what an earlier installation left")
}

/// A kind of object that shows whether other programs are in a namespace.
const fn occupant(group: &'static str, resource: &'static str) -> Right {
    Right::needed(group, resource, &["list"])
        .cluster_wide()
        .helpful("cannot tell whether other programs are in the namespace")
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const EXTENSION_NAMESPACES: Right = Right::needed("", "namespaces", &["get", "list"])
    .cluster_wide()
    .helpful(UNSEEN);
const ROLES: Right = printed(RBAC, "roles");
const ROLE_BINDINGS: Right = printed(RBAC, "rolebindings");
const CLUSTER_ROLES: Right = printed(RBAC, "clusterroles");
const CLUSTER_ROLE_BINDINGS: Right = printed(RBAC, "clusterrolebindings");
const ACCOUNTS: Right = printed("", "serviceaccounts");
const CONFIG_MAPS: Right = printed("", "configmaps");
const BUDGETS: Right = printed("policy", "poddisruptionbudgets");
const NETWORK_POLICIES: Right = printed("networking.k8s.io", "networkpolicies");
const FLOW_SCHEMAS: Right = printed("flowcontrol.apiserver.k8s.io", "flowschemas");
const ADMISSION_POLICIES: Right = printed(ADMISSION, "validatingadmissionpolicies");
const ADMISSION_BINDINGS: Right = printed(ADMISSION, "validatingadmissionpolicybindings");
const POD_MONITORS: Right = printed("monitoring.coreos.com", "podmonitors");
const RULES: Right = printed("monitoring.coreos.com", "prometheusrules");
const STATEFUL_SETS: Right = occupant("apps", "statefulsets");
const DAEMON_SETS: Right = occupant("apps", "daemonsets");
const CRON_JOBS: Right = occupant("batch", "cronjobs");
const JOBS: Right = occupant("batch", "jobs");
const PODS: Right = occupant("", "pods");
const CLAIMS: Right = occupant("", "persistentvolumeclaims");
const SECRETS: Right = occupant("", "secrets");
const INGRESSES: Right = occupant("networking.k8s.io", "ingresses");

const EDIT: &[&str] = &["get", "list", "patch"];
const NO_READ_BACK: &str = "cannot show the result afterwards";
const UNKNOWN_READINESS: &str = "cannot tell which backends are ready";
const EDIT_RIGHTS: &[Right] = &[
    SLICES.helpful(NO_READ_BACK),
    SERVICES.helpful(NO_READ_BACK),
    EVENTS,
    LEASES,
];

/// What `--remote` needs in each remote cluster.
pub const REMOTE: Right = SLICES_FOLLOWED;
/// What `--breaker` needs beside the command's own rights.
pub const BREAKER: [Right; 2] = [Right::needed("", "services", &["patch"]), PROFILES];
/// What `--remote-from-links` needs in the namespace of Linkerd's multicluster extension.
pub const LINKS: Right = Right::needed("", "secrets", &["get"]);
/// With it, secrets are read only for clusters that have a Link.
pub const LINKS_LISTED: Right = Right::needed("multicluster.linkerd.io", "links", &["list"])
    .helpful("cannot tell which clusters are linked");

impl RbacCommand {
    /// Returns the command's name on the command line.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// Returns the rights that it needs or can use. Of the kinds that can define groups, one is
    /// enough.
    pub fn rights(self) -> Vec<Right> {
        let (_, verbs, others) = self.entry();
        carriers(verbs).chain(others.iter().copied()).collect()
    }

    /// The table: the command's name, the verbs on objects that can define groups, and the other
    /// rights.
    fn entry(self) -> (&'static str, &'static [&'static str], &'static [Right]) {
        match self {
            Self::Create => ("create", &["get", "list", "create", "patch"], &[SERVICES]),
            Self::Status => (
                "status",
                &["get", "list", "watch"],
                &[
                    SLICES_FOLLOWED,
                    SERVICES_FOLLOWED,
                    LEASES_FOLLOWED,
                    PROFILES,
                ],
            ),
            Self::Watch => (
                "watch",
                &["get", "list", "watch", "patch"],
                const {
                    &[
                        SLICES_FOLLOWED,
                        SERVICES_FOLLOWED,
                        EVENTS,
                        OWN_LEASE,
                        // A Role cannot limit the names of what is created.
                        Right {
                            verbs: &["create"],
                            names: ResourceNames::All,
                            ..OWN_LEASE
                        },
                        JOURNAL,
                        Right {
                            verbs: &["create"],
                            names: ResourceNames::All,
                            ..JOURNAL
                        },
                        LEASES_FOLLOWED.helpful("cannot see which groups other watches select"),
                        NAMESPACES.helpful(UNSEEN),
                        DEPLOYMENTS.helpful(UNSEEN),
                    ]
                },
            ),
            Self::Force => (
                "force",
                &["get", "list", "patch"],
                &[SLICES, SERVICES, EVENTS, LEASES, PROFILES],
            ),
            Self::Failback => (
                "failback",
                &["get", "list", "patch"],
                &[SLICES_FOLLOWED, SERVICES, EVENTS, LEASES],
            ),
            Self::Evacuate => (
                "evacuate",
                &["get", "list", "patch"],
                &[SLICES, SERVICES, EVENTS, LEASES, PROFILES],
            ),
            Self::Return => (
                "return",
                &["get", "list", "patch"],
                &[SLICES_FOLLOWED, SERVICES, EVENTS, LEASES],
            ),
            Self::Set => ("set", EDIT, EDIT_RIGHTS),
            Self::Delete => (
                "delete",
                &["get", "list", "delete"],
                const {
                    &[
                        SLICES.helpful(UNKNOWN_READINESS),
                        SERVICES.helpful(UNKNOWN_READINESS),
                        EVENTS,
                    ]
                },
            ),
            Self::Pause => ("pause", EDIT, EDIT_RIGHTS),
            Self::Resume => ("resume", EDIT, EDIT_RIGHTS),
            Self::Migrate => (
                "migrate",
                &["get", "list", "create", "patch", "delete"],
                const {
                    &[
                        SERVICES,
                        PROFILES,
                        SLICES.helpful(NO_READ_BACK),
                        LEASES,
                        NAMESPACES.helpful(UNSEEN),
                        DEPLOYMENTS.helpful(UNSEEN),
                    ]
                },
            ),
            Self::History => (
                "history",
                &["get", "list"],
                const {
                    &[
                        Right::needed("events.k8s.io", "events", &["list"])
                            .helpful("Events do not show in the history"),
                        Right {
                            verbs: &["list"],
                            ..JOURNAL
                        }
                        .helpful("the journal of watch does not show in the history"),
                    ]
                },
            ),
            Self::Traffic => (
                "traffic",
                &["get", "list"],
                const {
                    &[
                        Right::needed("", "pods", &["list"]),
                        Right::needed("", "pods/portforward", &["get", "create"]),
                        Right::needed("", "services", &["get"])
                            .helpful("cannot tell which backends' pods are meshed"),
                    ]
                },
            ),
            Self::Check => (
                "check",
                &["list"],
                const {
                    &[
                        SLICES,
                        SERVICES,
                        LEASES,
                        PROFILES,
                        Right::needed("", "pods", &["list"]).helpful("--proxy cannot list pods"),
                        NAMESPACES.helpful("cannot detect Linkerd"),
                        DEPLOYMENTS.helpful("cannot tell whether Linkerd is ready"),
                        PROMETHEUS_RULES,
                    ]
                },
            ),
            Self::Install => (
                "install",
                &[],
                const {
                    &[
                        EXTENSION_NAMESPACES,
                        DEPLOYMENTS.helpful(UNSEEN),
                        ROLES,
                        ROLE_BINDINGS,
                        CLUSTER_ROLES,
                        CLUSTER_ROLE_BINDINGS,
                        ACCOUNTS,
                        CONFIG_MAPS,
                        BUDGETS,
                        NETWORK_POLICIES,
                        FLOW_SCHEMAS,
                        ADMISSION_POLICIES,
                        ADMISSION_BINDINGS,
                        POD_MONITORS,
                        RULES,
                        occupant("", "services"),
                        STATEFUL_SETS,
                        DAEMON_SETS,
                        CRON_JOBS,
                        JOBS,
                        PODS,
                        CLAIMS,
                    ]
                },
            ),
            Self::Uninstall => (
                "uninstall",
                &["get", "list", "watch"],
                const {
                    &[
                        SLICES_FOLLOWED,
                        SERVICES_FOLLOWED,
                        LEASES_FOLLOWED,
                        PROFILES,
                        Right::needed("", "namespaces", &["get"]).cluster_wide(),
                        DEPLOYMENTS,
                        ROLES,
                        ROLE_BINDINGS,
                        CLUSTER_ROLES,
                        CLUSTER_ROLE_BINDINGS,
                        ACCOUNTS,
                        CONFIG_MAPS,
                        BUDGETS,
                        NETWORK_POLICIES,
                        FLOW_SCHEMAS,
                        ADMISSION_POLICIES,
                        ADMISSION_BINDINGS,
                        POD_MONITORS,
                        RULES,
                        STATEFUL_SETS,
                        DAEMON_SETS,
                        CRON_JOBS,
                        JOBS,
                        PODS,
                        CLAIMS,
                        SECRETS,
                        INGRESSES,
                    ]
                },
            ),
        }
    }

    /// Returns the minimal Role or, cluster-wide, ClusterRole for the command, with `more` rights.
    /// `lease`: the name of the Lease of its `watch`.
    pub fn role(
        self,
        scope: RightScope,
        namespace: Option<&str>,
        lease: &str,
        more: &[Right],
    ) -> Value {
        let fits =
            |right: &&Right| right.scope == RightScope::Namespace || scope == RightScope::Cluster;
        let rule = |right: &Right| {
            let mut rule = json!({ "apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs });
            if let Some(name) = right.names.name(lease) {
                rule["resourceNames"] = json!([name]);
            }
            rule
        };
        let mut metadata = json!({ "name": self.role_name() });
        if let (RightScope::Namespace, Some(namespace)) = (scope, namespace) {
            metadata["namespace"] = json!(namespace);
        }
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": if scope == RightScope::Cluster { "ClusterRole" } else { "Role" },
            "metadata": metadata,
            "rules": self.rights().iter().chain(more).filter(fits).map(rule).collect::<Vec<_>>(),
        })
    }

    /// Returns the cluster-wide rights that it can use. A Role cannot grant them.
    pub fn beyond_a_role(self) -> Vec<Right> {
        self.rights()
            .into_iter()
            .filter(|right| right.scope == RightScope::Cluster)
            .collect()
    }

    /// Whether the command takes `--breaker`.
    pub fn sets_breakers(self) -> bool {
        matches!(self, Self::Create | Self::Set)
    }

    /// Whether it concerns the whole cluster, so that only a ClusterRole can allow it. `check` does
    /// not look at these: few people install.
    pub fn is_of_the_cluster(self) -> bool {
        matches!(self, Self::Install | Self::Uninstall)
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
    fn each_verb_on_a_resource_is_in_one_rule() {
        for command in RbacCommand::value_variants() {
            let rights = command.rights();
            let verbs = rights
                .iter()
                .flat_map(|right| right.verbs.iter().map(|verb| (right.full_resource(), verb)));
            let count = verbs.clone().count();
            assert_eq!(verbs.collect::<HashSet<_>>().len(), count, "{command:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for command in RbacCommand::value_variants() {
            let typed = command.to_possible_value().unwrap();
            assert_eq!(command.name(), typed.get_name());
        }
    }

    /// In a ClusterRole they would include leader elections, and the heartbeats of nodes.
    #[test]
    fn no_role_allows_changes_of_the_leases_of_others() {
        for command in RbacCommand::value_variants() {
            let role = command.role(RightScope::Cluster, None, "own", &[]);
            for rule in role["rules"].as_array().unwrap() {
                let verbs = rule["verbs"].as_array().unwrap();
                let changes = ["get", "update", "patch", "delete"]
                    .iter()
                    .any(|verb| verbs.contains(&json!(verb)));
                if rule["resources"] == json!(["leases"]) && changes {
                    assert_eq!(rule["resourceNames"], json!(["own"]), "{command:?}");
                }
            }
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
        let role = RbacCommand::Check.role(RightScope::Namespace, Some("web"), "own", &[]);
        assert_eq!(
            role["metadata"],
            json!({ "name": "kubectl-failover-check", "namespace": "web" })
        );
        assert!(!resources(&role).contains(&json!("namespaces")), "{role}");
        assert!(
            !resources(&RbacCommand::Watch.role(RightScope::Namespace, None, "own", &[]))
                .contains(&json!("deployments"))
        );
        let role = RbacCommand::Check.role(RightScope::Cluster, Some("web"), "own", &[]);
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(
            role["metadata"],
            json!({ "name": "kubectl-failover-check" })
        );
        assert!(resources(&role).contains(&json!("namespaces")), "{role}");
    }
}
