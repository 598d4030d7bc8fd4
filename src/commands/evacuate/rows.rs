//! The rows of the report: what is planned for each group, and what came of it.

use crate::changes::order::{ChangeOutcome, ChangePlan, ChangeResult};
use crate::changes::plan::PlannedChange;
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::changes::report::ReportedResult;
use crate::model::evacuation::{GroupEvacuation, TrafficEffect};
use crate::model::{Group, State};
use crate::view::evacuation::{EvacuationRow, PlannedEffect};

/// What is ordered for all groups.
#[derive(Debug, Clone, Copy)]
pub struct OrderedEvacuation<'a> {
    pub cluster: &'a str,
    pub id: &'a str,
    /// It ends.
    pub returns: bool,
}

/// Returns the row of a plan. `there` are the indexes of the group's backends in the cluster.
pub fn planned(
    context: &str,
    order: OrderedEvacuation,
    planned: &PlannedChange,
    there: &[usize],
) -> EvacuationRow {
    let seen = &planned.seen;
    let group = seen.group.as_ref().ok();
    let evacuation = group.map(|group| GroupEvacuation {
        group,
        readiness: &seen.readiness,
        there,
        cluster: order.cluster,
        id: order.id,
        now: seen.now,
    });
    let before = group.map(Group::weights).unwrap_or_default();
    let after = match &planned.plan {
        Ok(ChangePlan::Change(write)) => write.change.moves_to.as_deref(),
        _ => None,
    };
    let carrying =
        |weights: &[u64]| names(group, |index| weights.get(index).is_some_and(|it| *it > 0));
    let reported = ReportedResult::of(&result(&planned.plan));
    let mut row = EvacuationRow {
        context: context.to_owned(),
        id: planned.record.id(),
        backends: names(group, |index| there.contains(&index)),
        from: carrying(&before),
        to: carrying(after.unwrap_or(&before)),
        is_forced_there: false,
        is_forced_by_others: false,
        kept_by: Vec::new(),
        stays_away: false,
        is_back: false,
        plan: PlannedEffect::Quiet,
        result: reported.result,
        message: reported.message,
        allow: reported.allow,
        next: reported.next,
        state: None,
    };
    let moves = row.from != row.to;
    let evacuation = evacuation.as_ref();
    let misses_primary =
        || evacuation.is_some_and(|it| it.misses_primary(after.unwrap_or(&before)));
    let is_only_way = || evacuation.is_some_and(GroupEvacuation::is_only_way);
    let effect = TrafficEffect::of(&before, after, there);
    row.plan = match (&planned.plan, effect) {
        (Err(_) | Ok(ChangePlan::Left(_)), TrafficEffect::Quiet) => PlannedEffect::LeftElsewhere,
        (Err(_) | Ok(ChangePlan::Left(_)), _) => PlannedEffect::LeftThere,
        (Ok(ChangePlan::Unchanged(_)), _) if order.returns => PlannedEffect::Done,
        (Ok(_), _) if order.returns && moves && misses_primary() => PlannedEffect::MovesElsewhere,
        (Ok(_), _) if order.returns && moves => PlannedEffect::Moves,
        (Ok(_), _) if order.returns => PlannedEffect::Quiet,
        (Ok(_), TrafficEffect::Stays) => PlannedEffect::Stays,
        (Ok(_), TrafficEffect::Quiet) if moves => PlannedEffect::MovesElsewhere,
        (Ok(_), TrafficEffect::Quiet) if is_only_way() => PlannedEffect::Rests,
        (Ok(ChangePlan::Unchanged(_)), _) => PlannedEffect::Done,
        (Ok(_), TrafficEffect::Moves) => PlannedEffect::Moves,
        (Ok(_), TrafficEffect::Quiet) => PlannedEffect::Quiet,
    };
    if let Some(evacuation) = evacuation {
        add_circumstances(&mut row, evacuation, seen, order.returns);
    }
    row
}

/// Adds what keeps the traffic where it is, and whether somebody forced it there.
fn add_circumstances(
    row: &mut EvacuationRow,
    evacuation: &GroupEvacuation,
    seen: &Preflight,
    returns: bool,
) {
    let GroupEvacuation { group, there, .. } = *evacuation;
    let force = seen.standing().filter(|it| row.backends.contains(&it.to));
    row.is_forced_there = force.is_some();
    row.is_forced_by_others = force.is_some_and(|order| order.by != seen.by);
    if returns && row.plan == PlannedEffect::Quiet {
        let others = evacuation.others().into_iter();
        row.kept_by = others.map(str::to_owned).collect();
        row.stays_away = row.kept_by.is_empty() && evacuation.misses_primary(&group.weights());
    }
    if row.plan.has_no_way() {
        row.message = evacuation.why_it_stays();
        let others = seen.readiness.iter().enumerate();
        let others = others.filter(|(index, _)| !there.contains(index));
        let unknown = others.filter_map(|(_, readiness)| readiness.why_unknown());
        let next = unknown.filter_map(|why| seen.how_to_know(why));
        row.next.extend(next);
        row.next.dedup();
    }
}

/// What a plan would come to.
fn result(plan: &Result<ChangePlan, Refusal>) -> ChangeResult {
    match plan {
        Ok(ChangePlan::Unchanged(words)) => ChangeResult::Unchanged(words.clone()),
        Ok(ChangePlan::Change(write)) => ChangeResult::WouldChange(write.words.clone()),
        Ok(ChangePlan::Left(why)) => ChangeResult::Left(why.clone()),
        Err(refusal) => ChangeResult::Refused(refusal.clone()),
    }
}

fn names(group: Option<&Group>, is_meant: impl Fn(usize) -> bool) -> Vec<String> {
    let backends = group.into_iter().flat_map(|group| &group.backends);
    let backends = backends.enumerate().filter(|(index, _)| is_meant(*index));
    backends.map(|(_, backend)| backend.name.clone()).collect()
}

/// Puts the outcome of a group into its row.
pub fn complete(row: &mut EvacuationRow, outcome: &ChangeOutcome, returns: bool) {
    let reported = ReportedResult::of(&outcome.result);
    row.result = reported.result;
    row.allow = reported.allow;
    let is_planned = row.is_as_ordered() || row.result == "wouldChange";
    if !row.plan.has_no_way() || !is_planned {
        row.message = reported.message;
        row.next = reported.next;
    }
    match &outcome.now {
        Some(Ok(now)) => {
            row.state = Some(now.state);
            if now.state != State::Invalid {
                row.to = now.active().into_iter().map(str::to_owned).collect();
                let is_there = row.to.iter().any(|backend| row.backends.contains(backend));
                let is_expected = returns || !row.is_as_ordered() || row.plan.has_no_way();
                row.is_back = is_there && !is_expected;
            }
            if row.is_back {
                row.message = format!("traffic is on {}: {}", row.to.join(", "), now.reason);
            }
        }
        Some(Err(problem)) => {
            row.message += &format!("; the group could not be read back: {}", problem.message);
            row.next.extend(problem.next.iter().cloned());
        }
        None => {}
    }
}

/// Marks a group that was not reached before the stop.
pub fn not_reached(row: &mut EvacuationRow) {
    row.result = "notReached";
    row.message = "not reached".to_owned();
}
