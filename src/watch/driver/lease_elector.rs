//! Leader election: acquires and renews the Lease of one namespace, for as long as it has groups.
//!
//! kubert's `lease` and kube-leader-election are not used. They compare another machine's clock
//! with the local one to detect expiry, require an existing Lease, and do not fence writes in
//! flight when the Lease is lost.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::api::lease;
use crate::cluster::api::lease::{Lease, LeaseScope};
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::model::limits::LEASE_SECONDS;
use crate::watch::engine::leases::LeaseState;

const RENEW_INTERVAL: Duration = Duration::from_secs(5);
/// How often a standby checks whether the holder still renews the Lease.
const STANDBY_INTERVAL: Duration = Duration::from_secs(2);
/// When to retry if the user is not allowed to use Leases.
const FORBIDDEN_RETRY: Duration = Duration::from_secs(60);
/// The time limit of one request for a Lease.
pub const LEASE_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for releasing a Lease.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);
const LEASE_DURATION: Duration = Duration::from_secs(LEASE_SECONDS.unsigned_abs() as u64);

/// An elector that runs in its own task.
#[derive(Debug)]
pub struct RunningElector {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningElector {
    /// Starts an elector. `report` returns false once the receiver is gone.
    pub fn spawn<R: Future<Output = bool> + Send + 'static>(
        elector: LeaseElector,
        requests: Arc<Semaphore>,
        report: impl Fn(LeaseState) -> R + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(elector.run(requests, report, stopped));
        Self { stop, task }
    }

    /// Stops the elector and releases the Lease, within a time limit. The task may be awaited or
    /// detached.
    pub fn release(self) -> JoinHandle<()> {
        drop(self.stop);
        self.task
    }

    /// Ends without releasing the Lease.
    pub fn abort(self) {
        self.task.abort();
    }
}

/// Decides whether writes may continue if Leases are forbidden.
#[derive(Debug, Default)]
struct ForbiddenLease {
    /// Another holder had the Lease and may still hold it.
    had_holder: bool,
    since: Option<Instant>,
}

impl ForbiddenLease {
    fn allowed(&mut self) {
        self.since = None;
    }

    /// Records that Leases are forbidden. Returns whether writes may continue: no holder is known,
    /// or its Lease has expired.
    fn may_go_on(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        !self.had_holder || now.duration_since(since) >= 2 * LEASE_DURATION
    }
}

pub struct LeaseElector {
    cluster: Cluster,
    namespace: String,
    scope: SharedScope,
    identity: String,
    /// The start of the driver. Its times count from here.
    started: Instant,
    /// Another holder's Lease, and when it last changed. Measured by the local clock, so clock skew
    /// does not matter.
    seen: Option<(Lease, Instant)>,
    /// That holder has renewed it since it was first seen.
    renewing: bool,
    held: Option<Lease>,
    forbidden: ForbiddenLease,
    backoff: Backoff,
}

impl LeaseElector {
    pub fn new(
        cluster: Cluster,
        namespace: String,
        scope: SharedScope,
        identity: String,
        started: Instant,
    ) -> Self {
        Self {
            cluster,
            namespace,
            scope,
            identity,
            started,
            seen: None,
            renewing: false,
            held: None,
            forbidden: ForbiddenLease::default(),
            backoff: Backoff::default(),
        }
    }

    /// Reports the state after each attempt, until `stopped` completes. Then releases the Lease.
    /// The Leases of many namespaces are due at the same time, so `requests` bounds the requests in
    /// flight.
    async fn run<R: Future<Output = bool>>(
        mut self,
        requests: Arc<Semaphore>,
        report: impl Fn(LeaseState) -> R,
        mut stopped: oneshot::Receiver<()>,
    ) {
        loop {
            let permit = tokio::select! {
                permit = requests.acquire() => permit,
                _ = &mut stopped => break,
            };
            let next = self.step_until(&mut stopped).await;
            drop(permit);
            let Some((state, pause)) = next else {
                break;
            };
            if let Some(state) = state
                && !report(state).await
            {
                break;
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = &mut stopped => break,
            }
        }
        self.release().await;
    }

    /// Runs one step. None: stopped. Waits for the request in flight, since it may have acquired
    /// the Lease.
    async fn step_until(
        &mut self,
        stopped: &mut oneshot::Receiver<()>,
    ) -> Option<(Option<LeaseState>, Duration)> {
        let step = self.step();
        tokio::pin!(step);
        tokio::select! {
            next = &mut step => Some(next),
            _ = stopped => {
                let _ = timeout(RELEASE_LIMIT, step).await;
                None
            }
        }
    }

    /// Tries once to acquire or renew the Lease. Returns the state to report, and when to try
    /// again.
    async fn step(&mut self) -> (Option<LeaseState>, Duration) {
        let error = match self.try_once().await {
            Ok((state, pause)) => {
                self.backoff.reset();
                self.forbidden.allowed();
                return (Some(state), pause);
            }
            Err(error) => error,
        };
        let why = error.cause.to_string();
        if error.is_conflict() {
            // Another candidate was faster.
            self.held = None;
            (None, self.backoff.next(None))
        } else if error.is_forbidden() && self.forbidden.may_go_on(Instant::now()) {
            self.held = None;
            (Some(LeaseState::Unguarded { why }), FORBIDDEN_RETRY)
        } else {
            (
                Some(LeaseState::Failing { why }),
                self.backoff.next(error.retry_after()),
            )
        }
    }

