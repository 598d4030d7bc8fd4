//! Does what the engine asks for: watches, reads and writes, each in its own task, and tells it what comes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, MissedTickBehavior};

use super::engine::{Effect, Engine, Moment, Settings};
use super::hearing::{Hearing, Stream};
use super::keeper;
use super::kinds::{Kinds, Troubles};
use super::leases::{Standing, WRITE_LIMIT};
use super::meter::Meter;
use super::options::{Options, Outcome};
use super::requests::{Answer, Requests};
use super::sleep::{Clocks, Sleep};
use super::upstream::Lookout;
use super::watches::{Told, Watches};
use crate::cluster::stream::Event;
use crate::cluster::upstream::{self, Upstream};
use crate::cluster::{Cluster, RequestError, RequestResult, groups, identity};
use crate::error;
use crate::model::GroupId;
use crate::model::notice::{Notice, Transition};
use crate::resource::{KINDS, Kind, Record};

/// How often silent watches are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How many things that happened wait to be taken in before the watches are held back.
const INBOX: usize = 1024;
/// How many Leases are asked for at once.
const MOST_LEASES: usize = 32;

/// What the loop's tasks tell it.
pub(super) enum Input {
    Told(Told),
    Lease(String, Standing),
    Upstream(RequestResult<Option<Upstream>>),
}

impl From<Told> for Input {
    fn from(told: Told) -> Self {
        Self::Told(told)
    }
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
    let (signature, upstream) = tokio::select! {
        () = &mut stop => return Ok(Outcome::Stopped { unsettled: Vec::new() }),
        known = join(identity::signature(cluster), upstream::find(cluster)) => known,
    };
    let signature = signature.map_err(|cause| error::explain(cluster, &cause))?;
    let identity = format!("{signature}/{:06x}", fastrand::u32(..1 << 24));
    let (inbox, mut arrivals) = mpsc::channel(INBOX);
    let mut running = Loop {
        engine: Engine::new(
            signature.clone(),
            Settings {
                dry_run: options.dry_run,
                max_moves: options.max_moves,
                upstream: None,
                alongside_upstream: options.alongside_upstream,
                asked: cluster.remotes().asked(),
            },
        ),
        requests: Requests::new(cluster, signature),
        cluster,
        options,
        say,
        watches: Watches::new(cluster, inbox.clone()),
        inbox,
        leases: HashMap::new(),
        lease_turns: Arc::new(Semaphore::new(MOST_LEASES)),
        identity,
        kinds: Kinds::default(),
        troubles: Troubles::default(),
        hearing: Hearing::default(),
        lookout: Lookout::default(),
        meter: Meter::of(&options.metrics, &cluster.context),
        sleep: Sleep::new(options.clocks.unwrap_or(Clocks::read)(Duration::ZERO)),
        groups: Vec::new(),
        started: Instant::now(),
        announced: false,
    };
    running.looked(upstream)?;
    running.follow_groups();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let alarm = running.next_alarm();
        tokio::select! {
            () = &mut stop => {
                let unsettled = running.finish().await?;
                return Ok(Outcome::Stopped { unsettled });
            }
            Some(input) = arrivals.recv() => running.take_in(input)?,
            Some(answer) = running.requests.next() => running.answered(answer),
            _ = ticks.tick() => running.tick(),
            () = tokio::time::sleep_until(alarm) => {}
        }
        while let Ok(input) = arrivals.try_recv() {
            running.take_in(input)?;
        }
        let told = running.announced;
        running.settle()?;
        if !told && let Some(outcome) = running.refused_by_upstream() {
            return running.finish().await.map(|_| outcome);
        }
        if options.once
            && let Some((namespace, holder)) = running.engine.other_holder()
        {
            let outcome =
                Outcome::HeldByAnother { namespace: namespace.to_owned(), holder: holder.to_owned() };
            return running.finish().await.map(|_| outcome);
        }
        if options.once && arrivals.is_empty() && running.is_done() {
            let refused = running.engine.refused();
            return running.finish().await.map(|_| Outcome::Done { refused });
        }
    }
}

pub(super) struct Loop<'a> {
    pub(super) engine: Engine,
    requests: Requests,
    pub(super) cluster: &'a Cluster,
    pub(super) options: &'a Options,
    say: &'a mut dyn FnMut(Notice) -> anyhow::Result<()>,
    pub(super) watches: Watches<Input>,
    pub(super) inbox: mpsc::Sender<Input>,
    leases: HashMap<String, (oneshot::Sender<()>, JoinHandle<()>)>,
    lease_turns: Arc<Semaphore>,
    /// What this loop holds Leases as.
    identity: String,
    kinds: Kinds,
    troubles: Troubles,
    hearing: Hearing,
    pub(super) lookout: Lookout,
    meter: Meter,
    sleep: Sleep,
    /// The watches of groups.
    groups: Vec<AbortHandle>,
    started: Instant,
    pub(super) announced: bool,
}

