//! An event of a group as JSON: in the annotations of Kubernetes Events, and in the journal.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::kinds::KINDS;
use crate::model::{EventKind, GroupEvent, GroupId};

/// The longest text of a record. Reasons and names come from others.
const MAX_RECORDED_CHARS: usize = 500;
/// The longest weights of a record: a group has up to 100 backends.
const MAX_RECORDED_WEIGHTS_CHARS: usize = 2_000;

/// An event of a group, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedEvent {
    /// The API server's time.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
    /// The name of the object's kind, such as `trafficsplit`.
    pub object: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The context of the kubeconfig; only in files, which may be about several clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Weights before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Weights after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who did it.
    #[serde(default)]
    pub by: String,
    /// The reason.
    #[serde(default)]
    pub why: String,
    /// It was unknown whether the new backends were ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

impl RecordedEvent {
    /// Returns the record of an event.
    pub fn of(event: &GroupEvent) -> Self {
        let short = |text: &str| shorten(text, MAX_RECORDED_CHARS);
        let weights = |text: &Option<String>| {
            let text = text.as_deref()?;
            Some(shorten(text, MAX_RECORDED_WEIGHTS_CHARS))
        };
        Self {
            at: event.at,
            event: event.kind,
            object: event.group.kind.to_owned(),
            namespace: event.group.namespace.clone(),
            name: event.group.name.clone(),
            context: None,
            from: weights(&event.from),
            to: weights(&event.to),
            by: short(&event.by),
            why: short(&event.why),
            unverified: event.unverified,
        }
    }

    /// Returns the path of the older part of a file of records.
    pub fn rotated(path: &Path) -> PathBuf {
        let mut older = path.as_os_str().to_owned();
        older.push(".1");
        older.into()
    }

    /// Returns the event; none if its kind of object is unknown.
    pub fn event(self) -> Option<GroupEvent> {
        let mut kinds = KINDS.iter().map(|kind| kind.info().name);
        let kind = kinds.find(|name| *name == self.object)?;
        Some(GroupEvent {
            kind: self.event,
            group: GroupId {
                namespace: self.namespace,
                kind,
                name: self.name,
            },
            apex: None,
            at: self.at,
            from: self.from,
            to: self.to,
            by: self.by,
            why: self.why,
            unverified: self.unverified,
            took: None,
        })
    }
}

fn shorten(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
