//! The backends of groups by namespace, and their readiness in a group's order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::cluster::api::endpoint_counts::LastWrite;
use crate::model::{Backend, Destination, Group, Readiness, ServiceRef, WhyUnknown};
use crate::resource::Record;

/// The names of services, by namespace.
pub type ServiceNames = BTreeMap<String, BTreeSet<String>>;

/// The readiness of backends.
pub type Readings = HashMap<Destination, Reading>;

/// The readiness of a backend, and the last write of its slices.
#[derive(Debug, Clone)]
pub struct Reading {
    pub readiness: Readiness,
    pub last_write: LastWrite,
}

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
            .map(|reading| reading.readiness.clone())
            .unwrap_or(Readiness::Unknown {
                why: WhyUnknown::NotListed,
            })
    };
    group.backends.iter().map(of).collect()
}

/// Returns when each backend became ready or stopped being ready, as far as its slices show it.
///
/// The last write to the slices of a backend without enough ready endpoints is about as old as that
/// state. Slices of one that has enough are also written when pods are replaced: they show when it
/// recovered only if a pod has just become ready without which it would not have enough.
pub fn turning_points(group: &Group, known: &Readings) -> Vec<Option<Timestamp>> {
    let of = |(index, backend): (usize, &Backend)| {
        let reading = known.get(&backend.destination())?;
        let min_ready = group.threshold(index);
        let (ready, total) = reading.readiness.counts()?;
        let has_just_enough = ready == total && ready == min_ready.needed(total);
        let LastWrite { at, by_pod } = reading.last_write;
        let tells = match reading.readiness.meets(min_ready)? {
            true => has_just_enough && by_pod,
            false => reading.readiness != Readiness::Missing,
        };
        let at = Timestamp::from_second(i64::from(at)).ok();
        at.filter(|at| tells && *at != Timestamp::UNIX_EPOCH)
    };
    group.backends.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Carrier, GroupId};

    #[test]
    fn slices_tell_when_a_backend_died_and_only_sometimes_when_it_recovered() {
        let id = GroupId {
            namespace: "ns".to_owned(),
            kind: "trafficsplit",
            name: "web".to_owned(),
        };
        let backend = Backend::new("ns", ServiceRef::new("ns", "web"), 1);
        let group = Group::ordinary(id, Carrier::Split, "web".to_owned(), vec![backend], 0);
        let point = |ready, total, by_pod| {
            let reading = Reading {
                readiness: Readiness::Known { ready, total },
                last_write: LastWrite { at: 7, by_pod },
            };
            let known = Readings::from([(group.backends[0].destination(), reading)]);
            turning_points(&group, &known)[0].map(Timestamp::as_second)
        };
        assert_eq!(point(0, 0, false), Some(7), "scaled to 0");
        assert_eq!(point(0, 3, true), Some(7), "no pod is ready");
        assert_eq!(point(1, 1, true), Some(7), "the only pod became ready");
        assert_eq!(point(1, 1, false), None, "the other pod was deleted");
        assert_eq!(point(3, 3, true), None, "perhaps one more pod");
        assert_eq!(point(1, 2, true), None, "perhaps the other pod");
    }
}
