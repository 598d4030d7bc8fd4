//! The PromQL of the source `prometheus`: one instant query for all numbers of all groups, so that
//! they are of the same moment. Each part of it labels its result with `metric`.
//!
//! A counter's part is what the source `proxies` computes, the difference of two scrapes, also for a
//! series that begins in the window: `increase` would not count what such a series has at its first
//! scrape, and after a failover all series of the new backend begin. Only where there is no scrape
//! from before the window, or the counter was reset, `increase` estimates.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::selectors::{PROCESS_START, QueryScope, destinations, hosts, quoted, services};
use crate::model::ServiceRef;
use crate::traffic::metrics::scrape::{GroupServices, ScrapedGroups};

/// The label of each part of the answer.
pub const METRIC: &str = "metric";
/// The seconds between the two scrapes.
pub const SECONDS: &str = "seconds";
/// How many pods Prometheus scrapes.
pub const PODS: &str = "pods";
/// How many pods sent a request to a group: followed by the group's place.
pub const SENDERS: &str = "senders ";
/// How many proxies are older than a group's object: followed by the group's place.
pub const OLDER: &str = "older ";
/// The fewest and the most ready endpoints that a client's proxy has.
pub const READY_MIN: &str = "ready_min";
pub const READY_MAX: &str = "ready_max";

const BY_DESTINATION: &str = "direction,authority,dst_namespace,dst_service";
const BY_PARENT: &str = "parent_namespace,parent_name,backend_namespace,backend_name";
const REFUSED: &str = "error=~\"FAIL_FAST|LOAD_SHED\"";
/// Requests to Services are counted by protocol.
const PROTOCOLS: [&str; 2] = ["http", "grpc"];

/// Returns the query of the groups.
pub fn promql(groups: &ScrapedGroups, scope: &QueryScope<'_>) -> String {
    let query = Query {
        base: scope.base(),
        clients: scope.each_client(),
        window: format!("{}ms", scope.window.as_millis()),
    };
    let all = AllServices::new(groups.iter());
    let mut parts = query.proxies();
    for backends in destinations(&all.backends) {
        let responses = format!("response_total{{{backends}}}");
        let responses = query.counter(&responses, "classification,status_code", BY_DESTINATION);
        parts.push(responses);
        let latencies = format!("response_latency_ms_bucket{{{backends}}}");
        parts.push(query.counter(&latencies, "le", BY_DESTINATION));
        let connections = format!("tcp_open_connections{{{backends},peer=\"dst\"}}");
        parts.push(query.gauge(&connections, "peer", BY_DESTINATION));
    }
    let profile = format!(
        "route_response_total{{direction=\"outbound\",classification=\"failure\",status_code=\"\",\
         dst=~{}}}",
        quoted(&hosts(&all.apexes))
    );
    parts.push(query.counter(&profile, "direction,dst", "classification"));
    for protocol in PROTOCOLS {
        parts.extend(query.by_parent(&all, protocol));
    }
    parts.extend(query.ready(&all));
    let groups = groups.iter().enumerate();
    let created = scope.created.iter().copied().chain(std::iter::repeat(None));
    parts.extend(
        groups
            .zip(created)
            .flat_map(|((index, group), created)| query.senders(index, group, created)),
    );
    parts.join("\nor\n")
}

/// The Services of all groups. The answer also has what a Service gets through another group's, which
/// is ignored there.
struct AllServices<'a> {
    apexes: BTreeSet<&'a ServiceRef>,
    backends: BTreeSet<&'a ServiceRef>,
}

impl<'a> AllServices<'a> {
    fn new(groups: impl Iterator<Item = &'a GroupServices>) -> Self {
        let (mut apexes, mut backends) = (BTreeSet::new(), BTreeSet::new());
        for group in groups {
            apexes.insert(&group.apex);
            backends.extend(&group.backends);
        }
        Self { apexes, backends }
    }
}

struct Query {
    /// The labels of all series.
    base: String,
    /// One series of each client, if `base` also fits other pods.
    clients: Option<String>,
    window: String,
}

impl Query {
    /// Adds the labels of all series to a selector.
    fn whole(&self, selector: &str) -> String {
        match selector.strip_suffix('}') {
            Some(begin) => format!("{begin},{}}}", self.base),
            None => format!("{selector}{{{}}}", self.base),
        }
    }

    fn process_start(&self) -> String {
        self.whole(PROCESS_START)
    }

    /// Leaves out the series of pods that are no clients.
    fn of_clients(&self, series: String) -> String {
        match &self.clients {
            Some(clients) => format!("({series}) and on (namespace,pod) ({clients})"),
            None => series,
        }
    }

    /// What the counters of a selector grew by, summed up by labels.
    fn counter(&self, selector: &str, by: &str, and_by: &str) -> String {
        let (series, start, window) = (self.whole(selector), self.process_start(), &self.window);
        // A pod whose proxy was scraped before the window, or has started since.
        let known = format!(
            "({start} offset {window} or {start} > time() - {})",
            self.seconds()
        );
        let grown = format!(
            "({series} - {series} offset {window} >= 0 unless resets({series}[{window}]) > 0) \
             or (({series} unless {series} offset {window}) and on (namespace, pod) {known}) \
             or increase({series}[{window}])"
        );
        let grown = self.of_clients(grown);
        labelled(name(selector), &format!("sum by ({by},{and_by}) ({grown})"))
    }

    /// The current values of a selector, summed up by labels.
    fn gauge(&self, selector: &str, by: &str, and_by: &str) -> String {
        let series = self.of_clients(self.whole(selector));
        labelled(
            name(selector),
            &format!("sum by ({by},{and_by}) ({series})"),
        )
    }

