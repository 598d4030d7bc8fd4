//! Checks the arguments of `create` before the cluster is asked, and turns them into a group.

use std::collections::HashSet;

use crate::cli::resilience::BreakerArg;
use crate::cli::{CreateArgs, DEFAULT_CONTROLLER, GlobalArgs};
use crate::commands::args::policy::{self, PolicySettings};
use crate::commands::args::resilience;
use crate::model::Carrier;
use crate::problem::Problem;
use crate::resource::annotations::{LinkerdAnnotations, STANDBY};
use crate::resource::names::{is_label_value, is_object_name, is_service_name};
use crate::resource::retries::RetryConditions;
use crate::resource::{Kind, KindInfo, NewGroup, kinds_called};
use crate::text::word;

/// The kinds that `create` makes by default: a route where the cluster serves no TrafficSplits.
const DEFAULT_CREATED_KINDS: [&str; 2] = ["trafficsplit", "httproute"];

/// Returns the kinds that --kind can mean. `create` uses the first one that the cluster serves.
pub fn kinds(args: &CreateArgs) -> Vec<&'static dyn Kind> {
    let default = || {
        DEFAULT_CREATED_KINDS
            .into_iter()
            .flat_map(kinds_called)
            .collect()
    };
    args.kind.as_deref().map_or_else(default, kinds_called)
}

/// # Errors
/// A usage error if the arguments cannot become a group.
pub fn check(flags: &GlobalArgs, args: &CreateArgs) -> Result<(), Problem> {
    if flags.all_namespaces {
        return Err(Problem::usage(
            "create works in one namespace: it does not take --all-namespaces",
        )
        .next("name the namespace with -n"));
    }
    check_group(args)
}

/// Checks the arguments of one group.
///
/// # Errors
/// A usage error if they cannot become one.
pub fn check_group(args: &CreateArgs) -> Result<(), Problem> {
    if !is_label_value(&args.controlled_by) {
        let problem = Problem::usage(format!("invalid label value {:?}", args.controlled_by));
        return Err(problem.next(
            "use at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
        ));
    }
    check_resilience(args)?;
    resilience::check_standby(&args.resilience)?;
    if args.adopt.is_some() {
        return policy::check(&settings(args), None);
    }
    check_names(args)?;
    if let (Some(_), [kind, ..]) = (&args.kind, kinds(args).as_slice()) {
        check_kind(args, kind.info())?;
    }
    check_fallbacks(args)?;
    let backends: Vec<&str> = backends(args).collect();
    policy::check(&settings(args), Some(&backends))
}

/// # Errors
/// A usage error if an object of this kind cannot be what the arguments ask for.
pub fn check_kind(args: &CreateArgs, kind: &KindInfo) -> Result<(), Problem> {
    if kind.carrier == Carrier::Route {
        return Ok(());
    }
    if args.port.is_some() {
        return Err(
            Problem::usage("a TrafficSplit is for all ports: --port is for routes")
                .next("leave it out, or create a route: --kind httproute"),
        );
    }
    if let Some(foreign) = backends(args).find(|name| name.contains('/')) {
        return Err(Problem::usage(format!(
            "{foreign} names a namespace: a TrafficSplit's backends are services of its own \
             namespace"
        ))
        .next(
            "leave the namespace out, or create a route, which can reach others: --kind \
               httproute",
        ));
    }
    Ok(())
}

/// A new group has nothing to turn off.
fn check_resilience(args: &CreateArgs) -> Result<(), Problem> {
    let resilience = &args.resilience;
    let is_off = resilience.retries == Some(RetryConditions::Off)
        || resilience.breaker == Some(BreakerArg::Off);
    if !is_off {
        return Ok(());
    }
    Err(
        Problem::usage("create turns no retries or breakers off").next(
            "leave the flag out; for a group that exists: kubectl failover set NAME --retries=off",
        ),
    )
}

/// Returns the annotations of a group of this kind that have Linkerd retry requests.
///
/// # Errors
/// A usage error if Linkerd has no retries, or no breakers, for the kind.
pub fn retries(args: &CreateArgs, kind: &KindInfo) -> Result<LinkerdAnnotations, Problem> {
    resilience::retries(&args.resilience, kind).map_err(|reason| {
        let problem = Problem::usage(reason);
        if args.adopt.is_some() || kind.retry_key.is_some() {
            return problem;
        }
        problem.next(format!("create a route: {}", with_kind(args, "httproute")))
    })
}

/// Returns the requested group.
pub fn group(args: &CreateArgs, namespace: &str) -> NewGroup {
    let backend = |typed: &str| NewGroup::backend_name(namespace, typed);
    NewGroup {
        namespace: namespace.to_owned(),
        name: object_name(args),
        apex: apex(args).to_owned(),
        controlled_by: args.controlled_by.clone(),
        backends: backends(args).map(backend).collect(),
        primary: backend(primary(args)),
        port: args.port,
        weights: Vec::new(),
        settings: settings(args),
        linkerds: LinkerdAnnotations::new(),
    }
}

