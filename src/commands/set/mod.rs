//! `set`: changes the policy or the primary of groups, and what Linkerd's proxies do by themselves. It
//! moves no traffic.

pub mod backends;

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::to_raw_value;

use backends::{AddedServices, BackendsPlan};

use super::args::selection::Selected;
use super::args::targets::{check_named, select};
use super::args::{policy, resilience};
use super::env::CommandEnv;
use crate::changes::apex_service::line;
use crate::changes::order::{ChangePlan, Order, OrderSpec};
use crate::changes::preflight::{Preflight, PreflightReads};
use crate::changes::refusal::Refusal;
use crate::cli::{Danger, SetArgs};
use crate::cluster::queries::upstream;
use crate::model::{Group, Invalid, State, Status, Timers, Weights, decide};
use crate::problem::{Exit, Problem};
use crate::resource::annotations::{
    CONTROLLED_BY, OVERRIDE, POLICY_KEYS, PRIMARY_SERVICE, STANDBY, WEIGHTS,
};
use crate::resource::upstream::{REMOVES_STANDBYS, Upstream};
use crate::resource::{BackendListChange, Change, NewGroup, Record, patch, patched};
use crate::text::ConnectionFlags;
use crate::view::command_line::command_on;

/// Annotations by key; none as the value removes the annotation.
type AnnotationValues = BTreeMap<&'static str, Option<String>>;

pub async fn run(env: &CommandEnv, args: &SetArgs) -> anyhow::Result<Exit> {
    let annotations = annotations(args)?;
    check_named(env, &args.groups, "set")?;
    let cluster = env.connect(&args.change.remotes).await?;
    let Selected {
        records, rivals, ..
    } = select(env, &cluster, &args.groups).await?;
    let order = SetOrder {
        upstream: if annotations.contains_key(STANDBY) {
            upstream::find(&cluster).await.unwrap_or_default()
        } else {
            Vec::new()
        },
        added: backends::read(&cluster, args, &records).await,
        annotations,
        args,
    };
    for warning in order.added.evacuated(&cluster, args, &records, &rivals) {
        env.streams.say(&format!("warning: {warning}"));
    }
    let execution = env.execution(&cluster, &order, &args.change);
    execution.run(records, Vec::new()).await
}

/// Returns the annotations of the policy to change.
fn annotations(args: &SetArgs) -> Result<AnnotationValues, Problem> {
    resilience::check_standby(&args.resilience)?;
    backends::check(args)?;
    let settings = policy::of(&args.policy, args.resilience.standby());
    policy::check(&settings, None)?;
    let mut annotations: AnnotationValues = settings
        .into_iter()
        .map(|(key, value)| (key, Some(value)))
        .collect();
    let unset = |key: &&str| args.unset.iter().any(|unset| unset == key);
    for key in POLICY_KEYS.into_iter().filter(unset) {
        if annotations.insert(key, None).is_some() {
            return Err(
                Problem::usage(format!("--{key} and --unset {key} contradict each other"))
                    .next("pass one of the two"),
            );
        }
    }
    let is_for_linkerd = args.resilience.may_change_anything();
    let changes_backends = !args.add_fallback.is_empty() || !args.remove_fallback.is_empty();
    let is_nothing = annotations.is_empty() && args.primary.is_none() && !is_for_linkerd;
    if is_nothing && !changes_backends {
        return Err(Problem::usage(
            "nothing to change; pass at least one setting, such as --min-ready 2",
        )
        .next("for example: kubectl failover set NAME --min-ready 2, or --unset min-ready"));
    }
    Ok(annotations)
}

struct SetOrder<'a> {
    annotations: AnnotationValues,
    args: &'a SetArgs,
    /// The Services of the fallbacks to add.
    added: AddedServices,
    /// Linkerd's own controllers; empty if no backend is to stand by.
    upstream: Vec<Upstream>,
}

