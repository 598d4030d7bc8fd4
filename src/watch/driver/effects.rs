//! Carries out the engine's effects.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::event_loop::{Driver, DriverInput};
use super::lease_elector::{LeaseElector, RunningElector};
use super::sync_tracker::Stream;
use crate::cluster::RequestError;
use crate::cluster::api::events::ObjectEvent;
use crate::cluster::api::lease::LeaseScope;
use crate::cluster::api::{groups, lease};
use crate::error;
use crate::model::notice::Notice;
use crate::model::transition::Transition;
use crate::model::{EventKind, GroupEvent};
use crate::resource::{KINDS, Record, RecordedEvent};
use crate::watch::clocks::Clocks;
use crate::watch::engine::effect::{Effect, Moment};

impl Driver<'_> {
    /// Runs one turn of the engine.
    pub(super) fn turn(&mut self) -> anyhow::Result<()> {
        let moment = self.moment();
        let clocks = self.options.clocks.unwrap_or(Clocks::read);
        if self.suspend_detector.was_suspended(clocks(moment.now)) {
            self.engine.resumed(moment.now);
        }
        for effect in self.engine.turn(moment) {
            self.carry_out(effect, moment)?;
        }
        let aggregated = self.aggregator.take_due(moment.now);
        self.report(aggregated)?;
        if let Some((states, exposed)) = self.engine.changed_counts() {
            self.metrics.groups(states, exposed);
        }
        let touched = self.engine.take_touched();
        let facts = |id: &_, before: Option<&_>| self.engine.facts(id, before, moment);
        self.metrics.facts(touched, facts);
        self.metrics.moves_waiting(self.engine.rate_limited());
        self.announce()?;
        if self.announced
            && let Some(mirrored) = self.engine.mirrored(moment.now)
        {
            self.cluster.remotes().warn_unmirrored(&mirrored);
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect, moment: Moment) -> anyhow::Result<()> {
        match effect {
            Effect::Restart(namespaces) => self.restart(namespaces),
            Effect::StartWatch(id, scope) => {
                self.sync_tracker.started(Stream::Slices(id), moment.now);
                self.watches.start(id, &scope);
            }
            Effect::StopWatch(id) => {
                self.sync_tracker.ended(Stream::Slices(id));
                self.read_failures.forget(&self.watches, id);
                self.watches.stop(id);
            }
            Effect::Relist(place) => self.executor.relist(place),
            Effect::Write(write) => {
                self.metrics.write_started(write.is_retry);
                self.executor.write(*write, self.started);
            }
            Effect::ReviewRights(namespace) => self.review_rights(namespace),
            Effect::AcquireLease(namespace) => self.acquire_lease_if_allowed(namespace),
            Effect::ReleaseLease(namespace) => {
                self.lease_is_not_needed(&namespace);
                self.lease_scopes.remove(&namespace);
                if let Some(elector) = self.electors.remove(&namespace) {
                    // Detached: it ends soon, since every request has a time limit.
                    drop(elector.release());
                }
                self.executor.lease_released(&namespace);
                self.metrics.no_lease(&namespace);
            }
            Effect::ReadGroup(id, request, record) => self.executor.read(id, request, *record),
            Effect::Moved(record, transition) => return self.moved(&record, transition),
            Effect::Report(notice @ Notice::Gone { .. }) => {
                self.record(&notice, moment);
                return self.report_gone(notice);
            }
            Effect::Report(notice) => {
                self.record(&notice, moment);
                self.upstream_probe.note(&notice, moment.now);
                return self.aggregate([notice]);
            }
        }
        Ok(())
    }

    pub(super) fn moved(&mut self, record: &Record, transition: Transition) -> anyhow::Result<()> {
        let why = format!("{}{}", transition.why, transition.timing());
        let event = transition.event(self.signature.clone());
        let event = GroupEvent { why, ..event };
        self.add_to_journal(&event);
        self.executor.record_event(ObjectEvent::new(record, event));
        self.metrics.moved(&transition);
        self.report([Notice::Moved(transition)])
    }

    /// Records the event that a notice is about. A standby and a dry run record nothing, and no
    /// Kubernetes Event is written for what a command did, since it has written its own.
    fn record(&mut self, notice: &Notice, moment: Moment) {
        for event in self.events_of(notice, moment.server) {
            self.add_to_journal(&event);
            let is_own = !matches!(notice, Notice::Observed(_)) || event.kind == EventKind::Edited;
            if let Some(record) = self.engine.record(&event.group).filter(|_| is_own) {
                let event = ObjectEvent::new(record, event);
                self.executor.record_event(event);
            }
        }
    }

    fn add_to_journal(&mut self, event: &GroupEvent) {
        if !self.options.without_journal {
            self.executor.add_to_journal(RecordedEvent::of(event));
        }
    }

    /// Reports how many groups are watched, once all kinds are known, and which kinds cannot be
    /// read.
    fn announce(&mut self) -> anyhow::Result<()> {
        if self.announced || self.kinds.any_pending() {
            return Ok(());
        }
        self.announced = true;
        self.kinds_are_known();
        let failures = &mut self.read_failures;
        let forbidden = self.kinds.forbidden();
        let (kinds, errors): (Vec<&str>, Vec<&RequestError>) = forbidden
            .map(|(kind, error)| (kind.info().crd, error))
            .filter(|(crd, error)| failures.note_lack(crd, error).is_some())
            .unzip();
        let problems = error::explain_all(self.cluster, errors).into_iter();
        let problems: Vec<String> = problems.map(|problem| problem.message).collect();
        self.report((!kinds.is_empty()).then(|| Notice::ReadFailed {
            what: kinds.join(", "),
            error: problems.join("; "),
        }))?;
        self.report([Notice::Started {
            groups: self.engine.group_count(),
        }])
    }

    pub(super) fn watch_groups(&mut self) {
        self.group_watches.drain(..).for_each(|task| task.abort());
        for kind in KINDS {
            // Without the selector, since a rival may lack the labels. The engine applies it.
            let source = groups::collection(*kind, self.options.namespace.as_deref(), None);
            self.group_watches
                .push(self.watches.follow_groups(*kind, source));
        }
        if !self.options.engine.dry_run {
            let source = lease::with_selectors(self.options.namespace.as_deref());
            let task = self.watches.follow(source, DriverInput::OtherLeases);
            self.group_watches.push(task);
        }
    }

    /// Acquires the Lease of a namespace. It speaks for the kinds that are run there: `denied` may
    /// not be patched.
    pub(super) fn acquire_lease(&mut self, namespace: String, denied: &BTreeSet<&'static str>) {
        let (inputs, of) = (self.inputs.clone(), namespace.clone());
        let report = move |state| {
            let (inputs, input) = (inputs.clone(), DriverInput::Lease(of.clone(), state));
            async move { inputs.send(input).await.is_ok() }
        };
        let scope = LeaseScope {
            except_kinds: self.except_kinds(denied),
            ..LeaseScope::new(self.options.engine.selector.clone())
        };
        let scopes = self.lease_scopes.entry(namespace.clone());
        let scope = Arc::clone(scopes.or_insert_with(|| Arc::new(Mutex::new(scope))));
        let elector = LeaseElector::new(
            self.cluster,
            namespace.clone(),
            scope,
            self.identity.clone(),
            self.started,
        );
        let requests = Arc::clone(&self.lease_requests);
        let running = RunningElector::spawn(elector, requests, report);
        self.electors.insert(namespace, running);
    }

    /// Watches groups and acquires the Leases again. Another holder that took a Lease over
    /// meanwhile keeps it.
    fn restart(&mut self, namespaces: Vec<String>) {
        self.executor.revoke_write_permits();
        self.watch_groups();
        self.electors
            .drain()
            .for_each(|(_, elector)| elector.abort());
        namespaces
            .into_iter()
            .for_each(|namespace| self.acquire_lease(namespace, &BTreeSet::new()));
    }
}
