//! Leader election: acquires and renews the Lease of one namespace, for as long as it has groups.
//!
//! kubert's `lease` and kube-leader-election are not used. They compare another machine's clock
//! with the local one to detect expiry, require an existing Lease, and do not fence writes in
//! flight when the Lease is lost.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::lease_term::{LeaseTerm, RENEW_INTERVAL};
use super::unwritable_lease::{LeaseFailure, UnwritableLease};
use crate::cluster::api::lease;
use crate::cluster::api::lease::{Lease, LeaseScope, LeaseSuccessor};
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::watch::engine::leases::LeaseState;

/// How often a standby checks whether the holder still renews the Lease.
const STANDBY_INTERVAL: Duration = Duration::from_secs(2);
/// When to retry if the server refuses the Lease.
const REFUSED_RETRY: Duration = Duration::from_secs(60);
/// The time limit of reading a Lease. A write that takes longer is slow: it does not hold up the
/// Leases of other namespaces.
const LEASE_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit of writing a Lease: admission webhooks may take this long.
const LEASE_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for releasing a Lease.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);

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
        report: impl Fn(LeaseState) -> R + Send + Sync + 'static,
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

pub struct LeaseElector {
    /// With a short time limit.
    cluster: Cluster,
    /// With a long time limit, for writes.
    writing: Cluster,
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
    term: LeaseTerm,
    unwritable: UnwritableLease,
    backoff: Backoff,
}

impl LeaseElector {
    pub fn new(
        cluster: &Cluster,
        namespace: String,
        scope: SharedScope,
        identity: String,
        started: Instant,
    ) -> Self {
        Self {
            writing: cluster.limited(LEASE_WRITE_TIMEOUT).for_writes(),
            cluster: cluster.limited(LEASE_READ_TIMEOUT),
            namespace,
            scope,
            identity,
            started,
            seen: None,
            renewing: false,
            held: None,
            term: LeaseTerm::default(),
            unwritable: UnwritableLease::default(),
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
            let next = self.step_until(&mut stopped, permit.ok(), &report).await;
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
    async fn step_until<R: Future<Output = bool>>(
        &mut self,
        stopped: &mut oneshot::Receiver<()>,
        permit: Option<SemaphorePermit<'_>>,
        report: &impl Fn(LeaseState) -> R,
    ) -> Option<(Option<LeaseState>, Duration)> {
        let step = self.step(report);
        tokio::pin!(step);
        let free_slot_if_slow = async {
            sleep(LEASE_READ_TIMEOUT).await;
            drop(permit);
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            next = &mut step => Some(next),
            _ = stopped => {
                let _ = timeout(RELEASE_LIMIT, step).await;
                None
            }
            never = free_slot_if_slow => match never {},
        }
    }

    /// Tries once to acquire or renew the Lease. Returns the state to report, and when to try
    /// again.
    async fn step<R: Future<Output = bool>>(
        &mut self,
        report: &impl Fn(LeaseState) -> R,
    ) -> (Option<LeaseState>, Duration) {
        let started = Instant::now();
        let error = match self.try_once(report).await {
            Ok((state, pause)) => {
                self.backoff.reset();
                self.unwritable.written();
                return (Some(state), pause);
            }
            Err(error) => error,
        };
        let why = error.cause.to_string();
        if error.is_conflict() {
            // Another candidate was faster.
            self.held = None;
            return (None, self.backoff.next(None));
        }
        let failure = LeaseFailure::of(&error);
        if self.may_go_on(failure, started).await {
            self.held = None;
            let is_forbidden = error.is_forbidden();
            let pause = match failure {
                LeaseFailure::Refused => REFUSED_RETRY,
                LeaseFailure::HeldUp | LeaseFailure::Other => RENEW_INTERVAL,
            };
            return (Some(LeaseState::Unguarded { why, is_forbidden }), pause);
        }
        let pause = self.backoff.next(error.retry_after());
        (Some(LeaseState::Failing { why }), pause)
    }

    /// Returns whether moves may go on without the Lease, after an attempt that began at `started`.
    async fn may_go_on(&mut self, failure: LeaseFailure, started: Instant) -> bool {
        self.unwritable.may_go_on(failure, started, Instant::now())
            && (failure != LeaseFailure::HeldUp || self.is_free().await)
    }

    /// Returns whether the Lease can be read and nobody else holds it.
    async fn is_free(&mut self) -> bool {
        let current = self.read().await;
        current.is_ok_and(|current| self.other_holder(&current).is_none())
    }

    async fn try_once<R: Future<Output = bool>>(
        &mut self,
        report: &impl Fn(LeaseState) -> R,
    ) -> RequestResult<(LeaseState, Duration)> {
        let current = match &self.held {
            Some(held) => held.clone(),
            None => self.read().await?,
        };
        if let Some((holder, left)) = self.other_holder(&current) {
            let seen = Instant::now();
            let late = self.is_late(&current).then_some(left);
            if late.is_some() {
                self.announce(&current, left).await;
            }
            let left = left.saturating_sub(seen.elapsed());
            let standby = LeaseState::Standby {
                holder,
                renewing: self.renewing,
                late,
            };
            return Ok((standby, STANDBY_INTERVAL.min(left)));
        }
        let scope = self.scope.lock().clone();
        let mut wanted = current.held_by(&self.identity, &scope, self.cluster.clock().now());
        let started = self.started.elapsed();
        let seconds = self.term.seconds(started);
        wanted.spec.lease_duration_seconds = Some(seconds);
        let put = lease::put(&self.writing, &wanted);
        tokio::pin!(put);
        let result = match timeout(LEASE_READ_TIMEOUT, &mut put).await {
            Ok(result) => result,
            Err(_) => {
                // A slow renewal is no reason to write nothing, and neither is a slow takeover.
                if self.seen.is_some() && self.held.is_none() {
                    let why = "the API server has not answered yet".to_owned();
                    let is_forbidden = false;
                    report(LeaseState::Unguarded { why, is_forbidden }).await;
                }
                put.await
            }
        };
        let now = self.started.elapsed();
        match result {
            Ok(stored) => self.held = Some(stored),
            Err(error) => {
                if matches!(error.cause, Cause::TimedOut { .. }) {
                    self.term.written(started, now);
                }
                self.held = self.still_held(current, &error);
                return Err(error);
            }
        }
        self.unwritable.had_holder = true;
        let (until, pause) = self.term.renewed(seconds, started, now);
        Ok((LeaseState::Held { until }, pause))
    }

    /// Returns the Lease after a failed write. If the server did not respond, a Lease that was held
    /// before counts as unchanged.
    fn still_held(&self, before: Lease, error: &RequestError) -> Option<Lease> {
        let may_be_gone = error.is_conflict()
            || error.is_not_found()
            || LeaseFailure::of(error) == LeaseFailure::Refused;
        let is_own = before.spec.holder_identity.as_ref() == Some(&self.identity);
        (is_own && !may_be_gone).then_some(before)
    }

    /// Reads the Lease. Returns a new one if it does not exist.
    async fn read(&self) -> RequestResult<Lease> {
        let name = self.scope.lock().lease_name();
        let found = lease::get(&self.cluster, &self.namespace, &name).await?;
        Ok(found.unwrap_or_else(|| Lease::new(&self.namespace, &name)))
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
                self.unwritable.had_holder = true;
                now
            }
        };
        let left = current
            .spec
            .duration()
            .checked_sub(now.duration_since(since))?;
        (!left.is_zero()).then_some((holder, left))
    }

