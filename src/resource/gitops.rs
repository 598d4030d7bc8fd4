//! Recognizes objects that a GitOps tool or another controller owns and may revert. Says how to
//! make the owner ignore weights.

use super::meta::Meta;
use crate::model::Carrier;

struct GitOpsTool {
    name: &'static str,
    field_managers: &'static [&'static str],
    /// Labels and annotations that the tool sets on its objects.
    marks: &'static [&'static str],
    /// Labels or annotations, with their value, that keep the tool from reverting an object.
    opt_outs: &'static [(&'static str, &'static str)],
}

/// The settings that keep Argo CD from reverting weights are in its Application, not on the object.
/// The opt-outs of Flux are those of its kustomize-controller
/// (<https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources>)
/// and of its helm-controller. An upgrade of the release can still revert the object.
const TOOLS: [GitOpsTool; 5] = [
    GitOpsTool {
        name: "Argo CD",
        field_managers: &[
            "argocd-controller",
            "argocd-application-controller",
            "argocd",
        ],
        marks: &["argocd.argoproj.io/tracking-id"],
        opt_outs: &[],
    },
    GitOpsTool {
        name: "Flux",
        field_managers: &["kustomize-controller"],
        marks: &["kustomize.toolkit.fluxcd.io/name"],
        opt_outs: &[
            ("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"),
            ("kustomize.toolkit.fluxcd.io/ssa", "Ignore"),
            ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
        ],
    },
    GitOpsTool {
        name: "Flux's helm-controller",
        field_managers: &["helm-controller"],
        marks: &["helm.toolkit.fluxcd.io/name"],
        opt_outs: &[("helm.toolkit.fluxcd.io/driftDetection", "disabled")],
    },
    // Argo Rollouts does not own the routes whose backends its plugin writes.
    GitOpsTool {
        name: "Argo Rollouts",
        field_managers: &["gatewayAPI", "rollouts-controller"],
        marks: &["rollouts.argoproj.io/gatewayapi-canary"],
        opt_outs: &[],
    },
    GitOpsTool {
        name: "Helm",
        field_managers: &["helm"],
        marks: &["meta.helm.sh/release-name"],
        opt_outs: &[],
    },
];

impl GitOpsTool {
    fn owns(&self, meta: &Meta) -> bool {
        let is_manager = |manager: &&str| {
            meta.managed_fields
                .iter()
                .any(|entry| entry.manager == **manager)
        };
        let value = |key: &str| meta.labels.get(key).or(meta.annotations.gitops(key));
        // As Flux does, without regard to case.
        let opts_out = |(key, opt_out): &(&str, &str)| {
            value(key).is_some_and(|value| value.eq_ignore_ascii_case(opt_out))
        };
        (self.field_managers.iter().any(is_manager)
            || self.marks.iter().any(|key| value(key).is_some()))
            && !self.opt_outs.iter().any(opts_out)
    }
}

impl Meta {
    /// Returns the controller or the GitOps tool that owns the object and may revert its weights,
    /// by owner reference, field manager, label or annotation.
    pub fn gitops_owner(&self) -> Option<String> {
        let controller = self.owner_references.iter().find(|owner| owner.controller);
        if let Some(owner) = controller {
            let group = owner
                .api_version
                .split_once('/')
                .map_or("", |(group, _)| group);
            return Some(format!("{} {} ({group})", owner.kind, owner.name).replace(" ()", ""));
        }
        let tool = TOOLS.iter().find(|tool| tool.owns(self));
        tool.map(|tool| tool.name.to_owned())
    }
}

/// What `force` and `evacuate` change beside the weights, of what a manifest has.
const PRIMARY: &str = r#".metadata.annotations["failover.linkerd.io/primary-service"]"#;
const PRIMARY_POINTER: &str = "/metadata/annotations/failover.linkerd.io~1primary-service";

