//! Linkerd's own failover controller (upstream), and the groups that are left to it.

use std::time::Duration;

use super::core::Engine;
use crate::model::{GroupId, Readiness};
use crate::resource::annotations::POLICY_KEYS;
use crate::resource::{Record, Upstream};

impl Engine {
    /// Handles the result of the driver's search for the controller.
    pub fn upstream_found(&mut self, upstream: Vec<Upstream>, now: Duration) {
        if self.upstream != upstream {
            self.upstream = upstream;
            self.mark_all_dirty(now);
        }
    }

    /// Returns the groups that the controller in its chart's namespace manages too. One in another
    /// namespace may be a tenant's pretence, which must not keep this watch from starting: the
    /// groups that it manages are left alone one by one.
    pub fn run_by_upstream(&self) -> Vec<GroupId> {
        let manages = |record: &Record| {
            let mut chart = self
                .upstream
                .iter()
                .filter(|it| it.is_in_default_namespace());
            chart.any(|upstream| upstream.manages(record))
        };
        let managed = self.groups.iter().filter(|(_, it)| manages(it.record()));
        let mut groups: Vec<GroupId> = managed.map(|(id, _)| id.clone()).collect();
        groups.sort();
        groups
    }

    /// Returns why a group is left to the controller: the two would make different decisions.
    pub(super) fn why_left_to_upstream(
        &self,
        record: &Record,
        readiness: &[Readiness],
    ) -> Option<&'static str> {
        if !self.upstream.iter().any(|it| it.manages(record)) {
            return None;
        }
        if !self.options.alongside_upstream && !self.options.dry_run {
            return Some("its selector covers the group; --alongside-upstream shares such groups");
        }
        if POLICY_KEYS
            .iter()
            .any(|key| record.meta.annotations.get(key).is_some())
        {
            return Some("it ignores policy annotations, and the group has some");
        }
        let is_remote = readiness.iter().any(Readiness::rests_elsewhere);
        is_remote.then_some("it sees local endpoints only, and a backend has endpoints elsewhere")
    }
}
