//! The entries of `avoid` as `status` shows them.

use jiff::Timestamp;

use super::avoid::AvoidEntry;
use super::situation::Situation;

/// Why an entry rests, to be followed by what cannot be taken.
const RESTS: &str = "no other backend can take";

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

    /// Says who evacuated which backends, when, why and until when, and whether that has an effect.
    /// `when` is added to who did it: ` 12m ago`. `said` is what was said of the group before: that is
    /// not said again. Such as `web-svc-east was evacuated by admin@vm 12m ago (CHG-77)`.
    pub fn words(&self, when: &str, said: &str) -> Option<String> {
        let entry = &self.entry;
        if self.effect == AvoidEffect::Expired {
            let expired = entry.expired_words()?;
            return (!said.contains(&expired)).then_some(expired);
        }
        let were = if entry.backends.len() == 1 {
            "was"
        } else {
            "were"
        };
        let effect = match self.effect {
            AvoidEffect::Resting if !said.contains(RESTS) => {
                format!(", but {RESTS} the traffic")
            }
            AvoidEffect::NoBackend => ", but the group has no such backend".to_owned(),
            _ => String::new(),
        };
        let backends = entry.backends.join(", ");
        let signed = self.signed(when, said);
        Some(format!("{backends} {were} evacuated {signed}{effect}"))
    }

    /// Says who ordered it, when, why and until when: `by admin@vm 12m ago (CHG-77)`.
    pub fn signed(&self, when: &str, said: &str) -> String {
        let (author, purpose) = (self.entry.author(), self.entry.purpose());
        let purpose = if said.contains(&purpose) {
            ""
        } else {
            &purpose
        };
        let until = self.entry.until.map(|until| format!(", until {until:.0}"));
        format!("by {author}{when}{purpose}{}", until.unwrap_or_default())
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
