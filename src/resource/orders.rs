//! Reads the annotations of overrides and pauses. One that cannot be parsed never makes a group
//! Invalid.

use super::annotations::{AVOID, OVERRIDE, PAUSED, PREFIX, PRIMARY_SERVICE};
use super::meta::Meta;
use crate::model::limits::{MAX_AVOID_ENTRIES, MAX_BACKENDS};
use crate::model::{Avoid, AvoidEntry, Invalid, Override, OverrideState, Pause};

/// Returns the primary's index, and the override. `names` are the backends' names.
///
/// # Errors
/// If neither the primary nor the override's home is a backend.
pub fn primary_and_order(
    meta: &Meta,
    names: &[&str],
) -> Result<(usize, Option<OverrideState>), Invalid> {
    let position = |wanted: &str| names.iter().position(|name| *name == wanted);
    let named = meta.annotations.get(PRIMARY_SERVICE);
    let parsed = meta
        .annotations
        .get(OVERRIDE)
        .map(serde_json::from_str::<Override>);
    let home = parsed
        .as_ref()
        .and_then(|order| position(&order.as_ref().ok()?.home));
    let named = named.or_else(|| names.first().copied()).unwrap_or_default();
    let Some(primary) = position(named).or(home) else {
        return Err(not_a_backend(named, names));
    };
    let primary_missing = position(named).is_none();
    let broken = |why: String, order: Option<Override>| OverrideState::Broken {
        why,
        order,
        primary_missing,
    };
    let order = parsed.map(|parsed| match parsed {
        Err(_) => broken(
            format!("the annotation {PREFIX}{OVERRIDE} cannot be parsed"),
            None,
        ),
        Ok(order) if position(&order.to).is_none() => broken(
            format!("its target {} is no longer a backend", order.to),
            Some(order),
        ),
        Ok(order) if named != order.to => {
            let why = format!(
                "its target is {}, but the object names {named} as primary",
                order.to
            );
            broken(why, Some(order))
        }
        Ok(order) => OverrideState::Valid { order, home },
    });
    Ok((primary, order))
}

/// Returns the pause, if there is one. One that cannot be parsed never expires.
pub fn pause(meta: &Meta) -> Option<Pause> {
    let text = meta.annotations.get(PAUSED)?;
    Some(serde_json::from_str(text).unwrap_or_default())
}

/// Returns the backends that traffic keeps off. An annotation that cannot be parsed, or that is too
/// long, avoids nothing.
pub fn avoid(meta: &Meta) -> Avoid {
    let Some(text) = meta.annotations.get(AVOID) else {
        return Avoid::default();
    };
    let broken = |why: String| Avoid {
        broken: Some(format!("the annotation {PREFIX}{AVOID} {why}")),
        ..Avoid::default()
    };
    let Ok(entries) = serde_json::from_str::<Vec<AvoidEntry>>(text) else {
        return broken("cannot be parsed".to_owned());
    };
    if entries.len() > MAX_AVOID_ENTRIES {
        return broken(format!("has more than {MAX_AVOID_ENTRIES} entries"));
    }
    let mut entries_backends = entries.iter().map(|entry| entry.backends.len());
    if entries_backends.any(|count| count > MAX_BACKENDS) {
        return broken(format!(
            "names more than {MAX_BACKENDS} backends in an entry"
        ));
    }
    Avoid {
        entries,
        broken: None,
    }
}

/// Returns the error if the primary is not a backend.
pub fn not_a_backend(primary: &str, names: &[&str]) -> Invalid {
    Invalid::new(
        format!(
            "the primary {primary:?} is not among the backends ({})",
            names.join(", ")
        ),
        format!("name a backend in the annotation {PREFIX}{PRIMARY_SERVICE}"),
    )
}
