//! `set --add-fallback` and `--remove-fallback`: other backends for groups that exist.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::changes::precondition::end_first;
use crate::changes::preflight::{MAX_CONCURRENT_GROUPS, Preflight};
use crate::changes::refusal::Refusal;
use crate::cli::SetArgs;
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::{Cluster, RequestResult};
use crate::commands::args::evacuated;
use crate::error::explain;
use crate::model::{Carrier, Group, LastMove, Readiness, Residence, ServiceRef, WhyUnknown};
use crate::problem::Problem;
use crate::resource::annotations::WEIGHTS;
use crate::resource::names::{is_object_name, is_service_name};
use crate::resource::{BackendListChange, NewGroup, Record, change_backends};
use crate::text::word;
use crate::view::command_line::command_on;

/// The Services that backends are added for, as they are in the cluster.
#[derive(Debug, Default)]
pub struct AddedServices(HashMap<ServiceRef, Result<Option<Service>, Problem>>);

/// What changes on one group.
#[derive(Debug, Default)]
pub struct BackendsPlan {
    pub change: BackendListChange,
    /// What changes, in words.
    pub lines: Vec<String>,
    /// Why some of it may have no effect.
    pub notes: Vec<String>,
    /// The value of the annotation with the shares, if it changes.
    pub shares: Option<Option<String>>,
    /// The readiness of each backend afterwards.
    pub readiness: Vec<Readiness>,
    /// The removed backends that carry traffic, by name.
    carried: Vec<String>,
}

/// # Errors
/// A usage error if a name is not one of a Service, or is both added and removed.
pub fn check(args: &SetArgs) -> Result<(), Problem> {
    let is_name = |typed: &&String| {
        let (namespace, name) = typed.split_once('/').unwrap_or(("default", typed));
        is_service_name(name) && is_object_name(namespace) && !namespace.contains('.')
    };
    if let Some(bad) = args.add_fallback.iter().find(|typed| !is_name(typed)) {
        return Err(Problem::usage(format!("invalid service name {bad:?}"))
            .next("name a service, such as web-svc-east, or NAMESPACE/SERVICE for a route"));
    }
    let mut both = args.add_fallback.iter();
    if let Some(both) = both.find(|typed| args.remove_fallback.contains(typed)) {
        return Err(Problem::usage(format!(
            "--add-fallback {both} and --remove-fallback {both} contradict each other"
        )));
    }
    Ok(())
}

/// Reads the Services of the backends to add, and those that clients call.
pub async fn read(cluster: &Cluster, args: &SetArgs, records: &[Record]) -> AddedServices {
    if args.add_fallback.is_empty() {
        return AddedServices::default();
    }
    let mut wanted = BTreeSet::new();
    for record in records {
        let namespace = &record.meta.namespace;
        wanted.insert(ServiceRef::new(namespace, &record.apex));
        wanted.extend(
            args.add_fallback
                .iter()
                .map(|typed| service(namespace, typed)),
        );
    }
    let reads = wanted.into_iter().map(async |service| {
        let found: RequestResult<Option<Service>> = services::get(cluster, &service).await;
        (service, found.map_err(|error| explain(cluster, &error)))
    });
    let reads = stream::iter(reads).buffer_unordered(MAX_CONCURRENT_GROUPS);
    AddedServices(reads.collect().await)
}

impl AddedServices {
    /// Warns of new fallbacks in clusters from which other groups of the namespace are evacuated.
    /// `all` are these and other groups.
    pub fn evacuated(
        &self,
        cluster: &Cluster,
        args: &SetArgs,
        records: &[Record],
        all: &[Record],
    ) -> BTreeSet<String> {
        let now = cluster.clock().now();
        let groups = records
            .iter()
            .filter_map(|record| record.group.as_ref().ok());
        let warnings = groups.flat_map(|group| {
            let namespace = &group.id.namespace;
            let new = args.add_fallback.iter().filter_map(|typed| {
                let at = service(namespace, typed);
                let found = self.0.get(&at)?.as_ref().ok()?.as_ref()?;
                let mut entries = group.avoid.entries.iter();
                let is_new = group.backends.iter().all(|backend| backend.service != at);
                let is_avoided = entries.any(|entry| entry.names(typed) && !entry.is_over(now));
                (is_new && !is_avoided).then(|| (typed.as_str(), found.residence()))
            });
            let new: Vec<(&str, Residence)> = new.collect();
            let others = all.iter().filter(|it| it.meta.namespace == *namespace);
            let place = cluster.reach.for_plugin(namespace);
            evacuated::warnings("this fallback", &new, others, now, &place)
        });
        warnings.collect()
    }
}

fn service(namespace: &str, typed: &str) -> ServiceRef {
    let (namespace, name) = typed.split_once('/').unwrap_or((namespace, typed));
    ServiceRef::new(namespace, name)
}

