//! Look-ups of Services without slices: whether each one exists.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{ServiceRef, WhyUnknown};

/// How long the result of a look-up is valid.
const EXISTENCE_TTL: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceExistence {
    Asked,
    Exists,
    Missing,
    /// The Service could not be read, and nothing else shows that it is not a mirror.
    Unread(WhyUnknown),
}

/// The last result for each Service, and when it was last looked up.
#[derive(Debug, Default)]
pub struct ServiceLookups(HashMap<ServiceRef, (ServiceExistence, Duration)>);

impl ServiceLookups {
    pub fn get(&self, service: &ServiceRef) -> Option<&ServiceExistence> {
        self.0.get(service).map(|(existence, _)| existence)
    }

    pub fn insert(&mut self, service: ServiceRef, existence: ServiceExistence, now: Duration) {
        self.0.insert(service, (existence, now));
    }

    /// Records whether a Service exists, if the look-up succeeded. Returns whether the answer has
    /// changed.
    pub fn answer(&mut self, service: &ServiceRef, exists: Option<bool>, now: Duration) -> bool {
        let (Some(exists), Some(known)) = (exists, self.0.get_mut(service)) else {
            return false;
        };
        let existence = if exists {
            ServiceExistence::Exists
        } else {
            ServiceExistence::Missing
        };
        let before = std::mem::replace(known, (existence.clone(), now)).0;
        before != existence
    }

    /// Returns whether the Service was never looked up, or too long ago.
    pub fn is_due(&self, service: &ServiceRef, now: Duration) -> bool {
        self.0
            .get(service)
            .is_none_or(|(_, asked)| is_expired(*asked, now))
    }

    pub fn all_due(&self, now: Duration) -> Vec<ServiceRef> {
        self.0
            .iter()
            .filter(|(_, (_, asked))| is_expired(*asked, now))
            .map(|(service, _)| service.clone())
            .collect()
    }

    /// Records the start of a look-up. The last result stays valid meanwhile.
    pub fn asked(&mut self, service: &ServiceRef, now: Duration) {
        let asked = (ServiceExistence::Asked, now);
        self.0.entry(service.clone()).or_insert(asked).1 = now;
    }

    pub fn retain(&mut self, is_wanted: impl Fn(&ServiceRef) -> bool) {
        self.0.retain(|service, _| is_wanted(service));
    }

    pub fn forget(&mut self, service: &ServiceRef) {
        self.0.remove(service);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_expired(asked: Duration, now: Duration) -> bool {
    now.saturating_sub(asked) >= EXISTENCE_TTL
}
