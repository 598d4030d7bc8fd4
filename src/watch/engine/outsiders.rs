//! Groups that the selector of this `watch` leaves out. They are not run, but an older one with the
//! same apex makes a selected group Invalid.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::model::rivals::ApexClaim;
use crate::model::{GroupId, ServiceRef};
use crate::resource::Record;

/// The claims of these groups, by apex.
#[derive(Debug, Default)]
pub struct Outsiders {
    by_apex: HashMap<ServiceRef, BTreeMap<GroupId, OutsideClaim>>,
    apexes: HashMap<GroupId, ServiceRef>,
}

#[derive(Debug)]
struct OutsideClaim {
    ports: Vec<u16>,
    created: Option<Timestamp>,
}

impl Outsiders {
    /// Records a group. Returns the apexes whose claims may have changed.
    pub fn learn(&mut self, record: &Record) -> Vec<ServiceRef> {
        let id = record.id();
        let mut changed = Vec::from_iter(self.forget(&id));
        if record.group.is_ok() && !record.apex.is_empty() {
            let apex = ServiceRef::new(&id.namespace, &record.apex);
            let claim = OutsideClaim {
                ports: record.ports.clone(),
                created: record.meta.creation_timestamp,
            };
            let claims = self.by_apex.entry(apex.clone()).or_default();
            claims.insert(id.clone(), claim);
            self.apexes.insert(id, apex.clone());
            changed.push(apex);
        }
        changed
    }

    /// Forgets a group. Returns its apex.
    pub fn forget(&mut self, id: &GroupId) -> Option<ServiceRef> {
        let apex = self.apexes.remove(id)?;
        if let Some(claims) = self.by_apex.get_mut(&apex) {
            claims.remove(id);
            if claims.is_empty() {
                self.by_apex.remove(&apex);
            }
        }
        Some(apex)
    }

    pub fn ids(&self) -> impl Iterator<Item = &GroupId> {
        self.apexes.keys()
    }

    /// Returns the claims to an apex.
    pub fn claims<'a>(&'a self, apex: &'a ServiceRef) -> impl Iterator<Item = ApexClaim<'a>> {
        let claims = self.by_apex.get(apex).into_iter().flatten();
        claims.map(|(id, claim)| ApexClaim {
            namespace: &id.namespace,
            kind: id.kind,
            name: &id.name,
            apex: &apex.name,
            ports: &claim.ports,
            created: claim.created,
        })
    }
}
