//! Reads what an order is planned on: the group, its backends' readiness, and anything in the way.

use futures::future::{OptionFuture, join4};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::precondition::evacuated;
use super::refusal::Refusal;
use crate::cli::Danger;
use crate::cluster::Clusters;
use crate::cluster::api::apex_services::{self, ApexService};
use crate::cluster::api::groups;
use crate::cluster::queries::conflicts::{self, Conflicts};
use crate::cluster::remotes::named_remotes::{self, NamedRemotes};
use crate::model::{
    AvoidEntry, Finding, Group, GroupEvent, Invalid, Override, Readiness, ServiceRef, Timers,
    Weights, WhyUnknown, decide,
};
use crate::readiness::prefetch::PrefetchedSlices;
use crate::readiness::{backends, read_once};
use crate::resource::{Record, TrafficMove};
use crate::text::ConnectionFlags;
use crate::view::command_line::return_command;

/// How many groups are read or written at the same time.
pub const MAX_CONCURRENT_GROUPS: usize = 16;
/// How many groups of a cluster are written in a batch at the same time: across a slow line, more
/// are faster.
pub const MAX_CONCURRENT_WRITES: usize = 32;

/// An object as it is now, or why it cannot be read.
type CurrentObject = Result<(Record, Value), String>;

/// What to read apart from the group and its backends.
#[derive(Debug, Clone, Copy, Default)]
pub struct PreflightReads {
    /// Objects that could keep the change from having an effect.
    pub conflicts: bool,
    /// The whole object of each group.
    pub objects: bool,
    /// The Service that clients call.
    pub services: bool,
}

/// A group as an order finds it.
#[derive(Debug)]
pub struct Preflight {
    pub group: Result<Group, Invalid>,
    /// Only if the order needs it.
    pub object: Option<CurrentObject>,
    /// Only if the order needs it. None inside if it does not exist.
    pub service: Option<Result<Option<ApexService>, String>>,
    /// One for each backend.
    pub readiness: Vec<Readiness>,
    /// Since when each backend is ready, or not ready; none if nothing tells.
    since: Vec<Option<Timestamp>>,
    /// When the weights were set, if anything tells.
    weights_set: Option<Timestamp>,
    /// What may keep the object from having an effect.
    pub obstacles: Vec<String>,
    /// Why some obstacles could not be checked.
    pub doubts: Vec<String>,
    /// The GitOps tool that owns the object.
    pub owner: Option<String>,
    /// The remote clusters in which the readiness of mirrors is read.
    pub asked: NamedRemotes,
    /// The flags that reach the group's namespace, for suggested commands: `--context … -n …`.
    pub place: String,
    /// The flags that reach the cluster.
    pub reach: ConnectionFlags,
    /// The start of a kubectl command line in the group's namespace.
    pub kubectl: String,
    /// Who gives the order: user and host.
    pub by: String,
    /// The API server's time.
    pub now: Timestamp,
    /// When the order was given: the same for all groups and all retries.
    pub started: Timestamp,
}

impl Preflight {
    /// # Errors
    /// If the object is not a valid group.
    pub fn valid(&self) -> Result<&Group, Refusal> {
        self.group.as_ref().map_err(|invalid| {
            Refusal::new(
                format!("not a valid group: {}", invalid.reason),
                format!("to fix it, {}", invalid.mend),
            )
        })
    }

    /// Whether a backend's readiness could not be read just now.
    pub fn misses_readiness(&self) -> bool {
        self.readiness
            .iter()
            .any(|readiness| matches!(readiness, Readiness::Unknown { why } if why.is_failing()))
    }

    /// Says how to find out a readiness that does not depend on local endpoints.
    pub fn how_to_know(&self, why: &WhyUnknown) -> Option<String> {
        let check = || {
            format!(
                "to see what is missing: kubectl failover check {}",
                self.place
            )
        };
        named_remotes::how_to_ask(&self.asked, why).or_else(|| why.is_lasting().then(check))
    }

