//! The indexes of groups (as of a client-go Indexer): by backend and by apex.

use std::collections::{BTreeSet, HashMap};

use crate::model::limits::MAX_GROUPS_OF_APEX;
use crate::model::{GroupId, ServiceRef};
use crate::readiness::backends::{ServiceNames, by_namespace};
use crate::readiness::scope::SliceScope;
use crate::resource::Record;

#[derive(Debug, Default)]
pub struct GroupIndex {
    by_backend: HashMap<ServiceRef, Vec<GroupId>>,
    by_apex: HashMap<ServiceRef, Vec<GroupId>>,
}

/// The keys that index a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexKeys {
    pub apex: Option<ServiceRef>,
    /// The apex's ports. Empty: all ports.
    pub ports: Vec<u16>,
    pub backends: BTreeSet<ServiceRef>,
}

impl IndexKeys {
    pub fn of(record: &Record) -> Self {
        let apex = ServiceRef::new(&record.meta.namespace, &record.apex);
        let backends = record.group.iter().flat_map(|group| &group.backends);
        Self {
            apex: (!record.apex.is_empty()).then_some(apex),
            ports: record.ports.clone(),
            backends: backends.map(|backend| backend.service.clone()).collect(),
        }
    }
}

impl GroupIndex {
    /// Replaces the keys of a group. Returns the other groups that share an apex with it.
    pub fn update(&mut self, id: &GroupId, before: &IndexKeys, after: &IndexKeys) -> Vec<GroupId> {
        for service in before.backends.difference(&after.backends) {
            remove(&mut self.by_backend, service, id);
        }
        for service in after.backends.difference(&before.backends) {
            add(&mut self.by_backend, service, id);
        }
        if before.apex != after.apex {
            if let Some(apex) = &before.apex {
                remove(&mut self.by_apex, apex, id);
            }
            if let Some(apex) = &after.apex {
                add(&mut self.by_apex, apex, id);
            }
        }
        let apexes = [&before.apex, &after.apex].into_iter().flatten();
        // Beyond the bound, one group more or less changes nothing for the others.
        let sharing = apexes.map(|apex| self.sharing(apex));
        let sharing = sharing.filter(|groups| groups.len() <= MAX_GROUPS_OF_APEX + 1);
        sharing
            .flatten()
            .filter(|rival| *rival != id)
            .cloned()
            .collect()
    }

    /// Returns the groups with this apex.
    pub fn sharing(&self, apex: &ServiceRef) -> &[GroupId] {
        self.by_apex.get(apex).map_or(&[], Vec::as_slice)
    }

    /// Returns the groups with this backend.
    pub fn groups_of(&self, service: &ServiceRef) -> &[GroupId] {
        self.by_backend.get(service).map_or(&[], Vec::as_slice)
    }

    /// Returns the groups with a backend in this scope.
    pub fn groups_within(&self, scope: &SliceScope) -> BTreeSet<GroupId> {
        let covered = self
            .by_backend
            .iter()
            .filter(|(service, _)| scope.covers(None, service));
        covered.flat_map(|(_, ids)| ids.iter().cloned()).collect()
    }

    /// Returns the names of all backends, by namespace.
    pub fn services(&self) -> ServiceNames {
        by_namespace(self.by_backend.keys())
    }
}

/// Most services belong to one group.
fn add(index: &mut HashMap<ServiceRef, Vec<GroupId>>, service: &ServiceRef, id: &GroupId) {
    index
        .entry(service.clone())
        .or_insert_with(|| Vec::with_capacity(1))
        .push(id.clone());
}

fn remove(index: &mut HashMap<ServiceRef, Vec<GroupId>>, service: &ServiceRef, id: &GroupId) {
    if let Some(ids) = index.get_mut(service) {
        ids.retain(|known| known != id);
        if ids.is_empty() {
            index.remove(service);
        }
    }
}
