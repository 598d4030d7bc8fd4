//! Whether one object keeps another from having an effect.

use crate::resource::{Overlap, Record};

/// An object that keeps a group from having an effect.
#[derive(Debug)]
pub struct Conflict {
    /// It takes all of the traffic.
    pub is_total: bool,
    pub words: String,
}

impl Conflict {
    fn total(words: String) -> Self {
        Self {
            is_total: true,
            words,
        }
    }

    fn partial(words: String) -> Self {
        Self {
            is_total: false,
            words,
        }
    }
}

/// Returns the conflict with another object, if any. Of two routes of the same kind, the older one
/// receives the requests that both match. Linkerd's own HTTPRoutes and those of the Gateway API
/// count as the same kind.
pub fn conflict(record: &Record, other: &Record) -> Option<Conflict> {
    if other.meta.namespace != record.meta.namespace || other.id() == record.id() {
        return None;
    }
    let (kind, name) = (other.kind.info().kind, &other.meta.name);
    let (Some(own), Some(theirs)) = (&record.routing, &other.routing) else {
        let is_rival = other.routing.is_none() && other.is_rival_of(record);
        return is_rival.then(|| Conflict::partial(competes(kind, name)));
    };
    if !theirs.takes(&record.apex, &record.ports) {
        return None;
    }
    let on_all_ports = theirs.covers(&record.apex, &record.ports);
    if kind != record.kind.info().kind {
        let conflict = if on_all_ports {
            Conflict::total(format!(
                "{kind} {name} routes the same service and takes precedence over HTTPRoutes, so \
                 this route has no effect"
            ))
        } else {
            Conflict::partial(format!(
                "{kind} {name} routes some ports of the same service and takes precedence over \
                 HTTPRoutes, so this route has no effect on those ports"
            ))
        };
        return (kind == "GRPCRoute").then_some(conflict);
    }
    if other.claim().age() >= record.claim().age() {
        return None;
    }
    match own.overlap(theirs) {
        Overlap::Nothing => None,
        Overlap::All if !on_all_ports => Some(Conflict::partial(format!(
            "the older {kind} {name} has the same matches on some ports, so this route has no \
             effect on those ports"
        ))),
        Overlap::Some => Some(Conflict::partial(format!(
            "the older {kind} {name} has some of the same matches, so this route does not apply \
             to those requests"
        ))),
        Overlap::All => Some(Conflict::total(format!(
            "the older {kind} {name} has the same matches, so this route has no effect"
        ))),
    }
}

/// Says that an object routes the same service.
pub fn competes(kind: &str, name: &str) -> String {
    format!("{kind} {name} routes the same service, so this may have no effect")
}
