//! The status of the groups of one cluster as JSON and YAML. The field names are a contract.

use jiff::Timestamp;
use serde::Serialize;

use super::next_step::next_steps;
use crate::model::{
    AvoidEntry, AvoidStatus, BackendStatus, LateWatch, Override, OverrideStatus, Pause, Readiness,
    Runner, State, Status, WeightsOrigin,
};
use crate::text::ConnectionFlags;
use crate::view::formats::API_VERSION;

/// The groups of one cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusList<'a> {
    api_version: &'static str,
    kind: &'static str,
    context: &'a str,
    server: &'a str,
    items: Vec<StatusItem<'a>>,
    /// Set with `--for` or `--exit-code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a [UnmetGroup]>,
}

/// A group that does not meet the conditions of `--for`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnmetGroup {
    /// None if there is no such group.
    pub namespace: Option<String>,
    pub object: Option<String>,
    /// None if there is no group at all.
    pub name: Option<String>,
    pub state: Option<State>,
    /// The conditions that are not met.
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
    /// What to type next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// What to type after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    then: Option<String>,
    primary: Option<&'a str>,
    active: Vec<&'a str>,
    backends: Vec<BackendItem<'a>>,
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    order: Option<OverrideItem<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    avoid: Vec<AvoidItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<&'a Pause>,
    /// The last change of the weights.
    changed: LastChangeItem<'a>,
    /// Since when the group is in its state.
    since: Option<Timestamp>,
    /// In state Waiting, the delay that keeps traffic from moving.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitItem>,
    runner: RunnerItem<'a>,
    /// Why the object may not affect all of the traffic.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct OverrideItem<'a> {
    /// `inForce`, `over` (not ended yet), `homeless` (names no home, so it does not expire) or
    /// `broken`.
    status: &'static str,
    #[serde(flatten)]
    order: Option<&'a Override>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(rename = "editedBy", skip_serializing_if = "Option::is_none")]
    edited_by: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct AvoidItem<'a> {
    /// `inForce`, `resting` (no other backend can take the traffic), `noBackend` (the group has none of them) or
    /// `over` (not removed yet).
    status: &'static str,
    #[serde(flatten)]
    entry: &'a AvoidEntry,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitItem {
    /// `failover-delay` or `failback-delay`.
    setting: &'static str,
    delay_seconds: f64,
    /// None if nothing tells.
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackendItem<'a> {
    name: &'a str,
    weight: u64,
    /// None while the readiness is unknown.
    ready: Option<u32>,
    total: Option<u32>,
    exists: bool,
    /// Since when it is ready, or not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// What ails the pods behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ailment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    /// Set for a mirror whose Service was read in its own cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<MirrorItem<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MirrorItem<'a> {
    cluster: Option<&'a str>,
    service: Option<&'a str>,
    /// What `ready` and `total` count: `remote` or `members`. If nothing is ready, also `gateway`
    /// or `both`.
    side: &'static str,
    words: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct LastChangeItem<'a> {
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
struct RunnerItem<'a> {
    /// `watch`, `linkerd-failover`, `nobody` or `unknown`.
    kind: &'static str,
    holder: Option<&'a str>,
    /// The holder should have renewed its Lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<LateItem<'a>>,
}

#[derive(Debug, Serialize)]
struct LateItem<'a> {
    renewed: String,
    /// The `watch` that waits for the Lease, if one has said so.
    successor: Option<&'a str>,
    /// When it takes over or, without one, when the Lease expires.
    until: String,
}

impl<'a> StatusList<'a> {
    pub fn new(
        context: &'a str,
        server: &'a str,
        connection: &ConnectionFlags,
        statuses: &'a [Status],
    ) -> Self {
        let items = statuses.iter();
        Self {
            api_version: API_VERSION,
            kind: "StatusList",
            context,
            server,
            items: items.map(|status| item(status, connection)).collect(),
            exit_code: None,
            missing: None,
        }
    }

    /// Adds the exit code, since a wrapper or a pipeline may change the process's own.
    #[must_use]
    pub fn ending(self, exit_code: Option<u8>, missing: Option<&'a [UnmetGroup]>) -> Self {
        Self {
            exit_code,
            missing,
            ..self
        }
    }
}