/// Plans the change of a group's backends; none if the group is as asked.
///
/// # Errors
/// If it is refused.
pub fn plan(
    args: &SetArgs,
    known: &AddedServices,
    record: &Record,
    object: &Value,
    seen: &Preflight,
) -> Result<Option<BackendsPlan>, Refusal> {
    if args.add_fallback.is_empty() && args.remove_fallback.is_empty() {
        return Ok(None);
    }
    let group = seen.valid()?;
    let mut plan = BackendsPlan::default();
    let added = plan.add(args, known, record, group)?;
    let removed = plan.remove(args, group, seen)?;
    if added.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    if group.backends.len() + added.len() - removed.len() < 2 {
        return Err(Refusal::new(
            "that would leave the group without a fallback",
            format!(
                "add another one too, or delete the group: {}",
                command_on("delete", &group.id, &seen.place)
            ),
        ));
    }
    let stays = |index: &usize| !removed.contains(index);
    let kept = (0..group.backends.len()).filter(stays);
    let kept = kept.filter_map(|index| seen.readiness.get(index).cloned());
    let new = added.iter().map(|service| match known.0.get(service) {
        Some(Ok(None)) => Readiness::Missing,
        _ => Readiness::Unknown {
            why: WhyUnknown::NotListed,
        },
    });
    plan.readiness = kept.chain(new).collect();
    plan.shares = shares_without(record, group, &removed);
    plan.change = change_backends(record, object, &added, &removed).ok_or_else(|| {
        Refusal::new(
            "its backends cannot be found in the object",
            "try again: it may have just changed",
        )
    })?;
    Ok(Some(plan))
}

impl BackendsPlan {
    fn add(
        &mut self,
        args: &SetArgs,
        known: &AddedServices,
        record: &Record,
        group: &Group,
    ) -> Result<Vec<ServiceRef>, Refusal> {
        let mut added = Vec::new();
        for typed in &args.add_fallback {
            let at = service(&group.id.namespace, typed);
            let mut backends = group.backends.iter().map(|backend| &backend.service);
            if backends.any(|known| *known == at) || added.contains(&at) {
                continue;
            }
            let name = NewGroup::backend_name(&group.id.namespace, typed);
            if group.carrier == Carrier::Split && name.contains('/') {
                return Err(Refusal::new(
                    format!(
                        "{name} is in another namespace: a TrafficSplit's backends are services of \
                         its own namespace"
                    ),
                    "leave the namespace out, or make a route of the group: kubectl failover \
                     migrate NAME",
                ));
            }
            match known.0.get(&at) {
                Some(Ok(Some(found))) => {
                    can_carry(&name, found, known, record)?;
                }
                Some(Ok(None)) if args.allow_missing => self.notes.push(format!(
                    "service {name} does not exist; until it does, it counts as not ready"
                )),
                Some(Ok(None)) => {
                    return Err(Refusal::new(
                        format!("service {name} does not exist"),
                        "to add it before it exists, add --allow-missing",
                    ));
                }
                Some(Err(problem)) => {
                    let reason = format!("service {name} cannot be read: {}", problem.message);
                    return Err(Refusal::new(reason, "try again later"));
                }
                None => {
                    return Err(Refusal::new(
                        format!("service {name} was not read"),
                        "run the command again",
                    ));
                }
            }
            self.lines.push(format!("fallback {name} added"));
            added.push(at);
        }
        Ok(added)
    }

    fn remove(
        &mut self,
        args: &SetArgs,
        group: &Group,
        seen: &Preflight,
    ) -> Result<Vec<usize>, Refusal> {
        let mut removed: Vec<usize> = Vec::new();
        for typed in &args.remove_fallback {
            let Some(index) = group.named(typed) else {
                // Of many groups, only some may have it.
                if args.groups.may_be_many() {
                    continue;
                }
                return Err(Refusal::no_backend(group, typed, "--remove-fallback"));
            };
            let name = group.backend_name(index);
            if index == group.home_index() {
                return Err(Refusal::new(
                    format!("{name} is the primary"),
                    format!(
                        "make another one the primary first: {}",
                        command_on(
                            "set",
                            &group.id,
                            &format!("--primary BACKEND {}", seen.place)
                        )
                    ),
                ));
            }
            if index == group.primary {
                return Err(Refusal::new(
                    format!("the group is forced to {name}"),
                    format!(
                        "end that first: {}",
                        command_on("failback", &group.id, &seen.place)
                    ),
                ));
            }
            if !removed.contains(&index) {
                removed.push(index);
                self.lines.push(format!("fallback {name} removed"));
            }
        }
        self.refuse_to_take_traffic(group, &removed, seen)?;
        Ok(removed)
    }

