//! Weights as Linkerd's proxies take them: which are the same, which are too large, how too large
//! ones are scaled down, and the tiny ones of backends that only stand by.

/// The largest sum of a TrafficSplit's weights. Linkerd multiplies each of them by 10,000 and keeps
/// 32 bits. Above this sum the proxy panics, or a weight wraps around.
const MAX_SPLIT_SUM: u64 = 429_496;

/// The largest weight of a `backendRef`, see
/// <https://gateway-api.sigs.k8s.io/reference/spec/#backendref>.
const MAX_ROUTE_WEIGHT: u64 = 1_000_000;

/// A weight that is less than this part of the largest one only stands by. Linkerd's proxies draw a
/// backend by weight among those that have endpoints: a tiny weight gets next to nothing while the
/// others have endpoints, and everything once they have none.
const CARRYING_PART: u128 = 1_000;

/// The weight of a backend that stands by.
const STANDBY_WEIGHT: u64 = 1;

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
        self.takes_beside(weights, 0)
    }

    /// The same with this many backends that stand by.
    fn takes_beside(self, weights: &[u64], standbys: u64) -> bool {
        match self {
            Self::Split => {
                sum(weights) + u128::from(standbys * STANDBY_WEIGHT) <= u128::from(MAX_SPLIT_SUM)
            }
            Self::Route => weights.iter().all(|weight| *weight <= MAX_ROUTE_WEIGHT),
        }
    }

    /// Scales weights down in proportion if the proxies do not take them. A weight above 0 stays
    /// above 0.
    pub fn scale_down(self, weights: Vec<u64>) -> Vec<u64> {
        self.scale_down_beside(weights, 0)
    }

    fn scale_down_beside(self, weights: Vec<u64>, standbys: u64) -> Vec<u64> {
        if self.takes_beside(&weights, standbys) {
            return weights;
        }
        let reduced = reduced(&weights);
        if self.takes_beside(&reduced, standbys) {
            return reduced;
        }
        let (limit, whole) = match self {
            // Each weight that is rounded up adds less than 1 to the sum.
            Self::Split => (
                MAX_SPLIT_SUM.saturating_sub(reduced.len() as u64),
                sum(&reduced),
            ),
            Self::Route => (MAX_ROUTE_WEIGHT, largest(&reduced)),
        };
        let scale = |weight: &u64| {
            let scaled = (u128::from(*weight) * u128::from(limit)).div_ceil(whole.max(1));
            u64::try_from(scaled).unwrap_or(limit)
        };
        reduced.iter().map(scale).collect()
    }

    /// Adds the weights of the backends that stand by. The others are as large as the proxies take
    /// them, in proportion. Only a backend without weight can stand by.
    pub fn with_standbys(self, weights: &[u64], stands_by: &[bool]) -> Vec<u64> {
        let standbys = stands_by.iter().filter(|stands_by| **stands_by).count() as u64;
        let carried = reduced(&self.scale_down_beside(reduced(weights), standbys));
        if standbys == 0 {
            return carried;
        }
        let factor = match self {
            Self::Split => {
                u128::from(MAX_SPLIT_SUM - standbys * STANDBY_WEIGHT) / sum(&carried).max(1)
            }
            Self::Route => u128::from(MAX_ROUTE_WEIGHT) / largest(&carried).max(1),
        };
        let factor = u64::try_from(factor).unwrap_or(1).max(1);
        let weight = |(weight, stands_by): (u64, &bool)| match (weight, stands_by) {
            (0, true) => STANDBY_WEIGHT,
            _ => weight.saturating_mul(factor),
        };
        carried.into_iter().zip(stands_by).map(weight).collect()
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

/// Returns the weights without those of backends that only stand by.
pub fn without_standbys(weights: &[u64]) -> Vec<u64> {
    let largest = largest(weights);
    if largest < CARRYING_PART {
        return weights.to_vec();
    }
    let carries = |weight: u64| u128::from(weight) * CARRYING_PART >= largest;
    let weights = weights.iter();
    weights
        .map(|&weight| if carries(weight) { weight } else { 0 })
        .collect()
}

/// Returns the smallest whole numbers in the same proportion.
pub fn reduced(weights: &[u64]) -> Vec<u64> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor);
    let weights = weights.iter();
    weights.map(|weight| weight / divisor.max(1)).collect()
}

