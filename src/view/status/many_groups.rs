//! What `status` says of many groups in one state for one cause: one line, and one command if one can
//! do it for all.

use super::cause::Cause;
use super::note_line::{Note, NoteLine};
use super::steps_for_all::steps;
use crate::model::GroupId;
use crate::model::fold::groups_named;
use crate::model::roles::common;
use crate::text::clean;
use crate::view::command_for_all::Others;

/// Returns the note of groups with the same cause.
pub fn note(batch: &[Cause], others: Others) -> Note {
    let Some(first) = batch.first() else {
        return Note {
            lines: Vec::new(),
            next: Vec::new(),
        };
    };
    let state = first.status.state;
    let ids: Vec<&GroupId> = batch.iter().map(|cause| &cause.status.id).collect();
    let groups = groups_named(&ids);
    let same = |texts: Vec<String>| {
        let texts = batch.iter().zip(&texts);
        common(texts.map(|(cause, text)| (&cause.roles, text.as_str())))
    };
    let text = same(batch.iter().map(Cause::text).collect());
    let last = batch.iter().max_by_key(|cause| cause.status.wait_ends());
    let wait = last.map_or("", |cause| cause.wait.as_str());
    let line = clean(&format!("{groups} are {state}: {text} {wait}"));
    let line = NoteLine::plain(line.trim_end().to_owned()).of_state(state);
    let warnings = (0..first.warnings.len()).map(|index| {
        let warning = |cause: &Cause| cause.warnings.get(index).cloned().unwrap_or_default();
        let warning = same(batch.iter().map(warning).collect());
        NoteLine::plain(clean(&format!("{groups}: {warning}")))
    });
    let step = |index: usize| {
        let each = batch.iter();
        let each = each.filter_map(|cause| {
            let step = cause.next.get(index)?;
            Some((&cause.status.id, &cause.roles, step))
        });
        steps(&Vec::from_iter(each), others)
    };
    Note {
        lines: Some(line)
            .filter(|_| !text.is_empty())
            .into_iter()
            .chain(warnings)
            .collect(),
        next: (0..first.next.len()).flat_map(step).collect(),
    }
}
