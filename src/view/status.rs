//! The state of groups, as JSON and YAML have it.

use jiff::Timestamp;
use serde::Serialize;

use super::stream::API_VERSION;
use crate::cluster::transport::connection_flags::ConnectionFlags;
use crate::model::{
    BackendStatus, Changed, LeftOver, OrderStatus, Override, Pause, Readiness, RemoteService,
    Runner, State, Status, WhyUnknown,
};
use crate::text::{clean, command_on, word};

/// Groups as they stand, in one cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusList<'a> {
    api_version: &'static str,
    kind: &'static str,
    context: &'a str,
    server: &'a str,
    items: Vec<StatusItem<'a>>,
    /// Where a condition was asked for, or an exit code that says how the groups are.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a [Missing]>,
}

/// What was waited for in vain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// None: there is no such group.
    pub namespace: Option<String>,
    pub object: Option<String>,
    /// None: there is no group at all.
    pub name: Option<String>,
    pub state: Option<State>,
    /// The conditions that do not hold.
    pub asked: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusItem<'a> {
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    apex: &'a str,
    state: State,
    flags: Vec<&'static str>,
    reason: &'a str,
    /// What to do about it, where something should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    primary: Option<&'a str>,
    active: Vec<&'a str>,
    backends: Vec<BackendLine<'a>>,
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    order: Option<OrderLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a Pause>,
    /// When, by whom and why the weights came to be what they are.
    changed: ChangeLine<'a>,
    runner: RunnerLine<'a>,
    /// Why the object may have no effect, or not on all the traffic.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct OrderLine<'a> {
    /// `inForce`, `over` (and not ended yet), `homeless` (names no home, so does not end) or `broken`.
    status: &'static str,
    #[serde(flatten)]
    order: Option<&'a Override>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(rename = "editedBy", skip_serializing_if = "Option::is_none")]
    edited_by: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackendLine<'a> {
    name: &'a str,
    weight: u64,
    /// None while the readiness is unknown.
    ready: Option<u32>,
    total: Option<u32>,
    exists: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// Of a mirror whose original was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<MirrorLine<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MirrorLine<'a> {
    cluster: Option<&'a str>,
    service: Option<&'a str>,
    /// The side that `ready` and `total` speak of: `remote`, `members`, or where nothing is ready also `gateway` or
    /// `both`.
    side: &'static str,
    words: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeLine<'a> {
    /// `moved`, `edited` (a hint, from field managers) or `created`.
    how: &'static str,
    at: Option<Timestamp>,
    by: Option<&'a str>,
    why: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunnerLine<'a> {
    /// `watch`, `linkerd-failover`, `nobody` or `unknown`.
    kind: &'static str,
    holder: Option<&'a str>,
}

impl<'a> StatusList<'a> {
    /// `reach` is what a command line needs to reach the cluster.
    pub fn new(
        context: &'a str,
        server: &'a str,
        reach: &ConnectionFlags,
        statuses: &'a [Status],
    ) -> Self {
        let items = statuses.iter().map(|status| item(status, reach)).collect();
        let kind = "StatusList";
        Self {
            api_version: API_VERSION,
            kind,
            context,
            server,
            items,
            exit_code: None,
            missing: None,
        }
    }

    /// The same with how the command ends: other programs on the way to the reader may change exit codes.
    #[must_use]
    pub fn ending(self, exit_code: Option<u8>, missing: Option<&'a [Missing]>) -> Self {
        Self {
            exit_code,
            missing,
            ..self
        }
    }
}

pub(crate) fn item<'a>(status: &'a Status, reach: &ConnectionFlags) -> StatusItem<'a> {
    StatusItem {
        namespace: &status.id.namespace,
        object: status.id.kind,
        name: &status.id.name,
        apex: &status.apex,
        state: status.state,
        flags: status.flags.names(),
        reason: &status.reason,
        next: next_step(status, reach),
        primary: status.primary.as_deref(),
        active: status.active(),
        backends: status.backends.iter().map(backend).collect(),
        order: status.order.as_ref().map(order),
        paused: status.paused.as_ref(),
        changed: change(&status.changed),
        runner: match &status.runner {
            Runner::Held(holder) => RunnerLine {
                kind: "watch",
                holder: Some(holder),
            },
            Runner::Upstream => RunnerLine {
                kind: "linkerd-failover",
                holder: None,
            },
            Runner::Nobody => RunnerLine {
                kind: "nobody",
                holder: None,
            },
            Runner::Unknown => RunnerLine {
                kind: "unknown",
                holder: None,
            },
        },
        warnings: &status.warnings,
    }
}

