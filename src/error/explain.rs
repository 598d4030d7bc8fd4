//! Turns a failed request into a [`Problem`]: the cluster, the meaning, and what to do next.

use std::time::Duration;

use http::Method;

use crate::access::missing_right::MissingRight;
use crate::cluster::api::discovery;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::problem::{Problem, more_time};
use crate::resource::KINDS;
use crate::text::clean;

/// How long to wait for an answer to another request than the one that got none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Explains why a request failed.
pub fn explain(cluster: &Cluster, error: &RequestError) -> Problem {
    Problem {
        is_unreachable: matches!(
            error.cause,
            Cause::Unreachable { .. } | Cause::TimedOut { .. }
        ),
        ..explain_cause(cluster, error)
    }
}

fn explain_cause(cluster: &Cluster, error: &RequestError) -> Problem {
    let place = place(cluster);
    match &error.cause {
        cause @ Cause::Unreachable { .. } => unreachable(cluster, cause),
        Cause::TimedOut { after } => {
            let problem = Problem::new(format!(
                "the API server of {place} did not answer within {} s",
                after.as_secs_f32()
            ));
            problem.next(match more_time(*after) {
                Some(how) => format!("check the network, or {how}"),
                None => "check the network and the API server".to_owned(),
            })
        }
        Cause::Credentials(cause) => {
            Problem::new(format!("can't get credentials for {place}: {cause}")).next(cause.next())
        }
        Cause::Tls(problem) => {
            Problem::new(format!("the API server of {place}: {problem}")).next(problem.next())
        }
        Cause::Status { code: 401, .. } => rejected(cluster),
        Cause::Status {
            code: 403, message, ..
        } => forbidden(cluster, &error.path, &clean(message)),
        Cause::Status {
            code: 400, message, ..
        } if is_about_selector(message) => {
            Problem::usage(format!("invalid label selector (-l): {}", clean(message)))
                .next("write it as for kubectl: -l team=web,tier!=test, -l 'team in (web,mail)'")
        }
        Cause::Status { message, .. } if is_denial(error) => denied(cluster, &clean(message)),
        Cause::Undone { .. } => Problem::new(format!("{place}: {error}")).next(format!(
            "see who mutates it: kubectl {} get mutatingwebhookconfigurations",
            cluster.reach.all()
        )),
        Cause::Status { .. } | Cause::Unreadable { .. } | Cause::NotBuilt(_) => {
            Problem::new(format!("{place}: {}", clean(&error.to_string())))
        }
    }
}

fn unreachable(cluster: &Cluster, cause: &Cause) -> Problem {
    let place = place(cluster);
    let try_kubectl = format!("try: kubectl {} version", cluster.reach.all());
    if cause.is_out_of_descriptors() {
        return Problem::new(format!(
            "cannot connect to the API server of {place}: {cause}"
        ))
        .next("raise the limit: ulimit -n 4096, or ulimit -Hn as an administrator");
    }
    let problem = match &cluster.proxy {
        Some(proxy) => Problem::new(format!(
            "the API server of {place} cannot be reached through the proxy {proxy}: {cause}"
        ))
        .next(format!(
            "check the proxy; to connect without it, {}",
            proxy.how_to_avoid()
        )),
        None => Problem::new(format!(
            "the API server of {place} cannot be reached: {cause}"
        ))
        .next("check the network, a VPN for example, and the address in the kubeconfig"),
    };
    problem.next(try_kubectl)
}

/// Returns whether a 400 Bad Request is about a selector. Only the API server's message shows that.
fn is_about_selector(message: &str) -> bool {
    message.starts_with("unable to parse")
}

fn rejected(cluster: &Cluster) -> Problem {
    let user = cluster
        .user
        .as_ref()
        .map_or(String::new(), |user| format!(" of user {:?}", clean(user)));
    Problem::new(format!("{} rejected the credentials{user}", place(cluster)))
        .next("log in again: they may have expired")
        .next(format!(
            "check who you are there: kubectl {} auth whoami",
            cluster.reach.all()
        ))
}

fn forbidden(cluster: &Cluster, path: &str, message: &str) -> Problem {
    let right = MissingRight::missing_in(message);
    match right.or_else(|| MissingRight::of_port_forward(path, message)) {
        Some(right) => missing(cluster, &right),
        // An authorizer other than RBAC has words of its own for the same refusal.
        None if path.ends_with("/portforward") => refused(cluster, message).next(
            "admission rejected it, or the right to create pods/portforward is missing, which \
             Kubernetes 1.35 and newer ask for",
        ),
        None => denied(cluster, message),
    }
}

fn missing(cluster: &Cluster, right: &MissingRight) -> Problem {
    let (words, place) = (right.in_words(), place(cluster));
    Problem::new(format!("Forbidden: {words} ({place})")).next_all(right.next(&cluster.reach))
}

