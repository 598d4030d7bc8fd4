//! Checks of the backends: that they exist, and are ready and known.

use super::Groups;
use crate::check::findings::Finding;
use crate::check::unknown_backend::unknown_backend;
use crate::model::check::CheckResult;
use crate::model::{BackendStatus, Exposure, GroupId, Readiness, ServiceRef, State, Status};

impl Groups<'_> {
    pub(super) fn services(&self) -> CheckResult {
        let missing = self
            .backends()
            .filter(|(_, backend)| backend.readiness == Readiness::Missing);
        let namespaces = missing
            .clone()
            .map(|(status, _)| status.id.namespace.as_str());
        let scope = self.scope(namespaces);
        let findings = missing.map(|(Status { id, .. }, BackendStatus { name, .. })| {
            let words = "does not exist; create the Service or, for a mirror, export the original";
            Finding::on_backend(id, name, words)
        });
        CheckResult::error("every backend's Service exists", self.lines(findings))
            .hint(format!("kubectl {scope} get services"))
    }

    pub(super) fn stale_slices(&self) -> CheckResult {
        let is_stale = |id: &GroupId, name: &String| {
            let service = ServiceRef::new(&id.namespace, name);
            self.stale.contains(&service)
        };
        let backends = self.backends();
        let stale = backends.filter(|(status, backend)| is_stale(&status.id, &backend.name));
        let findings = stale.map(|(Status { id, .. }, BackendStatus { name, .. })| {
            let words = "has no selector, but EndpointSlices from when it had one; delete them or \
                         restore the selector";
            Finding::on_backend(id, name, words)
        });
        CheckResult::warning(
            "every backend's EndpointSlices are kept up to date",
            self.lines(findings),
        )
    }

    pub(super) fn ports(&self) -> CheckResult {
        let lines = self.records.iter().flat_map(|record| {
            let id = record.id();
            let missing = self.missing_ports.get(&id).cloned().unwrap_or_default();
            let lines = record.backends_without_port().into_iter().chain(missing);
            lines
                .map(|line| Finding::new(&id, line))
                .collect::<Vec<_>>()
        });
        CheckResult::error("every port that a route names exists", self.lines(lines))
    }

    pub(super) fn weights(&self) -> CheckResult {
        let trouble = self.records.iter().filter_map(|record| {
            let group = record.group.as_ref().ok()?;
            let trouble = group.trouble_with_weights()?;
            let mend = if group.paused.is_some() {
                "it is paused; resume it, and a running watch scales them down"
            } else {
                "a running watch scales them down"
            };
            Some(Finding::new(&record.id(), format!("{trouble}; {mend}")))
        });
        CheckResult::error(
            "Linkerd's proxies take every group's weights",
            self.lines(trouble),
        )
    }

    /// Reports the groups in a state in which requests fail.
    pub(super) fn failing(&self, description: &str, state: State) -> CheckResult {
        let failing = self.statuses.iter().filter(|it| it.state == state);
        let namespaces = failing.clone().map(|status| status.id.namespace.as_str());
        let place = self.plugin_scope(namespaces);
        let failing = failing.map(|status| Finding::on_status(status, &status.reason));
        CheckResult::error(description, self.lines(failing))
            .hint(format!("kubectl failover status {place}"))
    }

    /// Groups that no watch runs are another check's.
    pub(super) fn fallbacks(&self) -> CheckResult {
        let exposed = self.statuses.iter();
        let exposed = exposed.filter(|it| it.exposure() == Some(Exposure::NoFallback));
        let exposed = exposed.map(|status| {
            let primary = status.primary.as_deref().unwrap_or_default();
            let words =
                format!("no fallback is ready: if {primary} fails, traffic has nowhere to go");
            Finding::on_status(status, words)
        });
        CheckResult::warning(
            "every group has a fallback that is ready",
            self.lines(exposed),
        )
    }

    pub(super) fn readiness(&self) -> CheckResult {
        let line = |(status, backend): (&Status, &BackendStatus)| {
            let name = &backend.name;
            let is_primary = status.primary.as_ref() == Some(name);
            let unknown = unknown_backend(self.cluster, name, is_primary, &backend.readiness);
            unknown.map(|(words, mend)| Finding::on_status(status, words + &mend))
        };
        let unknown = self.lines(self.backends().filter_map(line));
        CheckResult::warning("the readiness of every backend is known", unknown)
    }
}