fn order(order: &OrderStatus) -> OrderLine<'_> {
    let line = |status, order| OrderLine {
        status,
        order,
        why: None,
        edited_by: None,
    };
    match order {
        OrderStatus::InForce(order) => line("inForce", Some(order)),
        OrderStatus::Over(order) => line("over", Some(order)),
        OrderStatus::Homeless(order) => line("homeless", Some(order)),
        OrderStatus::Broken {
            why,
            order,
            edited_by,
        } => OrderLine {
            why: Some(why),
            edited_by: edited_by.as_deref(),
            ..line("broken", order.as_ref())
        },
    }
}

fn backend(backend: &BackendStatus) -> BackendLine<'_> {
    let counts = backend.readiness.counts();
    BackendLine {
        name: &backend.name,
        weight: backend.weight,
        ready: counts.map(|(ready, _)| ready),
        total: counts.map(|(_, total)| total),
        exists: backend.readiness != Readiness::Missing,
        unknown: match &backend.readiness {
            Readiness::Unknown { why } => Some(why.to_string()),
            _ => None,
        },
        mirror: backend.readiness.side().map(|side| {
            let (remote, (ready, total)) = (side.remote(), counts.unwrap_or_default());
            MirrorLine {
                cluster: remote.map(|remote| remote.cluster.as_str()),
                service: remote.map(|remote| remote.service.name.as_str()),
                side: side.name(),
                words: side.words(ready, total),
            }
        }),
    }
}

fn change(changed: &Changed) -> ChangeLine<'_> {
    let blank = ChangeLine {
        how: "created",
        at: None,
        by: None,
        why: None,
        from: None,
        to: None,
    };
    match changed {
        Changed::Moved(last) => ChangeLine {
            how: "moved",
            at: Some(last.at),
            by: Some(&last.by),
            why: Some(&last.why),
            from: Some(&last.from),
            to: Some(&last.to),
        },
        Changed::Edited { by, at } => ChangeLine {
            how: "edited",
            at: Some(*at),
            by: Some(by),
            ..blank
        },
        Changed::Created(at) => ChangeLine { at: *at, ..blank },
    }
}

/// What to type next, for a group that is not well.
pub fn next_step(status: &Status, reach: &ConnectionFlags) -> Option<String> {
    let namespace = &status.id.namespace;
    let (place, ours) = (reach.within(namespace), reach.for_plugin(namespace));
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
        Some(OrderStatus::Homeless(_)) => {
            return Some(command_on(
                "failback",
                &status.id,
                &format!("--home BACKEND {ours}"),
            ));
        }
        Some(OrderStatus::Broken { .. }) => {
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
        // That controller ends neither.
        State::OutOfSync if status.runner == Runner::Upstream => status.left_over().map(|left| {
            let command = if left == LeftOver::Override {
                "failback"
            } else {
                "resume"
            };
            command_on(command, &status.id, &ours)
        }),
        State::OutOfSync | State::Waiting => None,
        State::Unknown if remote_to_name(status).is_some() => {
            remote_to_name(status).map(|cluster| {
                let links = if reach.has_links() {
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
        State::Failover => Some(where_the_primary_is(status, &place)),
    }
}

/// How to see why the primary is not ready: a mirror's endpoints are in the cluster that it stands for.
fn where_the_primary_is(status: &Status, place: &str) -> String {
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

/// A command line that shows a backend's endpoints; `kubectl` is its start, in the group's namespace.
pub fn slices_of(kubectl: &str, backend: &str) -> String {
    let (elsewhere, name) = match backend.split_once('/') {
        Some((namespace, name)) => (format!(" -n {}", word(namespace)), name),
        None => (String::new(), backend),
    };
    let selector = word(&format!("kubernetes.io/service-name={name}"));
    clean(&format!(
        "{kubectl}{elsewhere} get endpointslice -l {selector}"
    ))
}

/// Traffic can be moved by hand to what is ready, or tried.
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
            "see whether cluster {cluster} can be reached; to try {backend} all the same: {}",
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

/// A cluster that would have to be asked for a backend of which nothing is known.
fn remote_to_name(status: &Status) -> Option<&str> {
    status
        .backends
        .iter()
        .find_map(|backend| backend.readiness.why_unknown()?.cluster_without_remote())
}