    async fn try_once(&mut self) -> RequestResult<(LeaseState, Duration)> {
        let current = match self.held.take() {
            Some(held) => held,
            None => self.read().await?,
        };
        if let Some((holder, left)) = self.other_holder(&current) {
            // A holder that renews the Lease is not late, even if the clocks differ.
            let late = !self.renewing && current.spec.holder(self.cluster.clock().now()).is_none();
            let standby = LeaseState::Standby {
                holder,
                renewing: self.renewing,
                late,
            };
            return Ok((standby, STANDBY_INTERVAL.min(left)));
        }
        // Counts from before the request. The server starts to count later.
        let until = self.started.elapsed() + LEASE_DURATION;
        let scope = self.scope.lock().clone();
        let wanted = current.held_by(&self.identity, &scope, self.cluster.clock().now());
        self.held = Some(self.put(&wanted, current).await?);
        self.forbidden.had_holder = true;
        Ok((LeaseState::Held { until }, RENEW_INTERVAL))
    }

    /// Reads the Lease. Returns a new one if it does not exist.
    async fn read(&self) -> RequestResult<Lease> {
        let name = self.scope.lock().lease_name();
        let found = lease::get(&self.cluster, &self.namespace, &name).await?;
        Ok(found.unwrap_or_else(|| Lease::new(&self.namespace, &name)))
    }

    /// Writes the Lease. If the server does not respond, a Lease that was held before counts as
    /// unchanged.
    async fn put(&mut self, wanted: &Lease, before: Lease) -> RequestResult<Lease> {
        let result = lease::put(&self.cluster, wanted).await;
        if result.as_ref().is_err_and(is_server_error)
            && before.spec.holder_identity == wanted.spec.holder_identity
        {
            self.held = Some(before);
        }
        result
    }

    /// Returns the other holder of the Lease, and the time until it expires, so that a takeover is
    /// not late. The Lease expires when it has not changed for its duration, by the local clock.
    fn other_holder(&mut self, current: &Lease) -> Option<(String, Duration)> {
        let holder = current.spec.holder_identity.clone();
        let holder = holder.filter(|holder| !holder.is_empty() && *holder != self.identity)?;
        let now = Instant::now();
        let since = match &self.seen {
            // Labels that others change do not renew it.
            Some((seen, since)) if seen.spec == current.spec => *since,
            seen => {
                let is_same = |seen: &Lease| seen.spec.holder_identity.as_ref() == Some(&holder);
                self.renewing = seen.as_ref().is_some_and(|(seen, _)| is_same(seen));
                self.seen = Some((current.clone(), now));
                self.forbidden.had_holder = true;
                now
            }
        };
        let seconds = current
            .spec
            .lease_duration_seconds
            .unwrap_or(LEASE_SECONDS)
            .max(1);
        let duration = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        let left = duration.checked_sub(now.duration_since(since))?;
        (!left.is_zero()).then_some((holder, left))
    }

    /// Releases the Lease. If someone else has changed it, reads it again first.
    async fn write_release(&self, held: Lease) -> RequestResult<()> {
        let mut held = held;
        loop {
            match lease::put(&self.cluster, &held.released()).await {
                Err(error) if error.is_conflict() => held = self.read().await?,
                result => return result.map(|_| ()),
            }
            if held.spec.holder_identity.as_ref() != Some(&self.identity) {
                return Ok(());
            }
        }
    }

    async fn release(mut self) {
        let Some(held) = self.held.take() else { return };
        let released = timeout(RELEASE_LIMIT, self.write_release(held)).await;
        if !matches!(released, Ok(Ok(()))) {
            let namespace = self.namespace;
            tracing::warn!(
                namespace,
                "could not release the Lease; it expires in {LEASE_SECONDS} s"
            );
        }
    }
}

/// What the elector's Lease speaks for. Changes with the rights of the user.
pub type SharedScope = Arc<Mutex<LeaseScope>>;

fn is_server_error(error: &RequestError) -> bool {
    !error.is_conflict() && !error.is_forbidden() && !error.is_not_found()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_permission_nothing_is_written_while_another_may_hold_the_lease() {
        let start = Instant::now();
        assert!(
            ForbiddenLease::default().may_go_on(start),
            "no holder is known"
        );

        let mut forbidden = ForbiddenLease {
            had_holder: true,
            ..ForbiddenLease::default()
        };
        assert!(!forbidden.may_go_on(start));
        assert!(!forbidden.may_go_on(start + LEASE_DURATION));
        assert!(forbidden.may_go_on(start + 2 * LEASE_DURATION));
        forbidden.allowed();
        assert!(
            !forbidden.may_go_on(start + 3 * LEASE_DURATION),
            "the time starts again"
        );
    }
}
