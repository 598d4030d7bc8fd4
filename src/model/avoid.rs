//! The annotation `avoid`: orders that a group's traffic keeps off some of its backends, as
//! `evacuate` gives them. Each has an id, and several hold together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::overrides::{self, identifier};

/// An order to keep traffic off backends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvoidEntry {
    /// Names of the backends. One that the group does not have is ignored.
    pub backends: Vec<String>,
    /// The cluster that was evacuated, by the name that `return` takes; none if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The group's traffic was away from these backends already, its primary among them, and no other
    /// entry had moved it: `failback: manual` and `failback-delay` hold when this entry ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// What `return` ends it by, such as a change: `CHG-77`.
    #[serde(default, deserialize_with = "id")]
    pub id: String,
    /// Who made it: user and host.
    #[serde(default)]
    pub by: String,
    /// When it was made, in the API server's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When it expires, in the API server's time; none if it never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn id<'de, D: serde::Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Ok(identifier(value)?.unwrap_or_default())
}

impl AvoidEntry {
    /// Whether it has expired at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it names this backend.
    pub fn names(&self, backend: &str) -> bool {
        self.backends.iter().any(|name| name == backend)
    }

    /// Who made it, in words.
    pub fn author(&self) -> &str {
        overrides::author(&self.by)
    }

    /// Its identifier and reason, such as ` (CHG-77: game day)`; empty if it has neither.
    pub fn purpose(&self) -> String {
        let id = (!self.id.is_empty()).then_some(&self.id);
        overrides::purpose(id, self.reason.as_ref())
    }

    /// What it does and why: `evacuated east (CHG-77): game day`.
    pub fn in_words(&self) -> String {
        let id = match self.id.as_str() {
            "" => String::new(),
            id => format!(" ({id})"),
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}"));
        let what = self.evacuated();
        format!("evacuated {what}{id}{}", reason.unwrap_or_default())
    }

    /// The evacuation, as a noun: `evacuation of east (CHG-77: game day)`.
    pub fn as_noun(&self) -> String {
        format!("evacuation of {}{}", self.evacuated(), self.purpose())
    }

    /// Says of one of its backends that it is evacuated: `web-east is evacuated (CHG-77: game day)`.
    pub fn evacuates(&self, backend: &str) -> String {
        format!("{backend} is evacuated{}", self.purpose())
    }

    /// Says that it has expired, as a clause; none if it never expires.
    pub fn expired_words(&self) -> Option<String> {
        let (by, until) = (self.author(), self.until?);
        Some(format!(
            "the {} by {by} expired at {until:.0}",
            self.as_noun()
        ))
    }

    /// The cluster, or the backends of an entry that does not name it.
    fn evacuated(&self) -> String {
        match &self.cluster {
            Some(cluster) => cluster.clone(),
            None => self.backends.join(", "),
        }
    }
}

/// The annotation on a group's object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Avoid {
    /// The entries, whether they have expired or not.
    pub entries: Vec<AvoidEntry>,
    /// Why the annotation has no effect, as a clause; none if it can be parsed.
    pub broken: Option<String>,
}

impl Avoid {
    /// Returns the first entry that names this backend.
    pub fn entry_for(&self, backend: &str) -> Option<&AvoidEntry> {
        self.entries.iter().find(|entry| entry.names(backend))
    }

    /// Returns when the next entry expires.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.entries.iter().filter_map(|entry| entry.until).min()
    }

    /// Parts the entries that have expired from those that have not.
    pub fn at(&self, now: Timestamp) -> AvoidChange {
        self.ending(|entry| entry.is_over(now))
    }

    /// Parts the entries that end from those that stay.
    pub fn ending(&self, ends: impl Fn(&AvoidEntry) -> bool) -> AvoidChange {
        let (ended, entries) = self.entries.iter().cloned().partition(ends);
        AvoidChange { ended, entries }
    }
}

/// A change of the annotation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AvoidChange {
    /// The entries that end.
    pub ended: Vec<AvoidEntry>,
    /// The entries after it.
    pub entries: Vec<AvoidEntry>,
}
