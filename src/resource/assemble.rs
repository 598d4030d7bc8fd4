//! What every kind of object does once its apex and its backends are known.

use super::annotations::HELD;
use super::kind::KindInfo;
use super::meta::Meta;
use super::names::is_service_name;
use super::{orders, policy};
use crate::model::{Backend, Group, GroupId, Invalid};

/// The group of an object with these backends, as its annotations have it.
///
/// # Errors
/// Where the annotations ask for what cannot be.
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
        paused: orders::pause(meta),
        held: meta.annotations.get(HELD).is_some(),
        last_move: meta.last_move(),
        ..Group::ordinary(id, kind.carrier, apex.to_owned(), backends, primary)
    })
}

/// # Errors
/// Where a backend is there already.
pub fn add(backends: &mut Vec<Backend>, backend: Backend) -> Result<(), Invalid> {
    if backends
        .iter()
        .any(|known| known.service == backend.service)
    {
        return Err(invalid(
            format!("backend {} is listed twice", backend.name),
            "list each backend once",
        ));
    }
    backends.push(backend);
    Ok(())
}

/// # Errors
/// Where `name` can't be a service's.
pub fn service_name(name: &str, what: &str, mend: &str) -> Result<(), Invalid> {
    if is_service_name(name) {
        return Ok(());
    }
    Err(invalid(
        format!("{what} {name:?} is no name of a service"),
        mend,
    ))
}

pub fn invalid(reason: impl Into<String>, mend: impl Into<String>) -> Invalid {
    Invalid {
        reason: reason.into(),
        mend: mend.into(),
        settings: Vec::new(),
    }
}