    /// Returns a move of the group's traffic by whoever gives the order.
    pub fn traffic_move<'a>(
        &'a self,
        group: &'a Group,
        weights: &'a Weights,
        written: Option<&'a [u64]>,
        unverified: bool,
        why: &'a str,
    ) -> TrafficMove<'a> {
        TrafficMove {
            group,
            weights,
            written,
            unverified,
            home_ready: self.home_ready(group),
            by: &self.by,
            why,
            at: self.now,
        }
    }

    fn home_ready(&self, group: &Group) -> Option<u32> {
        decide(group, &self.readiness, &Timers::none(), self.now).home_ready
    }

    /// Returns the outage that nobody has handled, or that the home has recovered: what happened
    /// before the order was given.
    pub fn unreported(&self) -> Option<GroupEvent> {
        let finding = Finding {
            group: self.group.as_ref().ok()?,
            readiness: &self.readiness,
            since: &self.since,
            weights_set: self.weights_set,
            now: self.now,
        };
        finding.outage().or_else(|| finding.recovery())
    }

    /// The override in force.
    pub fn standing(&self) -> Option<&Override> {
        self.group.as_ref().ok()?.override_in_force(self.now)
    }

    /// Returns the entry that keeps traffic off this backend while another one can take it.
    pub fn evacuation(&self, group: &Group, index: usize) -> Option<AvoidEntry> {
        let effective = group.at(self.now, &self.readiness);
        let avoided = effective.avoided(&effective.weights(), &self.readiness);
        let is_avoided = avoided.get(index) == Some(&true);
        let entry = effective.avoid.entry_for(effective.backend_name(index));
        entry.filter(|_| is_avoided).cloned()
    }

    /// Refuses to send traffic to a backend that is evacuated. `other_way` is another way out than to
    /// end the evacuation.
    ///
    /// # Errors
    /// If the backend is evacuated, and that is not allowed.
    pub fn refuse_evacuated(
        &self,
        group: &Group,
        index: usize,
        other_way: &str,
        allowed: &[Danger],
    ) -> Result<(), Refusal> {
        let Some(entry) = self.evacuation(group, index) else {
            return Ok(());
        };
        let (name, by) = (group.backend_name(index), evacuated(&entry));
        let next = return_command(&entry, &self.reach);
        let refusal = Refusal {
            may_pass: true,
            ..Refusal::new(
                format!("{name} gets no traffic: it is {by}"),
                format!("to end the evacuation, for all its groups in this context: {next}"),
            )
            .or_next(other_way)
        };
        refusal.unless_allowed(Danger::Evacuated, allowed)
    }

    /// # Errors
    /// If the change could have no effect, or could be undone, and that is not allowed.
    pub fn refuse_conflicts(&self, allowed: &[Danger]) -> Result<(), Refusal> {
        if !self.obstacles.is_empty() {
            let reason = self.obstacles.join("; ");
            Refusal::new(reason, "remove what should not route the service")
                .unless_allowed(Danger::Conflict, allowed)?;
        }
        self.refuse_owner(allowed)
    }

    /// # Errors
    /// If a GitOps tool may undo the change, and that is not allowed.
    pub fn refuse_owner(&self, allowed: &[Danger]) -> Result<(), Refusal> {
        let Some(owner) = &self.owner else {
            return Ok(());
        };
        Refusal::new(
            format!("{owner} owns the object and may undo the change"),
            format!(
                "make {owner} ignore the weights and failover.linkerd.io annotations, or change \
                 them there"
            ),
        )
        .unless_allowed(Danger::Gitops, allowed)
    }
}

/// Reads what an order needs to know about these groups.
pub async fn preflight(
    cluster: &Clusters,
    records: &[Record],
    by: &str,
    started: Timestamp,
    reads: PreflightReads,
) -> Vec<Preflight> {
    let prefetched = PrefetchedSlices::default();
    preflight_with(cluster, records, by, started, reads, prefetched).await
}

/// Like [`preflight`], but uses slices that were listed before.
pub async fn preflight_with(
    cluster: &Clusters,
    records: &[Record],
    by: &str,
    started: Timestamp,
    reads: PreflightReads,
    prefetched: PrefetchedSlices,
) -> Vec<Preflight> {
    let wanted = backends::destinations_of(records);
    let conflicts = reads.conflicts.then(|| conflicts::read(cluster, records));
    let objects = records.iter().map(|record| {
        let object = reads.objects.then(|| whole(cluster, record));
        OptionFuture::from(object)
    });
    let objects = stream::iter(objects).buffered(MAX_CONCURRENT_GROUPS);
    let services = records.iter().map(|record| {
        let service = reads.services.then(|| apex_service(cluster, record));
        OptionFuture::from(service)
    });
    let services = stream::iter(services).buffered(MAX_CONCURRENT_GROUPS);
    let (known, conflicts, objects, services) = join4(
        read_once::read_with(cluster, &wanted, prefetched),
        OptionFuture::from(conflicts),
        objects.collect::<Vec<_>>(),
        services.collect::<Vec<_>>(),
    )
    .await;
    let Conflicts {
        by_group: mut obstacles,
        unread: doubts,
        ..
    } = conflicts.unwrap_or_default();
    let doubts_on = |namespace: &String| {
        let near = doubts
            .iter()
            .filter(|doubt| doubt.namespace.as_ref().is_none_or(|it| it == namespace));
        near.map(|doubt| doubt.words.clone()).collect()
    };
    let now = cluster.clock().now();
    let seen = |((record, object), service)| -> Preflight {
        let record: &Record = record;
        let object: Option<Option<CurrentObject>> = object;
        Preflight {
            group: record.group.clone(),
            object: object.flatten(),
            service,
            readiness: record
                .group
                .as_ref()
                .map(|group| backends::in_order(group, &known))
                .unwrap_or_default(),
            since: record
                .group
                .as_ref()
                .map(|group| backends::turning_points(group, &known))
                .unwrap_or_default(),
            weights_set: record.weights_origin().at(),
            obstacles: obstacles.remove(&record.id()).unwrap_or_default(),
            doubts: doubts_on(&record.meta.namespace),
            owner: record.meta.gitops_owner(),
            asked: cluster.remotes().asked(),
            place: cluster.reach.for_plugin(&record.meta.namespace),
            reach: cluster.reach.clone(),
            kubectl: format!("kubectl {}", cluster.reach.within(&record.meta.namespace)),
            by: by.to_owned(),
            now,
            started,
        }
    };
    records
        .iter()
        .zip(objects)
        .zip(services)
        .map(seen)
        .collect()
}

/// The Service that clients call, or why it cannot be read.
async fn apex_service(cluster: &Clusters, record: &Record) -> Result<Option<ApexService>, String> {
    let at = ServiceRef::new(&record.meta.namespace, &record.apex);
    let read = apex_services::get(cluster, &at).await;
    read.map_err(|error| error.cause.to_string())
}

/// The object as it is now. The API server refuses a change that is planned on another version.
async fn whole(cluster: &Clusters, record: &Record) -> Option<CurrentObject> {
    let (namespace, name) = (&record.meta.namespace, &record.meta.name);
    let read = groups::with_object(cluster, record.kind, namespace, name).await;
    read.map_err(|error| error.cause.to_string()).transpose()
}
