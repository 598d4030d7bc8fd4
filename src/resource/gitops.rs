//! Recognizes objects that a GitOps tool owns and may revert. Says how to make the tool ignore
//! weights.

use super::meta::Meta;
use crate::model::Carrier;

struct GitOpsTool {
    name: &'static str,
    field_managers: &'static [&'static str],
    labels: &'static [&'static str],
}

/// Argo CD and Helm also track by annotations: see [`Annotations`](super::meta::Annotations).
const TOOLS: [GitOpsTool; 3] = [
    GitOpsTool {
        name: "Argo CD",
        field_managers: &[
            "argocd-controller",
            "argocd-application-controller",
            "argocd",
        ],
        labels: &[],
    },
    GitOpsTool {
        name: "Flux",
        field_managers: &["kustomize-controller", "helm-controller"],
        labels: &[
            "kustomize.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/name",
        ],
    },
    GitOpsTool {
        name: "Helm",
        field_managers: &["helm"],
        labels: &[],
    },
];

impl Meta {
    /// Returns the GitOps tool that owns the object, by field manager, label or annotation.
    pub fn gitops_owner(&self) -> Option<&'static str> {
        let is_manager = |manager: &&str| {
            self.managed_fields
                .iter()
                .any(|entry| entry.manager == **manager)
        };
        let has_label = |label: &&str| self.labels.contains_key(label);
        let owns = |tool: &&GitOpsTool| {
            tool.field_managers.iter().any(is_manager) || tool.labels.iter().any(has_label)
        };
        let tool = TOOLS.iter().find(owns).map(|tool| tool.name);
        tool.or(self.annotations.tracked_by)
    }
}

/// Says how to make a GitOps tool ignore weights that it did not set.
pub fn keep_weights(owner: &str, carrier: Carrier) -> String {
    let weights = match carrier {
        Carrier::Split => ".spec.backends[].weight",
        Carrier::Route => {
            ".spec.rules[].backendRefs[].weight, .spec.rules[].backendRefs[].namespace"
        }
    };
    match owner {
        "Argo CD" => format!(
            "in its Application set spec.ignoreDifferences to jqPathExpressions: [{weights}] and \
             the sync option \
             RespectIgnoreDifferences=true"
        ),
        "Flux" => "annotate it there with kustomize.toolkit.fluxcd.io/ssa: IfNotPresent".to_owned(),
        _ => "take it out of the release, or do not upgrade that while traffic is away".to_owned(),
    }
}
