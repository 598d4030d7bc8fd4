//! The mirror services of one scope.

use std::collections::HashSet;

use super::feed::Trust;
use crate::cluster::RequestError;
use crate::cluster::readiness::why_unknown;
use crate::cluster::services::Service;
use crate::model::readiness::Source;
use crate::model::{ServiceRef, WhyUnknown};

/// Which services are mirrors without local endpoints by design: that these have no slices says nothing.
#[derive(Debug, Default)]
pub struct Mirrors {
    flat: HashSet<ServiceRef>,
    listed: bool,
    /// Why the last try failed.
    trouble: Option<WhyUnknown>,
}

impl Mirrors {
    pub fn has(&self, service: &ServiceRef) -> bool {
        self.flat.contains(service)
    }

    pub fn list(&mut self, services: Vec<Service>) {
        let flat = services.into_iter().filter(|service| !service.has_local_endpoints);
        self.flat = flat.map(|service| service.at).collect();
        self.listed = true;
        self.trouble = None;
    }

    /// Takes in a mirror service as it is now; tells whether its meaning has changed.
    pub fn apply(&mut self, service: &Service) -> bool {
        self.trouble = None;
        if service.has_local_endpoints {
            self.flat.remove(&service.at)
        } else {
            self.flat.insert(service.at.clone())
        }
    }

    pub fn delete(&mut self, service: &ServiceRef) {
        self.trouble = None;
        self.flat.remove(service);
    }

    pub fn heard(&mut self) {
        self.trouble = None;
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.trouble = Some(why_unknown(Source::Service, error));
    }

    pub fn trouble(&self) -> Option<&WhyUnknown> {
        self.trouble.as_ref()
    }

    /// What they are changes so seldom that an old list does, unless a new one is forbidden.
    pub fn trust(&self) -> Trust {
        match &self.trouble {
            Some(why @ WhyUnknown::Forbidden(_)) => Trust::Unknown(why.clone()),
            _ if self.listed => Trust::Known,
            _ => Trust::NotYet,
        }
    }
}
