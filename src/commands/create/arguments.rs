//! What the arguments ask for, checked before anything is asked of a cluster.

use crate::cli::{CreateArgs, GlobalArgs};
use crate::error::Problem;
use crate::resource::NewGroup;
use crate::resource::names::{is_label_value, is_object_name, is_service_name};

/// # Errors
/// A usage error where the arguments ask for something that can't be a group.
pub fn check(flags: &GlobalArgs, args: &CreateArgs) -> Result<(), Problem> {
    if flags.all_namespaces {
        return Err(Problem::usage(
            "create makes one object in one namespace: --all-namespaces does not fit",
        )
        .next("name the namespace with -n"));
    }
    check_names(args)?;
    check_fallbacks(args)
}

/// The group that the arguments ask for.
pub fn group(args: &CreateArgs, namespace: &str) -> NewGroup {
    let primary = primary(args);
    let fallbacks = args.fallback.iter().map(String::as_str);
    NewGroup {
        namespace: namespace.to_owned(),
        name: object_name(args),
        apex: args.service.clone(),
        controlled_by: args.controlled_by.clone(),
        primary: primary.to_owned(),
        backends: std::iter::once(primary).chain(fallbacks).map(str::to_owned).collect(),
    }
}

fn primary(args: &CreateArgs) -> &str {
    args.primary.as_deref().unwrap_or(&args.service)
}

fn object_name(args: &CreateArgs) -> String {
    args.name.clone().unwrap_or_else(|| format!("{}-failover", args.service))
}

fn check_names(args: &CreateArgs) -> Result<(), Problem> {
    let services = std::iter::once(&args.service).chain(&args.primary).chain(&args.fallback);
    if let Some(bad) = services.into_iter().find(|name| !is_service_name(name)) {
        return Err(Problem::usage(format!("{bad:?} is no name of a service"))
            .next("it has at most 63 of a-z, 0-9 and -, starts with a letter and does not end with -")
            .next("backends are services of the same namespace, by their plain names"));
    }
    let name = object_name(args);
    if !is_object_name(&name) {
        return Err(Problem::usage(format!("{name:?} is no name of an object"))
            .next("it has at most 253 of a-z, 0-9, - and ., and a letter or digit at both ends"));
    }
    if !is_label_value(&args.controlled_by) {
        return Err(Problem::usage(format!("{:?} is no value of a label", args.controlled_by))
            .next("it has at most 63 letters, digits, -, _ and ., and a letter or digit at both ends"));
    }
    Ok(())
}

/// The apex itself may be a fallback where another service is the primary: the backends are then two services.
fn check_fallbacks(args: &CreateArgs) -> Result<(), Problem> {
    let primary = primary(args);
    for (index, fallback) in args.fallback.iter().enumerate() {
        if args.fallback.iter().take(index).any(|earlier| earlier == fallback) {
            return Err(Problem::usage(format!("{fallback} is given twice as a fallback"))
                .next("name each fallback once"));
        }
        if fallback == primary && args.primary.is_none() {
            return Err(Problem::usage(format!(
                "{fallback} is the service that clients call: it is the primary, and cannot be its own fallback"
            ))
            .next("name another service as the fallback, or as the --primary"));
        }
        if fallback == primary {
            return Err(Problem::usage(format!("{fallback} is the primary and cannot be its own fallback"))
                .next("name another service as the fallback"));
        }
    }
    Ok(())
}
