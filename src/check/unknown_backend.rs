//! Backends whose readiness is unknown.

use crate::cluster::Clusters;
use crate::cluster::remotes::named_remotes;
use crate::model::Readiness;

/// Says that a backend's readiness is unknown. Also returns how to make it known, after a
/// semicolon, if this can be told.
pub fn unknown_backend(
    cluster: &Clusters,
    name: &str,
    is_primary: bool,
    readiness: &Readiness,
) -> Option<(String, String)> {
    let why = readiness.why_unknown()?;
    let is_whole = readiness.is_unknown();
    let part = if is_whole { "" } else { "partly " };
    let role = if is_primary { "primary" } else { "fallback" };
    let mend = named_remotes::how_to_ask(&cluster.remotes().asked(), why);
    let mend = mend.map(|how| format!("; {how}")).unwrap_or_default();
    Some((format!("the {role}, {name}, is {part}unknown: {why}"), mend))
}
