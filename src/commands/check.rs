//! `check`: can this cluster and this user do what the tool needs.

use std::collections::BTreeSet;

use super::print;
use crate::access::rights::{RbacCommand, Right, RightScope};
use crate::check;
use crate::check::{CheckOptions, RetryUntil};
use crate::cli::{CheckArgs, CheckFormat, GlobalArgs};
use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::kubeconfig;
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::output::terminal;
use crate::output::terminal::say;
use crate::problem::Exit;
use crate::view::check::{CheckStyle, json, succeeded, text};
use crate::view::object;

pub async fn run(flags: &GlobalArgs, args: &CheckArgs) -> anyhow::Result<Exit> {
    if let Some(task) = args.rbac {
        return print_role(flags, task).await;
    }
    let spinner = Spinner::new(&Streams::process());
    let say = |what: &str| spinner.show(&format!("waiting until {what}"));
    let remotes = Remotes::of(&flags.into(), &(&args.remotes).into(), terminal::say)?;
    let options = CheckOptions {
        pre: args.pre,
        proxy: args.proxy,
        remotes,
    };
    let categories = check::run(flags, options, &RetryUntil::new(args.wait, &say)).await;
    spinner.clear();
    let style = CheckStyle {
        short: args.output == CheckFormat::Short,
        colour: terminal::is_coloured(flags.color, Streams::process().out_is_terminal()),
    };
    print(&match args.output {
        CheckFormat::Json => json(&categories)?,
        CheckFormat::Table | CheckFormat::Short => text(&categories, style),
    })?;
    Ok(if succeeded(&categories) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Needs no cluster; a kubeconfig, where there is one, names the namespace.
async fn print_role(flags: &GlobalArgs, task: RbacCommand) -> anyhow::Result<Exit> {
    let namespace = match &flags.namespace {
        Some(namespace) => Some(namespace.clone()),
        None => kubeconfig::resolve(&flags.into())
            .await
            .ok()
            .map(|found| found.config.default_namespace),
    };
    let reach = if flags.all_namespaces {
        RightScope::Cluster
    } else {
        RightScope::Namespace
    };
    let name = task.role_name();
    let printed = print(&object::yaml(&task.role(reach, namespace.as_deref()))?)?;
    let binding = match (reach, namespace) {
        (RightScope::Cluster, _) => format!("clusterrolebinding {name} --clusterrole={name}"),
        (RightScope::Namespace, Some(namespace)) => {
            format!("rolebinding {name} --role={name} -n {namespace}")
        }
        (RightScope::Namespace, None) => format!("rolebinding {name} --role={name}"),
    };
    say(&format!(
        "next: apply it, then kubectl create {binding} --user=USER"
    ));
    let beyond = task.beyond_a_role();
    if reach == RightScope::Namespace && !beyond.is_empty() {
        let resources: Vec<String> = beyond.iter().map(Right::full_resource).collect();
        let verbs: BTreeSet<&str> = beyond
            .iter()
            .flat_map(|right| right.verbs)
            .copied()
            .collect();
        let verbs = Vec::from_iter(verbs).join(",");
        say(&format!(
            "next: to see Linkerd's programs too, which are elsewhere: kubectl create clusterrole {name} \
             --verb={verbs} --resource={}, then kubectl create clusterrolebinding {name} --clusterrole={name} \
             --user=USER",
            resources.join(",")
        ));
    }
    Ok(printed)
}
