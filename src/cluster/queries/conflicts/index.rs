//! All objects that may conflict with groups, by the services whose requests they distribute.

use std::collections::{BTreeSet, HashMap};

use futures::future;

use super::listed::{UnreadConflicts, list_profiles, none_if_absent, or_note, read_services};
use super::pair::{competes, conflict};
use crate::cluster::api::groups;
use crate::cluster::api::service_profiles::Profile;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::list::list;
use crate::cluster::transport::client::Cluster;
use crate::model::ServiceRef;
use crate::resource::{KINDS, Kind, Record, TrafficSplit};

/// All objects of a namespace or of the cluster that may conflict with groups.
pub struct ConflictIndex {
    records: Vec<Record>,
    /// The indexes of the objects that distribute the requests of each service, groups or not:
    /// TrafficSplits and, if routes define groups, routes.
    by_service: HashMap<ServiceRef, Vec<usize>>,
    profiles: HashMap<ServiceRef, Vec<Profile>>,
    pub(super) services: HashMap<ServiceRef, Service>,
    pub(super) unread: Vec<UnreadConflicts>,
}

impl ConflictIndex {
    /// Reads the objects. `names` are the services that routes with groups are attached to or send
    /// to.
    pub async fn read(cluster: &Cluster, namespace: Option<&str>, names: &BTreeSet<&str>) -> Self {
        let kinds = if names.is_empty() {
            &[&TrafficSplit as &dyn Kind]
        } else {
            KINDS
        };
        let records = kinds.iter().map(|kind| async move {
            let listed = match list(cluster, &groups::all(*kind, namespace)).await {
                Ok((objects, _)) => Ok(objects),
                Err(error) => none_if_absent(groups::clarified(cluster, *kind, error).await),
            };
            (format!("another {}", kind.info().kind), listed)
        });
        let profiles = list_profiles(cluster, namespace);
        let services = read_services(cluster, namespace, names);
        let (records, profiles, services) =
            future::join3(future::join_all(records), profiles, services).await;
        let mut unread = Vec::new();
        let mut known = Vec::new();
        for (what, listed) in records {
            known.extend(or_note(listed, &what, namespace, &mut unread));
        }
        let profiles = or_note(profiles, "a ServiceProfile", namespace, &mut unread);
        let profiles = profiles
            .into_iter()
            .filter_map(|profile| Some((profile.service()?, profile)));
        Self {
            by_service: gather(known.iter().enumerate().flat_map(|(index, record)| {
                services_of(record)
                    .into_iter()
                    .map(move |service| (service, index))
            })),
            records: known,
            profiles: gather(profiles),
            services: services
                .into_iter()
                .map(|service| (service.at.clone(), service))
                .collect(),
            unread,
        }
    }

    /// Returns the objects that distribute the requests of a Service.
    fn objects_of(&self, apex: &ServiceRef) -> impl Iterator<Item = &Record> {
        let objects = self.by_service.get(apex).into_iter().flatten();
        objects.filter_map(|index| self.records.get(*index))
    }

    /// Whether another object takes all requests away from a group.
    pub fn ignores(&self, record: &Record) -> bool {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let mut others = self.objects_of(&apex);
        let takes_all = |other| conflict(record, other).is_some_and(|conflict| conflict.is_total);
        let mut profiles = self.profiles.get(&apex).into_iter().flatten();
        record.routing.is_some() && profiles.any(Profile::beats_routes) || others.any(takes_all)
    }

    /// Returns a line for each object in conflict with a group.
    pub fn conflicts(&self, record: &Record) -> Vec<String> {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let conflicts = self
            .objects_of(&apex)
            .filter_map(|other| conflict(record, other));
        let mut lines: Vec<String> = conflicts.map(|conflict| conflict.words).collect();
        let is_in_conflict = |profile: &&Profile| match (&record.routing, &record.group) {
            (Some(_), _) => profile.beats_routes(),
            (None, Ok(group)) => profile.leads_elsewhere(group),
            (None, Err(_)) => false,
        };
        let profiles = self
            .profiles
            .get(&apex)
            .into_iter()
            .flatten()
            .filter(is_in_conflict);
        lines.extend(profiles.map(|profile| competes("ServiceProfile", profile.name())));
        if record.routing.is_some() {
            let why = self
                .services
                .get(&apex)
                .and_then(|service| service.no_parent);
            lines.extend(why.map(|why| {
                format!(
                    "Service {} {why}, so routes on it have no effect",
                    apex.name
                )
            }));
        }
        lines
    }
}

fn gather<T>(pairs: impl IntoIterator<Item = (ServiceRef, T)>) -> HashMap<ServiceRef, Vec<T>> {
    let mut gathered = HashMap::<ServiceRef, Vec<T>>::new();
    for (service, of_it) in pairs {
        gathered.entry(service).or_default().push(of_it);
    }
    gathered
}

/// Returns the services whose requests an object distributes.
fn services_of(record: &Record) -> Vec<ServiceRef> {
    let here = |name: &str| ServiceRef::new(&record.meta.namespace, name);
    match &record.routing {
        Some(routing) => routing.services().map(here).collect(),
        None => vec![here(&record.apex)],
    }
}
