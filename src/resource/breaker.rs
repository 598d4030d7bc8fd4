//! The annotations of a Service that make Linkerd's proxies break circuits (failure accrual), see
//! <https://linkerd.io/2/reference/circuit-breaking/>.

use std::collections::BTreeMap;

use super::annotations::LinkerdAnnotations;
use super::meta::Annotations;

/// The kind of circuit breaker.
pub const FAILURE_ACCRUAL: &str = "balancer.linkerd.io/failure-accrual";
/// After how many failures in a row an endpoint gets no more requests.
pub const MAX_FAILURES: &str = "balancer.linkerd.io/failure-accrual-consecutive-max-failures";
/// How long an endpoint gets none, at first.
pub const MIN_PENALTY: &str = "balancer.linkerd.io/failure-accrual-consecutive-min-penalty";
/// How long it gets none, at most.
pub const MAX_PENALTY: &str = "balancer.linkerd.io/failure-accrual-consecutive-max-penalty";
/// The part of the penalty that is random.
pub const JITTER: &str = "balancer.linkerd.io/failure-accrual-consecutive-jitter-ratio";

const KEYS: [&str; 5] = [
    FAILURE_ACCRUAL,
    MAX_FAILURES,
    MIN_PENALTY,
    MAX_PENALTY,
    JITTER,
];
/// What Linkerd takes where no number is given.
const LINKERDS_MAX_FAILURES: &str = "7";

/// When an endpoint gets no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// After some failures in a row.
    Consecutive,
    /// After some failures in a row, or when too few requests succeed. Linkerd 2.20 and newer.
    Unified,
    /// Never: the annotations are removed.
    Off,
}

/// What to do to a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreakerPlan {
    /// It is as asked.
    Unchanged,
    /// These annotations are to be written; none as the value removes one.
    Change(LinkerdAnnotations),
    /// Someone else's values stay: what they are, in words.
    LeftAlone(String),
}

impl Breaker {
    /// Returns the values that this tool writes.
    fn values(self) -> BTreeMap<&'static str, &'static str> {
        let mode = match self {
            Self::Consecutive => "consecutive",
            Self::Unified => "unified",
            Self::Off => return BTreeMap::new(),
        };
        [
            (FAILURE_ACCRUAL, mode),
            (MAX_FAILURES, "3"),
            (MIN_PENALTY, "10s"),
        ]
        .into()
    }

    /// Returns how to make a Service with these annotations as asked. Values that this tool does
    /// not write are someone else's, and stay unless `overwrite` is set.
    pub fn plan(self, current: &Annotations, overwrite: bool) -> BreakerPlan {
        let present = KEYS
            .into_iter()
            .filter_map(|key| Some((key, current.linkerds(key)?)));
        let present: BTreeMap<&'static str, &str> = present.collect();
        let wanted = self.values();
        if present == wanted {
            return BreakerPlan::Unchanged;
        }
        let is_own = [Self::Consecutive, Self::Unified, Self::Off]
            .iter()
            .any(|mode| present == mode.values());
        if !is_own && !overwrite {
            return BreakerPlan::LeftAlone(describe(&present));
        }
        let differs = |key: &&'static str| present.get(key) != wanted.get(key);
        let value = |key: &'static str| (key, wanted.get(key).map(|value| (*value).to_owned()));
        BreakerPlan::Change(KEYS.into_iter().filter(differs).map(value).collect())
    }
}

/// Returns after how many failures in a row an endpoint gets no more requests; none if it always
/// does. Where only the success rate counts, it is the largest number.
pub fn max_failures(service: &Annotations) -> Option<u32> {
    let mode = service.linkerds(FAILURE_ACCRUAL)?;
    let failures = service
        .linkerds(MAX_FAILURES)
        .unwrap_or(LINKERDS_MAX_FAILURES);
    // Linkerd ignores all of the annotations if it cannot read one.
    match (mode, failures.trim().parse().ok()?) {
        ("unified", 0) => Some(u32::MAX),
        ("consecutive" | "unified", failures) if failures > 0 => Some(failures),
        _ => None,
    }
}

