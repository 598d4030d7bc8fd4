//! The entries of `avoid` as `status` shows them.

use jiff::Timestamp;

use super::avoid::AvoidEntry;
use super::runner::Runner;
use super::situation::Situation;

/// An entry, and whether it has an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvoidStatus {
    /// The entry.
    pub entry: AvoidEntry,
    /// Whether it has an effect.
    pub effect: AvoidEffect,
}

/// Whether an entry has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AvoidEffect {
    /// The traffic keeps off its backends.
    InForce,
    /// No other backend can take the traffic, so its backends may have it.
    Resting,
    /// The group has none of its backends.
    NoBackend,
    /// It has expired, and should be removed.
    Expired,
}

impl AvoidStatus {
    /// Returns the status of each entry. `situation` is that of the group at `now`.
    pub(crate) fn of(entries: &[AvoidEntry], situation: &Situation, now: Timestamp) -> Vec<Self> {
        let status = |entry: &AvoidEntry| Self {
            effect: AvoidEffect::of(entry, situation, now),
            entry: entry.clone(),
        };
        entries.iter().map(status).collect()
    }

    /// Says who ordered it, when, until when and why, and whether it has an effect. `when` is added to
    /// who ordered it: `, 12m ago`. Such as `Evacuated: web-svc-east, by admin@vm, 12m ago (CHG-77)`.
    pub fn words(&self, runner: &Runner, when: &str) -> String {
        let entry = &self.entry;
        let until = entry.until.map(|until| format!(", until {until:.0}"));
        let ordered = format!(
            "Evacuated: {}, by {}{when}{}{}",
            entry.backends.join(", "),
            entry.author(),
            until.unwrap_or_default(),
            entry.purpose()
        );
        match self.effect {
            AvoidEffect::InForce => ordered,
            AvoidEffect::Resting => {
                format!("{ordered}, but no other backend can take the traffic")
            }
            AvoidEffect::NoBackend => format!("{ordered}, but the group has no such backend"),
            AvoidEffect::Expired => {
                let yet = match runner {
                    Runner::Unattended => "no watch is running to end it",
                    Runner::Upstream => "Linkerd's controller does not end it",
                    Runner::Watch(_) | Runner::Late(_) | Runner::Unknown => {
                        "it has not been ended yet"
                    }
                };
                format!("{ordered}, expired: {yet}")
            }
        }
    }

    /// Whether its backends are to be avoided, even if they may have traffic for now.
    pub fn stands(&self) -> bool {
        matches!(self.effect, AvoidEffect::InForce | AvoidEffect::Resting)
    }
}

impl AvoidStatus {
    /// Whether it stands, or has expired without being ended: the traffic may still be away.
    pub fn is_left(&self) -> bool {
        self.stands() || self.effect == AvoidEffect::Expired
    }
}

impl AvoidEffect {
    /// Returns its name in the output of `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InForce => "inForce",
            Self::Resting => "resting",
            Self::NoBackend => "noBackend",
            Self::Expired => "over",
        }
    }

    fn of(entry: &AvoidEntry, situation: &Situation, now: Timestamp) -> Self {
        let is_named = |index: usize| entry.names(situation.group.backend_name(index));
        let mut named = situation.backends.iter().filter(|it| is_named(it.index));
        match named.next() {
            _ if entry.is_over(now) => Self::Expired,
            None => Self::NoBackend,
            Some(backend) if backend.avoided => Self::InForce,
            Some(_) => Self::Resting,
        }
    }
}
