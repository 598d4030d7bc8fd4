use std::fmt;

use super::moves::LastMove;
use super::overrides::{OverrideState, Pause};
use super::policy::{MinReady, Policy, PolicyKind};

/// A service, the unit that has endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceRef {
    pub namespace: String,
    pub name: String,
}

impl ServiceRef {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A group's name: the object that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId {
    pub namespace: String,
    /// Singular, lower case, such as `trafficsplit`.
    pub kind: &'static str,
    pub name: String,
}

impl GroupId {
    /// The name, with the kind before it where that is another than most groups have.
    pub fn short_name(&self) -> String {
        if self.kind == Self::COMMON_KIND {
            self.name.clone()
        } else {
            format!("{}/{}", self.kind, self.name)
        }
    }

    const COMMON_KIND: &str = "trafficsplit";
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.short_name())
    }
}

/// What carries the weights. A proxy falls back to the apex where a split has nothing; a route skips backends
/// without endpoints by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Split,
    Route,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// As annotations and commands call it: `web-svc`, or `other/web-svc` where it is in another namespace than the
    /// group.
    pub name: String,
    pub service: ServiceRef,
    /// The share on the object now.
    pub weight: u64,
}

impl Backend {
    /// A backend of a group in the namespace `home`.
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
    pub id: GroupId,
    pub carrier: Carrier,
    /// The service that clients call.
    pub apex: String,
    pub backends: Vec<Backend>,
    /// Index of the backend that should have the traffic; under an override, of its target.
    pub primary: usize,
    /// An override is in force, and the primary is its target. See [`Group::at`].
    pub overridden: bool,
    /// Under an override: index of the primary before it.
    pub home: Option<usize>,
    /// The override on the object, in force or not.
    pub order: Option<OverrideState>,
    pub paused: Option<Pause>,
    /// The object says that `failback: manual` keeps its traffic away.
    pub held: bool,
    pub policy: Policy,
    pub last_move: Option<LastMove>,
    /// The rules of its route differ in their weights, so that those of the backends are sums: what is decided is
    /// written to all rules, even where the sums agree with it.
    pub uneven: bool,
    /// One of those rules has no weight at all, which Linkerd's proxy does not stand: a hold is written too.
    pub has_empty_rule: bool,
}

impl Group {
    /// A group with the policy of one without policy annotations, and no notes of operators or loops.
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

    /// The backend that annotations and commands call so.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.backends
            .iter()
            .position(|backend| backend.name == name)
    }

    /// The backend that a user calls so, who may also name the group's own namespace.
    pub fn named(&self, typed: &str) -> Option<usize> {
        let at_home = || typed.strip_prefix(&self.id.namespace)?.strip_prefix('/');
        self.position(typed).or_else(|| self.position(at_home()?))
    }

    /// Whether the object has these weights, in proportion.
    pub fn has_weights(&self, weights: &[u64]) -> bool {
        !self.uneven && same_proportion(weights, &self.weights())
    }

    pub fn weights(&self) -> Vec<u64> {
        self.backends.iter().map(|backend| backend.weight).collect()
    }

    pub fn primary_name(&self) -> &str {
        self.backend_name(self.primary)
    }

    pub fn backend_name(&self, index: usize) -> &str {
        self.backends
            .get(index)
            .map_or("", |backend| backend.name.as_str())
    }

    /// How many ready endpoints make this backend enough: `min-ready` speaks of the primary when it is home.
    pub fn threshold(&self, index: usize) -> MinReady {
        if index == self.primary && !self.overridden {
            self.policy.min_ready
        } else {
            MinReady::Count(1)
        }
    }

    /// The policy in force: an override spreads where the group would be active-active.
    pub fn policy_kind(&self) -> PolicyKind {
        match self.policy.kind {
            PolicyKind::ActiveActive if self.overridden => PolicyKind::Spread,
            kind => kind,
        }
    }

    /// The share of a backend: 1 each under an override.
    pub fn share(&self, index: usize) -> u64 {
        if self.overridden {
            1
        } else {
            self.policy.shares.get(index).copied().unwrap_or(1)
        }
    }

    pub fn carries(&self, index: usize) -> bool {
        self.backends
            .get(index)
            .is_some_and(|backend| backend.weight > 0)
    }

    /// The last move, if the weights are still those that it set.
    pub fn fitting_move(&self) -> Option<&LastMove> {
        self.last_move.as_ref().filter(|last| last.fits(self))
    }

    /// Whether the traffic is where a blind move put it.
    pub fn placed_unverified(&self) -> bool {
        self.fitting_move().is_some_and(|last| last.unverified)
    }
}

/// Why an object with the label is no group, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub reason: String,
    pub mend: String,
    /// The keys of its policy whose values are not allowed, where that is all.
    pub settings: Vec<&'static str>,
}

impl Invalid {
    /// Of two groups on one apex the newer one is none. `port` is the one that the older speaks of; none: all.
    pub fn claimed_twice(apex: &str, older: &GroupId, port: Option<u16>, label: &str) -> Self {
        let port = port
            .map(|port| format!(" (its port {port})"))
            .unwrap_or_default();
        Self {
            reason: format!(
                "the older group {} has the same apex, {apex}{port}",
                older.short_name()
            ),
            mend: format!("delete one of the two, or take its label {label} away"),
            settings: Vec::new(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// Whether two lists of weights send the same share to each backend: 100 and 0 are 1 and 0.
pub fn same_proportion(a: &[u64], b: &[u64]) -> bool {
    let sum = |weights: &[u64]| {
        weights
            .iter()
            .map(|&weight| u128::from(weight))
            .sum::<u128>()
    };
    let (sum_a, sum_b) = (sum(a), sum(b));
    a.len() == b.len()
        && sum_a > 0
        && sum_b > 0
        && a.iter()
            .zip(b)
            .all(|(&x, &y)| u128::from(x) * sum_b == u128::from(y) * sum_a)
}
