//! `set`: changes the policy or the primary of groups. It moves no traffic itself.

use std::collections::BTreeMap;

use super::args::policy;
use crate::access::rights::RbacCommand;
use crate::changes::order;
use crate::changes::order::{ChangePlan, Order, Preflight, Refusal};
use crate::cli::{Danger, GlobalArgs, SetArgs};
use crate::model::{Group, Invalid, Timers, Weights, decide};
use crate::problem::{Exit, Problem};
use crate::resource::annotations::{OVERRIDE, PRIMARY_SERVICE};
use crate::resource::{Change, NewGroup, Record, patch, patched};
use crate::text::command_on;

pub async fn run(flags: &GlobalArgs, args: &SetArgs) -> anyhow::Result<Exit> {
    let set = SetOrder {
        annotations: annotations(args)?,
        primary: args.primary.clone(),
        allow: args.allow.clone(),
    };
    // A loop that runs moves traffic to another primary at once.
    let asks = args.primary.is_some() || args.groups.all || args.groups.selector.is_some();
    let cluster = super::connect(RbacCommand::Set, flags, &args.change.remotes).await?;
    order::run(&cluster, flags, &args.groups, &args.change, asks, &set).await
}

/// The annotations of the policy that are to change; no value: take it away.
fn annotations(args: &SetArgs) -> Result<BTreeMap<&'static str, Option<String>>, Problem> {
    let settings = policy::of(&args.policy);
    policy::check(&settings, None)?;
    let mut annotations: BTreeMap<&'static str, Option<String>> = settings
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    for key in policy::KEYS
        .iter()
        .filter(|key| args.unset.iter().any(|unset| unset == *key))
    {
        if annotations.insert(key, None).is_some() {
            return Err(
                Problem::usage(format!("--{key} and --unset {key} contradict each other"))
                    .next("give one of the two"),
            );
        }
    }
    if annotations.is_empty() && args.primary.is_none() {
        return Err(Problem::usage("set what?")
            .next("for example: kubectl failover set NAME --min-ready 2, or --unset min-ready"));
    }
    Ok(annotations)
}

struct SetOrder {
    annotations: BTreeMap<&'static str, Option<String>>,
    primary: Option<String>,
    allow: Vec<Danger>,
}

impl Order for SetOrder {
    fn name(&self) -> &'static str {
        "set"
    }

    fn needs_objects(&self) -> bool {
        true
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let (record, object) =
            seen.object
                .as_ref()
                .ok_or_else(unread)?
                .as_ref()
                .map_err(|cause| Refusal {
                    reason: format!("its object cannot be read: {cause}"),
                    next: "try again when it can be".to_owned(),
                    ..unread()
                })?;
        let mut annotations = self.changes(record);
        if annotations.is_empty() {
            return Ok(ChangePlan::Unchanged("it is so already".to_owned()));
        }
        let mut lines: Vec<String> = annotations
            .iter()
            .map(|(key, value)| line(record, key, value))
            .collect();
        if annotations.contains_key(PRIMARY_SERVICE)
            && record.meta.annotations.get(OVERRIDE).is_some()
        {
            if record
                .group
                .as_ref()
                .is_ok_and(|group| group.broken_override().is_none())
            {
                return Err(overridden(record, seen));
            }
            // Another primary must not bring it back to life.
            annotations.insert(OVERRIDE, None);
            lines.push("the broken override is taken away".to_owned());
        }
        let change = Change::builder()
            .annotate(annotations)
            .build()
            .map_err(|_| Refusal::unwritable())?;
        let after = patched(object, &patch(record, &change)).ok_or_else(unread)?;
        let after = serde_json::value::to_raw_value(&after).and_then(|raw| record.kind.read(&raw));
        let group = after.map_err(|_| unread())?.group.map_err(invalid)?;
        seen.refuse_owner(&self.allow)?;
        let words = format!(
            "{}{}",
            lines.join(", "),
            what_next(&group, seen).unwrap_or_default()
        );
        Ok(ChangePlan::Change {
            change: Box::new(change),
            words,
        })
    }
}

impl SetOrder {
    /// The annotations that differ from those on the object.
    fn changes(&self, record: &Record) -> BTreeMap<&'static str, Option<String>> {
        let named = |typed: &String| NewGroup::backend_name(&record.meta.namespace, typed);
        let primary = self
            .primary
            .as_ref()
            .map(|typed| (PRIMARY_SERVICE, Some(named(typed))));
        let asked = self.annotations.clone().into_iter().chain(primary);
        asked
            .filter(|(key, value)| record.meta.annotations.get(key) != value.as_deref())
            .collect()
    }
}

/// Where a loop without a running delay would move the traffic.
fn what_next(group: &Group, seen: &Preflight) -> Option<String> {
    let known = seen.group.as_ref().ok()?;
    let services = |group: &Group| {
        group
            .backends
            .iter()
            .map(|it| it.service.clone())
            .collect::<Vec<_>>()
    };
    // Of a route, another primary may bring other rules with other backends in.
    if services(known) != services(group) {
        return None;
    }
    match decide(group, &seen.readiness, &Timers::none(), seen.now).weights {
        Weights::Hold => None,
        Weights::Set(weights) => Some(format!(
            "; a watch would now set {}",
            group.write_weights(&weights)
        )),
    }
}

/// `min-ready: (not set) -> 2`.
fn line(record: &Record, key: &str, value: &Option<String>) -> String {
    const NONE: &str = "(not set)";
    let is = record.meta.annotations.get(key).unwrap_or(NONE);
    format!("{key}: {is} -> {}", value.as_deref().unwrap_or(NONE))
}

fn invalid(Invalid { reason, mend, .. }: Invalid) -> Refusal {
    Refusal {
        may_pass: false,
        danger: None,
        reason: format!("with that it would be no valid group: {reason}"),
        next: format!("to mend that, {mend}"),
    }
}

fn overridden(record: &Record, seen: &Preflight) -> Refusal {
    Refusal {
        may_pass: false,
        danger: None,
        reason: "an override stands, which has a primary of its own".to_owned(),
        next: format!(
            "end it first: {}",
            command_on("failback", &record.id(), &seen.place)
        ),
    }
}

fn unread() -> Refusal {
    Refusal {
        may_pass: false,
        danger: None,
        reason: "its object cannot be read".to_owned(),
        next: "try again: it may have been deleted".to_owned(),
    }
}
