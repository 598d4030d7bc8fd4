//! What `evacuate` and `return` do to one group.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::changes::order::{ChangePlan, Order, OrderSpec, expiry};
use crate::changes::precondition::{paused, target};
use crate::changes::preflight::{Preflight, PreflightReads};
use crate::changes::refusal::Refusal;
use crate::cli::Danger;
use crate::commands::args::members::ContextMembers;
use crate::model::limits::MAX_AVOID_ENTRIES;
use crate::model::{AvoidEntry, Backend, Group, Readiness, Timers, avoidance};
use crate::resource::Change;
use crate::view::command_line::{command_on, return_command};

/// What `evacuate` reads.
pub const EVACUATE_READS: PreflightReads = PreflightReads {
    conflicts: true,
    objects: false,
    services: false,
};

/// Has the groups of one context avoid their backends in a cluster.
pub struct EvacuateOrder<'a> {
    pub cluster: &'a str,
    pub id: &'a str,
    pub reason: Option<&'a String>,
    pub duration: Option<Duration>,
    /// When it expires, if no duration is given.
    pub until: Option<Timestamp>,
    pub allow: &'a [Danger],
    pub members: &'a ContextMembers,
}

impl Order for EvacuateOrder<'_> {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: true,
            reads: EVACUATE_READS,
            ..OrderSpec::new("evacuate")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let found = self.members.backends_in(group, self.cluster);
        let unknown = found.unknown.iter();
        let mut unplaced = unknown.filter_map(|it| self.unplaced(group.backends.get(*it)?, seen));
        if let Some(refusal) = unplaced.next() {
            return Err(refusal);
        }
        if found.whole.is_empty()
            && let Some(part) = found.part.first().and_then(|it| group.backends.get(*it))
        {
            return Err(self.federated(part));
        }
        let names = found.whole.iter().map(|index| group.backend_name(*index));
        let mut known = group.avoid.entries.iter();
        let known = known.find(|known| known.id == self.id && !known.is_over(seen.now));
        let entry = AvoidEntry {
            backends: names.map(str::to_owned).collect(),
            elsewhere: false,
            cluster: Some(self.cluster.to_owned()),
            id: self.id.to_owned(),
            by: known.map_or(&seen.by, |known| &known.by).clone(),
            at: known.and_then(|known| known.at).or(Some(seen.now)),
            until: expiry(seen.started, self.duration).or(self.until),
            reason: self.reason.cloned(),
        };
        let backends = entry.backends.join(", ");
        let already = || Ok(ChangePlan::Unchanged(format!("already avoids {backends}")));
        let allowed = self.refuse_others(group, seen, &found.whole);
        let allowed = allowed.and_then(|()| refuse_paused(group, seen, self.allow));
        if let Err(refusal) = allowed {
            // Who forced or paused it after the evacuation has not brought traffic back.
            let is_there = found.whole.iter().any(|index| group.carries(*index));
            if !is_there && avoidance::has_entry(group, &entry, seen.now) {
                return already();
            }
            return Err(refusal);
        }
        if let Some(refusal) = self.leaves_none(group, seen, &entry) {
            return Err(refusal);
        }
        let plan = avoidance::evacuate(group, &entry, &seen.readiness, seen.now);
        // If no other backend can take the traffic, an evacuation does not bring it there.
        let plan = plan.and_then(|plan| match plan.moves_into_avoided(group) {
            true => plan.without_move(group),
            false => Some(plan),
        });
        let Some(plan) = plan else {
            return already();
        };
        let entries = plan.decision.notes.avoid.iter();
        if entries.map(|change| change.entries.len()).sum::<usize>() > MAX_AVOID_ENTRIES {
            return Err(Refusal::new(
                format!("it has {MAX_AVOID_ENTRIES} evacuations already"),
                "return from one of them first",
            ));
        }
        seen.refuse_conflicts(self.allow)?;
        let change = Change::avoiding(group, &plan, &seen.by, seen.now);
        ChangePlan::build(change, format!("avoids {backends}"))
    }
}

impl EvacuateOrder<'_> {
    /// Refuses if the Services that tell where a backend is could not be read.
    fn unplaced(&self, backend: &Backend, seen: &Preflight) -> Option<Refusal> {
        let namespace = &backend.service.namespace;
        let error = self.members.residences.error(namespace)?;
        Some(Refusal::new(
            format!(
                "can't tell which cluster {} is in: {}",
                backend.name, error.cause
            ),
            format!(
                "to see what is missing: kubectl failover check {}",
                seen.place
            ),
        ))
    }

    fn federated(&self, backend: &Backend) -> Refusal {
        let Self { cluster, .. } = self;
        Refusal::new(
            format!(
                "{} is a federated service with pods in {cluster} and elsewhere, and Linkerd \
                 chooses among them",
                backend.name
            ),
            format!("in {cluster}, remove the label mirror.linkerd.io/federated from its service"),
        )
    }

    /// Refuses if other evacuations avoid all other backends: where all are avoided, the traffic
    /// goes by policy, perhaps into the cluster that was evacuated first.
    fn leaves_none(&self, group: &Group, seen: &Preflight, entry: &AvoidEntry) -> Option<Refusal> {
        if avoidance::has_entry(group, entry, seen.now) {
            return None;
        }
        let keeper = |name: &&str| {
            let mut entries = group.avoid.entries.iter();
            entries.find(|it| it.id != self.id && !it.is_over(seen.now) && it.names(name))
        };
        let mut rest = group.backend_names();
        rest.retain(|name| !entry.names(name));
        let keepers: Option<Vec<&AvoidEntry>> = rest.iter().map(keeper).collect();
        let first = *keepers?.first()?;
        Some(Refusal::new(
            format!(
                "all its other backends are evacuated: {} ({})",
                rest.join(", "),
                first.id
            ),
            format!(
                "to end that evacuation: {}",
                return_command(first, &seen.reach)
            ),
        ))
    }

    /// Refuses to undo what someone else has forced.
    fn refuse_others(
        &self,
        group: &Group,
        seen: &Preflight,
        there: &[usize],
    ) -> Result<(), Refusal> {
        let Some(order) = seen.standing().filter(|order| order.by != seen.by) else {
            return Ok(());
        };
        if !there
            .iter()
            .any(|index| group.backend_name(*index) == order.to)
        {
            return Ok(());
        }
        let next = command_on("failback", &group.id, &seen.place);
        Refusal::new(
            format!("forced to {}", target(order)),
            format!("to end the force: {next}"),
        )
        .unless_allowed(Danger::Others, self.allow)
    }
}

