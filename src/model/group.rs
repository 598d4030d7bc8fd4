//! A failover group: one apex with its backends and its policy.

use super::ids::{GroupId, ServiceRef};
use super::moves::LastMove;
use super::overrides::{OverrideState, Pause};
use super::policy::{MinReady, Policy, PolicyKind};
use super::weights::{Carrier, same_proportion};

/// A Service that can receive the apex's traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The name in annotations and commands: `web-svc`, or `other/web-svc` if the Service is in
    /// another namespace than the group.
    pub name: String,
    /// The Service.
    pub service: ServiceRef,
    /// The weight on the object; for a route with several rules, the sum over its rules.
    pub weight: u64,
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
        }
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
    /// The pause on the object, whether it has expired or not.
    pub paused: Option<Pause>,
    /// The object has the annotation `held`: `failback: manual` keeps its traffic away.
    pub held: bool,
    /// When and how traffic moves.
    pub policy: Policy,
    /// The last move that is recorded on the object.
    pub last_move: Option<LastMove>,
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
            paused: None,
            held: false,
            policy: Policy::of(backends.len()),
            last_move: None,
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

    /// Whether the object has these weights, in proportion. Weights that the proxies do not take
    /// are never those that anybody wants.
    pub fn has_weights(&self, weights: &[u64]) -> bool {
        let present = self.weights();
        !self.uneven && self.carrier.takes(&present) && same_proportion(weights, &present)
    }

    /// Whether these weights only make the object's own ones such that the proxies take them.
    pub fn is_scaled_down_by(&self, weights: &[u64]) -> bool {
        let present = self.weights();
        !self.carrier.takes(&present) && self.carrier.scale_down(present) == weights
    }

    /// Returns the weights on the object, one for each backend.
    pub fn weights(&self) -> Vec<u64> {
        self.backends.iter().map(|backend| backend.weight).collect()
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

    /// Returns the share of a backend: 1 for each under an override.
    pub fn share(&self, index: usize) -> u64 {
        if self.overridden {
            1
        } else {
            self.policy.shares.get(index).copied().unwrap_or(1)
        }
    }

    /// Whether the backend's weight is above 0.
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
        self.fitting_move().is_some_and(|last| last.unverified)
    }

    /// Returns the home of a force whose override was deleted by hand, so that the force's target
    /// counts as the primary.
    pub fn forgotten_home(&self) -> Option<&str> {
        let home = self.position(self.fitting_move()?.home.as_deref()?)?;
        let is_forgotten =
            self.order.is_none() && self.carries(self.primary) && home != self.primary;
        is_forgotten.then(|| self.backend_name(home))
    }
}