pub(crate) fn item<'a>(status: &'a Status, connection: &ConnectionFlags) -> StatusItem<'a> {
    let mut steps = next_steps(status, connection).into_iter();
    let mut command = || steps.next().map(|step| step.command);
    StatusItem {
        namespace: &status.id.namespace,
        object: status.id.kind,
        name: &status.id.name,
        apex: &status.apex,
        state: status.state,
        flags: status.flags.names(),
        reason: &status.reason,
        next: command(),
        then: command(),
        primary: status.primary.as_deref(),
        active: status.active(),
        backends: status.backends.iter().map(backend).collect(),
        order: status.order.as_ref().map(order),
        avoid: status.avoid.iter().map(avoid).collect(),
        paused: status.paused.as_ref(),
        changed: change(&status.changed),
        since: status.since,
        waiting: status.wait.map(|wait| WaitItem {
            setting: wait.setting,
            delay_seconds: wait.delay.as_secs_f64(),
            until: status.wait_ends(),
        }),
        runner: runner(&status.runner),
        warnings: &status.warnings,
    }
}

fn runner(runner: &Runner) -> RunnerItem<'_> {
    let (kind, holder) = match runner {
        Runner::Watch(holder) | Runner::Late(LateWatch { holder, .. }) => {
            ("watch", Some(holder.as_str()))
        }
        Runner::Upstream => ("linkerd-failover", None),
        Runner::Unattended => ("nobody", None),
        Runner::Unknown => ("unknown", None),
    };
    let late = match runner {
        Runner::Late(late) => Some(LateItem {
            renewed: format!("{:.0}", late.renewed),
            successor: late.successor.as_deref(),
            until: format!("{:.0}", late.until),
        }),
        _ => None,
    };
    RunnerItem { kind, holder, late }
}

fn order(order: &OverrideStatus) -> OverrideItem<'_> {
    let (status, order, why, edited_by) = match order {
        OverrideStatus::InForce(order) => ("inForce", Some(order), None, None),
        OverrideStatus::Expired(order) => ("over", Some(order), None, None),
        OverrideStatus::WithoutHome(order) => ("homeless", Some(order), None, None),
        OverrideStatus::Broken {
            why,
            order,
            edited_by,
        } => (
            "broken",
            order.as_ref(),
            Some(why.as_str()),
            edited_by.as_deref(),
        ),
    };
    OverrideItem {
        status,
        order,
        why,
        edited_by,
    }
}

fn avoid(AvoidStatus { entry, effect }: &AvoidStatus) -> AvoidItem<'_> {
    AvoidItem {
        status: effect.name(),
        entry,
    }
}

fn backend(backend: &BackendStatus) -> BackendItem<'_> {
    let counts = backend.readiness.counts();
    BackendItem {
        name: &backend.name,
        weight: backend.weight_on_object,
        ready: counts.map(|(ready, _)| ready),
        total: counts.map(|(_, total)| total),
        exists: backend.readiness != Readiness::Missing,
        since: backend.since,
        ailment: backend.ailment.as_ref().and_then(|it| it.words.as_deref()),
        unknown: match &backend.readiness {
            Readiness::Unknown { why } => Some(why.to_string()),
            _ => None,
        },
        mirror: backend.readiness.side().map(|side| {
            let (remote, (ready, total)) = (side.remote(), counts.unwrap_or_default());
            MirrorItem {
                cluster: remote.map(|remote| remote.cluster.as_str()),
                service: remote.map(|remote| remote.service.name.as_str()),
                side: side.name(),
                words: side.words(ready, total),
            }
        }),
    }
}

fn change(changed: &WeightsOrigin) -> LastChangeItem<'_> {
    match changed {
        WeightsOrigin::Moved(last) => LastChangeItem {
            how: "moved",
            at: Some(last.at),
            by: Some(&last.by),
            why: Some(&last.why),
            from: Some(&last.from),
            to: Some(&last.to),
        },
        WeightsOrigin::Edited { by, at } => LastChangeItem {
            how: "edited",
            at: Some(*at),
            by: Some(by),
            ..LastChangeItem::default()
        },
        WeightsOrigin::Created(at) => LastChangeItem {
            how: "created",
            at: *at,
            ..LastChangeItem::default()
        },
    }
}
