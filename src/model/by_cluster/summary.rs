//! What one cluster carries, could carry, and has been evacuated by.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::counts::BackendCounts;
use super::gateway::GatewayState;
use crate::model::avoid_status::{AvoidEffect, AvoidStatus};
use crate::model::ids::GroupId;

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSummary<'a> {
    /// The name.
    pub name: &'a str,
    /// The contexts of this cluster, of those that were read.
    pub contexts: Vec<&'a str>,
    /// The groups with a backend there.
    pub groups: Vec<GroupThere<'a>>,
    /// The backends there.
    pub backends: BackendCounts,
    /// Its gateway, as seen from each context with mirrors that need it.
    pub gateways: BTreeMap<&'a str, GatewayState>,
    /// The orders that keep traffic off it, the oldest first.
    pub evacuations: Vec<Evacuation<'a>>,
}

/// What one order, by its id and who gave it, keeps off a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evacuation<'a> {
    /// The id; empty if it has none.
    pub id: &'a str,
    /// Who gave it: user and host.
    pub by: &'a str,
    /// Since when, in the first of the groups.
    pub since: Option<Timestamp>,
    /// When it expires.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: Option<&'a str>,
    /// The number of groups that avoid their backends there.
    pub groups: usize,
    /// It has expired, but was not ended.
    pub has_expired: bool,
    /// Some groups were returned from it, and these are to follow.
    pub is_returning: bool,
}

/// A group with a backend in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupThere<'a> {
    /// The context in which the group was read.
    pub context: &'a str,
    /// The group.
    pub id: &'a GroupId,
    /// Its traffic goes there, or a part of it.
    pub carries: bool,
    /// It has a ready backend there; none if that is unknown.
    pub is_ready: Option<bool>,
}

impl<'a> ClusterSummary<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self {
            name,
            contexts: Vec::new(),
            groups: Vec::new(),
            backends: BackendCounts::default(),
            gateways: BTreeMap::new(),
            evacuations: Vec::new(),
        }
    }

    pub(super) fn evacuated(&mut self, AvoidStatus { entry, effect }: &'a AvoidStatus) {
        let has_expired = *effect == AvoidEffect::Expired;
        let mut known = self.evacuations.iter_mut();
        if let Some(known) =
            known.find(|it| (it.id, it.by, it.has_expired) == (&*entry.id, &*entry.by, has_expired))
        {
            known.groups += 1;
            known.since = [known.since, entry.at].into_iter().flatten().min();
            return;
        }
        self.evacuations.push(Evacuation {
            id: &entry.id,
            by: &entry.by,
            since: entry.at,
            until: entry.until,
            reason: entry.reason.as_deref(),
            groups: 1,
            has_expired,
            is_returning: false,
        });
    }

    /// Returns the groups whose traffic it carries, or a part of it.
    pub fn carrying(&self) -> impl Iterator<Item = &GroupThere<'a>> {
        self.groups.iter().filter(|group| group.carries)
    }

    /// Returns the groups that have a ready backend there but no traffic.
    pub fn spare(&self) -> impl Iterator<Item = &GroupThere<'a>> {
        let groups = self.groups.iter();
        groups.filter(|group| !group.carries && group.is_ready == Some(true))
    }
}

impl GroupThere<'_> {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            carries: self.carries || other.carries,
            is_ready: match (self.is_ready, other.is_ready) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            ..self
        }
    }
}
