//! How the loop ends.

use std::time::Duration;

use futures::future::{join, join_all};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::event_loop::Driver;
use crate::model::GroupId;
use crate::watch::engine::core::Effect;
use crate::watch::options::WatchOutcome;

/// How long giving the Leases back may take, with what is asked for at that moment.
const FAREWELL: Duration = Duration::from_secs(5);

impl Driver<'_> {
    /// How it ends by itself, if it does now; `new`: what is followed has just become known.
    pub(crate) fn outcome(&self, new: bool, all_taken_in: bool) -> Option<WatchOutcome> {
        let refused = if new {
            self.refused_by_upstream()
        } else {
            None
        };
        if refused.is_some() || !self.options.once {
            return refused;
        }
        if let Some((namespace, holder)) = self.engine.other_holder() {
            return Some(WatchOutcome::HeldByAnother {
                namespace: namespace.to_owned(),
                holder: holder.to_owned(),
            });
        }
        (all_taken_in && self.is_done()).then(|| WatchOutcome::Done {
            refused: self.engine.refused(),
            unread: self.engine.unread(),
        })
    }

    fn is_done(&self) -> bool {
        self.announced && self.requests.are_done() && self.engine.is_at_rest()
    }

    /// Stops watching and lets what is being written end; gives the groups that are not where they belong then, and
    /// whether all could be told.
    pub(crate) async fn finish(mut self) -> (Vec<(GroupId, &'static str)>, anyhow::Result<()>) {
        self.watches.stop_all();
        self.requests.drop_what_has_not_started();
        let waiting = self.crowd.take();
        let mut told = self.say(waiting);
        while let Some(answer) = self.requests.next_write().await {
            self.answered(answer);
            for effect in self.engine.settle(self.moment()) {
                if let Effect::Moved(record, transition) = effect {
                    told = told.and(self.moved(&record, transition));
                }
            }
        }
        let keepers: Vec<JoinHandle<()>> =
            self.leases.drain().map(|(_, (_, keeper))| keeper).collect();
        let given_back = timeout(FAREWELL, join_all(keepers));
        if let (_, Err(_)) = join(self.requests.flush_events(), given_back).await {
            tracing::warn!(
                "not all Leases could be given back in time: they end by themselves in 15 s"
            );
        }
        (self.engine.unsettled(), told)
    }
}
