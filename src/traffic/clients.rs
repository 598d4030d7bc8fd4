//! Which pods are the clients of a group: all of a namespace, or those of workloads.

use std::str::FromStr;

use crate::cluster::api::pods::Pod;
use crate::resource::LabelSelector;
use crate::resource::meta::OwnerReference;

/// Labels with the hash that a ReplicaSet has at the end of its name.
const TEMPLATE_HASHES: [&str; 2] = ["pod-template-hash", "rollouts-pod-template-hash"];

/// Short names and plurals that are not the kind in lower case with an `s`.
const KIND_ALIASES: [(&str, &str); 9] = [
    ("po", "pod"),
    ("deploy", "deployment"),
    ("sts", "statefulset"),
    ("ds", "daemonset"),
    ("rs", "replicaset"),
    ("rc", "replicationcontroller"),
    ("cj", "cronjob"),
    ("ro", "rollout"),
    ("jo", "job"),
];

/// Kinds that are no workloads.
const OTHER_KINDS: [&str; 18] = [
    "configmap",
    "configmaps",
    "cm",
    "ingress",
    "ingresses",
    "ing",
    "namespace",
    "namespaces",
    "ns",
    "node",
    "nodes",
    "no",
    "secret",
    "secrets",
    "service",
    "services",
    "svc",
    "serviceaccount",
];

/// A workload, such as `deploy/vote-bot`, or a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Singular, in lower case.
    kind: String,
    name: String,
    /// The text that was parsed.
    typed: String,
}

/// The text is not `KIND/NAME` of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    #[error("write it as KIND/NAME, such as deploy/vote-bot or pod/vote-bot-0")]
    Form,
    #[error("name a workload or a pod, such as deploy/vote-bot or pod/vote-bot-0")]
    OtherKind,
}

impl FromStr for Workload {
    type Err = WorkloadError;

    fn from_str(text: &str) -> Result<Self, WorkloadError> {
        let (kind, name) = text.split_once('/').ok_or(WorkloadError::Form)?;
        // As for kubectl, the kind may have its group: `rollouts.argoproj.io`.
        let kind = kind.split('.').next().unwrap_or_default().to_lowercase();
        if kind.is_empty() || name.is_empty() || name.contains('/') {
            return Err(WorkloadError::Form);
        }
        if OTHER_KINDS.contains(&kind.as_str()) {
            return Err(WorkloadError::OtherKind);
        }
        let alias = KIND_ALIASES.iter().find(|(alias, _)| *alias == kind);
        let kind = match alias {
            Some((_, kind)) => (*kind).to_owned(),
            None => kind.strip_suffix('s').map(str::to_owned).unwrap_or(kind),
        };
        Ok(Self {
            kind,
            name: name.to_owned(),
            typed: text.to_owned(),
        })
    }
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.typed)
    }
}

impl Workload {
    /// Whether it is the pod, or the pod belongs to it. Only the pod is needed: a Deployment's pods
    /// belong to a ReplicaSet, and a CronJob's to a Job, whose names begin with theirs.
    pub fn has(&self, pod: &Pod) -> bool {
        if self.kind == "pod" {
            return pod.name == self.name;
        }
        let Some(OwnerReference { kind, name, .. }) = &pod.owner else {
            return false;
        };
        let is_of = |end: Option<&str>| {
            let begin = end.and_then(|end| name.strip_suffix(end)?.strip_suffix('-'));
            begin == Some(&self.name)
        };
        if kind.eq_ignore_ascii_case(&self.kind) && *name == self.name {
            return true;
        }
        match (self.kind.as_str(), kind.as_str()) {
            ("deployment" | "rollout", "ReplicaSet") => TEMPLATE_HASHES
                .iter()
                .any(|label| is_of(pod.labels.get(label))),
            ("cronjob", "Job") => {
                let end = name.rsplit('-').next();
                is_of(end.filter(|end| end.bytes().all(|byte| byte.is_ascii_digit())))
            }
            _ => false,
        }
    }
}