/// Returns the command line that creates the same group with another kind.
pub fn with_kind(args: &CreateArgs, kind: &str) -> String {
    let mut flags: Vec<(&str, String)> = Vec::new();
    flags.extend(
        args.primary
            .iter()
            .map(|primary| ("primary", primary.clone())),
    );
    flags.extend(
        args.fallback
            .iter()
            .map(|fallback| ("fallback", fallback.clone())),
    );
    flags.extend(args.name.iter().map(|name| ("name", name.clone())));
    flags.extend(args.port.map(|port| ("port", port.to_string())));
    let (flags_of_policy, standby) = (settings(args), args.resilience.standby.as_deref());
    let named = flags_of_policy
        .into_iter()
        .filter(|(key, _)| *key != STANDBY);
    flags.extend(named);
    if args.controlled_by != DEFAULT_CONTROLLER {
        flags.push(("controlled-by", args.controlled_by.clone()));
    }
    let resilience = &args.resilience;
    flags.extend(
        resilience
            .retries
            .iter()
            .map(|it| ("retries", it.to_string())),
    );
    let limit = resilience.retry_limit;
    flags.extend(limit.map(|limit| ("retry-limit", limit.to_string())));
    flags.extend(resilience.breaker_word().map(|mode| ("breaker", mode)));
    let mut line = format!("kubectl failover create {} --kind {kind}", word(apex(args)));
    for (flag, value) in flags {
        line += &format!(" --{flag} {}", word(&value));
    }
    if let Some(standby) = standby {
        line += &format!(" --{STANDBY}={standby}");
    }
    if args.allow_missing {
        line += " --allow-missing";
    }
    for (flag, is_set) in [
        ("resilient", resilience.resilient),
        ("overwrite", resilience.overwrite),
    ] {
        if is_set {
            line += &format!(" --{flag}");
        }
    }
    line
}

/// Returns the policy's annotations.
pub fn settings(args: &CreateArgs) -> PolicySettings {
    policy::of(&args.policy, args.resilience.standby())
}

fn apex(args: &CreateArgs) -> &str {
    args.service.as_deref().unwrap_or_default()
}

fn primary(args: &CreateArgs) -> &str {
    args.primary.as_deref().unwrap_or(apex(args))
}

pub fn backends(args: &CreateArgs) -> impl Iterator<Item = &str> {
    std::iter::once(primary(args)).chain(args.fallback.iter().map(String::as_str))
}

fn object_name(args: &CreateArgs) -> String {
    args.name
        .clone()
        .unwrap_or_else(|| format!("{}-failover", apex(args)))
}

fn check_names(args: &CreateArgs) -> Result<(), Problem> {
    let of_backends = |name: &&String| {
        let (namespace, service) = name.split_once('/').unwrap_or(("default", name));
        is_service_name(service) && is_object_name(namespace) && !namespace.contains('.')
    };
    let backends = || args.primary.iter().chain(&args.fallback);
    let bad = args.service.iter().find(|name| !is_service_name(name));
    if let Some(bad) = bad.or(backends().find(|name| !of_backends(name))) {
        return Err(Problem::usage(format!("invalid service name {bad:?}"))
            .next(
                "use at most 63 of a-z, 0-9 and -, with a letter first and no - at the end; leave \
                 out \"svc/\"",
            )
            .next("backends of a route may be in other namespaces: NAMESPACE/SERVICE"));
    }
    let name = object_name(args);
    if !is_object_name(&name) {
        return Err(Problem::usage(format!("invalid object name {name:?}"))
            .next("use at most 253 of a-z, 0-9, - and ., with a letter or digit at both ends"));
    }
    Ok(())
}

/// Checks the fallbacks. The apex may be a fallback only if another service is the primary.
fn check_fallbacks(args: &CreateArgs) -> Result<(), Problem> {
    let primary = primary(args);
    let mut seen = HashSet::new();
    for fallback in &args.fallback {
        if !seen.insert(fallback) {
            let problem = Problem::usage(format!("fallback {fallback} is named twice"));
            return Err(problem.next("name each fallback once"));
        }
        if fallback == primary && args.primary.is_none() {
            return Err(Problem::usage(format!(
                "{fallback} is the service that clients call, so it is the primary and cannot be \
                 its own fallback"
            ))
            .next("name another service as the fallback, or as the --primary"));
        }
        if fallback == primary {
            return Err(Problem::usage(format!(
                "{fallback} is the primary and cannot be its own fallback"
            ))
            .next("name another service as the fallback"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    #[test]
    fn the_command_for_another_kind_creates_the_same_group() {
        let same = [
            ["--primary", "web-east"],
            ["--fallback", "web"],
            ["--fallback", "web-north"],
            ["--name", "x"],
            ["--port", "80"],
            ["--min-ready", "2"],
            ["--policy", "ordered"],
            ["--controlled-by", "me"],
            ["--retries", "500,502-504"],
            ["--retry-limit", "2"],
            ["--breaker", "unified"],
        ];
        let typed = [
            ["create", "web"].as_slice(),
            same.as_flattened(),
            &["--allow-missing"],
        ]
        .concat();
        let matches = CreateArgs::augment_args(Command::new("create")).get_matches_from(&typed);
        let args = CreateArgs::from_arg_matches(&matches).unwrap();
        let rest = typed[2..].join(" ");
        assert_eq!(
            with_kind(&args, "httproute"),
            format!("kubectl failover create web --kind httproute {rest}")
        );
    }
}