/// Explains several failed requests. Missing rights that differ in the kind alone are one problem.
pub fn explain_all<'a>(
    cluster: &Cluster,
    errors: impl IntoIterator<Item = &'a RequestError>,
) -> Vec<Problem> {
    let (mut rights, mut problems) = (Vec::new(), Vec::new());
    for error in errors {
        match error.forbidden_message().and_then(MissingRight::missing_in) {
            Some(right) => rights.push(right),
            None => problems.push(explain(cluster, error)),
        }
    }
    let rights = MissingRight::merge(rights);
    problems.extend(rights.iter().map(|right| missing(cluster, right)));
    problems
}

/// Returns whether a webhook or a policy of admission, or validation, refused a write.
fn is_denial(error: &RequestError) -> bool {
    error.method != Method::GET && matches!(error.code(), Some(400 | 413 | 422))
}

fn denied(cluster: &Cluster, message: &str) -> Problem {
    refused(cluster, message).next("not an RBAC error: admission or validation rejected it")
}

fn refused(cluster: &Cluster, message: &str) -> Problem {
    Problem::new(format!("{} refused the request: {message}", place(cluster)))
}

/// Explains why a write failed. If it got no answer, but the API server answers other requests, an
/// admission webhook may hold it up.
pub async fn explain_write(cluster: &Cluster, error: &RequestError) -> Problem {
    let problem = explain(cluster, error);
    let is_timeout = matches!(error.cause, Cause::TimedOut { .. });
    if error.method == Method::GET || !is_timeout || !answers(cluster).await {
        return problem;
    }
    problem.next(format!(
        "it answers other requests, so an admission webhook may hold this one up: kubectl {} get \
         validatingwebhookconfigurations,mutatingwebhookconfigurations",
        cluster.reach.all()
    ))
}

/// Asks the API server for its version. A refusal is an answer too.
async fn answers(cluster: &Cluster) -> bool {
    let version = discovery::version(&cluster.limited(PROBE_TIMEOUT)).await;
    !version.is_err_and(|error| explain(cluster, &error).is_unreachable)
}

fn place(cluster: &Cluster) -> String {
    format!(
        "context {} ({})",
        clean(&cluster.context),
        clean(&cluster.server)
    )
}

/// Explains why groups cannot be listed.
pub fn explain_group_list(cluster: &Cluster, error: &RequestError) -> Problem {
    if error.is_not_found() {
        no_kinds(cluster)
    } else {
        explain(cluster, error)
    }
}

/// Returns the problem of a cluster without any kind that can define groups.
fn no_kinds(cluster: &Cluster) -> Problem {
    let crds: Vec<&str> = KINDS.iter().map(|kind| kind.info().crd).collect();
    Problem::new(format!(
        "{} has none of the CRDs this plugin needs",
        place(cluster)
    ))
    .next(format!(
        "install the CustomResourceDefinition {}",
        crds.join(" or ")
    ))
    .next(
        "for TrafficSplits, install Linkerd's SMI extension: \
         https://linkerd.io/2/tasks/linkerd-smi/",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::test_server::{Answer, TestServer};

    fn silence(after: u64) -> RequestError {
        let after = Duration::from_secs(after);
        RequestError::new(&Method::PATCH, "/x", Cause::TimedOut { after })
    }

    #[tokio::test(start_paused = true)]
    async fn a_webhook_is_suspected_only_if_the_server_answers_other_requests() {
        let version = Answer::ok(r#"{"major": "1", "minor": "36"}"#);
        let forbidden = Answer::status(403, "");
        for (answer, is_suspected) in [(version, true), (forbidden, true), (Answer::hang(), false)]
        {
            let server = TestServer::start(move |request| match request {
                "GET /version" => answer.clone(),
                _ => Answer::hang(),
            });
            let cluster = server.await.cluster(None).await;
            let problem = explain_write(&cluster, &silence(65)).await;
            let next = problem.next.join("\n");
            assert_eq!(next.contains("webhook"), is_suspected, "{next}");
            assert!(problem.is_unreachable);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn more_time_is_advised_only_if_it_had_less() {
        let server = TestServer::start(|_| Answer::hang()).await;
        let cluster = server.cluster(None).await;
        for (after, is_advised) in [(10, true), (60, false), (65, false)] {
            let next = explain(&cluster, &silence(after)).next.join("\n");
            assert_eq!(
                next.contains("--request-timeout 60s"),
                is_advised,
                "{after}"
            );
        }
    }

    #[test]
    fn the_message_of_kubernetes_1_36_about_a_bad_selector_is_recognized() {
        assert!(is_about_selector(
            "unable to parse requirement: found '', expected: identifier"
        ));
        assert!(!is_about_selector("the object provided is unrecognized"));
    }
}