impl Loop<'_> {
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn next_alarm(&self) -> Instant {
        const FAR: Duration = Duration::from_secs(3600);
        let far = self.now() + FAR;
        self.started + self.engine.next_alarm().map_or(far, |alarm| alarm.min(far))
    }

    fn follow_groups(&mut self) {
        self.groups.drain(..).for_each(|task| task.abort());
        for kind in KINDS {
            self.kinds.ask(*kind);
            let selector = self.options.selector.as_deref();
            let source = groups::source(*kind, self.options.namespace.as_deref(), selector);
            self.groups.push(self.watches.follow_groups(*kind, source));
        }
    }

    fn take_lease(&mut self, namespace: String) {
        let (end, ended) = oneshot::channel();
        let (inbox, name) = (self.inbox.clone(), namespace.clone());
        let tell = async move |standing| inbox.send(Input::Lease(name.clone(), standing)).await.is_ok();
        let (cluster, turns) = (self.cluster.limited(WRITE_LIMIT), Arc::clone(&self.lease_turns));
        let keeper =
            keeper::keep(cluster, namespace.clone(), self.identity.clone(), self.started, turns, tell, ended);
        self.leases.insert(namespace, (end, tokio::spawn(keeper)));
    }

    /// The Leases are asked for anew; whoever has taken one over meanwhile keeps it.
    fn start_over(&mut self, namespaces: Vec<String>) {
        self.follow_groups();
        for (_, (_, keeper)) in self.leases.drain() {
            keeper.abort();
        }
        for namespace in namespaces {
            self.take_lease(namespace);
        }
    }

    fn take_in(&mut self, input: Input) -> anyhow::Result<()> {
        let now = self.now();
        match input {
            Input::Told(told) if self.watches.is_stopped(&told) => Ok(()),
            Input::Told(told) => {
                self.measure(&told, now);
                self.hear(told, now)
            }
            Input::Lease(namespace, standing) => {
                self.meter.lease(&namespace, &standing);
                self.engine.lease(&namespace, standing, now);
                Ok(())
            }
            Input::Upstream(seen) => self.looked(seen),
        }
    }

    fn hear(&mut self, told: Told, now: Duration) -> anyhow::Result<()> {
        match told {
            Told::Groups(kind, event) => {
                if let Event::Listed(_) = event.as_ref() {
                    self.kinds.list(kind);
                }
                match event.as_ref() {
                    Event::Failed(error) if !self.kinds.is_known(kind) => self.no_groups(kind, error)?,
                    event => {
                        let notice = self.troubles.note(event, || kind.info().crd.to_owned());
                        self.say(notice)?;
                    }
                }
                let event = if event.is_absent() { Event::Listed(Vec::new()) } else { *event };
                self.engine.groups(kind.info().name, event, now);
            }
            Told::Slices(id, event) => {
                let notice = self.troubles.note(&event, || self.watches.place("EndpointSlices", id));
                self.say(notice)?;
                self.engine.slices(id, event, now);
            }
            Told::Mirrors(id, event) => {
                let notice = self.troubles.note(&event, || self.watches.place("Services", id));
                self.say(notice)?;
                self.engine.mirrors(id, event, now);
            }
            Told::NoAccess(id, why) => {
                let what = self.watches.place("EndpointSlices", id);
                let notice = self.troubles.note_failure(&what, &why);
                self.say(notice)?;
                self.engine.no_access(id, why, now);
            }
        }
        Ok(())
    }

    fn measure(&mut self, told: &Told, now: Duration) {
        let (stream, failure, resource) = match told {
            Told::Groups(kind, event) => {
                (Some(Stream::Groups(kind.info().name)), event.failure(), kind.info().crd)
            }
            Told::Slices(id, event) => (Some(Stream::Slices(*id)), event.failure(), "endpointslices"),
            Told::Mirrors(_, event) => (None, event.failure(), "services"),
            Told::NoAccess(..) => return self.meter.restarts("endpointslices"),
        };
        match (failure, stream) {
            (Some(error), _) if !error.is_not_found() => self.meter.restarts(resource),
            (Some(_), Some(stream)) => self.hearing.ends(stream),
            (None, Some(stream)) => self.hearing.heard(stream, now),
            _ => {}
        }
    }

    pub(super) fn say(&mut self, notice: impl IntoIterator<Item = Notice>) -> anyhow::Result<()> {
        notice.into_iter().try_for_each(&mut self.say)
    }

    /// The first list of a kind's groups failed: most failures end the loop, later none does.
    fn no_groups(&mut self, kind: &'static dyn Kind, error: &RequestError) -> anyhow::Result<()> {
        if error.may_pass() {
            let notice = self.troubles.note_failure(kind.info().crd, error);
            return self.say(notice);
        }
        self.kinds.lack(kind, error, self.cluster)
    }

    /// Says what is followed, once it is known, and what can't be.
    fn announce(&mut self) -> anyhow::Result<()> {
        if self.announced || !self.kinds.are_known() {
            return Ok(());
        }
        self.announced = true;
        for (what, error) in self.kinds.take_forbidden() {
            let notice = self.troubles.note_lack(what, &error);
            self.say(notice)?;
        }
        self.say([Notice::Started { groups: self.engine.group_count() }])
    }

    fn answered(&mut self, answer: Answer) {
        let now = self.now();
        match answer {
            Answer::LookedUp(service, found) => self.engine.looked_up(service, found, now),
            Answer::Verified(id, slices) => self.engine.verified(&id, slices, now),
            Answer::Written(id, answer) => {
                self.meter.wrote(&id, answer.is_ok());
                self.engine.written(&id, *answer, now);
            }
            Answer::Postponed(id) => self.engine.postponed(&id, now),
            Answer::Reread(id, answer) => self.engine.reread(&id, *answer, now),
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.engine.tick(now);
        self.look_for_upstream(now);
        self.meter.turns(self.announced && self.troubles.are_none() && self.hearing.is_complete(now));
    }

    /// Lets the engine decide and does what it asks for.
    fn settle(&mut self) -> anyhow::Result<()> {
        let moment = Moment { now: self.now(), server: self.cluster.clock().now() };
        if self.sleep.has_passed(self.options.clocks.unwrap_or(Clocks::read)(moment.now)) {
            self.engine.slept(moment.now);
        }
        for effect in self.engine.settle(moment) {
            match effect {
                Effect::StartOver(namespaces) => self.start_over(namespaces),
                Effect::StartFeed(id, scope) => {
                    self.hearing.starts(Stream::Slices(id));
                    self.watches.start(id, &scope);
                }
                Effect::StopFeed(id) => {
                    self.hearing.ends(Stream::Slices(id));
                    self.troubles.forget(&self.watches, id);
                    self.watches.stop(id);
                }
                Effect::LookUp(service) => self.requests.look_up(service),
                Effect::Verify(id, services) => self.requests.verify(id, services),
                Effect::Write(id, record, change, until) => {
                    self.meter.writes(&id);
                    let until = until.map(|until| self.started + until);
                    self.requests.write(id, *record, change, until);
                }
                Effect::TakeLease(namespace) => self.take_lease(namespace),
                Effect::GiveLeaseBack(namespace) => {
                    // The keeper gives it back when its end is dropped.
                    self.leases.remove(&namespace);
                    self.meter.no_lease(&namespace);
                }
                Effect::Reread(id, record) => self.requests.reread(id, *record),
                Effect::Moved(record, transition) => self.moved(&record, transition)?,
                Effect::Say(notice) => {
                    self.lookout.hear(&notice, moment.now);
                    self.say([notice])?;
                }
            }
        }
        if let Some(counts) = self.engine.census() {
            self.meter.groups(counts);
        }
        self.announce()?;
        if self.announced
            && let Some(mirrored) = self.engine.mirrored(moment.now)
        {
            self.cluster.remotes().warn_of_strangers(&mirrored);
        }
        Ok(())
    }

    fn moved(&mut self, record: &Record, transition: Transition) -> anyhow::Result<()> {
        self.requests.publish(record, &transition);
        self.meter.moved(&transition);
        self.say([Notice::Moved(transition)])
    }

    fn is_done(&self) -> bool {
        self.announced && self.requests.are_done() && self.engine.is_at_rest()
    }

    /// Stops watching and lets what is being written end; gives the groups that are not where they belong then.
    async fn finish(mut self) -> anyhow::Result<Vec<(GroupId, &'static str)>> {
        self.watches.stop_all();
        self.requests.drop_what_has_not_started();
        while let Some(answer) = self.requests.next_write().await {
            self.answered(answer);
            let moment = Moment { now: self.now(), server: self.cluster.clock().now() };
            for effect in self.engine.settle(moment) {
                if let Effect::Moved(record, transition) = effect {
                    self.moved(&record, transition)?;
                }
            }
        }
        let keepers: Vec<JoinHandle<()>> = self.leases.drain().map(|(_, (_, keeper))| keeper).collect();
        futures::future::join(self.requests.flush_events(), futures::future::join_all(keepers)).await;
        Ok(self.engine.unsettled())
    }
}
