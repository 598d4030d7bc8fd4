//! The backends of groups by namespace, and their readiness in a group's order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Backend, Destination, Group, Readiness, ServiceRef, WhyUnknown};
use crate::resource::Record;

/// The names of services, by namespace.
pub type ServiceNames = BTreeMap<String, BTreeSet<String>>;

/// The readiness of backends.
pub type Readings = HashMap<Destination, Readiness>;

/// Returns the backends of these groups.
pub fn backends_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> ServiceNames {
    let groups = records
        .into_iter()
        .filter_map(|record| record.group.as_ref().ok());
    by_namespace(
        groups
            .flat_map(|group| &group.backends)
            .map(|backend| &backend.service),
    )
}

/// Returns the destinations of these groups' backends.
pub fn destinations_of<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeSet<Destination> {
    let groups = records
        .into_iter()
        .filter_map(|record| record.group.as_ref().ok());
    groups
        .flat_map(|group| &group.backends)
        .map(Backend::destination)
        .collect()
}

pub fn by_namespace<'a>(services: impl IntoIterator<Item = &'a ServiceRef>) -> ServiceNames {
    let mut names = ServiceNames::new();
    for service in services {
        insert(&mut names, service);
    }
    names
}

pub fn insert(names: &mut ServiceNames, service: &ServiceRef) {
    names
        .entry(service.namespace.clone())
        .or_default()
        .insert(service.name.clone());
}

pub fn services(names: &ServiceNames) -> impl Iterator<Item = ServiceRef> {
    names.iter().flat_map(|(namespace, names)| {
        names
            .iter()
            .map(move |name| ServiceRef::new(namespace, name))
    })
}

/// Returns the readiness of a group's backends in their order. A backend that was not read is
/// unknown.
pub fn in_order(group: &Group, known: &Readings) -> Vec<Readiness> {
    let of = |backend: &Backend| {
        known
            .get(&backend.destination())
            .cloned()
            .unwrap_or(Readiness::Unknown {
                why: WhyUnknown::NotListed,
            })
    };
    group.backends.iter().map(of).collect()
}
