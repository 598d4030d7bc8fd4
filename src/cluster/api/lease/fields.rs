//! The fields of a Lease. Those that the program does not know are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::limits::{LEASE_SECONDS, MAX_LEASE_SECONDS};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseMeta {
    pub name: String,
    pub namespace: String,
    /// Writing the Lease fails if its version has changed. Empty for a new Lease.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The rest, such as owners and finalizers, which a renewal keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LeaseSpec {
    pub holder_identity: Option<String>,
    pub lease_duration_seconds: Option<i32>,
    #[serde(serialize_with = "micro_time")]
    pub acquire_time: Option<Timestamp>,
    #[serde(serialize_with = "micro_time")]
    pub renew_time: Option<Timestamp>,
    pub lease_transitions: Option<i32>,
    /// The rest, which a renewal keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// Kubernetes' MicroTime always has six digits.
fn micro_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| format!("{time:.6}")).serialize(serializer)
}

impl LeaseSpec {
    /// Returns how long the Lease lasts after each renewal. What its holder writes is bounded.
    pub fn duration(&self) -> Duration {
        let seconds = self.lease_duration_seconds.unwrap_or(LEASE_SECONDS);
        Duration::from_secs(u64::from(
            seconds.clamp(1, MAX_LEASE_SECONDS).unsigned_abs(),
        ))
    }

    /// Returns after how long without a renewal the holder is late. It renews about three times in
    /// the duration.
    pub fn late_after(&self) -> Duration {
        self.duration() * 2 / 3
    }

    /// Returns the holder at `now`, by the API server's clock.
    pub fn holder(&self, now: Timestamp) -> Option<&str> {
        let holder = self.named_holder()?;
        (now < self.expires()?).then_some(holder)
    }

    pub(super) fn named_holder(&self) -> Option<&str> {
        let holder = self.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    pub(super) fn expires(&self) -> Option<Timestamp> {
        let duration = SignedDuration::try_from(self.duration()).ok()?;
        self.renew_time?.checked_add(duration).ok()
    }
}
