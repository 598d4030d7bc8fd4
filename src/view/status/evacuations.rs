//! The evacuations that stand, above the table of `status`: who, why, since when and until when, and
//! the groups that they have missed.

use jiff::Timestamp;

use crate::model::evacuations::{MissedGroup, StandingEvacuation};
use crate::model::fold::name_some;
use crate::text::{MAX_LINE_CHARS, clean, shorten, word};
use crate::view::age::age;

/// Returns the lines of an evacuation. `flags` are those by which a suggested command reaches the
/// same contexts, `only` is the context if there is only one.
pub fn lines(
    it: &StandingEvacuation,
    flags: &str,
    only: Option<&str>,
    now: Timestamp,
) -> Vec<String> {
    let end = match only {
        Some(context) => format!("to end it in context {context}"),
        None => "to end it".to_owned(),
    };
    let StandingEvacuation { cluster, entry, .. } = it;
    let ago = entry.at.map(|at| format!(", {} ago", age(at, now)));
    let until = entry.until.map(|until| format!(", until {until:.0}"));
    let [ago, until] = [ago, until].map(Option::unwrap_or_default);
    let (by, purpose) = (entry.author(), entry.purpose());
    let groups = match it.groups {
        1 => "1 group avoids it".to_owned(),
        count => format!("{count} groups avoid it"),
    };
    let rests = match it.resting {
        0 => "",
        1 if it.groups == 1 => ", but the order rests: no other backend can take the traffic",
        _ => ", but in %d the order rests: no other backend can take the traffic",
    };
    let groups = groups + &rests.replace("%d", &it.resting.to_string());
    let command = |name: &str| {
        let (cluster, id) = (word(cluster), word(&entry.id));
        format!("kubectl failover {name} {cluster} --id {id} {flags}")
    };
    if let Some(until) = entry.until.filter(|_| it.has_expired) {
        let groups = match it.groups {
            1 => "1 group has not been brought back".to_owned(),
            count => format!("{count} groups have not been brought back"),
        };
        return [
            format!("Evacuation of {cluster}{purpose} by {by} expired at {until:.0}: {groups}."),
            format!("  {end}: {}", command("return")),
        ]
        .map(|line| shorten(&clean(line.trim_end()), MAX_LINE_CHARS))
        .to_vec();
    }
    let mut lines = vec![
        format!("{cluster} is evacuated{purpose} by {by}{ago}{until}: {groups}."),
        format!("  {end}: {}", command("return")),
    ];
    let (newer, older): (Vec<_>, Vec<_>) = it.missed.iter().partition(|it| it.is_newer);
    let names = |groups: &[&MissedGroup]| {
        name_some(groups.iter().map(|group| match only {
            None => format!("{} {}", group.context, group.id),
            Some(_) => group.id.to_string(),
        }))
    };
    if !newer.is_empty() {
        lines.push(format!(
            "  created after that and not evacuated: {}",
            names(&newer)
        ));
    }
    if !older.is_empty() {
        lines.push(format!("  not evacuated: {}", names(&older)));
    }
    if it.missed.iter().any(|group| !group.is_left) {
        lines.push(format!("  to evacuate the rest: {}", command("evacuate")));
    }
    let lines = lines.into_iter();
    lines
        .map(|line| shorten(&clean(line.trim_end()), MAX_LINE_CHARS))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AvoidEntry;

    #[test]
    fn an_expired_evacuation_that_was_not_ended_is_named() {
        let now: Timestamp = "2026-11-26T22:00:00Z".parse().unwrap();
        let entry = AvoidEntry {
            id: "EXP".into(),
            by: "admin@vm".into(),
            until: Some(now),
            ..AvoidEntry::default()
        };
        let evacuation = StandingEvacuation {
            cluster: "east",
            entry: &entry,
            groups: 6,
            resting: 0,
            has_expired: true,
            missed: Vec::new(),
        };
        assert_eq!(
            lines(&evacuation, "--context west", Some("west"), now),
            [
                "Evacuation of east (EXP) by admin@vm expired at 2026-11-26T22:00:00Z: 6 groups have \
                 not been brought back.",
                "  to end it in context west: kubectl failover return east --id EXP --context west",
            ]
        );
    }
}
