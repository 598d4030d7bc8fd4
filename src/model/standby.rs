//! Backends that stand by: which ones do, and the weights to write so that they do. The rules, the
//! states and all that is shown never see a standby as carrying traffic.

use super::decision::Weights;
use super::group::{Backend, Group};
use super::policy::{Failback, PolicyKind};
use super::readiness::Readiness;
use super::weights::{reduced, without_standbys};

/// Tells the weights that carry traffic from those of backends that only stand by. Where one does,
/// the others are the smallest in their proportion.
pub fn set_standbys_apart(backends: &mut [Backend]) {
    let weights: Vec<u64> = backends
        .iter()
        .map(|backend| backend.weight_on_object)
        .collect();
    let mut carried = without_standbys(&weights);
    if carried != weights {
        carried = reduced(&carried);
    }
    for (backend, weight) in backends.iter_mut().zip(carried) {
        backend.weight = weight;
    }
}

impl Group {
    /// Whether a backend stands by: it carries nothing, but the proxies send it everything once all
    /// that carries has no endpoints.
    pub fn has_standby(&self) -> bool {
        self.backends.iter().any(Backend::is_standby)
    }

    /// Returns the weights to write to the object so that the traffic goes by these weights, and
    /// all that should stand by does. None if the object has them.
    pub fn to_write(&self, weights: &Weights, readiness: &[Readiness]) -> Option<Vec<u64>> {
        let wanted = match weights {
            Weights::Set(weights) if !self.policy.standby => return Some(weights.clone()),
            Weights::Set(weights) => self.with_standbys(weights, readiness),
            // Rules that differ stay as they are as well.
            Weights::Hold if !self.policy.standby || self.uneven => return None,
            Weights::Hold => self.with_standbys(&self.weights(), readiness),
        };
        (!self.has_on_object(&wanted)).then_some(wanted)
    }

    /// Returns the weights of the same traffic without standbys.
    pub fn without_standbys(&self) -> Vec<u64> {
        let none = vec![false; self.backends.len()];
        self.carrier.with_standbys(&self.weights(), &none)
    }

    /// An order to avoid backends is strict while it stands.
    fn with_standbys(&self, carried: &[u64], readiness: &[Readiness]) -> Vec<u64> {
        let avoided = self.avoided(carried, readiness);
        let mut stands_by: Vec<bool> = (0..self.backends.len())
            .map(|index| {
                self.may_stand_by(index, carried, readiness) && avoided.get(index) != Some(&true)
            })
            .collect();
        if self.policy.kind == PolicyKind::Ordered {
            let mut fallbacks = stands_by
                .iter_mut()
                .enumerate()
                .filter(|(index, stands_by)| *index != self.primary && **stands_by);
            // The next one in the order.
            fallbacks.next();
            fallbacks.for_each(|(_, stands_by)| *stands_by = false);
        }
        self.carrier.with_standbys(carried, &stands_by)
    }

    /// An override is strict, and so is `failback: manual`: what they leave out gets nothing. A
    /// route's share of a Service that does not exist is answered with errors.
    fn may_stand_by(&self, index: usize, carried: &[u64], readiness: &[Readiness]) -> bool {
        let is_kept_away = index == self.primary && self.policy.failback == Failback::Manual;
        self.policy.standby
            && !self.overridden
            && carried.get(index) == Some(&0)
            && readiness.get(index) != Some(&Readiness::Missing)
            && !is_kept_away
    }
}
