//! The command that `status` suggests for a group that needs attention.

use crate::model::{
    BackendStatus, ExpiredOrder, OverrideStatus, RemoteService, Runner, State, Status, WhyUnknown,
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
    let plain = |command| Some(command_on(command, &status.id, &ours));
    let with =
        |command: &str, flags: String| command_on(command, &status.id, &format!("{flags} {ours}"));
    if let Some(mend) = &status.mend {
        let command = if status.bad_settings.is_empty() {
            let (kind, name) = (status.id.kind, word(&status.id.name));
            format!("kubectl {place} edit {kind} {name}")
        } else {
            with("set", format!("--unset {}", status.bad_settings.join(",")))
        };
        return Some(clean(&format!("{mend}: {command}")));
    }
    match &status.order {
        Some(OverrideStatus::WithoutHome(_)) => {
            return Some(with("failback", "--home BACKEND".to_owned()));
        }
        Some(OverrideStatus::Broken { .. }) => return plain("failback"),
        _ => {}
    }
    match status.state {
        State::Paused => plain("resume"),
        State::Overridden => plain("failback"),
        State::Active | State::Primary => {
            let home = status.forgotten_home.as_ref()?;
            Some(with("set", format!("--primary {}", word(home))))
        }
        State::Invalid => None,
        State::OutOfSync | State::Waiting if status.flags.unattended => {
            Some(format!("kubectl failover watch {ours}"))
        }
        // Linkerd's controller ends neither an override nor a pause.
        State::OutOfSync if status.runner == Runner::Upstream => match status.expired_order()? {
            ExpiredOrder::Override => plain("failback"),
            ExpiredOrder::Pause => plain("resume"),
        },
        State::OutOfSync | State::Waiting => None,
        State::Unknown => Some(match unnamed_remote(status) {
            Some(cluster) => {
                let links = if connection.has_links() {
                    ""
                } else {
                    ", or --remote-from-links"
                };
                with("status", format!("--remote {}=CONTEXT", word(cluster))) + links
            }
            None => unknown_next(status, &place, with),
        }),
        State::Unavailable => Some(format!("kubectl {place} get service,endpointslice,pod")),
        State::Failover if status.flags.held => plain("failback"),
        State::Failover => Some(slices_of_primary(status, &place)),
    }
}

/// Shows why the primary is not ready. A mirror's endpoints are in the cluster that it mirrors.
fn slices_of_primary(status: &Status, place: &str) -> String {
    let primary = status.primary.as_deref().unwrap_or_default();
    let mut backends = status.backends.iter();
    let backend = backends.find(|backend| backend.name == primary);
    match backend.and_then(|backend| backend.readiness.side()?.remote()) {
        Some(RemoteService { cluster, service }) => {
            let (cluster, namespace) = (clean(cluster), word(&service.namespace));
            let kubectl = format!("in cluster {cluster}: kubectl -n {namespace}");
            slices_of(&kubectl, &service.name)
        }
        None => slices_of(&format!("kubectl {place}"), primary),
    }
}

/// Suggests to force traffic to a ready backend, or else how to find out about an unknown one.
fn unknown_next(status: &Status, place: &str, with: impl Fn(&str, String) -> String) -> String {
    let idle = |backend: &&BackendStatus| backend.weight == 0 && backend.readiness.is_ready();
    if let Some(ready) = status.backends.iter().find(idle) {
        return with("force", format!("--to {}", word(&ready.name)));
    }
    let unknown = status
        .backends
        .iter()
        .filter_map(|backend| Some((backend.name.as_str(), backend.readiness.why_unknown()?)));
    let unknown: Vec<(&str, &WhyUnknown)> = unknown.collect();
    clean(&match unknown.first() {
        Some((backend, WhyUnknown::Remote { cluster, .. })) => {
            let force = with("force", format!("--to {} --allow=unknown", word(backend)));
            format!("check that cluster {cluster} is reachable; to try {backend} anyway: {force}")
        }
        _ => {
            let names: Vec<String> = unknown.iter().map(|(name, _)| word(name)).collect();
            let names = names.join(" ");
            format!("kubectl {place} get service {names} --show-labels")
        }
    })
}

/// Returns the cluster to name with --remote, if that would make an unknown readiness known.
fn unnamed_remote(status: &Status) -> Option<&str> {
    status
        .backends
        .iter()
        .find_map(|backend| backend.readiness.why_unknown()?.cluster_without_remote())
}
