//! What the cluster of a context is called: the mirrors of other clusters name it.

use std::collections::BTreeSet;

/// What is known of the name of a context's cluster.
#[derive(Debug, Clone, Copy)]
pub struct ContextClues<'a> {
    /// The context's name.
    pub context: &'a str,
    /// The address of its API server: contexts with the same address are of one cluster.
    pub server: &'a str,
    /// The name that the user gave.
    pub given: Option<&'a str>,
    /// The clusters that mirrors in this cluster name.
    pub mirrored: &'a BTreeSet<String>,
}

/// The name of a context's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterName {
    /// The name.
    pub name: String,
    /// Where it is from.
    pub source: ClusterNameSource,
}

/// Where the name of a context's cluster is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterNameSource {
    /// The user gave it.
    Given,
    /// Mirrors of other clusters have it, and the context's name is or ends with it.
    Mirrors,
    /// It is the context's name, which no mirror has.
    Context,
}

impl ClusterNameSource {
    /// Returns the source's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "flag",
            Self::Mirrors => "mirrors",
            Self::Context => "context",
        }
    }
}

/// What may stand before a cluster's name in the name of a context: `gke_project_region_west`,
/// `kind-west`, `admin@west`, `arn:aws:eks:region:account:cluster/west`.
const SEPARATORS: [char; 6] = ['_', '-', '@', '/', ':', '.'];

/// Returns the name of the cluster of each context: the name that the user gave; else the name that
/// mirrors in the other clusters use, if the context's name is that or ends with it after a
/// separator, and no other cluster's context does; else the context's name.
pub fn cluster_names(contexts: &[ContextClues]) -> Vec<ClusterName> {
    let wanted: Vec<Option<Claim>> = contexts.iter().map(|of| claim(of, contexts)).collect();
    let is_disputed = |of: &ContextClues, claim: &Claim| {
        let mut others = contexts.iter().zip(&wanted);
        others.any(|(other, theirs)| {
            let is_other = other.server != of.server;
            is_other && theirs.is_some_and(|it| it.name == claim.name && it.rank >= claim.rank)
        })
    };
    let each = contexts.iter().zip(&wanted);
    each.map(|(of, claim)| {
        let (name, source) = match claim {
            Some(claim) if claim.rank == Rank::Given => (claim.name, ClusterNameSource::Given),
            Some(claim) if !is_disputed(of, claim) => (claim.name, ClusterNameSource::Mirrors),
            _ => (of.context, ClusterNameSource::Context),
        };
        ClusterName {
            name: name.to_owned(),
            source,
        }
    })
    .collect()
}

/// A name that a context's cluster may have.
#[derive(Clone, Copy)]
struct Claim<'a> {
    name: &'a str,
    rank: Rank,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The context's name ends with it.
    End,
    /// It is the context's name.
    Same,
    Given,
}

