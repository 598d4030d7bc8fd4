//! What `status` says of the evacuations of a group's backends: who ordered them, why, since when and
//! until when.

use jiff::Timestamp;

use crate::model::{AvoidEffect, AvoidEntry, AvoidStatus, State, Status, WeightsOrigin};
use crate::text::clean;
use crate::view::age::age;

/// Whether nothing but evacuations keeps the traffic away from the primary.
pub fn is_at_rest(status: &Status) -> bool {
    let primary = status.primary.as_deref().unwrap_or_default();
    let entry = status.avoids(primary);
    status.state == State::Failover
        && entry.is_some_and(|entry| status.reason == entry.evacuates(primary))
}

/// Whether the last move is that of an evacuation that is said anyway.
pub fn is_last_move(status: &Status) -> bool {
    let WeightsOrigin::Moved(last) = &status.changed else {
        return false;
    };
    let mut entries = status.avoid.iter().map(|it| &it.entry);
    last.why == status.reason && entries.any(|entry| entry.by == last.by)
}

/// Whether the lines above the table name all of its evacuations.
pub fn is_in_banner(status: &Status) -> bool {
    let mut entries = status.avoid.iter().map(|it| &it.entry);
    entries.all(|entry: &AvoidEntry| entry.cluster.is_some())
}

/// Returns a sentence for each entry. `said` is what was said of the group before. With `now`, they
/// say how long ago it was made.
pub fn sentences(status: &Status, said: &str, now: Option<Timestamp>) -> String {
    let primary = status.primary.as_deref().unwrap_or_default();
    let when = |it: &AvoidStatus| {
        let ago = it.entry.at.zip(now);
        let ago = ago.map(|(at, now)| format!(" {} ago", age(at, now)));
        ago.unwrap_or_default()
    };
    let (away, others): (Vec<_>, Vec<_>) = status.avoid.iter().partition(|it| {
        is_at_rest(status) && it.effect == AvoidEffect::InForce && it.entry.names(primary)
    });
    let signed: Vec<String> = away.iter().map(|it| it.signed(&when(it), said)).collect();
    let active = status.active().join(", ");
    let away = (!signed.is_empty())
        .then(|| format!("Evacuated {}; traffic is on {active}", signed.join(" and ")));
    let others = others.iter().filter_map(|it| it.words(&when(it), said));
    let sentences = away.into_iter().chain(others);
    sentences
        .map(|words| format!("{}. ", clean(&capitalised(&words))))
        .collect()
}

/// Begins a sentence with a capital, unless a name begins it.
fn capitalised(words: &str) -> String {
    match words.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Avoid, Backend, Carrier, Group, GroupId, LastMove, Readiness, Runner, ServiceRef,
    };
    use crate::text::ConnectionFlags;
    use crate::view::status::notes::notes;
    use crate::view::status::table::{ClusterStatuses, TableStyle};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A group whose traffic is on web-west, 10 s after web was evacuated.
    fn status(until: Option<Timestamp>, cluster: Option<&str>) -> Status {
        let id = GroupId {
            namespace: "shop".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backends = [("web", 0), ("web-west", 1)];
        let backends = backends
            .map(|(name, weight)| Backend::new("shop", ServiceRef::new("shop", name), weight));
        let mut group = Group::ordinary(id, Carrier::Split, "web".into(), backends.into(), 0);
        let entry = AvoidEntry {
            backends: vec!["web".into()],
            cluster: cluster.map(str::to_owned),
            id: "CHG-77".into(),
            by: "admin@vm".into(),
            at: Some(at("2026-11-26T22:00:00Z")),
            until,
            reason: Some("maintenance".into()),
            elsewhere: false,
        };
        let last: LastMove = serde_json::from_value(serde_json::json!({
            "from": "web=1,web-west=0", "to": "web=0,web-west=1", "at": "2026-11-26T22:00:00Z",
            "by": "admin@vm", "why": entry.evacuates("web")
        }))
        .unwrap();
        group.avoid = Avoid {
            entries: vec![entry],
            broken: None,
        };
        let ready = Readiness::Known { ready: 1, total: 1 };
        let readiness = [ready.clone(), ready];
        let moved = WeightsOrigin::Moved(last);
        let now = at("2026-11-26T22:00:10Z");
        Status::of(&group, &readiness, moved, Runner::Unattended, now)
    }

    fn said(statuses: &[Status]) -> Vec<String> {
        let groups = ClusterStatuses {
            context: "east",
            connection: &ConnectionFlags::default(),
            statuses,
            selector: None,
            now: at("2026-11-26T22:00:10Z"),
        };
        let lines = notes(groups, TableStyle::default()).into_iter();
        lines.map(|line| line.text).collect()
    }

    #[test]
    fn a_group_at_rest_says_once_who_evacuated_it_and_where_its_traffic_is() {
        let lines = said(&[status(None, Some("east"))]);
        assert_eq!(
            lines,
            [
                "web: Evacuated by admin@vm 10s ago (CHG-77: maintenance); traffic is on web-west.",
                "  to stay covered: kubectl failover watch -n shop",
            ]
        );
        // Nothing above the table names the evacuation if its cluster is unknown.
        let lines = said(&[status(None, None)]);
        assert_eq!(lines[1], "  next: kubectl failover status -A", "{lines:?}");
    }

    #[test]
    fn an_evacuation_that_has_expired_is_said_once() {
        let lines = said(&[status(Some(at("2026-11-26T22:00:05Z")), Some("east"))]);
        let text = lines.join(" ");
        assert_eq!(text.matches("expired").count(), 1, "{text}");
        assert_eq!(text.matches("No watch is running").count(), 1, "{text}");
        let expired = "the evacuation of east (CHG-77: maintenance) by admin@vm expired at \
                       2026-11-26T22:00:05Z";
        assert!(text.contains(expired), "{text}");
        let command = "kubectl failover return east --id CHG-77";
        assert!(text.contains(command), "{text}");
    }

    #[test]
    fn of_several_groups_those_at_home_need_no_words() {
        let home = |name: &str| {
            let mut status = status(None, Some("east"));
            status.id.name = name.into();
            status.state = State::Primary;
            status.primary = Some("web-west".into());
            status
        };
        let ours = said(&[home("a")]);
        let one = "a: web was evacuated by admin@vm 10s ago (CHG-77: maintenance).";
        assert!(ours.iter().any(|line| line == one), "{ours:?}");
        let many = said(&[home("a"), home("b")]).join(" ");
        assert!(!many.contains("evacuated"), "{many}");
    }
}
