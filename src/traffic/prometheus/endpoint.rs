//! Where Prometheus is: a URL, or a pod of linkerd-viz that is reached by port-forward.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::timeout;

use super::error::PrometheusCause;
use crate::cluster::Cluster;
use crate::cluster::transport::http_endpoint::{FORM, HttpEndpoint};
use crate::cluster::transport::response::MAX_OBJECT_BYTES;
use crate::traffic::pod_http::PodHttp;

const QUERY_PATH: &str = "/api/v1/query";
/// The port of Prometheus in linkerd-viz.
const PROMETHEUS_PORT: u16 = 9090;

/// A Prometheus.
#[derive(Debug)]
pub enum PrometheusEndpoint {
    Url(HttpEndpoint),
    Pod(PrometheusPod),
}

/// The Prometheus of linkerd-viz.
#[derive(Debug)]
pub struct PrometheusPod {
    pub namespace: String,
    pub pod: String,
    /// Open from one query to the next.
    http: Option<PodHttp>,
}

impl PrometheusPod {
    pub fn new(namespace: String, pod: String) -> Self {
        Self {
            namespace,
            pod,
            http: None,
        }
    }
}

impl PrometheusEndpoint {
    /// Returns its name for people.
    pub fn name(&self) -> String {
        match self {
            Self::Url(endpoint) => format!("Prometheus at {}", endpoint.url),
            Self::Pod(_) => "Prometheus of linkerd-viz".to_owned(),
        }
    }

    /// Returns its name and its pod.
    pub fn place(&self) -> String {
        match self {
            Self::Url(_) => self.name(),
            Self::Pod(pod) => format!("{} (pod {}/{})", self.name(), pod.namespace, pod.pod),
        }
    }

    /// Sends an instant query. Returns the status and the body of the answer.
    ///
    /// # Errors
    /// If there is no whole answer within the time limit of a page.
    pub async fn query(
        &mut self,
        cluster: &Cluster,
        promql: &str,
    ) -> Result<(StatusCode, Bytes), PrometheusCause> {
        // As for a page of a list: the query of many clients takes a while.
        let limit = cluster.page_timeout();
        let form = form(&[
            ("query", promql),
            ("timeout", &format!("{}ms", limit.as_millis())),
        ]);
        match self {
            Self::Url(endpoint) => Ok(endpoint.post_form(QUERY_PATH, form, limit).await?),
            Self::Pod(pod) => pod.query(cluster, form, limit).await,
        }
    }
}

impl PrometheusPod {
    async fn query(
        &mut self,
        cluster: &Cluster,
        form: String,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), PrometheusCause> {
        let body = Bytes::from(form);
        let answered = async {
            // A connection that was idle may have ended meanwhile.
            if let Some(http) = &mut self.http
                && let Ok(answer) = post(http, body.clone()).await
            {
                return Ok(answer);
            }
            let (namespace, pod) = (&self.namespace, &self.pod);
            let connected = PodHttp::connect(cluster, namespace, pod, PROMETHEUS_PORT).await?;
            post(self.http.insert(connected), body).await
        };
        let answer = timeout(limit, answered)
            .await
            .unwrap_or(Err(PrometheusCause::TimedOut { after: limit }));
        if answer.is_err() {
            self.http = None;
        }
        answer
    }
}

async fn post(http: &mut PodHttp, form: Bytes) -> Result<(StatusCode, Bytes), PrometheusCause> {
    let request = Request::post(QUERY_PATH)
        .header(HOST, format!("localhost:{PROMETHEUS_PORT}"))
        .header(CONTENT_TYPE, FORM)
        .body(Full::new(form));
    let Ok(request) = request else {
        return Err(http.cut().await.into());
    };
    let response = http.send(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_OBJECT_BYTES);
    match body.collect().await {
        Ok(body) => Ok((status, body.to_bytes())),
        Err(cause) if cause.is::<http_body_util::LengthLimitError>() => {
            let most = MAX_OBJECT_BYTES / (1024 * 1024);
            Err(PrometheusCause::Unreadable {
                how: format!("it has more than {most} MiB"),
            })
        }
        Err(_) => Err(http.cut().await.into()),
    }
}

/// Encodes a form.
fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| {
        let value =
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        format!("{name}={value}")
    });
    fields.collect::<Vec<_>>().join("&")
}