fn largest(weights: &[u64]) -> u128 {
    u128::from(weights.iter().max().copied().unwrap_or_default())
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
        assert_eq!(split(&[429_496, 1]), [429_494, 1]);
        assert_eq!(split(&[1, 1_000_000]), [1, 429_494]);
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

    #[test]
    fn standbys_have_one_beside_the_largest_weights_that_fit() {
        let split = |weights: &[u64], standbys: &[bool]| {
            let dressed = Carrier::Split.with_standbys(weights, standbys);
            assert!(Carrier::Split.takes(&dressed), "{dressed:?}");
            dressed
        };
        assert_eq!(split(&[1, 0], &[false, true]), [429_495, 1]);
        assert_eq!(split(&[0, 1, 0], &[true, false, true]), [1, 429_494, 1]);
        assert_eq!(
            split(&[1, 100, 0], &[false, false, true]),
            [4_252, 425_200, 1]
        );
        assert_eq!(split(&[3, 6, 0], &[false; 3]), [1, 2, 0]);
        // Twenty backends, one of which stands by.
        let mut shares = vec![100; 19];
        shares.push(0);
        let mut standbys = vec![false; 19];
        standbys.push(true);
        let dressed = split(&shares, &standbys);
        assert_eq!((dressed[0], dressed[19]), (22_605, 1));
        let route = Carrier::Route.with_standbys(&[1, 100, 0], &[false, false, true]);
        assert_eq!(route, [10_000, 1_000_000, 1]);
    }

    #[test]
    fn standbys_find_room_below_weights_that_fit_without_them() {
        let dressed = Carrier::Split.with_standbys(&[400_001, 29_495, 0], &[false, false, true]);
        assert!(Carrier::Split.takes(&dressed), "{dressed:?}");
        assert_eq!(dressed[2], 1);
        assert!(dressed[0] > 399_000 && dressed[1] > 29_000, "{dressed:?}");
    }

    #[test]
    fn a_weight_below_a_thousandth_of_the_largest_only_stands_by() {
        assert_eq!(without_standbys(&[999, 1]), [999, 1]);
        assert_eq!(without_standbys(&[1_000, 1]), [1_000, 1]);
        assert_eq!(without_standbys(&[1_001, 1, 0]), [1_001, 0, 0]);
        assert_eq!(without_standbys(&[u64::MAX, 1]), [u64::MAX, 0]);
        assert_eq!(without_standbys(&[0, 0]), [0, 0]);
    }

    /// Weights of backends, and whether those without any stand by.
    fn weights_and_standbys() -> impl Strategy<Value = Vec<(u64, bool)>> {
        let weight = prop_oneof![
            3 => Just(0),
            3 => 1..=100u64,
            1 => 1..2_000_000u64,
            1 => any::<u64>()
        ];
        prop::collection::vec((weight, any::<bool>()), 2..100)
    }

    proptest! {
        #[test]
        fn weights_with_standbys_fit_and_are_read_as_what_they_are(backends in weights_and_standbys()) {
            let (weights, standbys): (Vec<u64>, Vec<bool>) = backends.into_iter().unzip();
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let carried = without_standbys(&weights);
            let standbys: Vec<bool> =
                carried.iter().zip(standbys).map(|(weight, stands_by)| *weight == 0 && stands_by).collect();
            let count = standbys.iter().filter(|stands_by| **stands_by).count() as u64;
            for carrier in [Carrier::Split, Carrier::Route] {
                let written = carrier.with_standbys(&carried, &standbys);
                prop_assert!(carrier.takes(&written), "{:?}", written);
                let read = if count > 0 { without_standbys(&written) } else { written.clone() };
                for (index, weight) in carried.iter().enumerate() {
                    prop_assert_eq!(*weight > 0, read[index] > 0, "{} of {:?}", index, &written);
                    let is_written = written[index] > 0;
                    prop_assert_eq!(is_written, *weight > 0 || standbys[index]);
                }
                if carrier.takes_beside(&reduced(&carried), count) {
                    prop_assert!(same_proportion(&read, &carried), "{:?}", written);
                }
                prop_assert_eq!(carrier.with_standbys(&read, &standbys), written);
            }
        }

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
