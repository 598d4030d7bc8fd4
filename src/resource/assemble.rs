//! The part of reading an object that is the same for every kind, once apex and backends are known.

use super::annotations::{HELD, STANDBY};
use super::kind::KindInfo;
use super::meta::Meta;
use super::names::is_service_name;
use super::{orders, policy};
use crate::model::{Backend, Group, GroupId, Invalid};

/// Returns the group of an object with these backends, as its annotations describe it.
///
/// # Errors
/// If an annotation of the policy is invalid, or the primary is not a backend.
pub fn group(
    meta: &Meta,
    kind: &KindInfo,
    apex: &str,
    backends: Vec<Backend>,
) -> Result<Group, Invalid> {
    let names: Vec<&str> = backends
        .iter()
        .map(|backend| backend.name.as_str())
        .collect();
    let (primary, order) = orders::primary_and_order(meta, &names)?;
    let policy = policy::valid(|key| meta.annotations.get(key), &names)?;
    let id = GroupId {
        namespace: meta.namespace.clone(),
        kind: kind.name,
        name: meta.name.clone(),
    };
    Ok(Group {
        order,
        policy,
        avoid: orders::avoid(meta),
        paused: orders::pause(meta),
        held: meta.annotations.get(HELD).is_some(),
        last_move: meta.last_move(),
        last_return: meta.last_return(),
        ..Group::ordinary(id, kind.carrier, apex.to_owned(), backends, primary)
    })
}

/// Whether backends may stand by, so that their tiny weights carry no traffic.
pub fn has_standbys(meta: &Meta) -> bool {
    let on = policy::STANDBYS.iter().find(|(_, on)| *on);
    meta.annotations.get(STANDBY) == on.map(|(name, _)| *name)
}

/// Adds a backend.
///
/// # Errors
/// If the list already has it.
pub fn add(backends: &mut Vec<Backend>, backend: Backend) -> Result<(), Invalid> {
    if backends
        .iter()
        .any(|known| known.service == backend.service)
    {
        return Err(Invalid::new(
            format!("backend {} is listed twice", backend.name),
            "list each backend once",
        ));
    }
    backends.push(backend);
    Ok(())
}

/// Checks a Service's name; `what` says which one, for the error.
///
/// # Errors
/// If `name` is not a valid Service name.
pub fn service_name(name: &str, what: &str, mend: &str) -> Result<(), Invalid> {
    if is_service_name(name) {
        return Ok(());
    }
    Err(Invalid::new(
        format!("{what} {name:?} is not a valid Service name"),
        mend,
    ))
}
