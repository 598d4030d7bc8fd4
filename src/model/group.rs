//! A failover group: one apex with its backends and its policy.

use std::time::Duration;

use super::avoid::Avoid;
use super::ids::{Destination, GroupId, ServiceRef};
use super::moves::{LastMove, LastReturn};
use super::overrides::{OverrideState, Pause};
use super::policy::{Failback, MinReady, Policy, PolicyKind};
use super::weights::{Carrier, same_proportion};

/// A Service that can receive the apex's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The name in annotations and commands: `web-svc`, or `other/web-svc` if the Service is in
    /// another namespace than the group.
    pub name: String,
    /// The Service.
    pub service: ServiceRef,
    /// The weight that carries traffic; 0 for a backend that only stands by. For a route with rules
    /// that differ, the sum over its rules.
    pub weight: u64,
    /// The weight on the object, that of a standby included.
    pub weight_on_object: u64,
    /// The Service's ports that a route sends to, each once. Empty for a TrafficSplit, which keeps
    /// the port of each request.
    pub ports: Vec<u16>,
}

impl Backend {
    /// Returns a backend of a group in the namespace `home`.
    pub fn new(home: &str, service: ServiceRef, weight: u64) -> Self {
        let name = if service.namespace == home {
            service.name.clone()
        } else {
            service.to_string()
        };
        Self {
            name,
            service,
            weight,
            weight_on_object: weight,
            ports: Vec::new(),
        }
    }

    /// Returns where its requests go.
    pub fn destination(&self) -> Destination {
        Destination {
            service: self.service.clone(),
            ports: self.ports.clone(),
        }
    }

    /// Whether it carries nothing but has a tiny weight.
    pub fn is_standby(&self) -> bool {
        self.weight == 0 && self.weight_on_object > 0
    }
}

/// One apex with its backends and policy, whichever object carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The object that carries the group.
    pub id: GroupId,
    /// The kind of that object.
    pub carrier: Carrier,
    /// Name of the Service that clients call.
    pub apex: String,
    /// The backends, in the order that the object lists them.
    pub backends: Vec<Backend>,
    /// Index of the backend that should have the traffic; under an override, of its target.
    pub primary: usize,
    /// An override is in force, and the primary is its target. See [`Group::at`].
    pub overridden: bool,
    /// Under an override: index of the primary before it.
    pub home: Option<usize>,
    /// The override on the object, whether it is in force or not.
    pub order: Option<OverrideState>,
    /// The backends that traffic keeps off, and for how long.
    pub avoid: Avoid,
    /// The pause on the object, whether it has expired or not.
    pub paused: Option<Pause>,
    /// The object has the annotation `held`: `failback: manual` keeps its traffic away.
    pub held: bool,
    /// When and how traffic moves.
    pub policy: Policy,
    /// An operator asks for the failback, or an override has just ended: neither `failback: manual`
    /// nor `failback-delay` keeps traffic away from the primary.
    pub returns_at_once: bool,
    /// The last move that is recorded on the object.
    pub last_move: Option<LastMove>,
    /// The last evacuation that was ended, if none was ordered since.
    pub last_return: Option<LastReturn>,
    /// The rules of a route have different weights, so that a backend's weight is a sum. Weights
    /// are then written to all rules, even if the sums match.
    pub uneven: bool,
    /// All weights of one rule are 0, which Linkerd's proxy cannot handle: a hold is written too.
    pub has_empty_rule: bool,
}

impl Group {
    /// Returns a group with the default policy, without an override, a pause or a recorded move.
    pub fn ordinary(
        id: GroupId,
        carrier: Carrier,
        apex: String,
        backends: Vec<Backend>,
        primary: usize,
    ) -> Self {
        Self {
            id,
            carrier,
            apex,
            primary,
            overridden: false,
            home: None,
            order: None,
            avoid: Avoid::default(),
            paused: None,
            held: false,
            policy: Policy::of(backends.len()),
            returns_at_once: false,
            last_move: None,
            last_return: None,
            uneven: false,
            has_empty_rule: false,
            backends,
        }
    }

