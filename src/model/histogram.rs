//! A histogram of latencies, and its quantiles as Prometheus computes them (`histogram_quantile`).

/// Observations by upper bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds in order, and how many observations are at or below each one.
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// Adds observations at or below an upper bound.
    pub fn add(&mut self, bound: f64, count: f64) {
        if bound.is_nan() || count.is_nan() {
            return;
        }
        let place = self
            .buckets
            .binary_search_by(|(known, _)| known.total_cmp(&bound));
        match place {
            Ok(place) => self.buckets[place].1 += count,
            Err(place) => self.buckets.insert(place, (bound, count)),
        }
    }

    /// Adds the observations of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (bound, count) in &other.buckets {
            self.add(*bound, *count);
        }
    }

    /// Returns the value that this share of the observations is at or below, interpolated inside
    /// its bucket. None without observations. Above the last finite bound, that bound.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let (last_bound, total) = *self.buckets.last()?;
        if last_bound.is_finite() || total <= 0.0 {
            return None;
        }
        let rank = share * total;
        let (mut below, mut start) = (0.0_f64, 0.0_f64);
        for (bound, count) in &self.buckets {
            // Histograms of different bounds that were merged may not grow everywhere.
            let count = count.max(below);
            if count >= rank && count > below {
                return Some(if bound.is_finite() {
                    start + (bound - start) * ((rank - below) / (count - below)).max(0.0)
                } else {
                    start
                });
            }
            (below, start) = (count, *bound);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(buckets: &[(f64, f64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (bound, count) in buckets {
            histogram.add(*bound, *count);
        }
        histogram
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let latencies = histogram(&[
            (1.0, 280.0),
            (2.0, 346.0),
            (3.0, 351.0),
            (f64::INFINITY, 351.0),
        ]);
        let near = |share: f64, value: f64| {
            let found = latencies.quantile(share).unwrap();
            assert!((found - value).abs() < 0.001, "{share}: {found}");
        };
        near(0.5, 0.6267);
        near(0.95, 1.8098);
        near(0.99, 2.298);
        assert_eq!(Histogram::default().quantile(0.5), None);
        let slow = histogram(&[(1.0, 0.0), (50.0, 0.0), (f64::INFINITY, 3.0)]);
        assert_eq!(slow.quantile(0.5), Some(50.0));
    }

    proptest! {
        #[test]
        fn quantiles_grow_and_stay_inside_the_bounds(
            counts in prop::collection::vec((0.0..1e6_f64, 0.0..1e9_f64), 1..20),
        ) {
            let mut histogram = histogram(&counts);
            let sum: f64 = counts.iter().map(|(_, count)| count).sum();
            histogram.add(f64::INFINITY, sum);
            let quantiles: Vec<f64> =
                [0.5, 0.95, 0.99].iter().filter_map(|share| histogram.quantile(*share)).collect();
            for pair in quantiles.windows(2) {
                prop_assert!(pair[0] <= pair[1]);
            }
            prop_assert!(quantiles.iter().all(|value| (0.0..=1e6).contains(value)));
        }
    }
}