impl Order for SetOrder<'_> {
    fn spec(&self) -> OrderSpec {
        let SetArgs {
            groups,
            primary,
            resilience,
            remove_fallback,
            ..
        } = self.args;
        OrderSpec {
            // A running watch moves traffic to another primary at once. The Service may serve more
            // than the group.
            asks: primary.is_some()
                || groups.may_be_many()
                || resilience.may_change_service()
                || !remove_fallback.is_empty(),
            reads: PreflightReads {
                objects: true,
                services: resilience.may_change_service(),
                conflicts: resilience.may_change_anything(),
            },
            ..OrderSpec::new("set")
        }
    }

    /// The readiness of an added fallback is known only afterwards.
    fn after(&self, status: &Status, _reach: &ConnectionFlags) -> Vec<String> {
        let SetArgs {
            add_fallback,
            remove_fallback,
            ..
        } = self.args;
        let changes_backends = !add_fallback.is_empty() || !remove_fallback.is_empty();
        let is_due = changes_backends && status.state == State::OutOfSync;
        let line = is_due.then(|| format!("a watch will change the weights: {}", status.reason));
        Vec::from_iter(line)
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let object = seen.object.as_ref().ok_or_else(unreadable)?;
        let (record, object) = object.as_ref().map_err(|cause| {
            Refusal::new(
                format!("the object cannot be read: {cause}"),
                "try again later",
            )
        })?;
        let mut annotations = self.changes(record);
        let SetArgs {
            resilience, allow, ..
        } = self.args;
        let linkerds = resilience::plan(resilience, record, seen, allow)?;
        let mut lines: Vec<String> = annotations
            .iter()
            .map(|(key, value)| line(key, record.meta.annotations.get(key), value.as_deref()))
            .collect();
        lines.extend(linkerds.lines);
        let has_override = record.meta.annotations.get(OVERRIDE).is_some();
        if has_override && annotations.contains_key(PRIMARY_SERVICE) {
            let is_standing = |group: &Group| group.broken_override().is_none();
            if record.group.as_ref().is_ok_and(is_standing) {
                return Err(overridden(record, seen));
            }
            // Otherwise the stale override could come into force, if it names the new primary.
            annotations.insert(OVERRIDE, None);
            lines.push("removed the stale override".to_owned());
        }
        let backends = backends::plan(self.args, &self.added, record, object, seen)?;
        if let Some(BackendsPlan {
            shares: Some(shares),
            ..
        }) = &backends
        {
            annotations.entry(WEIGHTS).or_insert_with(|| shares.clone());
        }
        lines.extend(backends.iter().flat_map(|plan| plan.lines.clone()));
        let mut change = Change::builder()
            .annotate(annotations)
            .annotate_for_linkerd(linkerds.retries)
            .build()
            .map_err(|_| unreadable())?;
        change.backends = backends
            .as_ref()
            .map_or_else(BackendListChange::default, |plan| plan.change.clone());
        let group = group_after(record, object, &change)?;
        if group.policy.standby && self.upstream.iter().any(|it| it.manages(record)) {
            let next = format!("give the group a label {CONTROLLED_BY} that it does not select");
            return Err(Refusal::new(REMOVES_STANDBYS, next));
        }
        match backends {
            Some(plan) => {
                lines.extend(plan.notes.iter().cloned());
                add_weights(record, object, &mut change, plan, seen)?;
            }
            None => {
                change.weights = standbys(record, &group, seen);
                let weights = change.weights.as_ref();
                lines.extend(weights.map(|weights| line_of_weights(record, &group, weights)));
            }
        }
        if lines.is_empty() {
            let words = [vec!["already set".to_owned()], linkerds.notes].concat();
            return Ok(ChangePlan::Unchanged(words.join("; ")));
        }
        let group = group_after(record, object, &change)?;
        self.refuse_to_strand(record, &group, seen)?;
        seen.refuse_owner(&self.args.allow)?;
        let mut words = lines.join(", ");
        words.extend(linkerds.notes.iter().map(|note| format!("; {note}")));
        words.extend(next_move(&group, seen));
        let mut plan = ChangePlan::build(Ok(change), words)?;
        if let ChangePlan::Change(write) = &mut plan {
            write.breaker = linkerds.breaker;
        }
        Ok(plan)
    }
}

/// Returns the group as it is after the change.
fn group_after(record: &Record, object: &Value, change: &Change) -> Result<Group, Refusal> {
    let after = record_after(record, object, change)?;
    after.group.map_err(|invalid| would_be_invalid(&invalid))
}

fn record_after(record: &Record, object: &Value, change: &Change) -> Result<Record, Refusal> {
    let after = patched(object, &patch(record, change));
    let after = after.and_then(|after| to_raw_value(&after).ok());
    let after = after.and_then(|raw| record.kind.read(&raw).ok());
    after.ok_or_else(unreadable)
}

fn would_be_invalid(invalid: &Invalid) -> Refusal {
    Refusal::new(
        format!("that would make the group invalid: {}", invalid.reason),
        format!("to fix that, {}", invalid.mend),
    )
}

