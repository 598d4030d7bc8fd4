//! The mirror services of one scope.

use std::collections::HashMap;

use super::slice_watch::WatchHealth;
use crate::cluster::RequestError;
use crate::cluster::api::services::Service;
use crate::cluster::queries::readiness::why_unknown;
use crate::cluster::remotes::remote_clusters::NamedRemotes;
use crate::model::readiness::ReadinessSource;
use crate::model::{Mirror, ServiceRef, WhyUnknown};

/// The mirrors whose slices do not say all: those without local endpoints by design and, where other clusters may be
/// asked, all others.
#[derive(Debug, Default)]
pub struct MirrorServices {
    known: HashMap<ServiceRef, Mirror>,
    listed: bool,
    /// Why the last try failed.
    trouble: Option<WhyUnknown>,
}

impl MirrorServices {
    pub fn get(&self, service: &ServiceRef) -> Option<&Mirror> {
        self.known.get(service)
    }

    pub fn list(&mut self, services: Vec<Service>, asked: &NamedRemotes) {
        let matters = services.into_iter().filter_map(|service| {
            let mirror = service.stands_for.filter(|mirror| matters(mirror, asked))?;
            Some((service.at, mirror))
        });
        self.known = matters.collect();
        self.listed = true;
        self.trouble = None;
    }

    /// Takes in a mirror service as it is now; tells whether its meaning has changed.
    pub fn apply(&mut self, service: &Service, asked: &NamedRemotes) -> bool {
        self.trouble = None;
        match service
            .stands_for
            .as_ref()
            .filter(|mirror| matters(mirror, asked))
        {
            Some(mirror) => self
                .known
                .insert(service.at.clone(), mirror.clone())
                .is_none_or(|before| before != *mirror),
            None => self.known.remove(&service.at).is_some(),
        }
    }

    pub fn delete(&mut self, service: &ServiceRef) {
        self.trouble = None;
        self.known.remove(service);
    }

    pub fn heard(&mut self) {
        self.trouble = None;
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.trouble = Some(why_unknown(ReadinessSource::Service, error));
    }

    pub fn trouble(&self) -> Option<&WhyUnknown> {
        self.trouble.as_ref()
    }

    /// What they are changes so seldom that an old list does, unless a new one is forbidden.
    pub fn trust(&self) -> WatchHealth {
        match &self.trouble {
            Some(why @ WhyUnknown::Forbidden(_)) => WatchHealth::Unknown(why.clone()),
            _ if self.listed => WatchHealth::Known,
            _ => WatchHealth::NotYet,
        }
    }
}

fn matters(mirror: &Mirror, asked: &NamedRemotes) -> bool {
    !mirror.has_local_endpoints() || !asked.nobody()
}
