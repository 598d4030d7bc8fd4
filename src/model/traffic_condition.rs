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
            Self::Rps => "rps",
            Self::P50 | Self::P95 | Self::P99 => "ms",
            Self::Failfast | Self::Waiting => "",
        }
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
            .is_some_and(|value| match self.comparison {
                Comparison::AtLeast => value >= self.limit,
                Comparison::AtMost => value <= self.limit,
                Comparison::Above => value > self.limit,
                Comparison::Below => value < self.limit,
            })
    }

    /// Says what the number is, such as `share(web-svc-east) is 40.00%`.
    pub fn found(&self, report: &TrafficReport) -> String {
        let name = self.name();
        let unit = self.metric.unit();
        match self.value(report) {
            Some(value) if value.fract() == 0.0 => format!("{name} is {value:.0}{unit}"),
            Some(value) => format!("{name} is {value:.2}{unit}"),
            None => format!("{name} is unknown: {}", unknown(report)),
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
        let unit = metric.unit();
        let number = limit.strip_suffix(unit).unwrap_or(limit).trim();
        if unit == "%" && !limit.ends_with(unit) {
            return Err(refuse(format!("{name} needs a percentage")));
        }
        let limit = number.parse::<f64>().ok().filter(|limit| limit.is_finite());
        let Some(limit) = limit.filter(|limit| *limit >= 0.0) else {
            return Err(refuse(format!(
                "the limit of {name} must be a number{}",
                match unit {
                    "" => String::new(),
                    unit => format!(" such as 10{unit}"),
                }
            )));
        };
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
    use crate::model::ids::{GroupId, ServiceRef};
    use crate::model::traffic::{Clients, TrafficRow};

    fn report(responses: [f64; 2]) -> TrafficReport {
        let row = |(name, success): (&str, f64)| TrafficRow {
            name: name.to_owned(),
            service: ServiceRef::new("ns", name),
            weight: 1,
            meshed: None,
            traffic: BackendTraffic {
                success,
                failure: success / 9.0,
                rps: success,
                refused: 3.0,
                ..BackendTraffic::default()
            },
        };
        TrafficReport {
            id: GroupId {
                namespace: "ns".to_owned(),
                kind: "trafficsplit",
                name: "web".to_owned(),
            },
            apex: "web".to_owned(),
            primary: None,
            rows: ["web", "web-east"]
                .into_iter()
                .zip(responses)
                .map(row)
                .collect(),
            refused: 1.0,
            seconds: 10.0,
            clients: Clients {
                pods: 1,
                asked: 1,
                ..Clients::default()
            },
            has_moved: false,
            conflicts: Vec::new(),
            before: None,
            counted_by: None,
            unaccepted: None,
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
            text in "(?s).{0,30}|(share|rps|p95|success)(\\([a-z-]{1,5}\\))?[<>]=?[0-9.]{1,5}(%|ms|rps)?",
        ) {
            if let Ok(condition) = text.parse::<TrafficCondition>() {
                prop_assert_eq!(condition.to_string().parse::<TrafficCondition>().unwrap(), condition);
            }
        }
    }
}
