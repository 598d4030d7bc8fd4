//! How `watch` ends: the exit code, or the problem, of a controller's outcome.

use std::time::Duration;

use super::limits::ShutdownReason;
use crate::model::GroupId;
use crate::model::traffic_findings::{are, count};
use crate::problem::{Exit, Problem};
use crate::text::clean;
use crate::watch::WatchOutcome;

/// How many groups a problem names.
const MAX_REPORTED_GROUPS: usize = 5;
const MAX_UNREAD_GROUPS: usize = 20;

/// # Errors
/// If the controller did not do what was requested.
pub fn exit_of(
    outcome: WatchOutcome,
    reason: ShutdownReason,
    timeout: Duration,
) -> Result<Exit, Problem> {
    Err(match outcome {
        WatchOutcome::Stopped { unsettled } if reason == ShutdownReason::TimedOut => {
            timed_out(&unsettled, timeout)
        }
        WatchOutcome::Done { unread, .. } if !unread.is_empty() => unreadable(&unread),
        WatchOutcome::Done {
            refused: 0,
            invalid,
            ..
        } if !invalid.is_empty() => invalid_groups(&invalid),
        WatchOutcome::Stopped { .. } | WatchOutcome::Done { refused: 0, .. } => {
            return Ok(Exit::Done);
        }
        WatchOutcome::RunByUpstream { groups } => run_by_upstream(&groups),
        WatchOutcome::HeldByAnother { what, holder } => Problem::not_met(format!(
            "another watch ({}) is already running {}",
            clean(&holder),
            clean(&what)
        ))
        .next("stop that watch, or leave the groups to it"),
        WatchOutcome::Done { refused, .. } => {
            let groups = count(refused, "group");
            Problem::new(format!("{groups} could not be moved: see above"))
        }
    })
}

fn timed_out(unsettled: &[(GroupId, &'static str)], timeout: Duration) -> Problem {
    let problem = Problem::not_met(format!(
        "timed out after {} s: some groups are not up to date yet",
        timeout.as_secs_f64()
    ));
    if unsettled.is_empty() {
        return problem.next("timed out reading groups or Leases");
    }
    let lines = unsettled
        .iter()
        .map(|(group, why)| format!("{}: {why}", clean(&group.to_string())));
    with_lines(problem, lines, MAX_REPORTED_GROUPS)
}

fn invalid_groups(invalid: &[(GroupId, String)]) -> Problem {
    let problem = Problem::new(format!(
        "{} invalid, so nothing moves their traffic",
        are(invalid.len(), "group")
    ));
    with_lines(problem, reasons(invalid), MAX_UNREAD_GROUPS)
}

fn reasons(groups: &[(GroupId, String)]) -> impl ExactSizeIterator<Item = String> {
    groups
        .iter()
        .map(|(group, why)| format!("{}: {}", clean(&group.to_string()), clean(why)))
}

fn unreadable(unread: &[(GroupId, String)]) -> Problem {
    let problem = Problem::new(format!(
        "can't tell whether {} up to date: their backends could not be read",
        are(unread.len(), "group")
    ));
    with_lines(problem, reasons(unread), MAX_UNREAD_GROUPS)
}

fn with_lines(
    problem: Problem,
    lines: impl ExactSizeIterator<Item = String>,
    max: usize,
) -> Problem {
    let more = lines.len().saturating_sub(max);
    let more = (more > 0).then(|| format!("and {more} more"));
    problem.next_all(lines.take(max)).next_all(more)
}

fn run_by_upstream(groups: &[GroupId]) -> Problem {
    let names = groups.iter().take(MAX_REPORTED_GROUPS);
    let names: Vec<String> = names.map(|group| clean(&group.to_string())).collect();
    let more = match groups.len().saturating_sub(MAX_REPORTED_GROUPS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Problem::refused(format!(
        "Linkerd's failover controller manages {}{more}: two controllers would undo each other's \
         moves",
        names.join(", ")
    ))
    .next(
        "let one of them manage the groups: choose others with -l, or narrow the controller's \
           selector",
    )
    .next("to share the groups on which both reach the same decision: --alongside-upstream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_fails_beside_invalid_groups() {
        let done = |invalid| WatchOutcome::Done {
            refused: 0,
            invalid,
            unread: Vec::new(),
        };
        let exit = |invalid| exit_of(done(invalid), ShutdownReason::Asked, Duration::ZERO);
        assert_eq!(exit(Vec::new()), Ok(Exit::Done));
        let group = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let problem = exit(vec![(group, "no backends".into())]).unwrap_err();
        assert_eq!(problem.exit, Exit::Failed);
        assert!(problem.next[0].ends_with(": no backends"), "{problem:?}");
    }
}
