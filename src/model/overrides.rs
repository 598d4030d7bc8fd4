//! The orders of an operator in a group's annotations: an override, or a pause.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The annotation `override`: an operator's order that a backend gets the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Name of the backend that gets the traffic.
    pub to: String,
    /// Name of the primary before the override.
    #[serde(default)]
    pub home: String,
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

impl Override {
    /// Whether it has expired at `now`. Without a home it never expires, since there is no backend
    /// to go back to.
    pub(crate) fn is_over(&self, home: Option<usize>, now: Timestamp) -> bool {
        home.is_some() && self.until.is_some_and(|until| until <= now)
    }
}

/// The override on a group's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideState {
    /// Its target is the primary: it is in force, or has expired.
    Valid {
        /// The override.
        order: Override,
        /// Index of the primary before it; none if that is not a backend.
        home: Option<usize>,
    },
    /// It has no effect: traffic follows the primary that the object names.
    Broken {
        /// The reason, as a clause.
        why: String,
        /// The override; none if the annotation cannot be parsed.
        order: Option<Override>,
        /// The primary that the object names is not a backend, so the override's home is primary.
        primary_missing: bool,
    },
}

/// The annotation `paused`: an operator's order that `watch` leaves the group alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
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

impl Pause {
    /// Whether it has expired at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}
