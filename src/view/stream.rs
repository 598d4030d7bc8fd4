//! What a loop tells, as lines of text or of JSON.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;

use crate::model::{Notice, State, Transition};
use crate::text::{clean, clean_json};

/// The version of every JSON shape that the tool prints.
pub const API_VERSION: &str = "cli.failover.linkerd.io/v1";

/// How many are named where one line tells of many.
const EXAMPLES: usize = 3;

/// A transition in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    time: String,
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    apex: &'a str,
    from: Vec<Share<'a>>,
    to: Vec<Share<'a>>,
    why: &'a str,
    unverified: bool,
    dry_run: bool,
    took_ms: f64,
}

#[derive(Serialize)]
struct Share<'a> {
    backend: &'a str,
    weight: u64,
}

/// One line of JSON for what moved or would move; none for everything else.
///
/// # Errors
/// Where the line can't be serialised.
pub fn json_line(notice: &Notice, context: &str) -> serde_json::Result<Option<String>> {
    let (transition, dry_run) = match notice {
        Notice::Moved(transition) => (transition, false),
        Notice::WouldMove(transition) => (transition, true),
        _ => return Ok(None),
    };
    let line = TransitionLine {
        api_version: API_VERSION,
        kind: "Transition",
        time: format!("{:.3}", transition.at),
        context,
        namespace: &transition.group.namespace,
        object: transition.group.kind,
        name: &transition.group.name,
        apex: &transition.apex,
        from: shares(&transition.from),
        to: shares(&transition.to),
        why: &transition.why,
        unverified: transition.unverified,
        dry_run,
        took_ms: (transition.took.as_secs_f64() * 1e6).round() / 1e3,
    };
    serde_json::to_string(&line).map(|line| Some(clean_json(&line)))
}

fn shares(weights: &[(String, u64)]) -> Vec<Share<'_>> {
    weights
        .iter()
        .map(|(backend, weight)| Share {
            backend,
            weight: *weight,
        })
        .collect()
}

/// One line of text.
pub fn text_line(notice: &Notice) -> String {
    clean(&match notice {
        Notice::Started { groups: 0 } => "watching; there are no groups yet".to_owned(),
        Notice::Started { groups: 1 } => "watching 1 group".to_owned(),
        Notice::Started { groups } => format!("watching {groups} groups"),
        Notice::Moved(transition) => {
            let took = transition.took.as_secs_f64() * 1e3;
            format!("{}, in {took:.0} ms", moved(transition))
        }
        Notice::WouldMove(transition) => format!("{} (dry run)", moved(transition)),
        Notice::Ended { group, at, what } => {
            format!("{at:.0} {group}: the {what} is over, and has been ended")
        }
        Notice::Stuck { group, state, reason, .. } => {
            format!("{group}: {state}: {reason}; its traffic stays where it is")
        }
        Notice::Unstuck { group, was, state, reason } => {
            format!("{group} can be {} again: {state}: {reason}", freed(*was))
        }
        Notice::Gone { group } => format!("{group} is gone: deleted, or no longer labelled"),
        Notice::KindGone { crd } => format!(
            "{crd} is no longer served by the cluster: none of its objects is a group any more (is the \
             CustomResourceDefinition deleted?)"
        ),
        Notice::KindAgain { crd, groups: 1 } => format!("{crd} is served again, with 1 group so far"),
        Notice::KindAgain { crd, groups } => format!("{crd} is served again, with {groups} groups so far"),
        Notice::Many(notices) => crowd(notices),
        Notice::Invalid { group, reason, mend } => {
            format!("{group} is no valid group: {reason}; its traffic is left alone; to mend it, {mend}")
        }
        Notice::Warning { group, warning } => format!("{group}: warning: {warning}"),
        Notice::WriteFailed { group, error, next } => format!("{group} is not moved: {error}; {next}"),
        Notice::Contested { group, by, wait } => {
            let wait = spell(*wait);
            format!("{group} is contested: {by} has put its weights back; the answer comes in {wait}")
        }
        Notice::Braked { most, within, waiting } => {
            let (wait, within) = (if *waiting == 1 { "waits" } else { "wait" }, spell(*within));
            format!(
                "MORE MOVES ARE DUE THAN --max-moves ALLOWS: {waiting} {wait}, going on with at most {most} in \
                 {within}. Is it true that so much has changed? To stop: Ctrl-C"
            )
        }
        Notice::LeftToUpstream { group, why } => {
            format!("{group} is left to Linkerd's failover controller: {why}")
        }
        Notice::UpstreamUnseen => "it cannot be seen whether Linkerd's own failover controller runs here, which may \
                                   undo the moves: allow to list namespaces and deployments.apps in the whole cluster"
            .to_owned(),
        Notice::Slept => {
            "this machine has slept, or its clock was set: all is read again before anything moves".to_owned()
        }
        Notice::Standby { namespace, holder, late: true } => format!(
            "{namespace}: {holder} has not renewed its Lease in time; taking over in 15 s at most, unless it does"
        ),
        Notice::Standby { namespace, holder, late: false } => {
            format!("{namespace}: {holder} runs the groups; standing by, to take over when that ends")
        }
        Notice::LeaseFailing { namespace, why } => {
            format!("{namespace}: the Lease cannot be read or renewed: {why}; without it nothing is written")
        }
        Notice::LeaseAgain { namespace } => format!("{namespace}: the Lease is renewed again"),
        Notice::TookOver { namespace } => format!("{namespace}: taken over, this loop runs the groups now"),
        Notice::Unguarded { namespace, why } => format!(
            "{namespace}: no Lease ({why}); going on without one: run no second loop here, or allow get, create \
             and update of leases.coordination.k8s.io"
        ),
        Notice::ReadFailed { what, error } => format!("{what} cannot be read: {error}; trying again"),
        Notice::ReadAgain { what } => format!("{what} can be read again"),
    })
}

