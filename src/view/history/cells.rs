//! The texts of one row of `history`.

use std::time::Duration;

use crate::model::GroupEvent;
use crate::model::event::carrying;
use crate::model::history::{EventSource, GroupSummary, HistoryRow, Lasted};

/// Returns the backends with traffic before and after an event; `-` if it moved nothing.
pub fn from_and_to(event: &GroupEvent, weights: bool) -> (String, String) {
    let show = |text: &Option<String>| match text {
        Some(text) if weights => text.clone(),
        Some(text) => carrying(text),
        None if event.kind.may_move() && event.moves() => "?".to_owned(),
        None => "-".to_owned(),
    };
    (show(&event.from), show(&event.to))
}

/// Returns how long the state lasted that an event began.
pub fn lasted(row: &HistoryRow) -> String {
    match row.lasted {
        Some(Lasted { time, goes_on }) => {
            let so_far = if goes_on { " so far" } else { "" };
            spell(time) + so_far
        }
        None => "-".to_owned(),
    }
}

pub fn by(event: &GroupEvent) -> &str {
    if event.by.is_empty() { "-" } else { &event.by }
}

pub fn why(event: &GroupEvent) -> String {
    if event.unverified {
        format!("{} (unverified)", event.why)
    } else {
        event.why.clone()
    }
}

pub fn sources(row: &HistoryRow) -> Vec<&'static str> {
    let name = |source: &EventSource| match source {
        EventSource::LastMove => "last-move",
        EventSource::Event => "event",
        EventSource::Journal => "journal",
        EventSource::Order => "annotation",
        EventSource::UpstreamEvent => "upstream-event",
        EventSource::ManagedFields => "managed-fields",
        EventSource::Readiness => "readiness",
        EventSource::Gap => "gap",
    };
    row.sources.iter().map(name).collect()
}

/// Says how long a group was away from its primary and out of service; none if it never was. An
/// outage may have begun before it was reported.
pub fn summary(summary: &GroupSummary) -> Option<String> {
    let part =
        |words: &str, time: Duration| (!time.is_zero()).then(|| format!("{words} {}", spell(time)));
    let parts = [
        part("on the fallback for", summary.away),
        part("unavailable for at least", summary.out),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{}: {}", summary.group, parts.join(", ")))
}

/// Spells a duration to the second, such as `10m12s`; below a second in milliseconds.
pub fn spell(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{}ms", time.as_millis());
    }
    let seconds = time.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let spelled = parts.iter().filter(|(count, _)| *count > 0);
    spelled
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spelled_to_the_second() {
        let spelled = |millis| spell(Duration::from_millis(millis));
        assert_eq!(spelled(40), "40ms");
        assert_eq!(spelled(4_200), "4s");
        assert_eq!(spelled(612_000), "10m12s");
        assert_eq!(spelled(7_200_000), "2h");
        assert_eq!(spelled(90_061_000), "1d1h1m1s");
    }
}
