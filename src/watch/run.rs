//! Does what the engine asks for: watches, reads and writes, each in its own task, and tells it what comes back.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::engine::{Effect, Engine, Moment};
use super::keeper;
use super::leases::WRITE_LIMIT;
use super::requests::{Answer, Requests};
use super::watches::{Input, Watches};
use crate::cluster::stream::Event;
use crate::cluster::{Cluster, RequestError, groups, identity};
use crate::error;
use crate::model::notice::Notice;
use crate::resource::KINDS;

/// How often silent watches are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How many things that happened wait to be taken in before the watches are held back.
const INBOX: usize = 1024;

/// What to run on.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector that narrows the groups down.
    pub selector: Option<String>,
    /// Stop when every group is where it belongs.
    pub once: bool,
    /// Write nothing.
    pub dry_run: bool,
}

/// How the loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to stop.
    Stopped,
    /// `once`: every group is where it belongs, but for so many whose writes were refused.
    Done { refused: usize },
    /// `once`: another loop runs groups here.
    HeldByAnother { namespace: String, holder: String },
}

/// Runs the loop until it is told to stop or, with `once`, has nothing left to do. Writes that are under way when
/// it is told to stop are waited for.
///
/// # Errors
/// Where the cluster can't be reached or read at the start, or `say` fails.
pub async fn run(
    cluster: &Cluster,
    options: &Options,
    stop: impl Future<Output = ()>,
    say: &mut dyn FnMut(Notice) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    tokio::pin!(stop);
    let signature = tokio::select! {
        () = &mut stop => return Ok(Outcome::Stopped),
        signature = identity::signature(cluster) => signature,
    };
    let signature = signature.map_err(|cause| error::explain(cluster, &cause))?;
    let identity = format!("{signature}/{:06x}", fastrand::u32(..1 << 24));
    let (inbox, mut arrivals) = mpsc::channel(INBOX);
    let mut running = Loop {
        engine: Engine::new(signature.clone(), options.dry_run),
        requests: Requests::new(cluster, signature),
        cluster,
        options,
        say,
        watches: Watches::new(cluster, inbox.clone()),
        inbox,
        leases: HashMap::new(),
        identity,
        kinds: HashMap::new(),
        troubled: HashSet::new(),
        started: Instant::now(),
        announced: false,
    };
    running.follow_groups();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let alarm = running.next_alarm();
        tokio::select! {
            () = &mut stop => return running.finish().await.map(|()| Outcome::Stopped),
            Some(input) = arrivals.recv() => running.take_in(input)?,
            Some(answer) = running.requests.next() => running.answered(answer),
            _ = ticks.tick() => running.tick(),
            () = tokio::time::sleep_until(alarm) => {}
        }
        while let Ok(input) = arrivals.try_recv() {
            running.take_in(input)?;
        }
        running.settle()?;
        if options.once
            && let Some((namespace, holder)) = running.engine.other_holder()
        {
            let outcome =
                Outcome::HeldByAnother { namespace: namespace.to_owned(), holder: holder.to_owned() };
            return running.finish().await.map(|()| outcome);
        }
        if options.once && arrivals.is_empty() && running.is_done() {
            let refused = running.engine.refused();
            return running.finish().await.map(|()| Outcome::Done { refused });
        }
    }
}

/// How far the list of one kind's objects has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KindState {
    Asked,
    Absent,
    Listed,
}

struct Loop<'a> {
    engine: Engine,
    requests: Requests,
    cluster: &'a Cluster,
    options: &'a Options,
    say: &'a mut dyn FnMut(Notice) -> anyhow::Result<()>,
    watches: Watches,
    inbox: mpsc::Sender<Input>,
    leases: HashMap<String, (oneshot::Sender<()>, JoinHandle<()>)>,
    /// What this loop holds Leases as.
    identity: String,
    kinds: HashMap<&'static str, KindState>,
    /// What cannot be read at present, so that it is said once.
    troubled: HashSet<String>,
    started: Instant,
    announced: bool,
}

