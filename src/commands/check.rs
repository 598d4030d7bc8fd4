//! `check`: checks the cluster's setup and the user's permissions, or prints the Role that a
//! command needs.

use std::collections::BTreeSet;

use super::args::selection::parse_selector;
use super::env::CommandEnv;
use crate::access::rights::{BREAKER, RbacCommand, Right, RightScope};
use crate::check::{self, CheckOptions, RetryUntil};
use crate::cli::{CheckArgs, CheckFormat};
use crate::cluster::api::lease::LeaseScope;
use crate::cluster::transport::kubeconfig;
use crate::model::fold::MAX_SINGLE_GROUPS;
use crate::output::spinner::Spinner;
use crate::output::terminal;
use crate::problem::{Exit, Problem};
use crate::view::check::{CheckStyle, json, succeeded, text};
use crate::view::manifest;

pub async fn run(env: &CommandEnv, args: &CheckArgs) -> anyhow::Result<Exit> {
    if let Some(task) = args.rbac {
        let scope = LeaseScope::new(parse_selector(args.selector.as_deref())?);
        if args.breaker && !task.sets_breakers() {
            let message = format!("{} has no --breaker", task.name());
            return Err(Problem::usage(message).next("leave --breaker out").into());
        }
        let more: &[Right] = if args.breaker { &BREAKER } else { &[] };
        return print_role(env, task, &scope.lease_name(), more).await;
    }
    let spinner = Spinner::new(&env.streams);
    let say = |what: &str| spinner.show(&format!("waiting until {what}"));
    let options = CheckOptions {
        connect: env.connect_options(),
        all_namespaces: env.flags.all_namespaces,
        linkerd_namespace: env.flags.linkerd_namespace(),
        pre: args.pre,
        proxy: args.proxy,
        short: args.output == CheckFormat::Short,
        max_single_findings: match args.output {
            CheckFormat::Short => 1,
            CheckFormat::Table => MAX_SINGLE_GROUPS,
            CheckFormat::Wide | CheckFormat::Json => usize::MAX,
        },
        remotes: env.remotes(&args.remotes)?,
    };
    let categories = check::run(&options, &RetryUntil::new(args.wait, &say)).await;
    spinner.clear();
    let style = CheckStyle {
        short: args.output == CheckFormat::Short,
        colour: terminal::is_coloured(env.flags.color(), env.streams.out_is_terminal()),
    };
    env.print(&match args.output {
        CheckFormat::Json => json(&categories)?,
        CheckFormat::Table | CheckFormat::Wide | CheckFormat::Short => text(&categories, style),
    })?;
    Ok(if succeeded(&categories) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Prints the Role without a cluster. The namespace comes from the kubeconfig, if there is one.
async fn print_role(
    env: &CommandEnv,
    command: RbacCommand,
    lease: &str,
    more: &[Right],
) -> anyhow::Result<Exit> {
    let namespace = match &env.flags.namespace {
        Some(namespace) => Some(namespace.clone()),
        None => kubeconfig::resolve(&env.connect_options())
            .await
            .ok()
            .map(|found| found.namespace),
    };
    let scope = if env.flags.all_namespaces {
        RightScope::Cluster
    } else {
        RightScope::Namespace
    };
    let name = command.role_name();
    let printed = env.print(&manifest::yaml(&command.role(
        scope,
        namespace.as_deref(),
        lease,
        more,
    ))?)?;
    let binding = match (scope, namespace) {
        (RightScope::Cluster, _) => format!("clusterrolebinding {name} --clusterrole={name}"),
        (RightScope::Namespace, Some(namespace)) => {
            format!("rolebinding {name} --role={name} -n {namespace}")
        }
        (RightScope::Namespace, None) => format!("rolebinding {name} --role={name}"),
    };
    env.streams.say(&format!(
        "next: apply it, then kubectl create {binding} --user=USER"
    ));
    if (command, scope) == (RbacCommand::Traffic, RightScope::Namespace) {
        env.streams.say(
            "next: for --source prometheus, do the same in the namespace of linkerd-viz: kubectl \
             failover check --rbac traffic -n linkerd-viz",
        );
    }
    let beyond = command.beyond_a_role();
    if scope == RightScope::Namespace && !beyond.is_empty() {
        let resources: Vec<String> = beyond.iter().map(Right::full_resource).collect();
        let verbs: BTreeSet<&str> = beyond
            .iter()
            .flat_map(|right| right.verbs)
            .copied()
            .collect();
        let verbs = Vec::from_iter(verbs).join(",");
        env.streams.say(&format!(
            "next: to see Linkerd's control plane too, grant cluster-wide: kubectl create \
             clusterrole {name} \
             --verb={verbs} --resource={}, then kubectl create clusterrolebinding {name} \
             --clusterrole={name} \
             --user=USER",
            resources.join(",")
        ));
    }
    Ok(printed)
}
