//! The JSON and YAML of `evacuate` and `return`.

use serde::Serialize;

use super::{EvacuationReport, EvacuationRow, PlannedEffect};
use crate::model::State;
use crate::view::context_outcome::{ContextItem, ContextOutcome};
use crate::view::formats::API_VERSION;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvacuationDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    command: &'static str,
    cluster: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    dry_run: bool,
    contexts: Vec<ContextItem<'a>>,
    items: Vec<EvacuationItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<StoppedItem>,
    warnings: &'a [String],
    next: &'a [String],
    exit_code: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvacuationItem<'a> {
    context: &'a str,
    namespace: &'a str,
    object: &'a str,
    name: &'a str,
    backends: &'a [String],
    from: &'a [String],
    to: &'a [String],
    /// `moves`, `avoids` (`ends` with return), `stays`, `rests`, `unchanged` or `left`.
    plan: &'static str,
    /// `changed`, `wouldChange`, `unchanged`, `refused`, `left`, `notMet`, `failed` or `notReached`.
    result: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    next: &'a [String],
}

#[derive(Serialize)]
struct StoppedItem {
    why: &'static str,
    message: String,
}

impl EvacuationReport<'_> {
    /// Returns the value of JSON and YAML.
    pub fn document(&self) -> impl Serialize {
        EvacuationDocument {
            api_version: API_VERSION,
            kind: "Evacuation",
            command: self.command,
            cluster: self.cluster,
            id: self.id,
            until: self.until.map(|until| format!("{until:.0}")),
            reason: self.reason,
            dry_run: self.dry_run,
            contexts: self.contexts.iter().map(ContextOutcome::item).collect(),
            items: self.rows.iter().map(|row| self.item(row)).collect(),
            stopped: self.stopped.as_ref().map(|it| StoppedItem {
                why: it.why,
                message: it.message(),
            }),
            warnings: &self.warnings,
            next: &self.next,
            exit_code: self.exit_code,
        }
    }

    fn item<'a>(&self, row: &'a EvacuationRow) -> EvacuationItem<'a> {
        EvacuationItem {
            context: &row.context,
            namespace: &row.id.namespace,
            object: row.id.kind,
            name: &row.id.name,
            backends: &row.backends,
            from: &row.from,
            to: &row.to,
            plan: match row.plan {
                PlannedEffect::Moves | PlannedEffect::MovesElsewhere => "moves",
                PlannedEffect::Quiet if self.returns() => "ends",
                PlannedEffect::Quiet => "avoids",
                PlannedEffect::Stays => "stays",
                PlannedEffect::Rests => "rests",
                PlannedEffect::Done => "unchanged",
                PlannedEffect::LeftThere | PlannedEffect::LeftElsewhere => "left",
            },
            result: row.result,
            message: &row.message,
            allow: row.allow.as_deref(),
            state: row.state,
            next: &row.next,
        }
    }
}