/// What can be done again with a group that was in this state.
fn freed(was: State) -> &'static str {
    if was == State::Unknown {
        "decided on"
    } else {
        "served"
    }
}

/// One line for the same of many.
fn crowd(notices: &[Notice]) -> String {
    let (count, such) = (notices.len(), examples(notices));
    match notices.first() {
        Some(Notice::Stuck { state, reason, .. }) => {
            format!("{count} groups are {state}{such}: {reason}; their traffic stays where it is")
        }
        Some(Notice::Unstuck { was, .. }) => {
            format!("{count} groups can be {} again{such}", freed(*was))
        }
        Some(Notice::Gone { .. }) => {
            format!("{count} groups are gone{such}: deleted, or no longer labelled")
        }
        Some(Notice::ReadFailed { error, .. }) => {
            format!("{} cannot be read: {error}; trying again", reads(notices))
        }
        Some(Notice::ReadAgain { .. }) => format!("{} can be read again", reads(notices)),
        Some(notice) => format!("{}, and {} more of the kind", text_line(notice), count - 1),
        None => String::new(),
    }
}

/// The first of what is read, and how much more there is.
fn reads(notices: &[Notice]) -> String {
    let what = |notice: &Notice| match notice {
        Notice::ReadFailed { what, .. } | Notice::ReadAgain { what } => Some(what.clone()),
        _ => None,
    };
    let first: Vec<String> = notices.iter().filter_map(what).take(EXAMPLES).collect();
    match notices.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// The first groups by name; what is said of the first one follows, so it comes first.
fn examples(notices: &[Notice]) -> String {
    let names: Vec<String> = notices
        .iter()
        .filter_map(Notice::group)
        .take(EXAMPLES)
        .map(ToString::to_string)
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", such as {}", names.join(", "))
    }
}

fn spell(duration: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX));
    format!("{whole:#}")
}

fn moved(transition: &Transition) -> String {
    let Transition {
        group,
        at,
        why,
        unverified,
        ..
    } = transition;
    let trial = if *unverified { " (unverified)" } else { "" };
    let (from, to) = (transition.was_active(), transition.active());
    format!("{at:.0} {group}: {from} -> {to}{trial}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;

    fn group(number: usize) -> GroupId {
        GroupId {
            namespace: "big".into(),
            kind: "trafficsplit",
            name: format!("g{number}"),
        }
    }

    fn unstuck(number: usize, was: State) -> Notice {
        let reason = format!("g{number} has no ready endpoints (0 of 1)");
        Notice::Unstuck {
            group: group(number),
            was,
            state: State::Failover,
            reason,
        }
    }

    #[test]
    fn a_group_on_its_fallback_is_not_said_to_be_served_where_only_what_is_known_is_back() {
        let reason = "Failover: g0 has no ready endpoints (0 of 1)";
        let line = text_line(&unstuck(0, State::Unknown));
        assert_eq!(line, format!("big/g0 can be decided on again: {reason}"));
        let line = text_line(&unstuck(0, State::Unavailable));
        assert_eq!(line, format!("big/g0 can be served again: {reason}"));
    }

    #[test]
    fn one_line_tells_of_reads_that_fail_together() {
        let failed = |number: usize| {
            let (what, error) = (
                format!("kind{number}"),
                format!("GET /kind{number}: connection refused"),
            );
            Notice::ReadFailed { what, error }
        };
        let line = text_line(&Notice::Many((0..6).map(failed).collect()));
        let expected = "kind0, kind1, kind2 and 3 more cannot be read: GET /kind0: connection refused; trying again";
        assert_eq!(line, expected);
        let again = |number: usize| Notice::ReadAgain {
            what: format!("kind{number}"),
        };
        let line = text_line(&Notice::Many((0..3).map(again).collect()));
        assert_eq!(line, "kind0, kind1, kind2 can be read again");
    }

    #[test]
    fn one_line_tells_of_many_groups() {
        let stuck = |number| Notice::Stuck {
            group: group(number),
            state: State::Unknown,
            reason: format!("g{number}: its EndpointSlices cannot be read: no answer"),
            cause: None,
        };
        let line = text_line(&Notice::Many((0..600).map(stuck).collect()));
        assert_eq!(
            line,
            "600 groups are Unknown, such as big/g0, big/g1, big/g2: g0: its EndpointSlices cannot be read: no \
             answer; their traffic stays where it is"
        );
        let free = (0..600)
            .map(|number| unstuck(number, State::Unknown))
            .collect();
        let line = text_line(&Notice::Many(free));
        assert_eq!(
            line,
            "600 groups can be decided on again, such as big/g0, big/g1, big/g2"
        );
        let line = text_line(&Notice::Many(
            (0..7)
                .map(|number| Notice::Gone {
                    group: group(number),
                })
                .collect(),
        ));
        assert_eq!(
            line,
            "7 groups are gone, such as big/g0, big/g1, big/g2: deleted, or no longer labelled"
        );
    }
}
