//! Takes and keeps the Lease of one namespace, for as long as it has groups.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::api::lease;
use crate::cluster::api::lease::Lease;
use crate::cluster::transport::backoff::Backoff;
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::watch::engine::leases::LeaseState;

const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often a standby looks whether the holder still renews.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long to do without a Lease before asking for the right to it again.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// How long giving a Lease back may take.
const GIVE_BACK: Duration = Duration::from_secs(2);
const LASTS: Duration = Duration::from_secs(lease::SECONDS.unsigned_abs() as u64);

/// Tells the standing whenever it is known anew, until `end` is sent or dropped; then gives the Lease back. Many
/// namespaces' Leases fall due together: by `turns` they share a few connections.
pub async fn keep(
    cluster: Cluster,
    namespace: String,
    identity: String,
    started: Instant,
    turns: Arc<Semaphore>,
    tell: impl AsyncFn(LeaseState) -> bool,
    mut end: oneshot::Receiver<()>,
) {
    let mut keeper = LeaseElector {
        cluster,
        namespace,
        identity,
        started,
        seen: None,
        renewing: false,
        held: None,
        caution: Caution::default(),
        backoff: Backoff::default(),
    };
    loop {
        let turn = tokio::select! {
            turn = turns.acquire() => turn,
            _ = &mut end => break,
        };
        let stepped = {
            let step = keeper.step();
            tokio::pin!(step);
            tokio::select! {
                stepped = &mut step => Some(stepped),
                // What comes of a request that is under way decides whether there is something to give back.
                _ = &mut end => {
                    let _ = timeout(GIVE_BACK, step).await;
                    None
                }
            }
        };
        drop(turn);
        let Some((standing, pause)) = stepped else {
            break;
        };
        if let Some(standing) = standing
            && !tell(standing).await
        {
            break;
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = &mut end => break,
        }
    }
    keeper.give_back().await;
}

/// Whether writes may go on without a Lease, by what is known of it.
#[derive(Debug, Default)]
struct Caution {
    /// It was ours, or another's: someone may hold it now.
    knows_of_holder: bool,
    forbidden_since: Option<Instant>,
}

impl Caution {
    fn allowed(&mut self) {
        self.forbidden_since = None;
    }

    /// Takes in that Leases are forbidden; tells whether the group may be run without: nobody is known to hold it, or
    /// has been for long.
    fn forbidden(&mut self, now: Instant) -> bool {
        let since = *self.forbidden_since.get_or_insert(now);
        !self.knows_of_holder || now.duration_since(since) >= 2 * LASTS
    }
}

struct LeaseElector {
    cluster: Cluster,
    namespace: String,
    identity: String,
    /// The loop's start, from which its times count.
    started: Instant,
    /// Another's Lease as it was last seen to change, and when: clocks that disagree do no harm so.
    seen: Option<(Lease, Instant)>,
    /// That one has been seen to renew it.
    renewing: bool,
    held: Option<Lease>,
    caution: Caution,
    backoff: Backoff,
}

impl LeaseElector {
    /// One try to take or renew; gives what is to be told and how long to wait.
    async fn step(&mut self) -> (Option<LeaseState>, Duration) {
        match self.try_once().await {
            Ok((standing, pause)) => {
                self.backoff.reset();
                self.caution.allowed();
                (Some(standing), pause)
            }
            // Someone else was faster.
            Err(error) if error.is_conflict() => {
                self.held = None;
                (None, self.backoff.next(None))
            }
            // Whoever has held the Lease, or has seen another do, must fear for a while that it is held now.
            Err(error) if error.is_forbidden() && self.caution.forbidden(Instant::now()) => {
                self.held = None;
                (
                    Some(LeaseState::Unguarded {
                        why: error.cause.to_string(),
                    }),
                    ASK_AGAIN,
                )
            }
            Err(error) => {
                let why = error.cause.to_string();
                (
                    Some(LeaseState::Failing { why }),
                    self.backoff.next(error.retry_after()),
                )
            }
        }
    }

    async fn try_once(&mut self) -> RequestResult<(LeaseState, Duration)> {
        let current = match self.held.take() {
            Some(held) => held,
            None => lease::get(&self.cluster, &self.namespace)
                .await?
                .unwrap_or_else(|| Lease::new(&self.namespace)),
        };
        if let Some((holder, left)) = self.others(&current) {
            // Who is seen to renew it is not late, whatever the clocks say.
            let late = !self.renewing && current.spec.holder(self.cluster.clock().now()).is_none();
            return Ok((
                LeaseState::Standby {
                    holder,
                    renewing: self.renewing,
                    late,
                },
                LOOK_EVERY.min(left),
            ));
        }
        let asked = Instant::now();
        let wanted = current.held_by(&self.identity, self.cluster.clock().now());
        let kept = self.put(&wanted, current).await?;
        self.held = Some(kept);
        self.caution.knows_of_holder = true;
        // Counted from before it was asked for: the server's count starts later.
        Ok((
            LeaseState::Held {
                until: asked.duration_since(self.started) + LASTS,
            },
            RENEW_EVERY,
        ))
    }

    /// Writes the Lease; where the server does not answer, it is known no better than before.
    async fn put(&mut self, wanted: &Lease, before: Lease) -> RequestResult<Lease> {
        let answer = lease::put(&self.cluster, wanted).await;
        if answer.as_ref().is_err_and(is_about_the_server)
            && before.spec.holder_identity == wanted.spec.holder_identity
        {
            self.held = Some(before);
        }
        answer
    }

    /// Who else holds it: until it has not changed for as long as it lasts, by our own clock. Gives how much of that
    /// is left, so that a takeover is not late.
    fn others(&mut self, current: &Lease) -> Option<(String, Duration)> {
        let holder = current
            .spec
            .holder_identity
            .clone()
            .filter(|holder| !holder.is_empty())?;
        if holder == self.identity {
            return None;
        }
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if seen == current => *since,
            seen => {
                self.renewing = seen.as_ref().is_some_and(|(seen, _)| {
                    seen.spec.holder_identity == current.spec.holder_identity
                });
                self.seen = Some((current.clone(), now));
                self.caution.knows_of_holder = true;
                now
            }
        };
        let seconds = current
            .spec
            .lease_duration_seconds
            .unwrap_or(lease::SECONDS)
            .max(1);
        let lasts = Duration::from_secs(u64::from(seconds.unsigned_abs()));
        let left = lasts
            .checked_sub(now.duration_since(since))
            .filter(|left| !left.is_zero())?;
        Some((holder, left))
    }

    async fn give_back(mut self) {
        let Some(held) = self.held.take() else { return };
        let given = timeout(GIVE_BACK, lease::put(&self.cluster, &held.given_back())).await;
        if !matches!(given, Ok(Ok(_))) {
            tracing::warn!(
                namespace = self.namespace,
                "the Lease could not be given back: it ends by itself in 15 s"
            );
        }
    }
}

fn is_about_the_server(error: &RequestError) -> bool {
    !error.is_conflict() && !error.is_forbidden() && !error.is_not_found()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_right_nobody_who_may_hold_the_lease_is_written_beside() {
        let start = Instant::now();
        assert!(
            Caution::default().forbidden(start),
            "nobody is known to hold it"
        );

        let mut caution = Caution {
            knows_of_holder: true,
            ..Caution::default()
        };
        assert!(!caution.forbidden(start));
        assert!(!caution.forbidden(start + LASTS));
        assert!(caution.forbidden(start + 2 * LASTS));
        caution.allowed();
        assert!(!caution.forbidden(start + 3 * LASTS), "it begins anew");
    }
}
