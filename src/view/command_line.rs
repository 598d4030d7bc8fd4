//! Command lines that are suggested to the user.

use crate::model::{AvoidEntry, GroupId, Kubectl};
use crate::text::{ConnectionFlags, clean, evacuation_command, word};

/// A command of this plugin on one group.
pub fn command_on(command: &str, group: &GroupId, rest: &str) -> String {
    format!(
        "kubectl failover {command} {} {rest}",
        word(&group.short_name())
    )
}

/// The command that ends an evacuation in all namespaces of a context. For an entry that does not
/// name the cluster, the one that shows its name.
pub fn return_command(entry: &AvoidEntry, connection: &ConnectionFlags) -> String {
    let flags = connection.everywhere();
    match &entry.cluster {
        Some(cluster) => evacuation_command("return", cluster, &entry.id, &flags),
        None => format!("kubectl failover status -A {flags}")
            .trim_end()
            .to_owned(),
    }
}

/// A command that shows a backend's Service, with its selector and its endpoints. `kubectl` is its
/// start, with the namespace of the group.
pub fn describe_service(kubectl: &str, backend: &str) -> String {
    let (_, name) = backend.split_once('/').unwrap_or(("", backend));
    kubectl_command(kubectl, backend, &Kubectl::describe("service", name))
}

/// A command on objects in a backend's namespace. `kubectl` is its start, with the namespace of the
/// group.
pub fn kubectl_command(kubectl: &str, backend: &str, Kubectl(args): &Kubectl) -> String {
    let elsewhere = match backend.split_once('/') {
        Some((namespace, _)) => format!(" -n {}", word(namespace)),
        None => String::new(),
    };
    let args: Vec<String> = args.iter().map(|arg| word(arg)).collect();
    clean(&format!("{kubectl}{elsewhere} {}", args.join(" ")))
}
