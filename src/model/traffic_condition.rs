//! The conditions of `traffic --for`, such as `share(web-svc-east)>=95%`.

use std::fmt;
use std::str::FromStr;

use super::traffic::{BackendTraffic, TrafficReport};

/// Compares one number of a [`TrafficReport`] with a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficCondition {
    metric: TrafficMetric,
    /// None: all backends together.
    backend: Option<String>,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrafficMetric {
    Share,
    Success,
    Rps,
    P50,
    P95,
    P99,
    Failfast,
    Waiting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// The text is not a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{why}. Examples: share(web-svc-east)>=95%, success>=99%, rps>0, p95(web-svc)<=200ms, failfast<=0"
)]
pub struct TrafficConditionError {
    why: String,
}

const METRICS: [(&str, TrafficMetric); 8] = [
    ("share", TrafficMetric::Share),
    ("success", TrafficMetric::Success),
    ("rps", TrafficMetric::Rps),
    ("p50", TrafficMetric::P50),
    ("p95", TrafficMetric::P95),
    ("p99", TrafficMetric::P99),
    ("failfast", TrafficMetric::Failfast),
    ("waiting", TrafficMetric::Waiting),
];

/// The longer ones first, since each of them begins with a shorter one.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

impl TrafficMetric {
    fn unit(self) -> &'static str {
        match self {
            Self::Share | Self::Success => "%",
            Self::P50 | Self::P95 | Self::P99 => "ms",
            Self::Rps | Self::Failfast | Self::Waiting => "",
        }
    }

    /// Returns the number of decimals in the table.
    fn decimals(self) -> usize {
        match self {
            Self::Success => 2,
            Self::Rps => 1,
            _ => 0,
        }
    }

    /// Parses a limit. On an error, returns what is expected instead.
    fn limit(self, text: &str) -> Result<f64, &'static str> {
        let (expected, units): (_, &[(&str, f64)]) = match self {
            Self::Share | Self::Success => ("a percentage from 0% to 100%", &[("%", 1.0)]),
            Self::Rps => ("a number", &[("rps", 1.0), ("", 1.0)]),
            Self::P50 | Self::P95 | Self::P99 => (
                "a duration such as 200ms or 0.5s",
                &[("ms", 1.0), ("s", 1000.0), ("", 1.0)],
            ),
            Self::Failfast | Self::Waiting => ("a number", &[("", 1.0)]),
        };
        let most = if self.unit() == "%" { 100.0 } else { f64::MAX };
        let mut stripped = units.iter().filter_map(|(unit, factor)| {
            let number = text.strip_suffix(unit)?.trim().parse::<f64>().ok()?;
            Some(number * factor)
        });
        stripped
            .next()
            .filter(|limit| (0.0..=most).contains(limit))
            .ok_or(expected)
    }

    fn of(self, traffic: &BackendTraffic) -> Option<f64> {
        match self {
            Self::Share => None,
            Self::Success => traffic.success_rate().map(|rate| rate * 100.0),
            Self::Rps => Some(traffic.rps),
            Self::P50 => traffic.latency.quantile(0.5),
            Self::P95 => traffic.latency.quantile(0.95),
            Self::P99 => traffic.latency.quantile(0.99),
            Self::Failfast => Some(traffic.refused),
            Self::Waiting => Some(traffic.waiting),
        }
    }
}

impl TrafficCondition {
    /// Returns the backend that it is about.
    pub fn backend(&self) -> Option<&str> {
        self.backend.as_deref()
    }

    /// Whether it holds. Without requests, no share, success or latency meets anything, and without
    /// an answer no number does.
    pub fn holds(&self, report: &TrafficReport) -> bool {
        self.value(report)
            .is_some_and(|value| self.is_met_by(value))
    }

