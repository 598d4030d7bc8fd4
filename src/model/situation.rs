//! A group with the readiness of each of its backends, as the rules see them.

use super::group::Group;
use super::readiness::Readiness;
use super::unknown::WhyUnknown;

/// The readiness of a backend without an entry.
static NOT_LISTED: Readiness = Readiness::Unknown {
    why: WhyUnknown::NotListed,
};

/// A backend and its readiness.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub index: usize,
    pub weight: u64,
    pub readiness: &'a Readiness,
    /// An order keeps traffic off it, so that it counts as dead.
    pub avoided: bool,
}

/// The group to decide on (see [`Group::at`]) and its backends.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    pub group: &'a Group,
    pub primary: Candidate<'a>,
    pub backends: Vec<Candidate<'a>>,
}

impl<'a> Situation<'a> {
    /// Pairs each backend with its entry in `readiness`; one without an entry is unknown.
    pub fn new(group: &'a Group, readiness: &'a [Readiness]) -> Self {
        Self::avoiding(group, readiness, &avoided(group, readiness))
    }

    /// The same as if no order kept traffic off a backend.
    pub fn without_avoid(group: &'a Group, readiness: &'a [Readiness]) -> Self {
        Self::avoiding(group, readiness, &[])
    }

    fn avoiding(group: &'a Group, readiness: &'a [Readiness], avoided: &[bool]) -> Self {
        let candidate = |index: usize| Candidate {
            index,
            weight: group
                .backends
                .get(index)
                .map_or(0, |backend| backend.weight),
            readiness: readiness.get(index).unwrap_or(&NOT_LISTED),
            avoided: avoided.get(index).copied().unwrap_or_default(),
        };
        Self {
            group,
            primary: candidate(group.primary),
            backends: (0..group.backends.len()).map(candidate).collect(),
        }
    }

    /// Whether the primary may have traffic, and has as many ready endpoints as it needs; none if
    /// that is unknown.
    pub fn primary_is_enough(&self) -> Option<bool> {
        if self.primary.avoided {
            return Some(false);
        }
        self.primary_meets_threshold()
    }

    /// Whether the primary has as many ready endpoints as it needs; none if that is unknown.
    pub fn primary_meets_threshold(&self) -> Option<bool> {
        let threshold = self.group.threshold(self.primary.index);
        self.primary.readiness.meets(threshold)
    }

    /// Whether a backend meets the condition.
    pub fn any(&self, condition: impl Fn(&Candidate<'a>) -> bool) -> bool {
        self.backends.iter().any(condition)
    }

    /// Returns the backends that meet the condition.
    pub fn select(&self, condition: impl Fn(&Candidate<'a>) -> bool) -> Vec<Candidate<'a>> {
        self.backends
            .iter()
            .copied()
            .filter(|candidate| condition(candidate))
            .collect()
    }

    /// Returns the backends other than the primary.
    pub fn fallbacks(&self) -> impl Iterator<Item = Candidate<'a>> {
        let primary = self.primary.index;
        self.backends
            .iter()
            .copied()
            .filter(move |candidate| candidate.index != primary)
    }
}

fn avoided(group: &Group, readiness: &[Readiness]) -> Vec<bool> {
    if group.avoid.entries.is_empty() {
        return Vec::new();
    }
    group.avoided(&group.weights(), readiness)
}

impl Candidate<'_> {
    /// Whether its weight is above 0.
    pub fn carries(&self) -> bool {
        self.weight > 0
    }

    /// Whether it is known to have a ready endpoint, and may have traffic.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_ready() && !self.avoided
    }

    /// Whether it is certain that it has no ready endpoint, or it is avoided.
    pub fn is_dead(&self) -> bool {
        self.readiness.is_dead() || self.avoided
    }

    /// Whether its readiness is unknown and matters.
    pub fn is_unknown(&self) -> bool {
        self.readiness.is_unknown() && !self.avoided
    }
}
