//! The remote clusters that the command line names, and hints on how to name more.

use crate::model::WhyUnknown;
use crate::text::connection_flags::FROM_LINKS;
use crate::text::word;

/// The clusters that may be asked.
#[derive(Debug, Clone, Default)]
pub struct NamedRemotes {
    pub(super) named: Vec<String>,
    /// Every cluster with a Linkerd link may be asked.
    pub(super) has_links: bool,
}

impl NamedRemotes {
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && !self.has_links
    }

    pub fn has(&self, cluster: &str) -> bool {
        self.has_links || self.is_named(cluster)
    }

    /// Returns whether a context is named for the cluster.
    pub fn is_named(&self, cluster: &str) -> bool {
        self.named.iter().any(|name| name == cluster)
    }

    /// Returns the clusters for which a context is named.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(String::as_str)
    }

    /// Returns a warning about named clusters without mirror services.
    pub(super) fn warn_unmirrored(&self, mirrored: &[&str]) -> Option<String> {
        let unmirrored: Vec<&str> = self
            .named()
            .filter(|name| !mirrored.contains(name))
            .collect();
        let mut mirrored = mirrored.to_vec();
        mirrored.sort_unstable();
        (!unmirrored.is_empty()).then(|| {
            let (unmirrored, mirrored) = (unmirrored.join(", "), mirrored.join(", "));
            format!(
                "warning: no mirror of these groups names the cluster {unmirrored}; available \
                 clusters: {mirrored}"
            )
        })
    }

    #[cfg(test)]
    pub fn with_links() -> Self {
        Self {
            named: Vec::new(),
            has_links: true,
        }
    }

    #[cfg(test)]
    pub fn of(named: &[&str]) -> Self {
        Self {
            named: named.iter().map(|&name| name.to_owned()).collect(),
            has_links: false,
        }
    }
}

/// Returns how to ask the cluster of a backend that is unknown because its cluster is not asked.
pub fn how_to_ask(asked: &NamedRemotes, why: &WhyUnknown) -> Option<String> {
    let cluster = word(why.cluster_without_remote()?);
    Some(if asked.has_links {
        format!(
            "create that secret, or get the right to read it, or name a context with --remote \
             {cluster}=CONTEXT"
        )
    } else {
        format!("name one with --remote {cluster}=CONTEXT, or use --remote-from-links")
    })
}

/// Returns the flags for these clusters and contexts, quoted for a shell.
pub(super) fn remote_flags<'a>(
    named: impl Iterator<Item = (&'a str, &'a str)>,
    has_links: bool,
) -> String {
    let flag = |(name, context)| format!("--remote {}", word(&format!("{name}={context}")));
    let links = has_links.then(|| FROM_LINKS.to_owned());
    named.map(flag).chain(links).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_cluster_without_a_mirror_is_reported_with_those_that_have_one() {
        let warning = NamedRemotes::of(&["east", "typo"])
            .warn_unmirrored(&["north", "east"])
            .unwrap_or_default();
        assert!(
            warning.ends_with("names the cluster typo; available clusters: east, north"),
            "{warning}"
        );
        let east = NamedRemotes::of(&["east"]);
        assert_eq!(east.warn_unmirrored(&["north", "east"]), None);
    }

    #[test]
    fn the_flags_are_repeated_and_quoted() {
        let named = [("east", "e"), ("north", "a b")];
        assert_eq!(
            remote_flags(named.into_iter(), true),
            "--remote east=e --remote 'north=a b' --remote-from-links"
        );
        assert_eq!(remote_flags([].into_iter(), false), "");
    }

    #[test]
    fn a_link_that_failed_is_not_suggested() {
        let why = WhyUnknown::no_remote("east");
        let links = NamedRemotes {
            named: Vec::new(),
            has_links: true,
        };
        let tried = how_to_ask(&links, &why).unwrap_or_default();
        assert!(
            tried.starts_with("create that secret") && !tried.contains(FROM_LINKS),
            "{tried}"
        );
        let untried = how_to_ask(&NamedRemotes::default(), &why).unwrap_or_default();
        assert!(untried.ends_with("or use --remote-from-links"), "{untried}");
    }
}
