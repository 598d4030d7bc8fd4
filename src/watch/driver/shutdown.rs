//! When `watch` ends by itself, and its shutdown.

use std::time::Duration;

use futures::future::{join, join_all};
use tokio::time::timeout;

use super::event_loop::Driver;
use crate::model::GroupId;
use crate::model::limits::{LEASE_SECONDS, MAX_LEASE_SECONDS};
use crate::watch::engine::effect::Effect;
use crate::watch::options::WatchOutcome;

/// The time limit for releasing the Leases, including requests in flight.
const SHUTDOWN_RELEASE_LIMIT: Duration = Duration::from_secs(5);

impl Driver<'_> {
    /// Returns the outcome if it ends by itself now. `is_new`: the watched groups have just become
    /// known.
    pub(super) fn outcome(&self, is_new: bool, inputs_are_handled: bool) -> Option<WatchOutcome> {
        if is_new && let Some(outcome) = self.refused_by_upstream() {
            return Some(outcome);
        }
        if !self.options.once {
            return None;
        }
        if let Some((namespace, holder)) = self.engine.other_holder() {
            return Some(WatchOutcome::HeldByAnother {
                what: format!("namespace {namespace}"),
                holder: holder.to_owned(),
            });
        }
        if inputs_are_handled
            && self.is_done()
            && let Some((group, holder)) = self.engine.left_to()
        {
            return Some(WatchOutcome::HeldByAnother {
                what: group.to_string(),
                holder: holder.to_owned(),
            });
        }
        (inputs_are_handled && self.is_done()).then(|| WatchOutcome::Done {
            refused: self.engine.refused(),
            invalid: self.engine.invalid(),
            unread: self.engine.unread(),
        })
    }

    fn is_done(&self) -> bool {
        self.announced && self.executor.is_idle() && self.engine.is_settled()
    }

    /// Refuses to run beside Linkerd's own controller: the two would undo each other's failovers.
    fn refused_by_upstream(&self) -> Option<WatchOutcome> {
        let options = &self.options.engine;
        if !self.announced || options.alongside_upstream || options.dry_run {
            return None;
        }
        let groups = self.engine.run_by_upstream();
        (!groups.is_empty()).then_some(WatchOutcome::RunByUpstream { groups })
    }

    /// Stops the watches and waits for the writes in flight. Returns the groups whose weights may
    /// be wrong, and whether everything could be reported.
    pub(super) async fn finish(mut self) -> (Vec<(GroupId, &'static str)>, anyhow::Result<()>) {
        self.watches.stop_all();
        self.executor.drop_queued();
        let aggregated = self.aggregator.take();
        let mut reported = self.report(aggregated);
        while let Some(result) = self.executor.next_write().await {
            self.handle_result(result);
            for effect in self.engine.turn(self.moment()) {
                if let Effect::Moved(record, transition) = effect {
                    reported = reported.and(self.moved(&record, transition));
                }
            }
        }
        let electors: Vec<_> = self
            .electors
            .drain()
            .map(|(_, elector)| elector.release())
            .collect();
        let released = timeout(SHUTDOWN_RELEASE_LIMIT, join_all(electors));
        if let (_, Err(_)) = join(self.executor.flush_events(), released).await {
            tracing::warn!(
                "could not release all Leases in time; they expire in {LEASE_SECONDS} to \
                 {MAX_LEASE_SECONDS} s"
            );
        }
        (self.engine.unsettled(), reported)
    }
}
