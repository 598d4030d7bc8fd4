//! Command lines that are suggested to the user.

use crate::model::GroupId;
use crate::text::{clean, word};

/// A command of this plugin on one group.
pub fn command_on(command: &str, group: &GroupId, rest: &str) -> String {
    format!(
        "kubectl failover {command} {} {rest}",
        word(&group.short_name())
    )
}

/// A command that lists a backend's EndpointSlices. `kubectl` is its start, with the namespace of
/// the group.
pub fn slices_of(kubectl: &str, backend: &str) -> String {
    let (elsewhere, name) = match backend.split_once('/') {
        Some((namespace, name)) => (format!(" -n {}", word(namespace)), name),
        None => (String::new(), backend),
    };
    let selector = word(&format!("kubernetes.io/service-name={name}"));
    clean(&format!(
        "{kubectl}{elsewhere} get endpointslice -l {selector}"
    ))
}