    /// Returns the index of the backend with this name in annotations.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.backends
            .iter()
            .position(|backend| backend.name == name)
    }

    /// Returns the index of the backend that a user named, possibly with the group's own namespace.
    pub fn named(&self, typed: &str) -> Option<usize> {
        let without_namespace = || typed.strip_prefix(&self.id.namespace)?.strip_prefix('/');
        self.position(typed)
            .or_else(|| self.position(without_namespace()?))
    }

    /// Whether the traffic goes by these weights, in proportion. Weights that the proxies do not
    /// take are never those that anybody wants.
    pub fn has_weights(&self, weights: &[u64]) -> bool {
        !self.uneven
            && self.carrier.takes(&self.weights_on_object())
            && same_proportion(weights, &self.weights())
    }

    /// Whether these are the weights on the object, in proportion.
    pub fn has_on_object(&self, weights: &[u64]) -> bool {
        let present = self.weights_on_object();
        !self.uneven && self.carrier.takes(&present) && same_proportion(weights, &present)
    }

    /// Whether these weights only make the object's own ones such that the proxies take them.
    pub fn is_scaled_down_by(&self, weights: &[u64]) -> bool {
        !self.carrier.takes(&self.weights_on_object())
            && same_proportion(&self.carrier.scale_down(self.weights()), weights)
    }

    /// Returns the group while its traffic goes by these weights.
    pub(crate) fn carrying(&self, weights: &[u64]) -> Self {
        let mut group = Self {
            uneven: false,
            has_empty_rule: false,
            ..self.clone()
        };
        for (backend, weight) in group.backends.iter_mut().zip(weights) {
            (backend.weight, backend.weight_on_object) = (*weight, *weight);
        }
        group
    }

    /// Returns the weights by which the traffic goes, one for each backend.
    pub fn weights(&self) -> Vec<u64> {
        self.backends.iter().map(|backend| backend.weight).collect()
    }

    /// Returns the weights on the object, those of standbys included.
    pub fn weights_on_object(&self) -> Vec<u64> {
        let backends = self.backends.iter();
        backends.map(|backend| backend.weight_on_object).collect()
    }

    /// Says what the proxies make of the object's weights, if they do not take them.
    pub fn trouble_with_weights(&self) -> Option<String> {
        self.carrier.trouble(&self.weights_on_object())
    }

    /// Formats weights as in annotations: `web-svc=1,web-svc-east=0`.
    pub fn write_weights(&self, weights: &[u64]) -> String {
        let pairs = self.backends.iter().zip(weights);
        pairs
            .map(|(backend, weight)| format!("{}={weight}", backend.name))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Returns the backends' names in annotations.
    pub fn backend_names(&self) -> Vec<&str> {
        let backends = self.backends.iter();
        backends.map(|backend| backend.name.as_str()).collect()
    }

    /// Returns the primary's name in annotations.
    pub fn primary_name(&self) -> &str {
        self.backend_name(self.primary)
    }

    /// Returns a backend's name in annotations; empty if there is no such backend.
    pub fn backend_name(&self, index: usize) -> &str {
        self.backends
            .get(index)
            .map_or("", |backend| backend.name.as_str())
    }

    /// Returns how many ready endpoints make this backend enough: `min-ready` for a primary that is
    /// home, and one for every other backend.
    pub fn threshold(&self, index: usize) -> MinReady {
        if index == self.primary && !self.overridden {
            self.policy.min_ready
        } else {
            MinReady::Count(1)
        }
    }

    /// Returns the policy in force: an override turns active-active into spread.
    pub fn policy_kind(&self) -> PolicyKind {
        match self.policy.kind {
            PolicyKind::ActiveActive if self.overridden => PolicyKind::Spread,
            kind => kind,
        }
    }

    /// Whether traffic stays on a fallback until someone runs `failback`.
    pub fn stays_away(&self) -> bool {
        self.policy.failback == Failback::Manual && !self.overridden && !self.returns_at_once
    }

    /// Returns the index of the backend that is the primary unless an override is in force.
    pub fn home_index(&self) -> usize {
        match &self.order {
            Some(OverrideState::Valid {
                home: Some(home), ..
            }) => *home,
            _ => self.primary,
        }
    }

    /// Returns the delay before traffic returns to the primary or to a preferred fallback.
    pub fn failback_delay(&self) -> Duration {
        if self.returns_at_once {
            Duration::ZERO
        } else {
            self.policy.failback_delay
        }
    }

    /// Returns the share of a backend: 1 for each under an override.
    pub fn share(&self, index: usize) -> u64 {
        if self.overridden {
            1
        } else {
            self.policy.shares.get(index).copied().unwrap_or(1)
        }
    }

    /// Whether the backend carries traffic.
    pub fn carries(&self, index: usize) -> bool {
        self.backends
            .get(index)
            .is_some_and(|backend| backend.weight > 0)
    }

    /// Returns the last move if the weights still have the proportion that it set.
    pub fn fitting_move(&self) -> Option<&LastMove> {
        self.last_move.as_ref().filter(|last| {
            let names = self.backends.iter().map(|backend| backend.name.as_str());
            last.weights(names)
                .is_some_and(|weights| self.has_weights(&weights))
        })
    }

    /// Whether the last move was unverified and the weights still are those that it set.
    pub fn placed_unverified(&self) -> bool {
        let last = self.last_move.as_ref().filter(|last| last.unverified);
        // Standbys may be added to weights that are too large, which changes nothing for this.
        let weights = last.and_then(|last| last.weights(self.backend_names().into_iter()));
        !self.uneven && weights.is_some_and(|weights| same_proportion(&weights, &self.weights()))
    }

    /// Returns the home of a force whose override was deleted by hand, so that the force's target
    /// counts as the primary.
    pub fn forgotten_home(&self) -> Option<&str> {
        let home = self.home_before_force().filter(|_| self.order.is_none())?;
        Some(self.backend_name(home))
    }

    /// Returns the home of the force that moved the traffic last and made its target the primary, if
    /// traffic and primary still are where it left them.
    pub fn home_before_force(&self) -> Option<usize> {
        let home = self.position(self.fitting_move()?.home.as_deref()?)?;
        (self.carries(self.primary) && home != self.primary).then_some(home)
    }
}
