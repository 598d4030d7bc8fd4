//! What `evacuate` and `return` plan and do, as text, JSON and YAML.

mod document;
mod plan;
mod summary;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::model::{GroupId, State};
use crate::text::{MAX_LINE_CHARS, clean, shorten};
use crate::view::context_outcome::ContextOutcome;

/// A group that is concerned.
#[derive(Debug, Clone)]
pub struct EvacuationRow {
    pub context: String,
    pub id: GroupId,
    /// The backends that are avoided, or that may be used again.
    pub backends: Vec<String>,
    /// The backends that carry its traffic before.
    pub from: Vec<String>,
    /// The backends that carry it afterwards.
    pub to: Vec<String>,
    pub plan: PlannedEffect,
    /// A force sends its traffic to one of these backends.
    pub is_forced_there: bool,
    /// Somebody else gave that force.
    pub is_forced_by_others: bool,
    /// With `return`: the other evacuations that keep traffic off these backends.
    pub kept_by: Vec<String>,
    /// With `return`: its traffic should come back, but the primary cannot take it.
    pub stays_away: bool,
    /// With `evacuate`: after the order was written, its traffic came back to these backends.
    pub is_back: bool,
    /// The result by its name in JSON, or what would be done.
    pub result: &'static str,
    pub message: String,
    /// The value of `--allow` that overrides a refusal.
    pub allow: Option<String>,
    pub next: Vec<String>,
    /// The state that was read back.
    pub state: Option<State>,
}

/// What is planned for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedEffect {
    /// Its traffic moves.
    Moves,
    /// Its traffic is elsewhere, and moves all the same: a backend is dead, or ready again.
    MovesElsewhere,
    /// Its traffic is elsewhere, and only the order is written.
    Quiet,
    /// The order is written, but the traffic stays.
    Stays,
    /// The order is written, and the traffic is elsewhere, but only the backends that are to be
    /// avoided could take it.
    Rests,
    /// Nothing has to be written.
    Done,
    /// It is left alone, although traffic is there.
    LeftThere,
    /// It is left alone, and no traffic is there.
    LeftElsewhere,
}

impl PlannedEffect {
    /// Whether no other backend can take the traffic.
    pub fn has_no_way(self) -> bool {
        matches!(self, Self::Stays | Self::Rests)
    }

    fn moves(self) -> bool {
        matches!(self, Self::Moves | Self::MovesElsewhere)
    }
}

/// Why not all groups were changed.
#[derive(Debug)]
pub struct Stopped {
    /// `interrupted` or `worse`.
    pub why: &'static str,
    pub words: String,
    /// The groups that are worse off, and how.
    pub groups: Vec<String>,
}

impl Stopped {
    /// Returns the text: a line, and one for each group.
    pub fn lines(&self) -> Vec<String> {
        let colon = if self.groups.is_empty() { "" } else { ":" };
        let groups = self.groups.iter().map(|group| format!("  {group}"));
        let lines = std::iter::once(format!("{}{colon}", self.words)).chain(groups);
        lines
            .map(|line| shorten(&clean(&line), MAX_LINE_CHARS))
            .collect()
    }

    /// Returns the same in one line.
    pub fn message(&self) -> String {
        match self.groups.as_slice() {
            [] => self.words.clone(),
            groups => format!("{}: {}", self.words, groups.join("; ")),
        }
    }
}

/// The plan, or what was done.
#[derive(Debug)]
pub struct EvacuationReport<'a> {
    /// `evacuate` or `return`.
    pub command: &'static str,
    pub cluster: &'a str,
    pub id: &'a str,
    pub until: Option<Timestamp>,
    pub reason: Option<&'a str>,
    pub dry_run: bool,
    /// What running it again changes on it.
    pub notes: &'a [String],
    pub contexts: Vec<ContextOutcome<'a>>,
    pub rows: &'a [EvacuationRow],
    pub stopped: Option<Stopped>,
    pub warnings: Vec<String>,
    /// What to do next: a clause, and the command.
    pub next: Vec<String>,
    pub exit_code: u8,
}

impl EvacuationReport<'_> {
    fn returns(&self) -> bool {
        self.command == "return"
    }

    /// Whether an order or traffic is not, or may not be, as it was before.
    pub fn can_be_undone(&self) -> bool {
        self.rows.iter().any(|row| match row.result {
            "failed" => true,
            "changed" => !self.returns() || row.plan.moves(),
            "unchanged" => !self.returns(),
            _ => false,
        })
    }
}

impl EvacuationRow {
    /// Whether the order stands on the object now.
    pub fn is_as_ordered(&self) -> bool {
        matches!(self.result, "changed" | "unchanged")
    }

    /// The context and the group.
    pub fn place(&self) -> String {
        format!("{} {}", self.context, self.id)
    }
}

fn groups(count: usize) -> String {
    match count {
        1 => "1 group".to_owned(),
        count => format!("{count} groups"),
    }
}

/// The commands of a group, below its line.
fn next(row: &EvacuationRow) -> impl Iterator<Item = String> {
    let next = row.next.iter();
    next.map(|line| format!("  {}", shorten(&clean(line), MAX_LINE_CHARS)))
}