fn claim<'a>(of: &ContextClues<'a>, contexts: &[ContextClues<'a>]) -> Option<Claim<'a>> {
    let same = || contexts.iter().filter(|it| it.server == of.server);
    if let Some(name) = of.given.or_else(|| same().find_map(|it| it.given)) {
        let rank = Rank::Given;
        return Some(Claim { name, rank });
    }
    let is_own = |name: &str| same().any(|it| it.mirrored.contains(name));
    let others = contexts.iter().filter(|it| it.server != of.server);
    let known: BTreeSet<&str> = others
        .flat_map(|it| it.mirrored)
        .map(String::as_str)
        .filter(|name| !is_own(name))
        .collect();
    let claims = same().flat_map(|alias| {
        let fitting = known.iter().filter(|name| fits(alias.context, name));
        fitting.map(|name| Claim {
            name,
            rank: if *name == alias.context {
                Rank::Same
            } else {
                Rank::End
            },
        })
    });
    claims.max_by_key(|it| (it.rank, it.name.len()))
}

/// Whether a context's name is the cluster's, or ends with it after a separator.
pub fn fits(context: &str, cluster: &str) -> bool {
    let before = context.strip_suffix(cluster);
    before.is_some_and(|before| before.is_empty() || before.ends_with(SEPARATORS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contexts with the clusters that their mirrors name. Each is of a cluster of its own.
    fn names(contexts: &[(&str, &[&str])]) -> Vec<String> {
        let mirrored: Vec<BTreeSet<String>> = contexts
            .iter()
            .map(|(_, names)| names.iter().map(|&name| name.to_owned()).collect())
            .collect();
        let clues = contexts.iter().zip(&mirrored);
        let clues: Vec<ContextClues> = clues
            .map(|((context, _), mirrored)| ContextClues {
                context,
                server: context,
                given: None,
                mirrored,
            })
            .collect();
        let names = cluster_names(&clues).into_iter();
        names.map(|it| it.name).collect()
    }

    #[test]
    fn a_context_has_the_name_that_the_mirrors_of_the_others_use() {
        assert_eq!(
            names(&[("west", &["east"]), ("east", &["west"])]),
            ["west", "east"]
        );
        let gke = "gke_shop_europe-west1_west";
        let eks = "arn:aws:eks:us-east-1:123456789012:cluster/east";
        assert_eq!(
            names(&[(gke, &["east"]), (eks, &["west"])]),
            ["west", "east"]
        );
        assert_eq!(
            names(&[("kind-west", &["east"]), ("admin@east", &["west"])]),
            ["west", "east"]
        );
    }

    #[test]
    fn a_name_must_end_the_contexts_name_after_a_separator() {
        assert_eq!(
            names(&[("midwest", &["east"]), ("east", &["west"])]),
            ["midwest", "east"]
        );
        assert_eq!(names(&[("prod", &["east"])]), ["prod"]);
        assert_eq!(
            names(&[("a", &["east"]), ("b", &["west"])]),
            ["a", "b"],
            "nothing is guessed: a cluster that is not among the contexts may have the name"
        );
    }

    #[test]
    fn the_longest_name_wins_and_one_that_two_contexts_could_have_is_for_none() {
        assert_eq!(
            names(&[("kind-north-west", &[]), ("x", &["west", "north-west"])])[0],
            "north-west"
        );
        let both: &[&str] = &["west", "north-west"];
        assert_eq!(
            names(&[("kind-west", &[]), ("kind-north-west", &[]), ("x", both)]),
            ["west", "north-west", "x"]
        );
        assert_eq!(
            names(&[("a_west", &[]), ("b_west", &[]), ("x", &["west"])]),
            ["a_west", "b_west", "x"]
        );
        assert_eq!(
            names(&[("west", &[]), ("b_west", &[]), ("x", &["west"])]),
            ["west", "b_west", "x"]
        );
    }

    #[test]
    fn a_cluster_does_not_have_the_name_that_its_own_mirrors_use() {
        assert_eq!(
            names(&[("kind-east", &["east"]), ("x", &["east"])]),
            ["kind-east", "x"]
        );
    }

    #[test]
    fn contexts_of_one_server_share_a_name() {
        let (none, west) = (BTreeSet::new(), BTreeSet::from(["west".to_owned()]));
        let clue = |context, server, given, mirrored| ContextClues {
            context,
            server,
            given,
            mirrored,
        };
        let contexts = [
            clue("west", "https://1", None, &none),
            clue("reader", "https://1", None, &none),
            clue("x", "https://2", None, &west),
        ];
        let found = cluster_names(&contexts);
        assert_eq!(found[1].name, "west");
        let contexts = [
            clue("a", "https://1", Some("west"), &none),
            clue("b", "https://1", None, &none),
        ];
        let found = cluster_names(&contexts);
        assert_eq!(found[1].name, "west");
        assert_eq!(found[1].source, ClusterNameSource::Given);
    }
}
