//! The command that `status` suggests for a group that needs attention.

use crate::model::{
    BackendStatus, ExpiredOrder, OverrideStatus, Readiness, RemoteService, Runner, State, Status,
    WhyUnknown,
};
use crate::text::{ConnectionFlags, clean, word};
use crate::view::command_line::{command_on, slices_of};

/// Returns what to type next, if something should be done.
pub fn next_step(status: &Status, connection: &ConnectionFlags) -> Option<String> {
    let namespace = &status.id.namespace;
    let (place, ours) = (
        connection.within(namespace),
        connection.for_plugin(namespace),
    );
    if let Some(mend) = &status.mend {
        if !status.bad_settings.is_empty() {
            let unset = format!("--unset {} {ours}", status.bad_settings.join(","));
            return Some(clean(&format!(
                "{mend}: {}",
                command_on("set", &status.id, &unset)
            )));
        }
        let (kind, name) = (status.id.kind, word(&status.id.name));
        return Some(clean(&format!(
            "{mend}: kubectl {place} edit {kind} {name}"
        )));
    }
    match &status.order {
        Some(OverrideStatus::WithoutHome(_)) => {
            return Some(command_on(
                "failback",
                &status.id,
                &format!("--home BACKEND {ours}"),
            ));
        }
        Some(OverrideStatus::Broken { .. }) => {
            return Some(command_on("failback", &status.id, &ours));
        }
        _ => {}
    }
    match status.state {
        State::Paused | State::Overridden => {
            let command = if status.state == State::Paused {
                "resume"
            } else {
                "failback"
            };
            Some(command_on(command, &status.id, &ours))
        }
        State::Active | State::Primary => status.forgotten_home.as_ref().map(|home| {
            command_on(
                "set",
                &status.id,
                &format!("--primary {} {ours}", word(home)),
            )
        }),
        State::Invalid => None,
        State::OutOfSync | State::Waiting if status.flags.unattended => {
            Some(format!("kubectl failover watch {ours}"))
        }
        // Linkerd's controller ends neither an override nor a pause.
        State::OutOfSync if status.runner == Runner::Upstream => {
            status.expired_order().map(|left| {
                let command = if left == ExpiredOrder::Override {
                    "failback"
                } else {
                    "resume"
                };
                command_on(command, &status.id, &ours)
            })
        }
        State::OutOfSync | State::Waiting => None,
        State::Unknown if unnamed_remote(status).is_some() => {
            unnamed_remote(status).map(|cluster| {
                let links = if connection.has_links() {
                    ""
                } else {
                    ", or --remote-from-links"
                };
                let remote = format!("--remote {}=CONTEXT {ours}{links}", word(cluster));
                command_on("status", &status.id, &remote)
            })
        }
        State::Unknown => Some(unknown_next(status, &place, &ours)),
        State::Unavailable => Some(format!("kubectl {place} get service,endpointslice,pod")),
        State::Failover if status.flags.held => Some(command_on("failback", &status.id, &ours)),
        State::Failover => Some(slices_of_primary(status, &place)),
    }
}

/// Shows why the primary is not ready. A mirror's endpoints are in the cluster that it mirrors.
fn slices_of_primary(status: &Status, place: &str) -> String {
    let primary = status.primary.as_deref().unwrap_or_default();
    let backend = status
        .backends
        .iter()
        .find(|backend| backend.name == primary);
    let remote = backend.and_then(|backend| match &backend.readiness {
        Readiness::Mirrored { side, .. } => side.remote(),
        _ => None,
    });
    match remote {
        Some(RemoteService { cluster, service }) => slices_of(
            &format!(
                "in cluster {}: kubectl -n {}",
                clean(cluster),
                word(&service.namespace)
            ),
            &service.name,
        ),
        None => slices_of(&format!("kubectl {place}"), primary),
    }
}

/// Suggests to force traffic to a ready backend, or else how to find out about an unknown one.
fn unknown_next(status: &Status, place: &str, ours: &str) -> String {
    let idle = |backend: &&BackendStatus| backend.weight == 0 && backend.readiness.is_ready();
    if let Some(BackendStatus { name: ready, .. }) = status.backends.iter().find(idle) {
        return command_on("force", &status.id, &format!("--to {} {ours}", word(ready)));
    }
    let unknown = status
        .backends
        .iter()
        .filter_map(|backend| Some((backend.name.as_str(), backend.readiness.why_unknown()?)));
    let unknown: Vec<(&str, &WhyUnknown)> = unknown.collect();
    match unknown.first() {
        Some((backend, WhyUnknown::Remote { cluster, .. })) => clean(&format!(
            "check that cluster {cluster} is reachable; to try {backend} anyway: {}",
            command_on(
                "force",
                &status.id,
                &format!("--to {} --allow=unknown {ours}", word(backend))
            )
        )),
        _ => {
            let names: Vec<String> = unknown.iter().map(|(name, _)| word(name)).collect();
            clean(&format!(
                "kubectl {place} get service {} --show-labels",
                names.join(" ")
            ))
        }
    }
}

/// Returns the cluster to name with --remote, if that would make an unknown readiness known.
fn unnamed_remote(status: &Status) -> Option<&str> {
    status
        .backends
        .iter()
        .find_map(|backend| backend.readiness.why_unknown()?.cluster_without_remote())
}
