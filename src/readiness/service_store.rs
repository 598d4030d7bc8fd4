//! The Services of one scope, like the store of an informer: whether each exists, and what else
//! decides how its endpoints count.

use std::collections::HashMap;
use std::time::Duration;

use super::health::{WatchHealth, why_unknown};
use crate::cluster::RequestError;
use crate::cluster::api::endpoint_counts::{NeededPort, PortName};
use crate::cluster::api::services::{Port, Service};
use crate::cluster::listwatch::freshness::SyncStatus;
use crate::cluster::remotes::named_remotes::NamedRemotes;
use crate::model::ReadinessSource;
use crate::model::{Mirror, ServiceRef, WhyUnknown};

/// The Services of one scope.
#[derive(Debug)]
pub struct ServiceStore {
    services: HashMap<ServiceRef, ServiceEntry>,
    /// A Service that is not in the store does not exist.
    is_complete: bool,
    sync: SyncStatus,
    /// Why the last list or watch failed.
    failure: Option<WhyUnknown>,
}

/// The answer for one Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceEntry {
    Exists(KnownService),
    Missing,
    /// It could not be read.
    Unread(WhyUnknown),
}

/// What the look-up of readiness needs of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownService {
    /// What it mirrors, if its own slices do not show its readiness: a mirror without local
    /// endpoints by design or, if other clusters may be asked, any mirror. Few Services are.
    mirror: Option<Box<Mirror>>,
    pub is_external_name: bool,
    pub ports: Box<[Port]>,
    pub named_target: Option<Box<str>>,
}

impl KnownService {
    fn new(service: Service, remotes: &NamedRemotes) -> Self {
        let decides = |mirror: &Mirror| !mirror.has_local_endpoints() || !remotes.is_empty();
        Self {
            mirror: service.stands_for.filter(decides).map(Box::new),
            is_external_name: service.is_external_name,
            ports: service.ports.into_boxed_slice(),
            named_target: service.named_target.map(String::into_boxed_str),
        }
    }

    pub fn mirror(&self) -> Option<&Mirror> {
        self.mirror.as_deref()
    }

    /// Returns the slices' ports that requests to these ports of the Service need, each with its
    /// name: that of the Service's port. A TrafficSplit names no port, so any port will do. Nothing
    /// more is known of a port that the Service lacks.
    pub fn needed_ports(&self, ports: &[u16]) -> Vec<(NeededPort, Option<&str>)> {
        let name = |port: &Port| PortName::new(&port.name);
        if ports.is_empty() && !self.ports.is_empty() {
            let names = self.ports.iter().map(name).collect();
            return vec![(NeededPort::Named(names), self.only_target())];
        }
        let needed = |wanted: &u16| {
            let port = self.ports.iter().find(|port| port.port == *wanted)?;
            let target = self.only_target().or(Some(port.name.as_str()));
            let target = target.filter(|target| !target.is_empty());
            Some((NeededPort::Named(vec![name(port)]), target))
        };
        let known: Vec<_> = ports.iter().filter_map(needed).collect();
        if known.is_empty() {
            vec![(NeededPort::Any, None)]
        } else {
            known
        }
    }

    /// Returns the pods' port that the Service looks for by name, if it has one port.
    fn only_target(&self) -> Option<&str> {
        let target = self.named_target.as_deref();
        target.filter(|_| self.ports.len() == 1)
    }
}

impl ServiceStore {
    pub fn new(now: Duration) -> Self {
        Self {
            services: HashMap::new(),
            is_complete: false,
            sync: SyncStatus::started(now),
            failure: None,
        }
    }

    /// Returns what is known of a Service, or None if it was not read.
    pub fn get(&self, service: &ServiceRef) -> Option<&ServiceEntry> {
        let missing = self.is_complete.then_some(&ServiceEntry::Missing);
        self.services.get(service).or(missing)
    }

    pub fn mirror(&self, service: &ServiceRef) -> Option<&Mirror> {
        match self.services.get(service)? {
            ServiceEntry::Exists(known) => known.mirror(),
            ServiceEntry::Missing | ServiceEntry::Unread(_) => None,
        }
    }

    /// Records a list. `is_complete`: it has every Service.
    pub fn list(
        &mut self,
        services: impl IntoIterator<Item = Service>,
        is_complete: bool,
        remotes: &NamedRemotes,
        now: Duration,
    ) {
        let known = services.into_iter().map(|service| {
            let at = service.at.clone();
            (
                at,
                ServiceEntry::Exists(KnownService::new(service, remotes)),
            )
        });
        self.services = known.collect();
        self.is_complete = is_complete;
        self.sync.listed(now);
        self.failure = None;
    }

    /// Records a Service. Returns whether that changes anything.
    pub fn apply(&mut self, service: Service, remotes: &NamedRemotes, now: Duration) -> bool {
        self.heard(now);
        let at = service.at.clone();
        let entry = ServiceEntry::Exists(KnownService::new(service, remotes));
        self.insert(at, entry)
    }

    pub fn insert(&mut self, service: ServiceRef, entry: ServiceEntry) -> bool {
        match self.services.get_mut(&service) {
            Some(known) => std::mem::replace(known, entry.clone()) != entry,
            None => self.services.insert(service, entry).is_none(),
        }
    }

    pub fn delete(&mut self, service: &ServiceRef, now: Duration) {
        self.heard(now);
        self.services.remove(service);
    }

    pub fn heard(&mut self, now: Duration) {
        self.sync.heard(now);
        self.failure = None;
    }

    pub fn failed(&mut self, error: &RequestError) {
        self.failure = Some(why_unknown(ReadinessSource::Service, error));
    }

    /// Returns the health. Services rarely change, so an old list is good enough, unless a new one
    /// is forbidden.
    pub fn health(&self, now: Duration) -> WatchHealth {
        match &self.failure {
            Some(why @ WhyUnknown::Forbidden(_)) => WatchHealth::Unknown(why.clone()),
            _ if self.sync.is_synced() => WatchHealth::Known,
            failure if self.sync.is_overdue(now) => {
                WatchHealth::Unknown(failure.clone().unwrap_or(WhyUnknown::NotListed))
            }
            _ => WatchHealth::Pending,
        }
    }

    /// Returns whether a Service that is not in the store certainly does not exist.
    pub fn is_current(&self, now: Duration) -> bool {
        self.sync.is_current(now)
    }
}
