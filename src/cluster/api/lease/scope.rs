//! Which groups the holder of a Lease runs.

use std::collections::BTreeSet;

use super::fields::LeaseMeta;
use crate::resource::{KindInfo, LabelSelector, Record};

/// The name of the Lease of a watch without a selector.
pub const NAME: &str = "kubectl-failover";
/// The label of all these Leases: [`ALL_GROUPS`] or [`SELECTED_GROUPS`].
pub(super) const SCOPE_LABEL: &str = "failover.linkerd.io/lease";
const ALL_GROUPS: &str = "all-groups";
pub(super) const SELECTED_GROUPS: &str = "selected-groups";
/// The annotation with the selector of the holder.
pub(super) const SELECTOR: &str = "failover.linkerd.io/selector";
/// The annotation with the kinds of groups that the holder is not allowed to run.
pub(super) const EXCEPT_KINDS: &str = "failover.linkerd.io/except-kinds";

/// A longer list of kinds was not written by a `watch`.
pub(super) const MAX_EXCEPT_KINDS_BYTES: usize = 4096;

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

    pub(super) fn set_on(&self, meta: &mut LeaseMeta) {
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
