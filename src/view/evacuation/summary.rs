//! What `evacuate` and `return` did, as text: one line with the numbers of groups, and a line for each
//! group whose result is not the planned one.

use std::collections::BTreeMap;

use super::{EvacuationReport, EvacuationRow, PlannedEffect, next};
use crate::text::{MAX_LINE_CHARS, clean, shorten};

/// What came of a group, in the order in which the summary counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Moved,
    MovedElsewhere,
    StillEvacuated,
    StayedAway,
    Quiet,
    AlreadySo,
    /// Its traffic is where it should not be, or may not return yet.
    StayedBehind,
    CameBack,
    WithoutOther,
    LeftAlone,
    Failed,
    NotReached,
}

impl Outcome {
    fn of(row: &EvacuationRow, returns: bool) -> Option<Self> {
        use PlannedEffect as Plan;
        if row.is_back {
            return Some(Self::CameBack);
        }
        let is_written = matches!(row.result, "changed" | "wouldChange");
        Some(match (row.result, row.plan) {
            ("failed", _) => Self::Failed,
            ("notReached", _) => Self::NotReached,
            (_, Plan::Rests) => Self::WithoutOther,
            (_, Plan::Stays | Plan::LeftThere) => Self::StayedBehind,
            ("unchanged", Plan::LeftElsewhere) => return None,
            (_, Plan::LeftElsewhere) if returns => Self::StayedBehind,
            (_, Plan::LeftElsewhere) => Self::LeftAlone,
            ("refused" | "left" | "notMet", _) => Self::StayedBehind,
            ("unchanged", Plan::Done) => Self::AlreadySo,
            _ if !is_written => return None,
            (_, Plan::Moves) => Self::Moved,
            (_, Plan::MovesElsewhere) => Self::MovedElsewhere,
            (_, Plan::Quiet) if !row.kept_by.is_empty() => Self::StillEvacuated,
            (_, Plan::Quiet) if row.stays_away => Self::StayedAway,
            (_, Plan::Quiet) => Self::Quiet,
            (_, Plan::Done) => return None,
        })
    }

    fn words(self, returns: bool, is_dry: bool) -> &'static str {
        match self {
            Self::Moved if is_dry => "would move",
            Self::Moved => "moved",
            Self::MovedElsewhere if is_dry => "would move elsewhere",
            Self::MovedElsewhere => "moved elsewhere",
            Self::StillEvacuated => "still evacuated",
            Self::StayedAway if is_dry => "would stay away",
            Self::StayedAway => "stayed away",
            Self::Quiet if returns && is_dry => "without traffic to bring back",
            Self::Quiet if returns => "had no traffic to bring back",
            Self::Quiet if is_dry => "without traffic there",
            Self::Quiet => "had no traffic there",
            Self::AlreadySo => "already so",
            Self::StayedBehind if returns => "not returned",
            Self::StayedBehind if is_dry => "would stay behind",
            Self::StayedBehind => "stayed behind",
            Self::CameBack => "came back",
            Self::WithoutOther => "without another backend",
            Self::LeftAlone => "left alone",
            Self::Failed => "failed",
            Self::NotReached => "not reached",
        }
    }
}

impl EvacuationReport<'_> {
    /// Returns what was done, in one line.
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        let rows = self.rows.iter();
        for outcome in rows.filter_map(|row| Outcome::of(row, self.returns())) {
            *counts.entry(outcome).or_default() += 1;
        }
        let parts = counts.into_iter().map(|(outcome, count)| {
            let words = outcome.words(self.returns(), self.dry_run);
            format!("{count} {words}")
        });
        let parts: Vec<String> = parts.collect();
        let parts = match parts.as_slice() {
            [] => "no groups".to_owned(),
            parts => parts.join(", "),
        };
        let noun = if self.returns() {
            "Return"
        } else {
            "Evacuation"
        };
        format!("{noun} of {} ({}): {parts}", self.cluster, clean(self.id))
    }

    /// Returns a line for each group whose result is not the planned one, and what to do next.
    pub fn surprises(&self) -> Vec<String> {
        let planned = [PlannedEffect::LeftThere, PlannedEffect::LeftElsewhere];
        let rows = self.rows.iter().filter(|row| {
            let is_news = !planned.contains(&row.plan) || matches!(row.result, "failed" | "notMet");
            let is_other = matches!(row.result, "failed" | "refused" | "left" | "notMet");
            is_news && is_other || row.is_back
        });
        rows.flat_map(|row| {
            let about = match row.result {
                _ if row.is_back => "came back",
                "failed" => "error",
                "notMet" => "not ready in time",
                _ => "left alone",
            };
            let line = format!("{about}: {}: {}", row.place(), row.message);
            let line = shorten(&clean(&line), MAX_LINE_CHARS);
            std::iter::once(line).chain(next(row))
        })
        .collect()
    }
}