    /// Refuses to remove what carries the traffic, unless another backend carries some of it and is
    /// ready, or a standby takes over.
    fn refuse_to_take_traffic(
        &mut self,
        group: &Group,
        removed: &[usize],
        seen: &Preflight,
    ) -> Result<(), Refusal> {
        let is_ready = |index: &usize| seen.readiness.get(*index).is_some_and(Readiness::is_ready);
        let carrying = removed.iter().filter(|index| group.carries(**index));
        self.carried = carrying
            .map(|index| group.backend_name(*index).to_owned())
            .collect();
        let stepped_in = removed.iter().filter(|index| {
            let backend = group.backends.get(**index);
            backend.is_some_and(|it| it.is_standby()) && is_ready(index)
        });
        let stepped_in: Vec<usize> = stepped_in.copied().collect();
        let mut others = (0..group.backends.len()).filter(|index| !removed.contains(index));
        let is_served = others.any(|index| group.carries(index) && is_ready(&index));
        if is_served || (self.carried.is_empty() && stepped_in.is_empty()) {
            return Ok(());
        }
        let mut names = self.carried.clone();
        if names.is_empty() {
            let names_of = stepped_in.iter().map(|index| group.backend_name(*index));
            names = names_of.map(str::to_owned).collect();
        }
        let can_take = |index: &usize| {
            *index != group.home_index()
                && !removed.contains(index)
                && is_ready(index)
                && seen.evacuation(group, *index).is_none()
        };
        let other = (0..group.backends.len()).find(can_take);
        let force = other.map(|index| {
            let to = word(group.backend_name(index));
            let force = format!("--to {to} {}", seen.place);
            format!(", or {}", command_on("force", &group.id, &force))
        });
        let first = match seen.evacuation(group, group.home_index()) {
            Some(entry) => {
                let home = group.backend_name(group.home_index());
                end_first(&entry, home, &seen.reach)
            }
            None => format!(
                "move it first: {}",
                command_on("failback", &group.id, &seen.place)
            ),
        };
        Err(Refusal::new(
            format!(
                "the traffic is on {}, and no other backend that carries traffic is ready",
                names.join(", ")
            ),
            first + &force.unwrap_or_default(),
        ))
    }

    /// Returns the note of the last move as it is with the backends afterwards. Taking a share away
    /// is a move.
    pub fn last_move(&self, before: &Group, after: &Group, seen: &Preflight) -> Option<LastMove> {
        let to = after.write_weights(&after.weights());
        if self.carried.is_empty() {
            let last = before.fitting_move()?.clone();
            return Some(LastMove { to, ..last });
        }
        Some(LastMove {
            from: before.write_weights(&before.weights()),
            to,
            at: seen.now,
            by: seen.by.clone(),
            why: format!("fallback {} removed", self.carried.join(", ")),
            unverified: false,
            ready: before.last_move.as_ref().and_then(|last| last.ready),
            home: None,
            command: None,
        })
    }
}

/// Checks that a Service can get the group's traffic, as `create` does.
fn can_carry(
    name: &str,
    found: &Service,
    known: &AddedServices,
    record: &Record,
) -> Result<(), Refusal> {
    if found.is_external_name {
        return Err(Refusal::new(
            format!("{name} is an ExternalName Service: it never has endpoints"),
            "name a Service with endpoints; for another cluster, a mirror Service of Linkerd",
        ));
    }
    let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
    let of_apex = match known.0.get(&apex) {
        Some(Ok(Some(apex))) => apex.ports.iter().map(|port| port.port).collect(),
        _ => BTreeSet::new(),
    };
    let needed: BTreeSet<u16> = match record.kind.info().carrier {
        Carrier::Split => of_apex,
        // The new backend gets the ports of the primary.
        Carrier::Route => {
            let group = record.group.as_ref().ok();
            let primary = group.and_then(|group| group.backends.get(group.primary));
            primary.map_or_else(BTreeSet::new, |it| it.ports.iter().copied().collect())
        }
    };
    let has: BTreeSet<u16> = found.ports.iter().map(|port| port.port).collect();
    let lacking: Vec<String> = needed.difference(&has).map(u16::to_string).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        format!("{name} lacks port {}", lacking.join(", ")),
        "add the port to that service or choose another: traffic to a missing port fails",
    ))
}

/// Returns the annotation with the shares without those of removed backends, if it changes.
fn shares_without(record: &Record, group: &Group, removed: &[usize]) -> Option<Option<String>> {
    let shares = record.meta.annotations.get(WEIGHTS)?;
    let is_removed = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().trim();
        group
            .named(name)
            .is_some_and(|index| removed.contains(&index))
    };
    let kept: Vec<&str> = shares.split(',').filter(|pair| !is_removed(pair)).collect();
    let kept = kept.join(",");
    (kept != shares).then(|| Some(kept).filter(|kept| !kept.is_empty()))
}
