//! A Lease: who holds it, until when, and who takes it over.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fields::{LeaseMeta, LeaseSpec};
use super::scope::{EXCEPT_KINDS, LeaseScope, MAX_EXCEPT_KINDS_BYTES, SELECTOR};
use crate::cluster::listwatch::collection::Versioned;
use crate::model::limits::{LEASE_SECONDS, MAX_LEASE_SECONDS};
use crate::model::{LateWatch, Runner};
use crate::resource::LabelSelector;

/// The annotation of a `watch` that waits for the Lease of a holder that is late.
const SUCCESSOR: &str = "failover.linkerd.io/successor";
/// The annotation with the version of the holder's program.
const HOLDER_VERSION: &str = "failover.linkerd.io/version";

/// A longer annotation was not written by a `watch`.
const MAX_SUCCESSOR_BYTES: usize = 1024;
/// How long a takeover may take.
const TAKEOVER_GRACE: SignedDuration = SignedDuration::from_secs(5);

/// The `watch` that takes over an overdue Lease, and when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct LeaseSuccessor {
    pub by: String,
    pub at: Timestamp,
}

/// A Lease that was read or will be written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Lease {
    pub metadata: LeaseMeta,
    #[serde(default)]
    pub spec: LeaseSpec,
}

impl Lease {
    /// Returns a new Lease without a holder.
    pub fn new(namespace: &str, name: &str) -> Self {
        let metadata = LeaseMeta {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            ..LeaseMeta::default()
        };
        Self {
            metadata,
            spec: LeaseSpec::default(),
        }
    }

    /// Returns the version of the holder's program, if it says so.
    pub fn holder_version(&self) -> Option<&str> {
        self.annotation(HOLDER_VERSION)
    }

    /// Returns the selector of the groups that its holder runs, if it does not run all.
    pub fn selector(&self) -> Option<&str> {
        self.annotation(SELECTOR)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.get(key).map(String::as_str)
    }

    /// Returns the `watch` that is about to take over the Lease at `now`, if one has said so.
    pub fn successor(&self, now: Timestamp) -> Option<LeaseSuccessor> {
        let text = self.annotation(SUCCESSOR)?;
        let is_short = text.len() <= MAX_SUCCESSOR_BYTES;
        let successor: LeaseSuccessor = is_short.then(|| serde_json::from_str(text).ok())??;
        let left = successor.at.duration_since(now);
        let longest = SignedDuration::from_secs(MAX_LEASE_SECONDS.into());
        (-TAKEOVER_GRACE <= left && left <= longest).then_some(successor)
    }

    /// Returns who runs the groups of its scope at `now`, by the API server's clock.
    pub fn runner(&self, now: Timestamp) -> Option<Runner> {
        let holder = self.spec.named_holder()?.to_owned();
        let renewed = self.spec.renew_time?;
        let successor = self.successor(now);
        let until = self.spec.expires()?;
        if now >= until && successor.is_none() {
            return None;
        }
        if now.duration_since(renewed).unsigned_abs() < self.spec.late_after() || now < renewed {
            return Some(Runner::Watch(holder));
        }
        Some(Runner::Late(LateWatch {
            holder,
            renewed,
            until: successor.as_ref().map_or(until, |successor| successor.at),
            successor: successor.map(|successor| successor.by),
        }))
    }

    /// Returns the same Lease with the `watch` that will take it over.
    #[must_use]
    pub fn awaited_by(&self, successor: &LeaseSuccessor) -> Self {
        let mut lease = self.clone();
        if let Ok(text) = serde_json::to_string(successor) {
            let annotations = &mut lease.metadata.annotations;
            annotations.insert(SUCCESSOR.to_owned(), text);
        }
        lease
    }

    /// Returns the scope of its holder. A selector that cannot be parsed covers nothing: None.
    pub fn scope(&self) -> Option<LeaseScope> {
        let kinds = self.annotation(EXCEPT_KINDS).unwrap_or_default();
        if kinds.len() > MAX_EXCEPT_KINDS_BYTES {
            return None;
        }
        Some(LeaseScope {
            selector: LabelSelector::parse(self.selector().unwrap_or_default()).ok()?,
            except_kinds: kinds
                .split(',')
                .filter(|kind| !kind.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Returns the same Lease, acquired or renewed by `holder`. Keeps what others have set on it.
    #[must_use]
    pub fn held_by(&self, holder: &str, scope: &LeaseScope, now: Timestamp) -> Self {
        let mut lease = self.clone();
        scope.set_on(&mut lease.metadata);
        lease.metadata.annotations.remove(SUCCESSOR);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        lease
            .metadata
            .annotations
            .insert(HOLDER_VERSION.to_owned(), version);
        let is_new_holder = self.spec.holder_identity.as_deref() != Some(holder);
        if is_new_holder {
            let transitions = self
                .spec
                .lease_transitions
                .map_or(0, |count| count.saturating_add(1));
            lease.spec.lease_transitions = Some(transitions);
            lease.spec.acquire_time = Some(now);
        }
        lease.spec.holder_identity = Some(holder.to_owned());
        lease.spec.lease_duration_seconds = Some(LEASE_SECONDS);
        lease.spec.renew_time = Some(now);
        lease
    }

    /// Returns the same Lease, released.
    #[must_use]
    pub fn released(&self) -> Self {
        let mut lease = self.clone();
        lease.spec.holder_identity = Some(String::new());
        lease
    }
}

impl Versioned for Lease {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}
