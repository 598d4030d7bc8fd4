//! What to do after `create` where a `watch` is installed in the cluster.

use crate::text::InstalledWatch;

/// Suggests what to do with the `watch` in the cluster that should run new groups. It may need some
/// seconds to see them. `groups`: as `status` takes them.
pub fn next_with(installed: InstalledWatch, groups: &str) -> String {
    match installed.has_pods {
        true => format!(
            "next: see that the installed watch covers this: kubectl failover status {groups}"
        ),
        false => format!("next: give the installed watch pods: {}", installed.command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_without_pods_is_given_some() {
        let installed = |has_pods| InstalledWatch {
            has_pods,
            command: "kubectl scale it".to_owned(),
        };
        assert_eq!(
            next_with(installed(true), "web -n shop"),
            "next: see that the installed watch covers this: kubectl failover status web -n shop"
        );
        assert_eq!(
            next_with(installed(false), "web -n shop"),
            "next: give the installed watch pods: kubectl scale it"
        );
    }
}