    /// Returns whether the other holder of the Lease should have renewed it. If it has renewed it
    /// before, the local clock counts: the holder's clock may differ.
    fn is_late(&self, current: &Lease) -> bool {
        let silent = match (&self.seen, current.spec.renew_time) {
            (Some((_, since)), _) if self.renewing => since.elapsed(),
            (_, Some(renewed)) => {
                let silent = self.cluster.clock().now().duration_since(renewed);
                silent.try_into().unwrap_or_default()
            }
            (_, None) => return true,
        };
        silent >= current.spec.late_after()
    }

    /// Writes on an overdue Lease who takes it over and when, for `status`. If that fails, the next
    /// step tries again. It never holds up the takeover, and changes nothing that other candidates
    /// compare.
    async fn announce(&self, current: &Lease, left: Duration) {
        let now = self.cluster.clock().now();
        let Ok(at) = now.checked_add(left) else {
            return;
        };
        // A successor that should have taken over by now has ended itself.
        let successor = current.successor(now);
        if successor.is_none_or(|successor| successor.at < now) {
            let by = self.identity.clone();
            let announced = current.awaited_by(&LeaseSuccessor { by, at });
            let _ = timeout(left / 2, lease::put(&self.cluster, &announced)).await;
        }
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
        let seconds = held.spec.duration().as_secs();
        let released = timeout(RELEASE_LIMIT, self.write_release(held)).await;
        if !matches!(released, Ok(Ok(()))) {
            let namespace = self.namespace;
            tracing::warn!(
                namespace,
                "could not release the Lease; it expires in {seconds} s"
            );
        }
    }
}

/// What the elector's Lease speaks for. Changes with the rights of the user.
pub type SharedScope = Arc<Mutex<LeaseScope>>;