/// Returns `failure-accrual consecutive with 7 failures`.
fn describe(present: &BTreeMap<&'static str, &str>) -> String {
    let Some(mode) = present.get(FAILURE_ACCRUAL) else {
        return "parameters of failure-accrual, but no mode".to_owned();
    };
    let failures = present.get(MAX_FAILURES).unwrap_or(&LINKERDS_MAX_FAILURES);
    let penalty = present.get(MIN_PENALTY).unwrap_or(&"1s");
    format!("failure-accrual {mode} with {failures} failures and a penalty of {penalty}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::retries::DEFAULT_RETRY_LIMIT;

    fn annotations(values: Value) -> Annotations {
        serde_json::from_value(values).unwrap()
    }

    fn own(mode: Breaker) -> Annotations {
        annotations(json!(mode.values()))
    }

    #[test]
    fn own_values_are_replaced_and_removed() {
        use Breaker::{Consecutive, Off, Unified};
        for is in [Consecutive, Unified, Off] {
            for asked in [Consecutive, Unified, Off] {
                let plan = asked.plan(&own(is), false);
                let BreakerPlan::Change(change) = plan else {
                    assert!(
                        is == asked && plan == BreakerPlan::Unchanged,
                        "{is:?} {plan:?}"
                    );
                    continue;
                };
                assert_ne!(is, asked);
                let mode = change[FAILURE_ACCRUAL].as_deref();
                assert_eq!(mode, asked.values().get(FAILURE_ACCRUAL).copied());
            }
        }
    }

    #[test]
    fn the_annotations_are_read_as_linkerd_reads_them() {
        let cases = [
            (json!({FAILURE_ACCRUAL: "consecutive"}), Some(7)),
            (
                json!({FAILURE_ACCRUAL: "unified", MAX_FAILURES: " 3 "}),
                Some(3),
            ),
            (
                json!({FAILURE_ACCRUAL: "unified", MAX_FAILURES: "0"}),
                Some(u32::MAX),
            ),
            (
                json!({FAILURE_ACCRUAL: "consecutive", MAX_FAILURES: "0"}),
                None,
            ),
            (
                json!({FAILURE_ACCRUAL: "consecutive", MAX_FAILURES: "few"}),
                None,
            ),
            (json!({FAILURE_ACCRUAL: "Consecutive"}), None),
            (json!({MAX_FAILURES: "3"}), None),
        ];
        for (values, expected) in cases {
            assert_eq!(max_failures(&annotations(values)), expected);
        }
        let own = max_failures(&own(Breaker::Consecutive));
        assert_eq!(own, Some(u32::from(DEFAULT_RETRY_LIMIT)));
    }

    #[test]
    fn values_of_others_stay_unless_told() {
        let others = [
            (
                json!({FAILURE_ACCRUAL: "consecutive"}),
                "consecutive with 7 failures",
            ),
            (
                json!({FAILURE_ACCRUAL: "unified", MAX_FAILURES: "3", MIN_PENALTY: "10s", JITTER: "0"}),
                "unified with 3 failures",
            ),
            (json!({MAX_FAILURES: "3"}), "no mode"),
        ];
        for (values, words) in others {
            let current = annotations(values);
            for asked in [Breaker::Consecutive, Breaker::Off] {
                let BreakerPlan::LeftAlone(described) = asked.plan(&current, false) else {
                    panic!("{current:?}");
                };
                assert!(described.contains(words), "{described}");
                let BreakerPlan::Change(change) = asked.plan(&current, true) else {
                    panic!("{current:?}");
                };
                let mut after: BTreeMap<&str, String> = KEYS
                    .into_iter()
                    .filter_map(|key| Some((key, current.linkerds(key)?.to_owned())))
                    .collect();
                for (key, value) in change {
                    match value {
                        Some(value) => after.insert(key, value),
                        None => after.remove(key),
                    };
                }
                assert_eq!(json!(after), json!(asked.values()));
            }
        }
    }
}