    /// The window in seconds.
    fn seconds(&self) -> String {
        let millis = self.window.trim_end_matches("ms");
        format!("{millis} / 1000")
    }

    /// The pods, and the time between their scrapes.
    fn proxies(&self) -> Vec<String> {
        let (start, window) = (self.process_start(), &self.window);
        let time = format!("timestamp({start}) - timestamp({start} offset {window})");
        let time = self.of_clients(time);
        let pods = self.of_clients(start);
        vec![
            labelled(PODS, &format!("count({pods})")),
            labelled(SECONDS, &format!("avg({time})")),
        ]
    }

    /// The requests by the Service that is called, and the backend.
    fn by_parent(&self, all: &AllServices<'_>, protocol: &str) -> [String; 4] {
        let metric = |name: &str, labels: &str| format!("outbound_{protocol}_{name}{{{labels}}}");
        let apex = services("parent", &all.apexes);
        let backends = services("backend", &all.backends);
        let called = services("parent", &(&all.apexes | &all.backends));
        let refused = metric("route_request_statuses_total", &format!("{apex},{REFUSED}"));
        let by_backend = format!("{apex},{backends},{REFUSED}");
        let by_backend = metric("route_backend_response_statuses_total", &by_backend);
        let queued = metric(
            "balancer_queue_requests_total",
            &format!("{called},{backends}"),
        );
        let waiting = metric("balancer_queue_length", &format!("{apex},{backends}"));
        [
            self.counter(&refused, "error", "parent_namespace,parent_name"),
            self.counter(&by_backend, "error", BY_PARENT),
            self.counter(&queued, "backend_group", BY_PARENT),
            self.gauge(&waiting, "backend_group", BY_PARENT),
        ]
    }

    /// The fewest and the most ready endpoints of each backend.
    fn ready(&self, all: &AllServices<'_>) -> [String; 2] {
        let labels = format!(
            "{},{},endpoint_state=\"ready\"",
            services("parent", &all.apexes),
            services("backend", &all.backends)
        );
        let series = self.whole(&format!(
            "{{__name__=~\"outbound_(http|grpc)_balancer_endpoints\",{labels}}}"
        ));
        let series = self.of_clients(series);
        [(READY_MIN, "min"), (READY_MAX, "max")].map(|(metric, least_or_most)| {
            let by_pod = format!("sum by (namespace,pod,{BY_PARENT}) ({series})");
            labelled(
                metric,
                &format!("{least_or_most} by ({BY_PARENT}) ({by_pod})"),
            )
        })
    }

    /// How many pods have a counter of a group that grew, and how many of them have a proxy that is
    /// older than the group's object.
    fn senders(
        &self,
        index: usize,
        group: &GroupServices,
        created: Option<Timestamp>,
    ) -> Vec<String> {
        let responses = destinations(&group.backends.iter().collect());
        let responses = responses.map(|backends| format!("response_total{{{backends}}}"));
        let apex = services("parent", &[&group.apex].into());
        let queued = PROTOCOLS
            .map(|protocol| format!("outbound_{protocol}_balancer_queue_requests_total{{{apex}}}"));
        let grown = responses.into_iter().chain(queued).map(|selector| {
            let (series, window) = (self.whole(&selector), &self.window);
            format!("({series} > 0 unless ({series} == {series} offset {window}))")
        });
        let grown: Vec<String> = grown.collect();
        let grown = self.of_clients(grown.join(" or "));
        let by_pod = format!("count by (namespace,pod) ({grown})");
        let older = created.map(|created| {
            let (start, created) = (self.process_start(), created.as_second());
            let older = format!("count(({start} < {created}) and on (namespace,pod) {by_pod})");
            labelled(&format!("{OLDER}{index}"), &older)
        });
        let senders = labelled(&format!("{SENDERS}{index}"), &format!("count({by_pod})"));
        [senders].into_iter().chain(older).collect()
    }
}

/// Sets the label by which a part is recognized.
fn labelled(metric: &str, expression: &str) -> String {
    format!("label_replace({expression}, \"{METRIC}\", \"{metric}\", \"\", \"\")")
}

fn name(selector: &str) -> &str {
    selector.split('{').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::traffic::window::PodName;

    fn query(clients: &[(&str, &str)]) -> String {
        let groups = ScrapedGroups::new(vec![GroupServices {
            apex: ServiceRef::new("shop", "web"),
            backends: vec![ServiceRef::new("shop", "web")],
        }]);
        let pods = clients.iter().map(|(namespace, name)| PodName {
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
        });
        promql(
            &groups,
            &QueryScope {
                namespaces: &["bank", "shop"].map(str::to_owned).into(),
                pods: Some(pods.collect()),
                window: Duration::from_secs(60),
                created: &[],
            },
        )
    }

    #[test]
    fn a_pod_with_the_name_of_a_client_in_another_namespace_is_left_out() {
        let query = query(&[("bank", "bot-0"), ("shop", "bot-1")]);
        let clients = "and on (namespace,pod) (\
             process_start_time_seconds{job=\"linkerd-proxy\",namespace=\"bank\",pod=~\"bot-(0)\"} or \
             process_start_time_seconds{job=\"linkerd-proxy\",namespace=\"shop\",pod=~\"bot-(1)\"})";
        let parts: Vec<&str> = query.split("\nor\n").collect();
        for part in parts {
            assert!(part.contains(clients), "{part}");
        }
    }

    #[test]
    fn namespaces_without_clients_are_not_asked_for() {
        let query = query(&[("shop", "bot-0"), ("shop", "bot-1")]);
        assert!(query.contains("namespace=~\"shop\",pod=~\"bot-(0|1)\""));
        assert!(!query.contains("bank"), "{query}");
        assert!(
            !query.contains("and on (namespace,pod) (process"),
            "{query}"
        );
    }
}
