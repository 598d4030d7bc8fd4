//! What `status` says of the evacuations of a group's backends: who ordered them, why, since when and
//! until when.

use jiff::Timestamp;

use crate::model::{AvoidEffect, AvoidEntry, AvoidStatus, State, Status, WeightsOrigin};
use crate::text::clean;
use crate::view::age::age;

/// Whether nothing but evacuations keeps the traffic away from the primary.
pub fn is_at_rest(status: &Status) -> bool {
    let primary = status.primary.as_deref().unwrap_or_default();
    let entry = status.avoids_primary();
    status.state == State::Failover
        && entry.is_some_and(|entry| status.reason == entry.evacuates(primary))
}

/// Whether nothing is to be said of it but that backends are evacuated, which the lines above the
/// table say.
pub fn is_only_evacuated(status: &Status) -> bool {
    is_at_rest(status)
        && is_in_banner(status)
        && status.order.is_none()
        && status.warnings.is_empty()
}

/// Whether the last move is that of an evacuation.
pub fn is_last_move(status: &Status) -> bool {
    let WeightsOrigin::Moved(last) = &status.changed else {
        return false;
    };
    let primary = status.primary.as_deref().unwrap_or_default();
    last.why
        .starts_with(&AvoidEntry::default().evacuates(primary))
}

/// Whether the lines above the table say all that is to be said of its evacuations.
pub fn is_in_banner(status: &Status) -> bool {
    let mut entries = status.avoid.iter();
    entries.all(|it| {
        let is_told = matches!(it.effect, AvoidEffect::InForce | AvoidEffect::Expired);
        is_told && it.entry.cluster.is_some()
    })
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
        Avoid, Backend, Carrier, Group, GroupId, LastMove, OverrideStatus, Readiness, Runner,
        ServiceRef,
    };
    use crate::text::ConnectionFlags;
    use crate::view::status::list::item;
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
    fn the_next_step_does_not_end_an_evacuation() {
        let next = |status: &Status| {
            let item = item(status, &ConnectionFlags::default());
            let item = serde_json::to_value(item).unwrap();
            item["next"].as_str().map(str::to_owned)
        };
        let mut status = status(None, Some("east"));
        let watch = "kubectl failover watch -n shop";
        assert_eq!(next(&status).as_deref(), Some(watch));
        status.flags.unattended = false;
        assert_eq!(next(&status), None);
    }

    #[test]
    fn a_force_to_an_evacuated_backend_says_that_it_rests() {
        let mut status = status(None, Some("east"));
        let text = r#"{"to": "web", "home": "web-west", "by": "bob@laptop"}"#;
        status.order = Some(OverrideStatus::InForce(serde_json::from_str(text).unwrap()));
        let text = said(&[status]).join(" ");
        let words = "Forced to web by bob@laptop, but web is evacuated.";
        assert!(text.contains(words), "{text}");
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
    fn a_group_at_home_needs_no_words_if_its_fallback_is_evacuated() {
        let home = |cluster| {
            let mut status = status(None, cluster);
            status.state = State::Primary;
            status.primary = Some("web-west".into());
            said(&[status]).join(" ")
        };
        let named = home(Some("east"));
        assert!(!named.contains("evacuated"), "{named}");
        // Nothing above the table names it.
        let unnamed = home(None);
        let words = "web: web was evacuated by admin@vm 10s ago (CHG-77: maintenance).";
        assert!(unnamed.contains(words), "{unnamed}");
    }
}
