//! The Leases of a namespace. Watches use them to elect the leader that runs the groups there. A
//! Lease speaks for what its holder runs: all groups of the namespace, or those with certain labels.
//!
//! kubert's and kube-leader-election's Leases are not used. They compare the holder's clock with
//! the local one, require an existing Lease, and do not fence writes in flight.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cluster::listwatch::collection::{Collection, Versioned};
use crate::cluster::transport::api_resource::LEASES;
use crate::cluster::transport::client::Cluster;
use crate::cluster::transport::error::RequestResult;
use crate::model::limits::{LEASE_SECONDS, MAX_LEASE_SECONDS};
use crate::model::{LateWatch, Runner};
use crate::resource::{KindInfo, LabelSelector, Record};

/// The name of the Lease of a watch without a selector.
pub const NAME: &str = "kubectl-failover";
/// The label of all these Leases: [`ALL_GROUPS`] or [`SELECTED_GROUPS`].
const SCOPE_LABEL: &str = "failover.linkerd.io/lease";
const ALL_GROUPS: &str = "all-groups";
const SELECTED_GROUPS: &str = "selected-groups";
/// The annotation with the selector of the holder.
const SELECTOR: &str = "failover.linkerd.io/selector";
/// The annotation with the kinds of groups that the holder is not allowed to run.
const EXCEPT_KINDS: &str = "failover.linkerd.io/except-kinds";

/// The annotation of a `watch` that waits for the Lease of a holder that is late.
const SUCCESSOR: &str = "failover.linkerd.io/successor";

/// The annotation with the version of the holder's program.
const HOLDER_VERSION: &str = "failover.linkerd.io/version";

/// The groups that the holder of a Lease runs in its namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseScope {
    pub selector: LabelSelector,
    /// The CustomResourceDefinitions of the kinds that it is not allowed to run.
    pub except_kinds: BTreeSet<String>,
}

impl LeaseScope {
    /// Returns the scope of a watch with this selector that may run every kind.
    pub fn new(selector: LabelSelector) -> Self {
        Self {
            selector,
            except_kinds: BTreeSet::new(),
        }
    }

    /// Returns the name of the Lease. Scopes that differ only in their kinds have the same Lease.
    pub fn lease_name(&self) -> String {
        if self.selector.is_empty() {
            return NAME.to_owned();
        }
        format!("{NAME}-{:016x}", fnv1a(&self.selector.to_string()))
    }

    /// Returns whether the holder runs a group of its namespace.
    pub fn covers(&self, record: &Record) -> bool {
        let KindInfo { crd, .. } = record.kind.info();
        !self.except_kinds.contains(*crd) && self.selector.matches(&record.meta.labels)
    }

    fn set_on(&self, meta: &mut LeaseMeta) {
        let (scope, selector) = if self.selector.is_empty() {
            (ALL_GROUPS, None)
        } else {
            (SELECTED_GROUPS, Some(self.selector.to_string()))
        };
        meta.labels.insert(SCOPE_LABEL.to_owned(), scope.to_owned());
        let kinds = Vec::from_iter(self.except_kinds.iter().map(String::as_str)).join(",");
        let kinds = (!kinds.is_empty()).then_some(kinds);
        for (key, value) in [(SELECTOR, selector), (EXCEPT_KINDS, kinds)] {
            match value {
                Some(value) => meta.annotations.insert(key.to_owned(), value),
                None => meta.annotations.remove(key),
            };
        }
    }
}

/// FNV-1a: a hash that every version of the program computes alike.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A longer list of kinds was not written by a `watch`.
const MAX_EXCEPT_KINDS_BYTES: usize = 4096;
/// The same of a successor.
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

    fn named_holder(&self) -> Option<&str> {
        let holder = self.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    fn expires(&self) -> Option<Timestamp> {
        let duration = SignedDuration::try_from(self.duration()).ok()?;
        self.renew_time?.checked_add(duration).ok()
    }
}

