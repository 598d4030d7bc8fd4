//! The evacuations that stand, above the table of `status`: who, why, since when and until when, and
//! the groups that they have missed.

use jiff::Timestamp;

use crate::model::evacuations::{MissedGroup, StandingEvacuation};
use crate::model::fold::name_some;
use crate::model::overrides::author;
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
    let command = |name: &str| {
        let (cluster, id) = (word(it.cluster), word(&it.entry.id));
        format!("kubectl failover {name} {cluster} --id {id} {flags}")
    };
    let place = only.map_or_else(String::new, |context| format!(" in context {context}"));
    let way = match it.last_return {
        Some(_) => "to go on",
        None => "to end it",
    };
    let mut lines = vec![
        headline(it, now),
        format!("  {way}{place}: {}", command("return")),
    ];
    lines.extend(missed(it, only));
    if it.missed.iter().any(|group| !group.is_left) {
        lines.push(format!("  to evacuate the rest: {}", command("evacuate")));
    }
    let lines = lines.into_iter();
    lines
        .map(|line| shorten(&clean(line.trim_end()), MAX_LINE_CHARS))
        .collect()
}

/// Says who evacuated the cluster, or who has begun to return from it, and how many groups avoid it.
fn headline(it: &StandingEvacuation, now: Timestamp) -> String {
    let StandingEvacuation { cluster, entry, .. } = it;
    let (by, purpose) = (entry.author(), entry.purpose());
    if let Some(until) = entry.until.filter(|_| it.has_expired) {
        let groups = match it.groups {
            1 => "1 group has not been brought back".to_owned(),
            count => format!("{count} groups have not been brought back"),
        };
        return format!(
            "Evacuation of {cluster}{purpose} by {by} expired at {until:.0}: {groups}."
        );
    }
    if let Some(last) = it.last_return {
        let (by, ago) = (author(&last.by), age(last.at, now));
        let groups = avoiding(it, "still ");
        return format!("{cluster} is being returned{purpose}, last by {by} {ago} ago: {groups}.");
    }
    let ago = entry.at.map(|at| format!(", {} ago", age(at, now)));
    let until = entry.until.map(|until| format!(", until {until:.0}"));
    let [ago, until] = [ago, until].map(Option::unwrap_or_default);
    let groups = avoiding(it, "");
    format!("{cluster} is evacuated{purpose} by {by}{ago}{until}: {groups}.")
}

/// Counts the groups that avoid the cluster, and those that cannot.
fn avoiding(it: &StandingEvacuation, still: &str) -> String {
    let groups = match it.groups {
        1 => format!("1 group {still}avoids it"),
        count => format!("{count} groups {still}avoid it"),
    };
    let where_it_rests = match it.resting {
        0 => return groups,
        1 if it.groups == 1 => String::new(),
        count => format!("in {count} "),
    };
    format!("{groups}, but {where_it_rests}the order rests: no other backend can take the traffic")
}

/// Names the groups that the evacuation has missed, those that are newer first.
fn missed(it: &StandingEvacuation, only: Option<&str>) -> Vec<String> {
    let (newer, older): (Vec<_>, Vec<_>) = it.missed.iter().partition(|it| it.is_newer);
    let line = |what: &str, groups: &[&MissedGroup]| {
        let names = groups.iter().map(|group| match only {
            None => format!("{} {}", group.context, group.id),
            Some(_) => group.id.to_string(),
        });
        let names = name_some(names);
        (!groups.is_empty()).then(|| format!("  {what}: {names}"))
    };
    let lines = [
        line("created after that and not evacuated", &newer),
        line("not evacuated", &older),
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AvoidEntry, LastReturn};

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
            last_return: None,
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

    #[test]
    fn a_return_that_is_under_way_names_the_command_that_goes_on() {
        let now: Timestamp = "2026-11-26T22:00:08Z".parse().unwrap();
        let entry = AvoidEntry {
            id: "W2".into(),
            by: "admin@vm".into(),
            ..AvoidEntry::default()
        };
        let last = LastReturn {
            id: "W2".into(),
            by: "bob@laptop".into(),
            at: "2026-11-26T22:00:00Z".parse().unwrap(),
        };
        let evacuation = StandingEvacuation {
            cluster: "east",
            entry: &entry,
            groups: 1,
            resting: 0,
            has_expired: false,
            last_return: Some(&last),
            missed: Vec::new(),
        };
        assert_eq!(
            lines(&evacuation, "--all-contexts", None, now),
            [
                "east is being returned (W2), last by bob@laptop 8s ago: 1 group still avoids it.",
                "  to go on: kubectl failover return east --id W2 --all-contexts",
            ]
        );
    }
}
