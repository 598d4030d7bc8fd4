//! The rules of the chart's roles, from the program's table of rights.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use kubectl_failover::internals::rights::{
    LINKS, LINKS_LISTED, RbacCommand, ResourceNames, Right, RightScope,
};

use super::GeneratedFile;

pub const FOLDER: &str = "deploy/helm/linkerd-failover/templates/rights";

const VIEW: &[RbacCommand] = &[
    RbacCommand::Status,
    RbacCommand::History,
    RbacCommand::Check,
];
const OPERATOR: &[RbacCommand] = &[
    RbacCommand::Create,
    RbacCommand::Set,
    RbacCommand::Force,
    RbacCommand::Failback,
    RbacCommand::Pause,
    RbacCommand::Resume,
    RbacCommand::Migrate,
    RbacCommand::Traffic,
];
/// The name of the Lease of a `watch`; with a selector it has its own.
const LEASE: &str = r#"{{ .Values.leaseName | default "kubectl-failover" }}"#;

/// The verbs by group, resource and name.
type Rules = BTreeMap<(&'static str, &'static str, Option<String>), Vec<&'static str>>;

pub fn file() -> GeneratedFile {
    let watch = RbacCommand::Watch.rights();
    let within = |scope| watch.iter().copied().filter(move |it| it.scope == scope);
    let all = |commands: &[RbacCommand]| {
        let rights = commands.iter().flat_map(|command| command.rights());
        rights.collect::<Vec<Right>>().into_iter()
    };
    let operator = all(OPERATOR).filter(|right| right.scope == RightScope::Namespace);
    let mut text = "{{- /* Generated from the program's table of rights: \
                    REGENERATE=1 cargo test --test cli stale */ -}}\n"
        .to_owned();
    define(&mut text, "watch", &rules(within(RightScope::Namespace)));
    define(
        &mut text,
        "find-upstream",
        &rules(within(RightScope::Cluster)),
    );
    define(&mut text, "view", &rules(all(VIEW)));
    define(&mut text, "operator", &rules(operator));
    links(&mut text);
    GeneratedFile {
        path: Path::new(FOLDER).join("_rights.tpl"),
        content: text.into_bytes(),
    }
}

fn rules(rights: impl Iterator<Item = Right>) -> Rules {
    let mut rules = Rules::new();
    for right in rights {
        let name = right.names.name(LEASE).map(str::to_owned);
        let verbs = rules
            .entry((right.group, right.resource, name))
            .or_default();
        verbs.extend(right.verbs);
        verbs.sort_unstable();
        verbs.dedup();
    }
    rules
}

fn define(text: &mut String, name: &str, rules: &Rules) {
    let _ = writeln!(text, "{{{{- define \"failover.rights.{name}\" -}}}}");
    for ((group, resource, name), verbs) in rules {
        rule(text, group, resource, verbs);
        if let Some(name) = name {
            let _ = writeln!(text, "  resourceNames: [{name}]");
        }
    }
    let _ = writeln!(text, "{{{{- end }}}}");
}

/// Names the secrets of the linked clusters.
fn links(text: &mut String) {
    assert_eq!(LINKS.names, ResourceNames::All);
    let _ = writeln!(text, "{{{{- define \"failover.rights.links\" -}}}}");
    rule(text, LINKS.group, LINKS.resource, LINKS.verbs);
    *text += "  resourceNames:\n  {{- range .Values.remotes.fromLinks }}\n  - cluster-credentials-{{ . }}\n  {{- end }}\n";
    let listed = LINKS_LISTED;
    rule(text, listed.group, listed.resource, listed.verbs);
    let _ = writeln!(text, "{{{{- end }}}}");
}

fn rule(text: &mut String, group: &str, resource: &str, verbs: &[&str]) {
    let group = if group.is_empty() { "\"\"" } else { group };
    let verbs = verbs.join(", ");
    let _ = writeln!(
        text,
        "- apiGroups: [{group}]\n  resources: [{resource}]\n  verbs: [{verbs}]"
    );
}
