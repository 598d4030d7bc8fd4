//! The filters of `failback`: which forces it ends.

use std::collections::BTreeSet;

use crate::cli::ForceFilterArgs;
use crate::model::Override;
use crate::problem::Problem;
use crate::resource::Record;
use crate::text::word;

/// Returns the groups that are forced as the filters ask.
///
/// # Errors
/// If there are none.
pub fn forced(mut records: Vec<Record>, forces: &ForceFilterArgs) -> Result<Vec<Record>, Problem> {
    let order = |record: &Record| {
        let order = record.group.as_ref().ok()?.order.as_ref()?;
        order.order().cloned()
    };
    let found: BTreeSet<String> = records.iter().filter_map(order).map(described).collect();
    records.retain(|record| order(record).is_some_and(|order| is_among(&order, forces)));
    if !records.is_empty() {
        return Ok(records);
    }
    let nothing = format!("no group is forced with {}", filters(forces));
    Err(Problem::new(nothing)
        .there_are("forces", found.iter().map(String::as_str))
        .next("nothing was changed"))
}

/// Such as `CHG-77 by admin@vm`.
fn described(order: Override) -> String {
    let id = order
        .id
        .clone()
        .unwrap_or_else(|| "without an id".to_owned());
    format!("{id} by {}", order.author())
}

/// Whether an override is as the filters ask.
pub fn is_among(order: &Override, forces: &ForceFilterArgs) -> bool {
    let by = forces.by.as_ref();
    let reason = forces.forced_reason.as_ref();
    by.is_none_or(|by| order.is_by(by))
        && (forces.id.is_none() || forces.id == order.id)
        && reason.is_none_or(|text| order.reason.as_ref().is_some_and(|it| it.contains(text)))
}

/// The filters as they were typed.
pub fn filters(forces: &ForceFilterArgs) -> String {
    let flag =
        |name: &str, value: &Option<String>| Some(format!("--{name} {}", word(value.as_ref()?)));
    let flags = [
        flag("by", &forces.by),
        flag("id", &forces.id),
        flag("forced-reason", &forces.forced_reason),
    ];
    flags.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
