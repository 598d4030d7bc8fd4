//! Writes what a client counts as its proxy would, in the text format of Prometheus. No I/O.

use super::counters::{Balancer, Counters, LATENCY_BOUNDS, Statuses};
use super::plan::{RouteName, Target, Via};
use crate::model::ServiceRef;
use crate::model::traffic::SIMULATION_METRIC;

/// Returns the metrics of a client that started at a time in Unix seconds.
pub fn write(started: f64, calls: &[(&Target, &Counters)]) -> String {
    let mut text =
        String::from("# These numbers are simulated by the sandbox. There is no proxy.\n");
    let mut series = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for (target, counters) in calls {
        for (service, balancer) in &counters.balancers {
            endpoint(&mut series, service, balancer, counters.of_backend(service));
            queue(&mut series, target, service, balancer);
        }
        statuses(&mut series, target, counters);
    }
    series(format!("{SIMULATION_METRIC} 1"));
    series(format!("process_start_time_seconds {started}"));
    text.push_str("# EOF\n");
    text
}

/// The series by endpoint, which `linkerd viz stat` shows.
fn endpoint(
    series: &mut impl FnMut(String),
    service: &ServiceRef,
    balancer: &Balancer,
    answers: Statuses,
) {
    let ServiceRef { namespace, name } = service;
    let labels = format!(
        r#"direction="outbound",authority="{name}.{namespace}.svc.cluster.local",tls="true",dst_namespace="{namespace}",dst_service="{name}""#
    );
    let all = answers.answered();
    if all < 1.0 {
        return;
    }
    series(format!("request_total{{{labels}}} {all}"));
    for (status, class, count) in [
        ("200", "success", answers.successes()),
        ("500", "failure", answers.failures()),
    ] {
        if count > 0.0 {
            series(format!(
                r#"response_total{{{labels},status_code="{status}",classification="{class}",grpc_status="",error=""}} {count}"#
            ));
        }
    }
    for (bound, count) in LATENCY_BOUNDS.iter().zip(balancer.latency()) {
        series(format!(
            r#"response_latency_ms_bucket{{{labels},le="{bound}"}} {count}"#
        ));
    }
    series(format!(
        r#"response_latency_ms_bucket{{{labels},le="+Inf"}} {all}"#
    ));
    series(format!("response_latency_ms_count{{{labels}}} {all}"));
    let sum = balancer.latency_sum();
    series(format!("response_latency_ms_sum{{{labels}}} {sum}"));
    let open = balancer.connections();
    series(format!(
        r#"tcp_open_connections{{{labels},peer="dst"}} {open}"#
    ));
}

fn queue(
    series: &mut impl FnMut(String),
    target: &Target,
    service: &ServiceRef,
    balancer: &Balancer,
) {
    let labels = format!("{},{}", parent(target), backend(service, balancer.port));
    let (ready, waiting) = (balancer.endpoints, balancer.waiting);
    series(format!(
        r#"outbound_http_balancer_endpoints{{endpoint_state="ready",{labels}}} {ready}"#
    ));
    series(format!(
        "outbound_http_balancer_queue_length{{{labels}}} {waiting}"
    ));
    series(format!(
        "outbound_http_balancer_queue_requests_total{{{labels}}} {}",
        balancer.queued
    ));
}

/// The series of what clients got, by route and by its backends.
fn statuses(series: &mut impl FnMut(String), target: &Target, counters: &Counters) {
    let mut sums = std::collections::BTreeMap::<&Via, Statuses>::new();
    for ((via, service), statuses) in &counters.statuses {
        let sum = sums.entry(via).or_default();
        *sum = sum.plus(*statuses);
        if let Some(route) = &route_of(via) {
            let port = counters
                .balancers
                .get(service)
                .map_or(target.port, |it| it.port);
            let labels = format!("{},{}", of_route(target, route), backend(service, port));
            by_status(series, route, "backend_response", &labels, *statuses);
        }
    }
    for (via, statuses) in sums {
        match route_of(via) {
            None => profile(series, target, statuses),
            Some(route) => {
                let labels = format!(r#"{},hostname="""#, of_route(target, &route));
                by_status(series, &route, "request", &labels, statuses);
            }
        }
    }
}

/// Returns the route in the labels, unless a ServiceProfile decides. A Service without routes has a
/// default one.
fn route_of(via: &Via) -> Option<RouteName> {
    match via {
        Via::Profile => None,
        Via::Route(route) => Some(route.clone()),
        Via::Service => Some(RouteName {
            group: "",
            kind: "default",
            namespace: String::new(),
            name: "http".to_owned(),
        }),
    }
}

fn by_status(
    series: &mut impl FnMut(String),
    route: &RouteName,
    what: &str,
    labels: &str,
    statuses: Statuses,
) {
    let (protocol, label, [good, bad]) = if route.is_grpc() {
        ("grpc", "grpc_status", ["OK", "INTERNAL"])
    } else {
        ("http", "http_status", ["200", "500"])
    };
    let name = match what {
        "request" => format!("outbound_{protocol}_route_request_statuses_total"),
        _ => format!("outbound_{protocol}_route_backend_response_statuses_total"),
    };
    for (status, error, count) in [
        (good, "", statuses.successes()),
        (bad, "", statuses.failures() + statuses.injected()),
        ("", "FAIL_FAST", statuses.refused()),
    ] {
        if count > 0.0 {
            series(format!(
                r#"{name}{{{labels},{label}="{status}",error="{error}"}} {count}"#
            ));
        }
    }
}

fn profile(series: &mut impl FnMut(String), target: &Target, statuses: Statuses) {
    let ServiceRef { namespace, name } = &target.service;
    let labels = format!(
        r#"direction="outbound",dst="{name}.{namespace}.svc.cluster.local:{}""#,
        target.port
    );
    for (rest, count) in [
        (
            r#"status_code="200",classification="success",grpc_status="",error="""#,
            statuses.successes(),
        ),
        (
            r#"status_code="500",classification="failure",grpc_status="",error="""#,
            statuses.failures(),
        ),
        (
            r#"classification="failure",grpc_status="",error="unclassified""#,
            statuses.refused(),
        ),
    ] {
        if count > 0.0 {
            series(format!("route_response_total{{{labels},{rest}}} {count}"));
        }
    }
}

fn parent(target: &Target) -> String {
    service_labels("parent", &target.service, target.port)
}

fn backend(service: &ServiceRef, port: u16) -> String {
    service_labels("backend", service, port)
}

fn service_labels(role: &str, service: &ServiceRef, port: u16) -> String {
    let ServiceRef { namespace, name } = service;
    format!(
        r#"{role}_group="core",{role}_kind="Service",{role}_namespace="{namespace}",{role}_name="{name}",{role}_port="{port}",{role}_section_name="""#
    )
}

fn of_route(target: &Target, route: &RouteName) -> String {
    let RouteName {
        group,
        kind,
        namespace,
        name,
    } = route;
    format!(
        r#"{},route_group="{group}",route_kind="{kind}",route_namespace="{namespace}",route_name="{name}""#,
        parent(target)
    )
}

#[cfg(test)]
mod tests;
