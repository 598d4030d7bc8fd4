//! The evacuations that stand, above the table of `status`: who, why, since when and until when, and
//! the groups that they have missed.

use jiff::Timestamp;

use crate::model::evacuations::{MissedGroup, StandingEvacuation};
use crate::model::fold::name_some;
use crate::model::overrides::author;
use crate::text::{MAX_LINE_CHARS, clean, evacuation_command, shorten};
use crate::view::age::age;

/// Returns the lines of an evacuation. `flags` are those by which a suggested command reaches the
/// same contexts, `only` is the context if there is only one.
pub fn lines(
    it: &StandingEvacuation,
    flags: &str,
    only: Option<&str>,
    now: Timestamp,
) -> Vec<String> {
    let command = |name: &str| evacuation_command(name, it.cluster, &it.entry.id, flags);
    let place = only.map_or_else(String::new, |context| format!(" in context {context}"));
    let way = match it.last_return {
        Some(_) => "to go on",
        None => "to end it",
    };
    let mut lines = vec![
        headline(it, only, now),
        format!("  {way}{place}: {}", command("return")),
    ];
    lines.extend(missed(it, only));
    if it.missed.iter().any(|group| group.left.is_none()) {
        lines.push(format!("  to evacuate the rest: {}", command("evacuate")));
    }
    let lines = lines.into_iter();
    lines
        .map(|line| shorten(&clean(&line), MAX_LINE_CHARS))
        .collect()
}

/// Says who evacuated the cluster, or who has begun to return from it, and how many groups avoid it.
/// Other contexts than the only one that was read may have more of them.
fn headline(it: &StandingEvacuation, only: Option<&str>, now: Timestamp) -> String {
    let StandingEvacuation { cluster, entry, .. } = it;
    let (by, purpose) = (entry.author(), entry.purpose());
    let groups = if it.groups == 1 { "group" } else { "groups" };
    let place = only.map(|context| format!(" of context {context}"));
    let groups = format!("{} {groups}{}", it.groups, place.unwrap_or_default());
    if let Some(until) = entry.until.filter(|_| it.has_expired) {
        let have = if it.groups == 1 { "has" } else { "have" };
        return format!(
            "Evacuation of {cluster}{purpose} by {by} expired at {until:.0}: {groups} {have} not \
             been brought back."
        );
    }
    if let Some(last) = it.last_return {
        let (by, ago) = (author(&last.by), age(last.at, now));
        let groups = avoiding(it, &format!("{groups} still"));
        return format!("{cluster} is being returned{purpose}, last by {by} {ago} ago: {groups}.");
    }
    let ago = entry.at.map(|at| format!(", {} ago", age(at, now)));
    let until = entry.until.map(|until| format!(", until {until:.0}"));
    let [ago, until] = [ago, until].map(Option::unwrap_or_default);
    let groups = avoiding(it, &groups);
    format!("{cluster} is evacuated{purpose} by {by}{ago}{until}: {groups}.")
}

/// Says that so many groups avoid the cluster, and in how many of them the order rests.
fn avoiding(it: &StandingEvacuation, groups: &str) -> String {
    let avoid = if it.groups == 1 { "avoids" } else { "avoid" };
    let groups = format!("{groups} {avoid} it");
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
        let names = groups.iter().map(|group| {
            let name = match only {
                None => format!("{} {}", group.context, group.id),
                Some(_) => group.id.to_string(),
            };
            let why = group.left.map(|why| format!(" ({why})"));
            name + &why.unwrap_or_default()
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
    use crate::model::evacuations::LeftAlone;
    use crate::model::{AvoidEntry, GroupId, LastReturn};

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
                "Evacuation of east (EXP) by admin@vm expired at 2026-11-26T22:00:00Z: 6 groups of \
                 context west have not been brought back.",
                "  to end it in context west: kubectl failover return east --id EXP --context west",
            ]
        );
    }

    #[test]
    fn groups_that_were_missed_are_named_with_the_reason() {
        let entry = AvoidEntry {
            id: "W2".into(),
            by: "admin@vm".into(),
            ..AvoidEntry::default()
        };
        let text = r#"{"to": "web-east", "home": "web", "by": "bob@laptop"}"#;
        let force = serde_json::from_str(text).unwrap();
        let id = |name: &str| GroupId {
            namespace: "shop".into(),
            kind: "trafficsplit",
            name: name.into(),
        };
        let ids = ["new", "web", "mail"].map(id);
        let left = [
            None,
            Some(LeftAlone::Forced(&force)),
            Some(LeftAlone::Paused),
        ];
        let missed = ids.iter().zip(left).map(|(id, left)| MissedGroup {
            context: "west",
            id,
            is_newer: id.name == "new",
            left,
        });
        let evacuation = StandingEvacuation {
            cluster: "east",
            entry: &entry,
            groups: 1,
            resting: 0,
            has_expired: false,
            last_return: None,
            missed: missed.collect(),
        };
        let lines = lines(
            &evacuation,
            "--context west",
            Some("west"),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(
            lines,
            [
                "east is evacuated (W2) by admin@vm: 1 group of context west avoids it.",
                "  to end it in context west: kubectl failover return east --id W2 --context west",
                "  created after that and not evacuated: shop/new",
                "  not evacuated: shop/web (forced to web-east by bob@laptop), shop/mail (paused)",
                "  to evacuate the rest: kubectl failover evacuate east --id W2 --context west",
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
