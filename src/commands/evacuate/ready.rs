//! `return --when-ready`: waits, after the plan and the prompt, until the groups are ready to return.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;

use crate::changes::plan::PlannedChange;
use crate::changes::wait_ready::wait_ready;
use crate::changes::write::OrderContext;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;

/// A wait for groups to be ready.
pub struct ReadinessWait<'a> {
    pub limit: Option<Duration>,
    /// Whether some were not ready in time.
    pub has_timed_out: &'a AtomicBool,
}

impl ReadinessWait<'_> {
    pub fn has_timed_out(&self) -> bool {
        self.has_timed_out.load(Ordering::Relaxed)
    }

    /// Waits in all contexts at the same time.
    ///
    /// # Errors
    /// If a cluster cannot be read, or on a signal.
    pub async fn run(
        &self,
        contexts: &[OrderContext<'_>],
        planned: &[Vec<PlannedChange>],
        streams: &Streams,
        interrupts: &mut Interrupts,
    ) -> anyhow::Result<()> {
        let waits = contexts
            .iter()
            .zip(planned)
            .map(async |(context, planned)| {
                if !planned.iter().any(may_pass) {
                    return Ok(true);
                }
                let records = planned.iter().map(|change| change.record.clone());
                let records = records.collect();
                let OrderContext { cluster, order, .. } = *context;
                let subject = (contexts.len() > 1).then_some(cluster.context.as_str());
                match wait_ready(cluster, records, self.limit, order, streams, subject).await {
                    Ok(waited) => Ok(waited.all_ready),
                    Err(error) if Problem::of(&error).exit == Exit::NotMet => Ok(false),
                    Err(error) => Err(error),
                }
            });
        let waits = async { anyhow::Ok(join_all(waits).await) };
        for all_ready in interrupts.or(waits).await? {
            if !all_ready? {
                self.has_timed_out.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// Whether waiting may help.
pub fn may_pass(planned: &PlannedChange) -> bool {
    matches!(&planned.plan, Err(refusal) if refusal.may_pass)
}