    fn is_met_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtLeast => value >= self.limit,
            Comparison::AtMost => value <= self.limit,
            Comparison::Above => value > self.limit,
            Comparison::Below => value < self.limit,
        }
    }

    /// Says what the number is, such as `share(web-svc-east) is 40%`.
    pub fn found(&self, report: &TrafficReport) -> String {
        let name = self.name();
        let unit = self.metric.unit();
        match self.value(report) {
            Some(value) => format!("{name} is {}{unit}", self.shown(value)),
            None => format!("{name} is unknown: {}", unknown(report)),
        }
    }

    /// Rounds a number as the table does, unless that hides whether it meets the condition.
    fn shown(&self, value: f64) -> String {
        let rounded = match self.metric.decimals() {
            _ if value.fract() == 0.0 => format!("{value:.0}"),
            decimals => format!("{value:.decimals$}"),
        };
        let is_met = |text: &str| text.parse().is_ok_and(|value| self.is_met_by(value));
        if is_met(&rounded) == self.is_met_by(value) {
            rounded
        } else {
            format!("{value:.3}")
        }
    }

    fn value(&self, report: &TrafficReport) -> Option<f64> {
        if report.clients.answered() == 0 {
            return None;
        }
        match &self.backend {
            None => self.metric.of(&report.total()),
            Some(name) => {
                let row = report.row(name)?;
                match self.metric {
                    TrafficMetric::Share => report.share(row).map(|share| share * 100.0),
                    metric => metric.of(&row.traffic),
                }
            }
        }
    }

    fn name(&self) -> String {
        let metric = METRICS.iter().find(|(_, metric)| *metric == self.metric);
        let metric = metric.map_or("", |(name, _)| name);
        match &self.backend {
            Some(backend) => format!("{metric}({backend})"),
            None => metric.to_owned(),
        }
    }
}

/// Says why a number is not known.
fn unknown(report: &TrafficReport) -> &'static str {
    match &report.clients {
        clients if clients.asked == 0 => "there are no meshed client pods to ask",
        clients if clients.answered() == 0 => "no client pod answered",
        _ => "no requests",
    }
}

impl FromStr for TrafficCondition {
    type Err = TrafficConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |why: String| TrafficConditionError { why };
        let found = COMPARISONS.iter().find_map(|(sign, comparison)| {
            let (name, limit) = text.split_once(sign)?;
            Some((name.trim(), *comparison, limit.trim()))
        });
        let Some((name, comparison, limit)) = found else {
            return Err(refuse("it needs >=, <=, > or <".to_owned()));
        };
        let (name, backend) = match name.split_once('(') {
            None => (name, None),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(backend) if !backend.is_empty() => (name, Some(backend.to_owned())),
                _ => return Err(refuse("the backend must be in parentheses".to_owned())),
            },
        };
        let Some((_, metric)) = METRICS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = METRICS.iter().map(|(name, _)| *name).collect();
            return Err(refuse(format!("it compares one of {}", known.join(", "))));
        };
        if *metric == TrafficMetric::Share && backend.is_none() {
            return Err(refuse("share needs a backend".to_owned()));
        }
        let limit = metric.limit(limit);
        let limit =
            limit.map_err(|expected| refuse(format!("the limit of {name} must be {expected}")))?;
        Ok(Self {
            metric: *metric,
            backend,
            comparison,
            limit,
        })
    }
}

