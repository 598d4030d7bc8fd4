//! Turns the failure of a request into a [`Problem`]: which cluster, what it means, what to do next.

use crate::access::missing_right::MissingRight;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, RequestError};
use crate::problem::Problem;
use crate::resource::KINDS;
use crate::text::clean;

/// A request's failure in words: which cluster, what it means, what to do next.
pub fn explain(cluster: &Cluster, error: &RequestError) -> Problem {
    let (place, reach) = (place(cluster), cluster.reach.all());
    match &error.cause {
        Cause::Unreachable { how } => Problem::new(format!(
            "the API server of {place} cannot be reached: {how}"
        ))
        .next("check the connection, a VPN for example, and the address in the kubeconfig")
        .next(format!("try: kubectl {reach} version")),
        Cause::TimedOut { after } => Problem::new(format!(
            "the API server of {place} did not answer within {} s",
            after.as_secs_f32()
        ))
        .next("check the connection, or allow more time with --request-timeout 30s"),
        Cause::Credentials { how } => {
            Problem::new(format!("the credentials for {place} cannot be had: {how}"))
                .next("log in again")
        }
        Cause::Status { code: 401, .. } => rejected(cluster),
        Cause::Status {
            code: 403, message, ..
        } => forbidden(cluster, &clean(message)),
        Cause::Status {
            code: 400, message, ..
        } if message.starts_with("unable to parse") => {
            Problem::usage(format!("-l is no label selector: {}", clean(message))).next(
                "write it as kubectl takes it: -l team=web,tier!=test, -l 'team in (web,mail)'",
            )
        }
        Cause::Status { .. } | Cause::Unreadable { .. } => {
            Problem::new(format!("{place}: {}", clean(&error.to_string())))
        }
    }
}

fn rejected(cluster: &Cluster) -> Problem {
    let user = cluster
        .user
        .as_ref()
        .map_or(String::new(), |user| format!(" of user {:?}", clean(user)));
    Problem::new(format!(
        "{} does not accept the credentials{user}",
        place(cluster)
    ))
    .next("log in again: they may have expired")
    .next(format!(
        "see who you are there: kubectl {} auth whoami",
        cluster.reach.all()
    ))
}

fn forbidden(cluster: &Cluster, message: &str) -> Problem {
    let place = place(cluster);
    match MissingRight::missing_in(message) {
        Some(right) => right.next(&cluster.reach).into_iter().fold(
            Problem::new(format!("{place} does not allow {}", right.in_words())),
            Problem::next,
        ),
        None => Problem::new(format!("{place} does not allow it: {message}")).next(
            "this is no matter of rights: a policy of the cluster refuses it, see the message",
        ),
    }
}

fn place(cluster: &Cluster) -> String {
    format!(
        "context {} ({})",
        clean(&cluster.context),
        clean(&cluster.server)
    )
}

/// Explains why no groups can be listed.
pub fn explain_group_list(cluster: &Cluster, error: &RequestError) -> Problem {
    if error.is_not_found() {
        no_kinds(cluster)
    } else {
        explain(cluster, error)
    }
}

/// The cluster has no kind of object that could carry a group.
fn no_kinds(cluster: &Cluster) -> Problem {
    let crds: Vec<&str> = KINDS.iter().map(|kind| kind.info().crd).collect();
    Problem::new(format!(
        "{} has no kind of object that carries groups",
        place(cluster)
    ))
    .next(format!(
        "install the CustomResourceDefinition {}",
        crds.join(" or ")
    ))
    .next(
        "for TrafficSplits, Linkerd's SMI extension does: https://linkerd.io/2/tasks/linkerd-smi/",
    )
}