/// Says how to make a GitOps tool ignore what it did not set. The examples in `deploy/gitops` have the
/// same settings.
pub fn keep_weights(owner: &str, carrier: Carrier) -> String {
    let (weights, list) = match carrier {
        Carrier::Split => (".spec.backends[].weight", "/spec/backends"),
        Carrier::Route => (
            ".spec.rules[].backendRefs[].weight, .spec.rules[].backendRefs[].namespace",
            "/spec/rules",
        ),
    };
    match owner {
        "Argo CD" => format!(
            "in its Application set spec.ignoreDifferences to jqPathExpressions: [{weights}, \
             {PRIMARY}] and the sync option RespectIgnoreDifferences=true"
        ),
        "Flux" => format!(
            "in its Kustomization set spec.ignore to paths: [{list}, {PRIMARY_POINTER}], or before \
             kustomize-controller 1.9 annotate it there with kustomize.toolkit.fluxcd.io/ssa: \
             IfNotPresent"
        ),
        "Flux's helm-controller" => "annotate it there with \
                                     helm.toolkit.fluxcd.io/driftDetection: disabled, and do not \
                                     upgrade the release while traffic is away"
            .to_owned(),
        "Helm" => {
            "take it out of the release, or do not upgrade that while traffic is away".to_owned()
        }
        _ => "that controller writes the weights itself, so use another object for the failover"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner(meta: &serde_json::Value) -> Option<String> {
        serde_json::from_str::<Meta>(&meta.to_string())
            .unwrap()
            .gitops_owner()
    }

    #[test]
    fn a_controller_that_owns_the_object_comes_first() {
        let reference = |controller: bool| {
            json!([{
                "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo",
                "uid": "1", "controller": controller,
            }])
        };
        let annotations = json!({ "kustomize.toolkit.fluxcd.io/reconcile": "disabled" });
        let flagger = json!({ "ownerReferences": reference(true), "annotations": annotations });
        assert_eq!(
            owner(&flagger).as_deref(),
            Some("Canary podinfo (flagger.app)")
        );
        assert_eq!(owner(&json!({ "ownerReferences": reference(false) })), None);
        let rollouts = json!({ "managedFields": [{ "manager": "gatewayAPI" }] });
        assert_eq!(owner(&rollouts).as_deref(), Some("Argo Rollouts"));
        let words = keep_weights("Canary podinfo (flagger.app)", Carrier::Route);
        assert!(words.contains("writes the weights itself"), "{words}");
    }

    #[test]
    fn flux_that_leaves_an_object_alone_is_no_owner() {
        let labels = json!({ "kustomize.toolkit.fluxcd.io/name": "apps" });
        for (key, value, is_owner) in [
            ("ssa", "IfNotPresent", false),
            ("ssa", "Ignore", false),
            ("ssa", "Merge", true),
            ("reconcile", "disabled", false),
            ("reconcile", "Disabled", false),
            ("reconcile", "enabled", true),
        ] {
            let key = format!("kustomize.toolkit.fluxcd.io/{key}");
            let annotated = json!({ "labels": labels, "annotations": { &key: value } });
            assert_eq!(owner(&annotated).is_some(), is_owner, "{key}: {value}");
            let mut labelled = json!({ "labels": labels });
            labelled["labels"][&key] = json!(value);
            assert_eq!(owner(&labelled).is_some(), is_owner, "label {key}: {value}");
        }
        let managers = json!([{ "manager": "kustomize-controller" }]);
        assert_eq!(
            owner(&json!({ "managedFields": managers })).as_deref(),
            Some("Flux")
        );
    }

    /// Flux removes what managers add whose names begin with `kubectl`.
    #[test]
    fn flux_does_not_take_the_writes_of_this_tool_for_manual_edits() {
        assert!(!crate::resource::FIELD_MANAGER.starts_with("kubectl"));
    }

    /// The settings in the words are those of the examples.
    #[test]
    fn the_examples_have_the_settings_that_are_printed() {
        let argocd = include_str!("../../deploy/gitops/argocd.yaml");
        let flux = include_str!("../../deploy/gitops/flux.yaml");
        for (owner, example, list) in [
            ("Argo CD", argocd, "/spec/ignoreDifferences"),
            ("Flux", flux, "/spec/ignore"),
        ] {
            assert!(example.contains(concat!(": v", env!("CARGO_PKG_VERSION"))));
            let objects: Vec<serde_json::Value> = serde_yaml::from_multiple(example).unwrap();
            let ignored = objects
                .iter()
                .find_map(|object| object.pointer(list))
                .unwrap();
            for entry in ignored.as_array().unwrap() {
                let kind = entry.get("kind").or(entry.pointer("/target/kind"));
                let carrier = match kind.unwrap().as_str() {
                    Some("TrafficSplit") => Carrier::Split,
                    _ => Carrier::Route,
                };
                let paths = entry.get("jqPathExpressions").or(entry.get("paths"));
                let paths = paths.unwrap().as_array().unwrap().iter();
                let paths: Vec<&str> = paths.filter_map(serde_json::Value::as_str).collect();
                let words = keep_weights(owner, carrier);
                assert!(
                    words.contains(&format!("[{}]", paths.join(", "))),
                    "{words}"
                );
            }
        }
    }

    #[test]
    fn a_helm_release_of_flux_without_drift_detection_still_has_upgrades() {
        let release = |annotations: serde_json::Value| {
            owner(&json!({
                "labels": { "helm.toolkit.fluxcd.io/name": "apps" }, "annotations": annotations,
            }))
        };
        let own = "helm.toolkit.fluxcd.io/driftDetection";
        let name = "meta.helm.sh/release-name";
        assert_eq!(
            release(json!({})).as_deref(),
            Some("Flux's helm-controller")
        );
        assert_eq!(release(json!({ own: "disabled" })), None);
        assert_eq!(
            release(json!({ own: "disabled", name: "apps" })).as_deref(),
            Some("Helm")
        );
    }
}
