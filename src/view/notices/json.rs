//! Notices of moves and other events as lines of JSON.

use std::time::Duration;

use serde::Serialize;

use crate::model::transition::After;
use crate::model::{EventKind, GroupEvent, Notice};
use crate::view::formats::{self, API_VERSION};

/// A transition in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    event: EventKind,
    time: String,
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    apex: &'a str,
    from: Vec<BackendWeight<'a>>,
    to: Vec<BackendWeight<'a>>,
    why: &'a str,
    unverified: bool,
    dry_run: bool,
    took_ms: f64,
    /// How long the primary had been down before traffic left it, or ready before it returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    down_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_ms: Option<f64>,
    /// `failover-delay` or `failback-delay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<f64>,
}

/// Another event of a group in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    api_version: &'static str,
    kind: &'static str,
    event: EventKind,
    warning: bool,
    time: String,
    context: &'a str,
    namespace: &'a str,
    /// Kind of the object, such as `trafficsplit`.
    object: &'a str,
    name: &'a str,
    /// None if it is not known.
    apex: Option<&'a str>,
    /// The weights, such as `web-svc=1,web-svc-east=0`, if the event is about traffic.
    from: Option<&'a str>,
    to: Option<&'a str>,
    by: &'a str,
    why: &'a str,
    unverified: bool,
}

#[derive(Serialize)]
struct BackendWeight<'a> {
    backend: &'a str,
    weight: u64,
}

/// One line of JSON for a move, or for one that a dry run would make. None for other notices.
///
/// # Errors
/// If the line cannot be serialised.
pub fn move_line(notice: &Notice, context: &str) -> serde_json::Result<Option<String>> {
    let (transition, dry_run) = match notice {
        Notice::Moved(transition) => (transition, false),
        Notice::WouldMove(transition) => (transition, true),
        _ => return Ok(None),
    };
    let is_known = |after: &After, is_down| after.is_down == is_down && after.saw_begin;
    let after = |is_down| transition.after.filter(|after| is_known(after, is_down));
    let line = TransitionLine {
        api_version: API_VERSION,
        kind: "Transition",
        event: EventKind::Moved,
        time: format!("{:.3}", transition.at),
        context,
        namespace: &transition.group.namespace,
        object: transition.group.kind,
        name: &transition.group.name,
        apex: &transition.apex,
        from: shares(&transition.from),
        to: shares(&transition.to),
        why: &transition.why,
        unverified: transition.unverified,
        dry_run,
        took_ms: millis(transition.took),
        down_ms: after(true).map(|after| millis(after.lasted)),
        ready_ms: after(false).map(|after| millis(after.lasted)),
        delay_ms: transition.after.map(|after| millis(after.delay)),
    };
    formats::json_line(&line).map(Some)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// One line of JSON for another event of a group.
///
/// # Errors
/// If the line cannot be serialised.
pub fn event_line(event: &GroupEvent, context: &str) -> serde_json::Result<String> {
    formats::json_line(&EventLine {
        api_version: API_VERSION,
        kind: "GroupEvent",
        event: event.kind,
        warning: event.kind.is_warning(),
        time: format!("{:.3}", event.at),
        context,
        namespace: &event.group.namespace,
        object: event.group.kind,
        name: &event.group.name,
        apex: event.apex.as_deref(),
        from: event.from.as_deref(),
        to: event.to.as_deref(),
        by: &event.by,
        why: &event.why,
        unverified: event.unverified,
    })
}

fn shares(weights: &[(String, u64)]) -> Vec<BackendWeight<'_>> {
    weights
        .iter()
        .map(|(backend, weight)| BackendWeight {
            backend,
            weight: *weight,
        })
        .collect()
}
