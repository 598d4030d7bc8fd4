//! The answer of Prometheus's HTTP API (`/api/v1/query`) to a query of `query`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use serde::Deserialize;

use super::error::PrometheusCause;
use super::query::{METRIC, OLDER, PODS, READY_MAX, READY_MIN, SECONDS, SENDERS};
use crate::model::ServiceRef;
use crate::model::traffic::BackendTraffic;
use crate::text::shorten;
use crate::traffic::metrics::difference::{GroupTraffic, difference};
use crate::traffic::metrics::exposition::ExpositionReader;
use crate::traffic::metrics::scrape::{GroupServices, Scrape, ScrapedGroups, TooManySeries};

/// The most characters of a message of Prometheus.
const MAX_PROMETHEUS_ERROR_CHARS: usize = 300;

/// What Prometheus counted during one window.
#[derive(Debug, Default)]
pub struct Counted {
    /// The time between the first and the last scrape, if there are two.
    pub seconds: Option<f64>,
    /// How many pods it scrapes.
    pub pods: usize,
    /// The groups, in their order.
    pub groups: Vec<CountedTraffic>,
}

/// The requests of all clients to one group.
#[derive(Debug, Clone, Default)]
pub struct CountedTraffic {
    pub senders: usize,
    /// How many proxies are older than the group's object.
    pub older: usize,
    pub traffic: GroupTraffic,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Row>,
}

/// A series and its value at one moment.
#[derive(Deserialize)]
struct Row {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Row {
    fn name(&self) -> &str {
        self.metric.get(METRIC).map_or("", String::as_str)
    }

    fn value(&self) -> f64 {
        self.value.1.parse().unwrap_or(f64::NAN)
    }

    /// Returns the row in the text format of metrics.
    fn text(&self) -> String {
        let mut labels = String::new();
        for (name, value) in self.metric.iter().filter(|(name, _)| *name != METRIC) {
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(labels, "{name}=\"{value}\",");
        }
        format!("{}{{{labels}}} {}\n", self.name(), self.value())
    }
}

/// Reads an answer.
///
/// # Errors
/// If it is an error, or is not in the format.
pub fn counted(
    groups: &ScrapedGroups,
    status: StatusCode,
    body: &[u8],
) -> Result<Counted, PrometheusCause> {
    let answer = serde_json::from_slice::<Answer>(body);
    if status != StatusCode::OK {
        return Err(match answer {
            Ok(answer) if !answer.error.is_empty() => PrometheusCause::Query {
                status,
                message: shorten(&answer.error, MAX_PROMETHEUS_ERROR_CHARS),
            },
            _ => PrometheusCause::Status(status),
        });
    }
    let unreadable = |how: String| PrometheusCause::Unreadable { how };
    let answer = answer.map_err(|cause| unreadable(cause.to_string()))?;
    let data = answer
        .data
        .ok_or_else(|| unreadable("it has no data".to_owned()))?;
    let (mut numbers, mut ready) = (BTreeMap::new(), Vec::new());
    let mut after = Scrape::default();
    for row in data.result {
        match row.name() {
            READY_MIN | READY_MAX => ready.push(row),
            name if name.ends_with(|last: char| last.is_ascii_digit())
                || [SECONDS, PODS].contains(&name) =>
            {
                numbers.insert(name.to_owned(), row.value());
            }
            _ => add(&mut after, groups, &row).map_err(|cause| unreadable(cause.to_string()))?,
        }
    }
    let seconds = numbers.get(SECONDS).copied().filter(|it| *it > 0.0);
    // The rows are what the counters grew by, so they are those of a process that counts from 0.
    let divisor = seconds.unwrap_or(f64::NAN);
    let mut traffic = difference(&Scrape::default(), &after, divisor, groups).groups;
    let number = |name: &str| numbers.get(name).copied().map_or(0, count);
    let counted = groups.iter().enumerate().map(|(index, group)| {
        let mut traffic = traffic.remove(&index).unwrap_or_default();
        let backends = group.backends.len();
        traffic
            .backends
            .resize_with(backends, BackendTraffic::default);
        for row in &ready {
            add_ready(&mut traffic.backends, group, row);
        }
        CountedTraffic {
            senders: number(&format!("{SENDERS}{index}")),
            older: number(&format!("{OLDER}{index}")),
            traffic,
        }
    });
    Ok(Counted {
        seconds,
        pods: number(PODS),
        groups: counted.collect(),
    })
}

fn add(after: &mut Scrape, groups: &ScrapedGroups, row: &Row) -> Result<(), TooManySeries> {
    let mut added = Ok(());
    let mut reader = ExpositionReader::default();
    // A line that is too long is about no Service.
    let _ = reader.read(row.text().as_bytes(), |sample| {
        added = after.add(groups, &sample);
    });
    added
}

/// Takes the fewest or the most ready endpoints of a backend.
fn add_ready(backends: &mut [BackendTraffic], group: &GroupServices, row: &Row) {
    let service = |what: &str| {
        let label = |name: &str| row.metric.get(&format!("{what}_{name}")).cloned();
        Some(ServiceRef::new(label("namespace")?, label("name")?))
    };
    if service("parent").as_ref() != Some(&group.apex) {
        return;
    }
    let Some(backend) = service("backend") else {
        return;
    };
    let services = group.backends.iter().zip(backends);
    for (_, traffic) in services.filter(|(service, _)| **service == backend) {
        let value = count(row.value()) as u64;
        let (fewest, most) = traffic.ready.unwrap_or((value, value));
        traffic.ready = Some(if row.name() == READY_MIN {
            (value, most)
        } else {
            (fewest, value)
        });
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count; NaN is 0"
)]
fn count(value: f64) -> usize {
    value as usize
}