impl fmt::Display for TrafficCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS
            .iter()
            .find(|(_, known)| *known == self.comparison);
        let sign = sign.map_or("", |(sign, _)| sign);
        write!(
            f,
            "{}{sign}{}{}",
            self.name(),
            self.limit,
            self.metric.unit()
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::fixtures::{traffic_report, traffic_row};
    use crate::model::traffic::Clients;

    fn report(responses: [f64; 2]) -> TrafficReport {
        let row = |(name, success)| {
            let traffic = BackendTraffic {
                success,
                failure: success / 9.0,
                rps: success,
                refused: 3.0,
                ..BackendTraffic::default()
            };
            traffic_row(name, 1, traffic)
        };
        let rows = ["web", "web-east"].into_iter().zip(responses).map(row);
        TrafficReport {
            refused: 1.0,
            ..traffic_report(rows.collect())
        }
    }

    fn holds(text: &str, report: &TrafficReport) -> bool {
        text.parse::<TrafficCondition>().unwrap().holds(report)
    }

    #[test]
    fn conditions_compare_the_numbers_of_backends_and_of_all() {
        let some = report([9.0, 27.0]);
        for text in [
            "share(web-east)>=75%",
            "share(web)<=25%",
            "success>=90%",
            "success(web) < 90.1%",
            "rps>=36rps",
            "rps(web-east)>26.9",
            "failfast<=7",
            "waiting<=0",
        ] {
            assert!(holds(text, &some), "{text}");
        }
        for text in ["share(web)>25%", "failfast(web)>3", "success(web-east)>90%"] {
            assert!(!holds(text, &some), "{text}");
        }
        assert!(!holds("p95<=200ms", &some), "no latency is known");
    }

    #[test]
    fn without_requests_no_share_and_no_success_is_met() {
        let nothing = report([0.0, 0.0]);
        for text in ["share(web)<=1%", "success>=0%", "share(other)>=0%"] {
            assert!(!holds(text, &nothing), "{text}");
        }
        assert!(holds("rps<1", &nothing));
        let share: TrafficCondition = "share(web)>=1%".parse().unwrap();
        assert_eq!(share.found(&nothing), "share(web) is unknown: no requests");
    }

    #[test]
    fn without_an_answer_nothing_is_known() {
        let mut nobody = report([0.0, 0.0]);
        nobody.clients = Clients::default();
        for text in ["rps<1", "rps>=0", "failfast<=9", "waiting(web)<=0"] {
            assert!(!holds(text, &nobody), "{text}");
        }
        let rps: TrafficCondition = "rps<1".parse().unwrap();
        assert_eq!(
            rps.found(&nobody),
            "rps is unknown: there are no meshed client pods to ask"
        );
    }

    #[test]
    fn numbers_are_rounded_as_in_the_table_unless_that_would_mislead() {
        let some = report([9.0, 27.04]);
        for (condition, found) in [
            ("share(web)>=10%", "share(web) is 25%"),
            ("share(web)>=25%", "share(web) is 24.972%"),
            ("rps(web-east)>1", "rps(web-east) is 27.0"),
            ("rps(web)>1", "rps(web) is 9"),
            ("success(web)>1%", "success(web) is 90%"),
        ] {
            let condition: TrafficCondition = condition.parse().unwrap();
            assert_eq!(condition.found(&some), found);
        }
        let latency = |text: &str| text.parse::<TrafficCondition>().unwrap();
        assert_eq!(latency("p95<0.03s"), latency("p95<30ms"));
        assert_eq!(latency("p95<0.03s").to_string(), "p95<30ms");
    }

    #[test]
    fn what_is_no_condition_is_refused_with_examples() {
        for text in [
            "",
            "share",
            "share>=1%",
            "share()>=1%",
            "share(web>=1%",
            "success>=1",
            "rps>=x",
            "rps>=-1",
            "rps>=inf",
            "rps>=nan",
            "p95<=1m",
            "success>=101%",
            "share(web)<=100.1%",
            "speed>=1",
            "success=1%",
        ] {
            let error = text.parse::<TrafficCondition>().unwrap_err().to_string();
            assert!(
                error.contains("share(web-svc-east)>=95%"),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_prints_as_itself(
            text in "(?s).{0,30}|(share|rps|p95|success)(\\([a-z-]{1,5}\\))?[<>]=?[0-9.]{1,5}(%|ms|s|rps)?",
        ) {
            if let Ok(condition) = text.parse::<TrafficCondition>() {
                prop_assert_eq!(condition.to_string().parse::<TrafficCondition>().unwrap(), condition);
            }
        }
    }
}
