//! The command lines of `evacuate` and `return`.

use super::word;

/// Returns the command line of `evacuate` or `return` on the evacuation with an identifier. `flags`
/// are those that reach its contexts.
pub fn evacuation_command(command: &str, cluster: &str, id: &str, flags: &str) -> String {
    let (cluster, id) = (word(cluster), word(id));
    let line = format!("kubectl failover {command} {cluster} --id {id} {flags}");
    line.trim_end().to_owned()
}
