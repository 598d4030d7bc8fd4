//! Weights as Linkerd's proxies take them: which are the same, which are too large, and how too
//! large ones are scaled down.

/// The largest sum of a TrafficSplit's weights. Linkerd multiplies each of them by 10,000 and keeps
/// 32 bits. Above this sum the proxy panics, or a weight wraps around.
const MAX_SPLIT_SUM: u64 = 429_496;

/// The largest weight of a `backendRef`, see
/// <https://gateway-api.sigs.k8s.io/reference/spec/#backendref>.
const MAX_ROUTE_WEIGHT: u64 = 1_000_000;

/// The kind of object that carries the weights. Linkerd's proxies treat backends without endpoints
/// differently: a TrafficSplit falls back to the apex, a route skips them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A TrafficSplit.
    Split,
    /// An HTTPRoute or a GRPCRoute.
    Route,
}

impl Carrier {
    /// Whether Linkerd's proxies take these weights as they are.
    pub fn takes(self, weights: &[u64]) -> bool {
        match self {
            Self::Split => sum(weights) <= u128::from(MAX_SPLIT_SUM),
            Self::Route => weights.iter().all(|weight| *weight <= MAX_ROUTE_WEIGHT),
        }
    }

    /// Scales weights down in proportion if the proxies do not take them. A weight above 0 stays
    /// above 0.
    pub fn scale_down(self, weights: Vec<u64>) -> Vec<u64> {
        if self.takes(&weights) {
            return weights;
        }
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor);
        let reduced: Vec<u64> = weights
            .iter()
            .map(|weight| weight / divisor.max(1))
            .collect();
        if self.takes(&reduced) {
            return reduced;
        }
        let (limit, whole) = match self {
            // Each weight that is rounded up to 1 adds less than 1 to the sum.
            Self::Split => (
                MAX_SPLIT_SUM.saturating_sub(reduced.len() as u64),
                sum(&reduced),
            ),
            Self::Route => {
                let largest = reduced.iter().max().copied().unwrap_or(1);
                (MAX_ROUTE_WEIGHT, u128::from(largest))
            }
        };
        let scale = |weight: &u64| {
            let scaled = u128::from(*weight) * u128::from(limit) / whole.max(1);
            u64::try_from(scaled)
                .unwrap_or(limit)
                .max(u64::from(*weight > 0))
        };
        reduced.iter().map(scale).collect()
    }

    /// Says what the proxies make of weights that they do not take; none if they take them.
    pub fn trouble(self, weights: &[u64]) -> Option<String> {
        if self.takes(weights) {
            return None;
        }
        Some(match self {
            Self::Split => format!(
                "the weights sum to {}: above {MAX_SPLIT_SUM} Linkerd's proxies fail every \
                 request or send it to the wrong backend",
                sum(weights)
            ),
            Self::Route => format!("a weight is above {MAX_ROUTE_WEIGHT}, the largest of a route"),
        })
    }
}

/// Whether two lists of weights send the same share to each backend: 100 and 0 are 1 and 0.
pub fn same_proportion(a: &[u64], b: &[u64]) -> bool {
    let (sum_a, sum_b) = (sum(a), sum(b));
    let same_share = |(&x, &y): (&u64, &u64)| {
        let product = u128::from(x).checked_mul(sum_b);
        product.is_some() && product == u128::from(y).checked_mul(sum_a)
    };
    a.len() == b.len() && sum_a > 0 && sum_b > 0 && a.iter().zip(b).all(same_share)
}

fn sum(weights: &[u64]) -> u128 {
    weights.iter().map(|&weight| u128::from(weight)).sum()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_that_proxies_take_are_left_alone() {
        for weights in [vec![1, 0], vec![429_495, 1], vec![100, 50], vec![0, 0]] {
            assert_eq!(Carrier::Split.scale_down(weights.clone()), weights);
        }
        let route = vec![1_000_000, 1_000_000, 1];
        assert_eq!(Carrier::Route.scale_down(route.clone()), route);
    }

    #[test]
    fn a_split_whose_weights_sum_to_too_much_is_scaled_down() {
        let split = |weights: &[u64]| Carrier::Split.scale_down(weights.to_vec());
        assert_eq!(split(&[300_000, 300_000]), [1, 1]);
        assert_eq!(split(&[0, 429_497]), [0, 1]);
        assert_eq!(split(&[429_496, 1]), [429_493, 1]);
        assert_eq!(split(&[1, 1_000_000]), [1, 429_493]);
    }

    #[test]
    fn a_route_may_have_larger_weights_than_a_split() {
        let route = |weights: &[u64]| Carrier::Route.scale_down(weights.to_vec());
        assert_eq!(route(&[3_000_000, 2_000_000]), [3, 2]);
        assert_eq!(route(&[2_000_001, 1, 0]), [1_000_000, 1, 0]);
    }

    #[test]
    fn the_trouble_names_the_sum() {
        let trouble = Carrier::Split.trouble(&[300_000, 300_000]).unwrap();
        assert!(trouble.contains("sum to 600000"), "{trouble}");
        assert_eq!(Carrier::Split.trouble(&[300_000, 1]), None);
        assert_eq!(Carrier::Route.trouble(&[300_000, 300_000]), None);
    }

    proptest! {
        #[test]
        fn scaled_weights_fit_and_keep_who_carries(
            weights in prop::collection::vec(prop_oneof![Just(0), 1..10u64, 1..2_000_000u64, any::<u64>()], 1..100),
        ) {
            for carrier in [Carrier::Split, Carrier::Route] {
                let scaled = carrier.scale_down(weights.clone());
                prop_assert!(carrier.takes(&scaled), "{scaled:?}");
                prop_assert_eq!(carrier.scale_down(scaled.clone()), scaled.clone());
                for (before, after) in weights.iter().zip(&scaled) {
                    prop_assert_eq!(*before > 0, *after > 0);
                }
            }
        }
    }
}
