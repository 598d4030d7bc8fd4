//! The lines below a table of groups: what is wrong, since when, and the command to type next.

use std::collections::BTreeMap;

use super::cause::Cause;
use super::note_line::{Note, NoteLine};
use super::table::{ClusterStatuses, TableStyle, worst_first};
use super::{exposed, late_watch, many_groups};
use crate::model::ailment::MAX_EXPLAINED_SERVICES;
use crate::model::fold::{MAX_SINGLE_GROUPS, fold};
use crate::model::{GroupId, State, Status};
use crate::view::command_for_all::Others;

/// How many groups of each state have a note.
const MAX_NOTES_PER_STATE: usize = 10;
/// Above this number, groups are counted by state.
const MAX_UNCOUNTED_GROUPS: usize = 20;

/// Returns one or two lines for each group that is not at home, up to a limit for each state, the
/// worst state first; for many groups with one cause and one next step, lines for all of them, unless
/// the table is wide. Adjacent groups with the same next step share one line for it. Groups that are
/// at home but have no net share a line for each cause.
pub fn notes(groups: ClusterStatuses, style: TableStyle) -> Vec<NoteLine> {
    let name = |status: &Status| {
        if style.namespaces {
            status.id.to_string()
        } else {
            status.id.short_name()
        }
    };
    let sorted = worst_first(groups.statuses);
    let ids: Vec<&GroupId> = sorted.iter().map(|status| &status.id).collect();
    let others = Others {
        ids: &ids,
        are_all: style.are_all,
        selector: groups.selector,
    };
    let causes = sorted.iter().filter_map(|status| Cause::of(status, groups));
    let batches = fold(
        causes,
        |cause| (!style.wide).then(|| cause.key()),
        |_| MAX_SINGLE_GROUPS,
    );
    let mut shown: BTreeMap<usize, usize> = BTreeMap::new();
    let mut left_out: BTreeMap<usize, usize> = BTreeMap::new();
    let mut notes = Vec::new();
    for batch in batches {
        let Some(first) = batch.first() else {
            continue;
        };
        let rank = first.status.state.urgency_rank();
        let count = shown.entry(rank).or_default();
        *count += 1;
        if *count > MAX_NOTES_PER_STATE && !style.wide {
            *left_out.entry(rank).or_default() += batch.len();
        } else if batch.len() > 1 {
            notes.push(many_groups::note(&batch, others));
        } else {
            notes.push(first.note(&name(first.status), groups));
        }
    }
    notes.extend(exposed::notes(
        &sorted,
        groups.connection,
        style,
        others,
        name,
    ));
    let mut lines = late_watch::notes(&sorted, groups.now, style.namespaces);
    let mut notes = notes.into_iter().peekable();
    while let Some(Note { lines: said, next }) = notes.next() {
        lines.extend(said);
        let following = notes.peek().map_or(&[][..], |note| &note.next);
        let last = next.iter().filter(|step| !following.contains(step));
        lines.extend(last.map(NoteLine::command));
    }
    lines.extend(unexplained(&sorted));
    for (rank, count) in left_out {
        if let Some(state) = State::BY_URGENCY.get(rank) {
            let text = format!("{count} more are {state} (-o wide lists them all).");
            lines.push(NoteLine::plain(text));
        }
    }
    lines
}

/// Says that the pods of some groups were not read, since there are too many of them.
fn unexplained(statuses: &[Status]) -> Option<NoteLine> {
    let is_explained = |status: &&Status| status.backends.iter().any(|it| it.ailment.is_some());
    let unavailable = statuses.iter();
    let unavailable = unavailable.filter(|status| status.state == State::Unavailable);
    let services = unavailable.clone().map(|status| status.backends.len());
    let (explained, others): (Vec<_>, Vec<_>) = unavailable.partition(is_explained);
    let is_limited = services.sum::<usize>() > MAX_EXPLAINED_SERVICES && !explained.is_empty();
    (is_limited && !others.is_empty()).then(|| {
        NoteLine::plain(format!(
            "Why pods are not ready is looked up for {MAX_EXPLAINED_SERVICES} Services only; status \
             NAME shows it for the other {} Unavailable groups.",
            others.len()
        ))
    })
}

/// Counts the groups by state, if there are many.
pub fn summary(statuses: &[Status]) -> Option<NoteLine> {
    let count = statuses.len();
    (count > MAX_UNCOUNTED_GROUPS)
        .then(|| NoteLine::plain(format!("{count} groups: {}", counts_by_state(statuses))))
}

/// Such as `590 Failover, 10 Primary`.
pub fn counts_by_state(statuses: &[Status]) -> String {
    let count = |state: &State| {
        statuses
            .iter()
            .filter(|status| status.state == *state)
            .count()
    };
    let counts = State::BY_URGENCY.map(|state| (state, count(&state)));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(state, count)| format!("{count} {state}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Ailment, BackendStatus, Invalid, Kubectl, Readiness, Runner, WeightsOrigin,
    };

    #[test]
    fn groups_whose_pods_were_not_read_are_counted() {
        let group = |number: usize| {
            let id = GroupId {
                namespace: "shop".to_owned(),
                kind: "trafficsplit",
                name: format!("g{number}"),
            };
            let origin = WeightsOrigin::Created(None);
            let invalid = Invalid::new("no backend has a ready endpoint", "");
            let mut status =
                Status::invalid(id, "web".to_owned(), invalid, origin, Runner::Unattended);
            status.state = State::Unavailable;
            status.backends = vec![BackendStatus {
                name: "web".to_owned(),
                weight: 1,
                weight_on_object: 1,
                readiness: Readiness::Known { ready: 0, total: 0 },
                since: None,
                ailment: (number < MAX_EXPLAINED_SERVICES).then(|| Ailment {
                    words: None,
                    look: Kubectl::describe("deployment", "web"),
                }),
            }];
            status
        };
        let statuses: Vec<Status> = (0..8).map(group).collect();
        let line = unexplained(&statuses)
            .map(|line| line.text)
            .unwrap_or_default();
        assert!(line.ends_with("the other 3 Unavailable groups."), "{line}");
        assert!(unexplained(&statuses[..5]).is_none());
    }
}
