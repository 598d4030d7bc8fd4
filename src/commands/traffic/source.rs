//! Chooses who counts the requests, by the flags: the clients' proxies, or a Prometheus.

use super::measure::TrafficMeter;
use crate::cli::{TrafficArgs, TrafficSource};
use crate::cluster::api::viz::{VizPrometheus, find_prometheus};
use crate::cluster::transport::http_endpoint::{HttpEndpoint, HttpEndpointOptions};
use crate::error;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::text::{clean, without_userinfo};
use crate::traffic::prometheus::PROMETHEUS_WINDOW;
use crate::traffic::prometheus::endpoint::{PrometheusEndpoint, PrometheusPod};
use crate::traffic::source::Source;

/// Has the requests counted by the source that the flags name.
///
/// # Errors
/// If that is a Prometheus which cannot be found.
pub async fn choose(
    streams: &Streams,
    meter: TrafficMeter,
    args: &TrafficArgs,
) -> anyhow::Result<TrafficMeter> {
    let source = args.source.unwrap_or(match args.prometheus {
        Some(_) => TrafficSource::Prometheus,
        None => TrafficSource::Proxies,
    });
    let endpoint = match (source, &args.prometheus) {
        (TrafficSource::Proxies, _) => return Ok(meter),
        (TrafficSource::Auto, _) if asks_all(&meter) => return Ok(meter),
        (_, Some(url)) => at_url(url, args).await?,
        (TrafficSource::Auto, None) => match in_cluster(&meter).await {
            Ok(endpoint) => endpoint,
            Err(problem) => {
                streams.say(&format!(
                    "no Prometheus counts all requests ({}); asking {}",
                    problem.message,
                    meter.pods()
                ));
                return Ok(meter);
            }
        },
        (TrafficSource::Prometheus, None) => in_cluster(&meter).await?,
    };
    let window = args.window.unwrap_or(PROMETHEUS_WINDOW);
    Ok(meter.count_by(endpoint, window))
}

/// Whether all clients' proxies are asked.
fn asks_all(meter: &TrafficMeter) -> bool {
    match &meter.source {
        Source::Proxies(proxies) => {
            let (asked, pods) = proxies.coverage();
            asked >= pods
        }
        Source::Prometheus(_) => true,
    }
}

async fn at_url(url: &str, args: &TrafficArgs) -> Result<PrometheusEndpoint, Problem> {
    let endpoint = HttpEndpoint::new(HttpEndpointOptions {
        url,
        url_flag: "--prometheus",
        ca_file: args.prometheus_ca_file.clone(),
        ca_flag: "--prometheus-ca-file",
        token_file: args.prometheus_token_file.clone(),
        token_flag: "--prometheus-token-file",
    });
    Ok(PrometheusEndpoint::Url(endpoint.await?))
}

/// Finds the Prometheus of linkerd-viz.
async fn in_cluster(meter: &TrafficMeter) -> Result<PrometheusEndpoint, Problem> {
    const INSTEAD: &str = "name another Prometheus with --prometheus URL, or ask the proxies: \
                           --source proxies";
    let cluster = &meter.cluster;
    let found = find_prometheus(cluster).await;
    match found.map_err(|error| error::explain(cluster, &error))? {
        VizPrometheus::NotInstalled => Err(Problem::new(format!(
            "linkerd-viz is not installed in context {}: no namespace has the label \
             linkerd.io/extension=viz",
            clean(&cluster.context)
        ))
        .next(INSTEAD)),
        VizPrometheus::NotRunning { namespace } => Err(Problem::new(format!(
            "no pod of linkerd-viz's Prometheus runs in namespace {}",
            clean(&namespace)
        ))
        .next(INSTEAD)),
        VizPrometheus::Pod { namespace, pod } => {
            let pod = PrometheusPod::new(namespace, pod);
            Ok(PrometheusEndpoint::Pod(pod))
        }
        VizPrometheus::External { url } => Err(Problem::new(format!(
            "linkerd-viz uses another Prometheus, {}, which it reaches from inside the cluster",
            clean(&without_userinfo(&url))
        ))
        .next(
            "name the URL by which you reach it with --prometheus, after a kubectl port-forward \
             to it for example",
        )),
    }
}