/// Ends the evacuation with an identifier, where the backends are ready.
pub struct ReturnOrder<'a> {
    pub id: &'a str,
    pub allow: &'a [Danger],
    /// The command waits for backends to be ready.
    pub waits: bool,
    /// The wait has timed out.
    pub has_timed_out: &'a AtomicBool,
}

impl Order for ReturnOrder<'_> {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: true,
            timed_out: self.has_timed_out.load(Ordering::Relaxed),
            ..OrderSpec::new("return")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let group = seen.valid()?;
        let plan = avoidance::return_from(group, self.id, &seen.readiness, seen.now);
        let entries = group.avoid.entries.iter();
        let (Some(plan), Some(entry)) = (plan, entries.clone().find(|it| it.id == self.id)) else {
            let words = format!("is not evacuated by {}", self.id);
            return Ok(ChangePlan::Unchanged(words));
        };
        refuse_paused(group, seen, self.allow)?;
        seen.refuse_owner(self.allow)?;
        self.refuse_unready(group, seen, entry)?;
        let change = Change::avoiding(group, &plan, &seen.by, seen.now);
        let backends = entry.backends.join(", ");
        ChangePlan::build(change, format!("may use {backends} again"))
    }
}

impl ReturnOrder<'_> {
    fn how_to_wait(&self) -> &'static str {
        match (self.waits, self.has_timed_out.load(Ordering::Relaxed)) {
            (false, _) => "to wait for it, add --when-ready",
            (true, false) => "--when-ready waits for it",
            (true, true) => "timed out; to wait longer, raise --timeout or leave it out",
        }
    }

    /// Refuses while the primary, which the traffic is to return to, is not ready for it.
    fn refuse_unready(
        &self,
        group: &Group,
        seen: &Preflight,
        entry: &AvoidEntry,
    ) -> Result<(), Refusal> {
        let effective = group.at(seen.now, &seen.readiness);
        let primary = effective.primary;
        let name = group.backend_name(primary);
        let mut others = effective.avoid.entries.iter();
        let stays_away = others.any(|other| other.id != entry.id && other.names(name));
        if !entry.names(name) || stays_away || group.carries(primary) {
            return Ok(());
        }
        let Some(readiness) = seen.readiness.get(primary) else {
            return Ok(());
        };
        let threshold = effective.threshold(primary);
        let too_few = || effective.too_few_to_return(primary, readiness, &Timers::none());
        let (danger, reason) = match (readiness, readiness.meets(threshold), too_few()) {
            (_, Some(true), None) => return Ok(()),
            (_, Some(true), Some(too_few)) => (Danger::Short, too_few.words(name)),
            (Readiness::Missing, ..) => (Danger::Unready, format!("Service {name} does not exist")),
            (_, Some(false), _) => {
                let (ready, total) = readiness.counts().unwrap_or_default();
                let needed = threshold.needed(total);
                let reason =
                    format!("{name} has {ready} of {total} endpoints ready, {needed} needed");
                (Danger::Unready, reason)
            }
            (_, None, _) => {
                let why = readiness.why_unknown();
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                let reason = format!("the readiness of {name} is unknown{why}");
                (Danger::Unknown, reason)
            }
        };
        let how = readiness
            .why_unknown()
            .and_then(|why| seen.how_to_know(why));
        let refusal = Refusal {
            may_pass: how.is_none(),
            ..Refusal::new(reason, how.unwrap_or_else(|| self.how_to_wait().to_owned()))
        };
        refusal.unless_allowed(danger, self.allow)
    }
}

fn refuse_paused(group: &Group, seen: &Preflight, allow: &[Danger]) -> Result<(), Refusal> {
    let pause = group.paused.as_ref();
    let Some(pause) = pause.filter(|pause| !pause.is_over(seen.now)) else {
        return Ok(());
    };
    let resume = command_on("resume", &group.id, &seen.place);
    let reason = pause.reason.as_ref();
    let reason = reason.map_or_else(String::new, |it| format!(" ({it})"));
    let paused = format!("{}{reason}", paused(pause));
    Refusal::new(paused, format!("to end the pause: {resume}"))
        .unless_allowed(Danger::Paused, allow)
}
