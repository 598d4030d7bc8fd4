//! `check`: checks the cluster's setup and the user's permissions, or prints the Role that a
//! command needs.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::args::contexts;
use super::args::contexts::ContextSelection;
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
use crate::view::check::{
    CheckStyle, CheckedContext, json, json_of_contexts, succeeded, text, text_of_contexts,
};
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
    let style = CheckStyle {
        short: args.output == CheckFormat::Short,
        colour: terminal::is_coloured(env.flags.color(), env.streams.out_is_terminal()),
    };
    let is_json = args.output == CheckFormat::Json;
    let spinner = Spinner::new(&env.streams);
    let say = |what: &str| spinner.show(&format!("waiting until {what}"));
    let retry = RetryUntil::new(args.wait, &say);
    let contexts = ContextSelection::of(&args.contexts);
    if contexts.is_empty() {
        let categories = check::run(&options(env, args, None)?, &retry).await;
        spinner.clear();
        env.print(&match is_json {
            true => json(&categories)?,
            false => text(&categories, style),
        })?;
        return Ok(exit(succeeded(&categories)));
    }
    let each = contexts::each(env, contexts)?;
    let flags = contexts::flags_everywhere(&each, contexts);
    let checks = each.iter().map(async |env| {
        let options = options(env, args, Some(flags.clone()))?;
        // A remote that this cluster has no mirrors of may be for another.
        options.remotes.allow_unmirrored();
        Ok::<_, anyhow::Error>(CheckedContext {
            context: env.flags.context.clone().unwrap_or_default(),
            categories: check::run(&options, &retry).await,
        })
    });
    let checked: anyhow::Result<Vec<CheckedContext>> = join_all(checks).await.into_iter().collect();
    let checked = checked?;
    spinner.clear();
    env.print(&match is_json {
        true => json_of_contexts(&checked)?,
        false => text_of_contexts(&checked, style),
    })?;
    Ok(exit(checked.iter().all(CheckedContext::has_succeeded)))
}

fn exit(has_succeeded: bool) -> Exit {
    match has_succeeded {
        true => Exit::Done,
        false => Exit::Failed,
    }
}

/// `everywhere` are the flags by which a suggested command reaches all contexts, if there are several.
fn options(
    env: &CommandEnv,
    args: &CheckArgs,
    everywhere: Option<String>,
) -> anyhow::Result<CheckOptions> {
    Ok(CheckOptions {
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
        everywhere,
        remotes: env.remotes(&args.remotes)?,
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
    let scope = if env.flags.all_namespaces || command.is_of_the_cluster() {
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
    if command == RbacCommand::Install {
        env.streams.say(
            "next: to apply the manifests too takes the rights to create what install prints, and \
             all rights in its roles: kubectl create clusterrolebinding kubectl-failover-admin \
             --clusterrole=cluster-admin --user=USER",
        );
    }
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