/// Returns the workload of a pod as `--from` names it.
pub fn workload_name(pod: &Pod) -> Option<String> {
    let OwnerReference { kind, name, .. } = pod.owner.as_ref()?;
    let mut hashes = TEMPLATE_HASHES.iter().zip(["deploy", "rollout"]);
    let of_replica_set = hashes.find_map(|(label, kind)| {
        let name = name
            .strip_suffix(pod.labels.get(label)?)?
            .strip_suffix('-')?;
        Some(format!("{kind}/{name}"))
    });
    Some(of_replica_set.unwrap_or_else(|| format!("{}/{name}", kind.to_lowercase())))
}

/// Which pods of a namespace are the clients.
#[derive(Debug, Clone, Default)]
pub struct ClientSelection {
    /// Empty: all pods.
    pub workloads: Vec<Workload>,
    pub labels: LabelSelector,
}

impl ClientSelection {
    /// Whether a pod is one of the clients.
    pub fn has(&self, pod: &Pod) -> bool {
        let is_named = self.workloads.is_empty() || self.workloads.iter().any(|it| it.has(pod));
        is_named && self.labels.matches(&pod.labels)
    }

    /// Whether all pods are clients.
    pub fn is_all(&self) -> bool {
        self.workloads.is_empty() && self.labels.is_empty()
    }

    /// Returns the workloads that no pod belongs to.
    pub fn without_pods<'a>(&'a self, pods: &[Pod]) -> Vec<&'a Workload> {
        let missing = self.workloads.iter();
        missing
            .filter(|workload| !pods.iter().any(|pod| workload.has(pod)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, kind: &str, owner: &str, hash: &str) -> Pod {
        Pod {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            labels: [("pod-template-hash".to_owned(), hash.to_owned())]
                .into_iter()
                .collect(),
            owner: Some(OwnerReference {
                kind: kind.to_owned(),
                name: owner.to_owned(),
                controller: true,
                ..OwnerReference::default()
            }),
            is_meshed: true,
            is_alive: true,
            is_running: true,
        }
    }

    fn has(workload: &str, pod: &Pod) -> bool {
        workload.parse::<Workload>().unwrap().has(pod)
    }

    #[test]
    fn the_pods_of_a_workload_are_found_by_their_owners() {
        let bot = pod("vote-bot-6b-x", "ReplicaSet", "vote-bot-6b", "6b");
        for named in [
            "deploy/vote-bot",
            "deployments.apps/vote-bot",
            "Deployment/vote-bot",
            "po/vote-bot-6b-x",
            "rs/vote-bot-6b",
        ] {
            assert!(has(named, &bot), "{named}");
        }
        for other in [
            "deploy/vote",
            "deploy/vote-bot-6b",
            "sts/vote-bot",
            "pod/vote-bot",
        ] {
            assert!(!has(other, &bot), "{other}");
        }
        for (pod, name) in [
            (bot, "deploy/vote-bot"),
            (pod("c", "StatefulSet", "web", "6b"), "statefulset/web"),
        ] {
            assert_eq!(workload_name(&pod).as_deref(), Some(name));
            assert!(has(name, &pod));
        }
        assert!(has("cronjob/clean", &pod("c", "Job", "clean-29384", "")));
        assert!(!has("cronjob/clean", &pod("c", "Job", "clean-up", "")));
        assert!(has("job/clean-up", &pod("c", "Job", "clean-up", "")));
        assert!(has("clonesets/web", &pod("c", "CloneSet", "web", "")));
        for text in [
            "vote-bot", "/a", "a/", "a/b/c", "", "svc/a", "ns/a", "Nodes/a",
        ] {
            assert!(text.parse::<Workload>().is_err(), "{text}");
        }
        let typed = "classes/vote-bot";
        assert_eq!(typed.parse::<Workload>().unwrap().to_string(), typed);
    }
}