impl Loop<'_> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn next_alarm(&self) -> Instant {
        const FAR: Duration = Duration::from_secs(3600);
        let now = self.now();
        self.started + self.engine.next_alarm().unwrap_or(now + FAR)
    }

    fn follow_groups(&mut self) {
        for kind in KINDS {
            let name = kind.info().singular;
            self.kinds.insert(name, KindState::Asked);
            let selector = self.options.selector.as_deref();
            let source = groups::source(*kind, self.options.namespace.as_deref(), selector);
            self.watches.follow(source, move |event| Input::Groups(name, Box::new(event)));
        }
    }

    fn take_lease(&mut self, namespace: String) {
        let (end, ended) = oneshot::channel();
        let (inbox, name) = (self.inbox.clone(), namespace.clone());
        let tell = async move |standing| inbox.send(Input::Lease(name.clone(), standing)).await.is_ok();
        let cluster = self.cluster.limited(WRITE_LIMIT);
        let keeper =
            keeper::keep(cluster, namespace.clone(), self.identity.clone(), self.started, tell, ended);
        self.leases.insert(namespace, (end, tokio::spawn(keeper)));
    }

    fn take_in(&mut self, input: Input) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            Input::Groups(kind, event) => {
                match event.as_ref() {
                    Event::Listed(_) => {
                        self.kinds.insert(kind, KindState::Listed);
                    }
                    Event::Failed(error) => self.no_groups(kind, error)?,
                    _ => {}
                }
                self.note(&event, |_| format!("{kind}s"))?;
                self.engine.groups(kind, *event, now);
            }
            Input::Slices(id, event) => {
                self.note(&event, |running| running.watches.place("EndpointSlices", id))?;
                self.engine.slices(id, event, now);
            }
            Input::Mirrors(id, event) => {
                self.note(&event, |running| running.watches.place("Services", id))?;
                self.engine.mirrors(id, event, now);
            }
            Input::Lease(namespace, standing) => self.engine.lease(&namespace, standing, now),
        }
        Ok(())
    }

    /// Says when something can no longer be read, and when it can again.
    fn note<T>(&mut self, event: &Event<T>, what: impl FnOnce(&Self) -> String) -> anyhow::Result<()> {
        match event {
            Event::Failed(error) if error.is_not_found() => Ok(()),
            Event::Failed(error) => {
                let what = what(self);
                if self.troubled.insert(what.clone()) {
                    (self.say)(Notice::ReadFailed { what, error: error.to_string() })?;
                }
                Ok(())
            }
            _ if self.troubled.is_empty() => Ok(()),
            _ => {
                let what = what(self);
                if self.troubled.remove(&what) { (self.say)(Notice::ReadAgain { what }) } else { Ok(()) }
            }
        }
    }

    /// A list of groups failed: at the start most failures end the loop, later none does.
    fn no_groups(&mut self, kind: &'static str, error: &RequestError) -> anyhow::Result<()> {
        if self.kinds.get(kind) == Some(&KindState::Listed) {
            return Ok(());
        }
        if !error.is_not_found() {
            return if error.may_pass() { Ok(()) } else { Err(error::explain(self.cluster, error).into()) };
        }
        self.kinds.insert(kind, KindState::Absent);
        if self.kinds.values().all(|state| *state == KindState::Absent) {
            return Err(error::no_kinds(self.cluster).into());
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer) {
        let now = self.now();
        match answer {
            Answer::LookedUp(service, found) => self.engine.looked_up(service, found, now),
            Answer::Verified(id, slices) => self.engine.verified(&id, slices, now),
            Answer::Written(id, answer) => self.engine.written(&id, *answer, now),
            Answer::Postponed(id) => self.engine.postponed(&id, now),
            Answer::Reread(id, answer) => self.engine.reread(&id, *answer, now),
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.engine.tick(now);
    }

    /// Lets the engine decide and does what it asks for.
    fn settle(&mut self) -> anyhow::Result<()> {
        let moment = Moment { now: self.now(), server: self.cluster.clock().now() };
        for effect in self.engine.settle(moment) {
            match effect {
                Effect::StartFeed(id, scope) => self.watches.start(id, &scope),
                Effect::StopFeed(id) => self.watches.stop(id),
                Effect::LookUp(service) => self.requests.look_up(service),
                Effect::Verify(id, services) => self.requests.verify(id, services),
                Effect::Write(id, record, change, until) => {
                    let until = until.map(|until| self.started + until);
                    self.requests.write(id, *record, change, until);
                }
                Effect::TakeLease(namespace) => self.take_lease(namespace),
                Effect::GiveLeaseBack(namespace) => {
                    // The keeper gives it back when its end is dropped.
                    self.leases.remove(&namespace);
                }
                Effect::Reread(id, record) => self.requests.reread(id, *record),
                Effect::Moved(record, transition) => {
                    self.requests.publish(&record, &transition);
                    (self.say)(Notice::Moved(transition))?;
                }
                Effect::Say(notice) => (self.say)(notice)?,
            }
        }
        if !self.announced && self.kinds.values().all(|state| *state != KindState::Asked) {
            self.announced = true;
            (self.say)(Notice::Started { groups: self.engine.group_count() })?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.announced && self.requests.are_done() && self.engine.is_at_rest()
    }

    /// Stops watching and lets what is being written end.
    async fn finish(mut self) -> anyhow::Result<()> {
        self.watches.stop_all();
        self.requests.drop_what_has_not_started();
        while let Some(answer) = self.requests.next_write().await {
            self.answered(answer);
            let moment = Moment { now: self.now(), server: self.cluster.clock().now() };
            for effect in self.engine.settle(moment) {
                if let Effect::Moved(record, transition) = effect {
                    self.requests.publish(&record, &transition);
                    (self.say)(Notice::Moved(transition))?;
                }
            }
        }
        let keepers: Vec<JoinHandle<()>> = self.leases.drain().map(|(_, (_, keeper))| keeper).collect();
        futures::future::join(self.requests.flush_events(), futures::future::join_all(keepers)).await;
        Ok(())
    }
}
