//! Why an object with the label is not a valid group.

use std::fmt;

use super::ids::GroupId;
use super::limits::MAX_GROUPS_OF_APEX;

/// Why an object with the label is not a valid group, and how to fix it. Its traffic is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The reason, as a clause.
    pub reason: String,
    /// What to do about it, as an imperative clause.
    pub mend: String,
    /// Keys of the policy annotations with invalid values, if those are the only reason.
    pub settings: Vec<&'static str>,
    /// It passes by itself: the object takes over from an older group that is about to go.
    pub passes: bool,
}

impl Invalid {
    /// Returns an error without settings.
    pub fn new(reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            mend: mend.into(),
            settings: Vec::new(),
            passes: false,
        }
    }

    /// Returns the error of every group on an apex that too many groups claim.
    pub fn claimed_too_often(apex: &str) -> Self {
        Self::new(
            format!("more than {MAX_GROUPS_OF_APEX} groups have the apex {apex}"),
            "delete all but one of them",
        )
    }

    /// Returns the error of the newer of two groups on one apex. `ports` are the ports that the
    /// older group claims; empty means all ports.
    pub fn claimed_twice(apex: &str, older: &GroupId, ports: &[u16], label: &str) -> Self {
        let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
        let port = match numbers.as_slice() {
            [] => String::new(),
            [port] => format!(" (its port {port})"),
            ports => format!(" (its ports {})", ports.join(", ")),
        };
        let older = older.short_name();
        Self::new(
            format!("the older group {older} has the same apex, {apex}{port}"),
            format!("delete one of the two, or remove its label {label}"),
        )
    }

    /// Returns the error of a group that takes over from an older one, which has not gone yet.
    pub fn taking_over(older: &GroupId) -> Self {
        let name = older.short_name();
        let reason = format!("it takes over from {name}, which has not gone yet");
        let mend = format!("finish the migration: kubectl failover migrate {name}");
        Self {
            passes: true,
            ..Self::new(reason, mend)
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