/// Returns the weights with which the same traffic goes to the same backends, and all that should
/// stand by does. None if the object has them.
fn standbys(record: &Record, after: &Group, seen: &Preflight) -> Option<Vec<u64>> {
    let before = record.group.as_ref().ok();
    if let Some(before) = before.filter(|before| before.has_standby() && !after.policy.standby) {
        return Some(before.without_standbys());
    }
    let has_readiness = before.is_some_and(|it| it.backend_names() == after.backend_names());
    let readiness = if has_readiness {
        seen.readiness.as_slice()
    } else {
        &[]
    };
    after
        .at(seen.now, readiness)
        .to_write(&Weights::Hold, readiness)
}

/// Adds other backends to a change, with the weights of standbys, and keeps the note of the last
/// move fitting.
fn add_weights(
    record: &Record,
    object: &Value,
    change: &mut Change,
    plan: BackendsPlan,
    seen: &Preflight,
) -> Result<(), Refusal> {
    let before = seen.valid()?;
    let after = record_after(record, object, change)?;
    let group = after.group.as_ref().map_err(would_be_invalid)?;
    let weights = if before.has_standby() && !group.policy.standby {
        Some(group.without_standbys())
    } else {
        group
            .at(seen.now, &plan.readiness)
            .to_write(&Weights::Hold, &plan.readiness)
    };
    if let Some(weights) = weights {
        change.backends.set_weights(&after, &weights);
    }
    if let Some(last_move) = plan.last_move(before, group, seen) {
        change.note_move(&last_move).map_err(|_| unreadable())?;
    }
    Ok(())
}

fn line_of_weights(record: &Record, after: &Group, weights: &[u64]) -> String {
    let before = record.group.as_ref().unwrap_or(after);
    let is = before.write_weights(&before.weights_on_object());
    format!("weights: {is} -> {}", after.write_weights(weights))
}

impl SetOrder<'_> {
    /// Refuses to take the standbys' weights while Linkerd's proxies send all of the traffic there.
    fn refuse_to_strand(
        &self,
        record: &Record,
        after: &Group,
        seen: &Preflight,
    ) -> Result<(), Refusal> {
        let before = record.group.as_ref().ok();
        let Some(before) = before.filter(|group| group.has_standby() && !after.policy.standby)
        else {
            return Ok(());
        };
        let backends = || before.backends.iter().zip(&seen.readiness);
        let mut carrying = backends().filter(|(backend, _)| backend.weight > 0);
        let mut standbys = backends().filter(|(backend, _)| backend.is_standby());
        let standby = standbys.find(|(_, readiness)| readiness.is_ready());
        let (true, Some((standby, _))) =
            (carrying.all(|(_, readiness)| readiness.is_dead()), standby)
        else {
            return Ok(());
        };
        let name = &standby.name;
        let force = command_on("force", &before.id, &format!("--to {name} {}", seen.place));
        let reason = format!(
            "all that carries traffic is down, and Linkerd's proxies send the requests to {name}, \
             which stands by: without standby they fail"
        );
        Refusal::new(reason, format!("move the traffic there first: {force}"))
            .unless_allowed(Danger::Unready, &self.args.allow)
    }

    /// The annotations that differ from those on the object.
    fn changes(&self, record: &Record) -> AnnotationValues {
        let named = |typed: &String| NewGroup::backend_name(&record.meta.namespace, typed);
        let primary = self.args.primary.as_ref();
        let primary = primary.map(|typed| (PRIMARY_SERVICE, Some(named(typed))));
        let asked = self.annotations.clone().into_iter().chain(primary);
        asked
            .filter(|(key, value)| record.meta.annotations.get(key) != value.as_deref())
            .collect()
    }
}

/// The weights that a watch will set, if no delay is running.
fn next_move(group: &Group, seen: &Preflight) -> Option<String> {
    // With another primary, the group may consist of other rules of a route, with other backends.
    if seen.group.as_ref().ok()?.backend_names() != group.backend_names() {
        return None;
    }
    let decision = decide(group, &seen.readiness, &Timers::none(), seen.now);
    let weights = group.write_weights(&decision.written?);
    Some(format!("; a watch will set the weights {weights}"))
}

/// `min-ready: (not set) -> 2`.
fn overridden(record: &Record, seen: &Preflight) -> Refusal {
    let failback = command_on("failback", &record.id(), &seen.place);
    Refusal::new(
        "the group is forced, and the override names the primary",
        format!("end it first: {failback}"),
    )
}

fn unreadable() -> Refusal {
    Refusal::new(
        "the object cannot be read",
        "try again: it may have been deleted",
    )
}
