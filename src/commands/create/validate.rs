//! Validates a group: its settings, the ports of its services, and that its apex is free.

use super::context::{CreateContext, place};
use super::existing::{ExistingObjects, apex_is_free, obstacles};
use super::ports;
use super::requirements::RequiredServices;
use crate::model::Invalid;
use crate::problem::Problem;
use crate::resource::{NewGroup, Record};
use crate::view::manifest::full_name;

/// Checks a group before it is written. Warns of anything that may keep it from having an effect.
///
/// # Errors
/// If the group must not be written.
pub fn validate(
    context: CreateContext<'_>,
    existing: &ExistingObjects,
    services: &RequiredServices,
    record: &Record,
    group: &NewGroup,
) -> Result<(), Problem> {
    let info = record.kind.info();
    let place = place(context.cluster, group);
    if let Err(Invalid { reason, mend, .. }) = &record.group {
        let name = full_name(info, &group.name);
        return Err(Problem::new(format!(
            "{name} in {place} cannot be a failover group: {reason}"
        ))
        .next(format!("to fix it, {mend}")));
    }
    let needed = ports::needed(group, record, services);
    ports::check(group, info.carrier, &needed, services, &place)?;
    apex_is_free(context.cluster, existing, record, group)?;
    context.warn(&obstacles(existing, record));
    for hidden in existing.hidden() {
        let (kind, api_group, apex) = (hidden.kind, hidden.group(), &group.apex);
        context.warn(&[format!(
            "can't tell whether a {kind} of {api_group} already manages service {apex}: you may \
             not list them"
        )]);
    }
    Ok(())
}