/// Returns the Leases of watches in a namespace or, without one, in the cluster.
pub fn collection(namespace: Option<&str>) -> Collection<Lease> {
    with_labels(namespace, SCOPE_LABEL.to_owned())
}

/// Returns the Leases of watches with a selector.
pub fn with_selectors(namespace: Option<&str>) -> Collection<Lease> {
    with_labels(namespace, format!("{SCOPE_LABEL}={SELECTED_GROUPS}"))
}

fn with_labels(namespace: Option<&str>, labels: String) -> Collection<Lease> {
    Collection::new(LEASES, namespace, labels, |raw| {
        serde_json::from_str(raw.get())
    })
}

impl Versioned for Lease {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

/// Gets a Lease. Returns None if it does not exist.
pub async fn get(cluster: &Cluster, namespace: &str, name: &str) -> RequestResult<Option<Lease>> {
    let decode = |raw: &RawValue| serde_json::from_str::<Lease>(raw.get());
    let before = cluster.store.before(store_key(namespace, name));
    let found = cluster.find(LEASES, namespace, name, decode).await?;
    if let Some(lease) = &found {
        cluster.store.observe(&before, lease.resource_version());
    }
    Ok(found)
}

/// Returns the key of a Lease's versions.
fn store_key(namespace: &str, name: &str) -> String {
    format!("{}/{name}", LEASES.collection(Some(namespace)))
}

/// Creates a Lease, or replaces the version that was read.
pub async fn put(cluster: &Cluster, lease: &Lease) -> RequestResult<Lease> {
    let LeaseMeta {
        namespace, name, ..
    } = &lease.metadata;
    let before = cluster.store.before(store_key(namespace, name));
    let stored = send(cluster, lease, &PostParams::default()).await?;
    cluster.store.observe(&before, stored.resource_version());
    Ok(stored)
}

/// Asks the API server whether it would accept a Lease here, by a dry run.
pub async fn dry_run(cluster: &Cluster, namespace: &str) -> RequestResult<()> {
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let scope = LeaseScope::default();
    let lease = Lease::new(namespace, NAME).held_by("check", &scope, cluster.clock().now());
    match send(cluster, &lease, &params).await {
        // It exists. Admission comes first.
        Err(error) if error.is_conflict() => Ok(()),
        result => result.map(|_| ()),
    }
}

async fn send(cluster: &Cluster, lease: &Lease, params: &PostParams) -> RequestResult<Lease> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest<'a> {
        api_version: &'static str,
        kind: &'static str,
        #[serde(flatten)]
        lease: &'a Lease,
    }
    let manifest = Manifest {
        api_version: "coordination.k8s.io/v1",
        kind: "Lease",
        lease,
    };
    let LeaseMeta {
        namespace,
        name,
        resource_version,
        ..
    } = &lease.metadata;
    if resource_version.is_empty() {
        cluster
            .create(LEASES, Some(namespace), params, &manifest)
            .await
    } else {
        cluster.replace(LEASES, namespace, name, &manifest).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn held(holder: &str, at: Timestamp) -> Lease {
        Lease::new("ns", NAME).held_by(holder, &LeaseScope::default(), at)
    }

    fn scope(selector: &str) -> LeaseScope {
        LeaseScope::new(LabelSelector::parse(selector).unwrap())
    }

    #[test]
    fn a_lease_names_the_version_of_its_holder() {
        let lease = held("me", at(100));
        assert_eq!(lease.holder_version(), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!(Lease::new("ns", NAME).holder_version(), None);
    }

    #[test]
    fn each_selector_has_its_lease_which_tells_it() {
        assert_eq!(scope("").lease_name(), NAME);
        let name = scope("team==a, tier=web").lease_name();
        assert_eq!(name, scope("tier=web,team=a").lease_name());
        assert_ne!(name, scope("team=a").lease_name());
        let lease = Lease::new("ns", &name).held_by("me", &scope("team=a"), at(100));
        assert_eq!(lease.scope(), Some(scope("team=a")));
        let mut limited = scope("team=b");
        limited.except_kinds.insert("httproutes.x".to_owned());
        let lease = lease.held_by("you", &limited, at(200));
        assert_eq!(lease.scope(), Some(limited));
        let lease = lease.held_by("me", &scope(""), at(300));
        assert!(lease.selector().is_none());
    }

    #[test]
    fn a_renewal_keeps_what_others_have_set() {
        let stored = serde_json::json!({
            "metadata": {
                "name": NAME, "namespace": "ns", "resourceVersion": "1", "uid": "u",
                "labels": {"team": "a"}, "annotations": {"note": "x"},
                "ownerReferences": [{"name": "o"}], "finalizers": ["f"],
            },
            "spec": {"holderIdentity": "me", "strategy": "s"},
        });
        let lease: Lease = serde_json::from_value(stored.clone()).unwrap();
        for lease in [lease.held_by("me", &scope("a=b"), at(1)), lease.released()] {
            let written = serde_json::to_value(lease).unwrap();
            let meta = &written["metadata"];
            assert_eq!(meta["labels"]["team"], "a");
            assert_eq!(meta["annotations"]["note"], "x");
            for key in ["ownerReferences", "finalizers", "uid"] {
                assert_eq!(meta[key], stored["metadata"][key]);
            }
            assert_eq!(written["spec"]["strategy"], "s");
        }
    }

    #[test]
    fn a_lease_is_held_until_it_expires_or_is_released() {
        let lease = held("me", at(100));
        assert_eq!(lease.spec.holder(at(114)), Some("me"));
        assert_eq!(lease.spec.holder(at(115)), None);
        assert_eq!(lease.released().spec.holder(at(101)), None);
    }

    #[test]
    fn a_lease_counts_for_a_minute_at_most() {
        let mut lease = held("me", at(100));
        for (seconds, counted) in [(Some(i32::MAX), 60), (Some(-1), 1), (None, 15)] {
            lease.spec.lease_duration_seconds = seconds;
            assert_eq!(lease.spec.duration(), Duration::from_secs(counted));
            let end = at(100 + i64::try_from(counted).unwrap());
            assert_eq!(lease.spec.holder(end), None, "{seconds:?}");
        }
    }

    #[test]
    fn a_holder_is_late_until_its_lease_expires_or_its_successor_has_it() {
        let lease = held("me", at(100));
        let watch = Some(Runner::Watch("me".to_owned()));
        let late = |successor: Option<&str>, until| {
            Some(Runner::Late(LateWatch {
                holder: "me".to_owned(),
                renewed: at(100),
                successor: successor.map(str::to_owned),
                until: at(until),
            }))
        };
        assert_eq!(lease.runner(at(109)), watch);
        assert_eq!(lease.runner(at(110)), late(None, 115));
        assert_eq!(lease.runner(at(115)), None);
        let successor = LeaseSuccessor {
            by: "you".to_owned(),
            at: at(120),
        };
        let lease = lease.awaited_by(&successor);
        assert_eq!(lease.runner(at(110)), late(Some("you"), 120));
        assert_eq!(lease.runner(at(125)), late(Some("you"), 120));
        assert_eq!(lease.runner(at(126)), None);
        assert_eq!(lease.released().runner(at(110)), None);
        let all = LeaseScope::default();
        let renewed = lease.held_by("me", &all, at(110));
        assert_eq!(renewed.runner(at(111)), watch);
        assert_eq!(renewed.successor(at(111)), None);
    }

    #[test]
    fn acquiring_is_a_transition_and_renewing_is_not() {
        let (first, all) = (held("me", at(100)), LeaseScope::default());
        let renewed = first.held_by("me", &all, at(105));
        assert_eq!(renewed.spec.lease_transitions, Some(0));
        let taken = first.held_by("you", &all, at(200));
        assert_eq!(
            (taken.spec.lease_transitions, taken.spec.acquire_time),
            (Some(1), Some(at(200)))
        );
    }
}
