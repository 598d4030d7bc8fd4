//! A move of traffic by `watch`, and how long it took.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::event::{EventKind, GroupEvent};
use super::ids::GroupId;

/// A move of one group's traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The group.
    pub group: GroupId,
    /// The group's apex.
    pub apex: String,
    /// The API server's time.
    pub at: Timestamp,
    /// Names and weights of the backends before.
    pub from: Vec<(String, u64)>,
    /// Names and weights of the backends after.
    pub to: Vec<(String, u64)>,
    /// The reason, as a clause.
    pub why: String,
    /// It was unknown whether the new backends were ready.
    pub unverified: bool,
    /// The time from the event that caused it to the response to the write.
    pub took: Duration,
    /// What the primary had been like until the response to the write; none if the move neither
    /// leaves the primary nor returns to it.
    pub after: Option<After>,
}

/// How long the primary had been short, or enough again, before traffic moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// It was short, so traffic left it.
    pub is_down: bool,
    /// How long, as far as the watch knows.
    pub lasted: Duration,
    /// The watch saw it begin. Otherwise it lasted at least that long.
    pub saw_begin: bool,
    /// `failover-delay` or `failback-delay`.
    pub delay: Duration,
}

/// A shorter time before a move is only mentioned if a delay is configured.
const NOTABLE_WAIT: Duration = Duration::from_secs(1);

impl Transition {
    /// Says how long it took, such as `, after 8.0 s down (failover-delay 8s), written in 6 ms`.
    pub fn timing(&self) -> String {
        let after = self.after.map_or(String::new(), After::words);
        let took = self.took.as_secs_f64() * 1e3;
        format!("{after}, written in {took:.0} ms")
    }

    /// Returns a reason without what [`Self::timing`] adds.
    pub fn without_timing(why: &str) -> &str {
        match why.rsplit_once(", written in ") {
            Some((why, _)) => why.rsplit_once(", after ").map_or(why, |(why, _)| why),
            None => why,
        }
    }

    /// Returns the event that a `watch` with this signature has moved the traffic.
    pub fn event(&self, by: String) -> GroupEvent {
        let weights = |weights: &[(String, u64)]| {
            let pairs = weights.iter();
            let pairs = pairs.map(|(name, weight)| format!("{name}={weight}"));
            Some(pairs.collect::<Vec<_>>().join(","))
        };
        GroupEvent {
            kind: EventKind::Moved,
            group: self.group.clone(),
            apex: Some(self.apex.clone()),
            at: self.at,
            from: weights(&self.from),
            to: weights(&self.to),
            by,
            why: self.why.clone(),
            unverified: self.unverified,
            took: Some(self.took),
        }
    }

    /// Returns the names of the backends that carry traffic after the move.
    pub fn active(&self) -> String {
        carrying(&self.to)
    }

    /// Returns the names of the backends that carried traffic before it.
    pub fn was_active(&self) -> String {
        carrying(&self.from)
    }
}

impl After {
    fn words(self) -> String {
        let (state, name) = if self.is_down {
            ("down", "failover-delay")
        } else {
            ("ready", "failback-delay")
        };
        if self.delay.is_zero() && self.lasted < NOTABLE_WAIT {
            return String::new();
        }
        let delay = if self.delay.is_zero() {
            String::new()
        } else {
            let delay = SignedDuration::try_from(self.delay).unwrap_or(SignedDuration::MAX);
            format!(" ({name} {delay:#})")
        };
        let at_least = if self.saw_begin { "" } else { "at least " };
        let lasted = self.lasted.as_secs_f64();
        format!(", after {at_least}{lasted:.1} s {state}{delay}")
    }
}

fn carrying(weights: &[(String, u64)]) -> String {
    let names: Vec<&str> = weights
        .iter()
        .filter(|(_, weight)| *weight > 0)
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_says_how_long_it_waited_and_how_long_the_write_took() {
        let words = |is_down, lasted, delay| {
            let [lasted, delay] = [lasted, delay].map(Duration::from_millis);
            let after = After {
                is_down,
                lasted,
                saw_begin: true,
                delay,
            };
            let late = After {
                saw_begin: false,
                ..after
            };
            let words = after.words();
            let at_least = words.replace(", after ", ", after at least ");
            assert_eq!(late.words(), at_least);
            words
        };
        assert_eq!(
            words(true, 8_004, 8_000),
            ", after 8.0 s down (failover-delay 8s)"
        );
        assert_eq!(
            words(false, 90_100, 90_000),
            ", after 90.1 s ready (failback-delay 1m 30s)"
        );
        assert_eq!(words(true, 12_000, 0), ", after 12.0 s down");
        assert_eq!(words(true, 20, 0), "");
    }
}
