//! The mirror Services of one scope, from their watch.

use std::collections::HashMap;

use super::health::{WatchHealth, why_unknown};
use crate::cluster::RequestError;
use crate::cluster::api::services::Service;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::ReadinessSource;
use crate::model::{Mirror, ServiceRef, WhyUnknown};

/// The mirrors whose own slices do not show their readiness: those without local endpoints by
/// design and, if other clusters may be asked, all others.
#[derive(Debug, Default)]
pub struct MirrorServices {
    known: HashMap<ServiceRef, Mirror>,
    listed: bool,
    /// Why the last list or watch failed.
    failure: Option<WhyUnknown>,
}

impl MirrorServices {
    pub fn get(&self, service: &ServiceRef) -> Option<&Mirror> {
        self.known.get(service)
    }

    pub fn list(&mut self, services: Vec<Service>, remotes: &NamedRemotes) {
        let mirrors = services.into_iter().filter_map(|service| {
            let mirror = service
                .stands_for
                .filter(|mirror| matters(mirror, remotes))?;
            Some((service.at, mirror))
        });
        self.known = mirrors.collect();
        self.listed = true;
        self.failure = None;
    }

    /// Records a mirror Service. Returns whether its mirrored services have changed.
    pub fn apply(&mut self, service: &Service, remotes: &NamedRemotes) -> bool {
        self.failure = None;
        match service
            .stands_for
            .as_ref()
            .filter(|mirror| matters(mirror, remotes))
        {
            Some(mirror) => self
                .known
                .insert(service.at.clone(), mirror.clone())
                .is_none_or(|before| before != *mirror),
            None => self.known.remove(&service.at).is_some(),
        }
    }

    pub fn delete(&mut self, service: &ServiceRef) {
        self.failure = None;
        self.known.remove(service);
    }

    pub fn heard(&mut self) {
        self.failure = None;
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.failure = Some(why_unknown(ReadinessSource::Service, error));
    }

    pub fn failure(&self) -> Option<&WhyUnknown> {
        self.failure.as_ref()
    }

    /// Returns the health. Mirrors rarely change, so an old list is good enough, unless a new one
    /// is forbidden.
    pub fn health(&self) -> WatchHealth {
        match &self.failure {
            Some(why @ WhyUnknown::Forbidden(_)) => WatchHealth::Unknown(why.clone()),
            _ if self.listed => WatchHealth::Known,
            _ => WatchHealth::Pending,
        }
    }
}

fn matters(mirror: &Mirror, remotes: &NamedRemotes) -> bool {
    !mirror.has_local_endpoints() || !remotes.is_empty()
}
