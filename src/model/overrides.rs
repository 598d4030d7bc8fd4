//! The orders of an operator in a group's annotations: an override, or a pause.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

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
    /// What it belongs to, such as a change or an incident: `CHG-77`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "identifier"
    )]
    pub id: Option<String>,
}

/// Reads an identifier that others may have written as a number. Anything else is no identifier,
/// and the override holds without one.
pub(crate) fn identifier<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(id) => Some(id),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    })
}

/// Who gave an order, in words.
pub(crate) fn author(by: &str) -> &str {
    match by {
        "" => "someone",
        by => by,
    }
}

/// The identifier and the reason of an order, such as ` (CHG-77: game day)`; empty without both.
pub(crate) fn purpose(id: Option<&String>, reason: Option<&String>) -> String {
    match (id, reason) {
        (None, None) => String::new(),
        (Some(words), None) | (None, Some(words)) => format!(" ({words})"),
        (Some(id), Some(reason)) => format!(" ({id}: {reason})"),
    }
}

impl Override {
    /// Who made it, in words.
    pub fn author(&self) -> &str {
        author(&self.by)
    }

    /// Whether `user` made it: on any machine, or as `user@host`.
    pub fn is_by(&self, user: &str) -> bool {
        let name = self.by.rsplit_once('@').map(|(name, _)| name);
        self.by == user || name == Some(user)
    }

    /// Whether its end has passed, even if it cannot be ended.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// What it does and why: `forced to web-east (CHG-77): game day`.
    pub fn in_words(&self) -> String {
        let id = self.id.as_ref().map(|id| format!(" ({id})"));
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}"));
        let [id, reason] = [id, reason].map(Option::unwrap_or_default);
        format!("forced to {}{id}{reason}", self.to)
    }

    /// Its identifier and reason, such as ` (CHG-77: game day)`; empty if it has neither.
    pub fn purpose(&self) -> String {
        purpose(self.id.as_ref(), self.reason.as_ref())
    }

    /// Whether it has expired at `now`. Without a home it never expires, since there is no backend
    /// to go back to.
    pub(crate) fn is_over(&self, home: Option<usize>, now: Timestamp) -> bool {
        home.is_some() && self.has_expired(now)
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

impl OverrideState {
    /// The override, unless the annotation cannot be parsed.
    pub fn order(&self) -> Option<&Override> {
        match self {
            Self::Valid { order, .. } => Some(order),
            Self::Broken { order, .. } => order.as_ref(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Override {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_others_write_into_an_override_does_not_break_it() {
        for (id, expected) in [
            (r#""CHG-77""#, Some("CHG-77")),
            ("77", Some("77")),
            ("null", None),
            (r#"{"ticket": 1}"#, None),
        ] {
            let order = read(&format!(
                r#"{{"to": "web-east", "id": {id}, "ticket": [1]}}"#
            ));
            assert_eq!(order.id.as_deref(), expected, "{id}");
        }
        let order = read(r#"{"to": "web-east"}"#);
        assert!(!serde_json::to_string(&order).unwrap().contains("id"));
    }

    #[test]
    fn a_user_is_the_same_on_every_machine() {
        let order = read(r#"{"to": "web-east", "by": "ann@example.com@laptop"}"#);
        for (user, is_by) in [
            ("ann@example.com", true),
            ("ann@example.com@laptop", true),
            ("ann@example.com@desk", false),
            ("ann", false),
            ("", false),
        ] {
            assert_eq!(order.is_by(user), is_by, "{user}");
        }
    }
}
