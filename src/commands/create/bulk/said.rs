//! What is said of one group, and of many to which the same happens (aggregation).

use crate::model::GroupId;
use crate::model::fold::{MAX_SINGLE_GROUPS, fold, groups_in, groups_named};
use crate::text::{MAX_LINE_CHARS, clean, shorten};

/// What a group is made of, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Makeup {
    /// For a line of its own: `web, fallback web-east`.
    pub one: String,
    /// For a line about many: `each with its mirror in east as fallback`.
    pub each: String,
}

impl Makeup {
    /// `clusters` are those whose mirrors are the fallbacks, with --fallback-cluster.
    pub fn new(primary: &str, fallbacks: &[&str], clusters: &[String]) -> Self {
        let (s, count) = match fallbacks.len() {
            1 => ("", 1),
            many => ("s", many),
        };
        Self {
            one: format!("{primary}, fallback{s} {}", fallbacks.join(", ")),
            each: match clusters {
                [] => format!("each with {count} fallback{s}"),
                of => {
                    let of = of.join(" and ");
                    format!("each with its mirror{s} in {of} as fallback{s}")
                }
            },
        }
    }
}

/// Returns a line for each group, or one for more than a few with the same makeup. `done` is what
/// was done, if it was: `created (dry run)`.
pub fn lines<'a>(
    groups: impl IntoIterator<Item = (GroupId, &'a Makeup)>,
    done: Option<&str>,
) -> Vec<String> {
    let batches = fold(
        groups,
        |(_, it)| Some(it.each.clone()),
        |_| MAX_SINGLE_GROUPS,
    );
    let line = |batch: Vec<(GroupId, &Makeup)>| {
        let ids: Vec<&GroupId> = batch.iter().map(|(id, _)| id).collect();
        let line = match (batch.as_slice(), done) {
            ([], _) => String::new(),
            ([(id, it)], None) => format!("{id}: {}", it.one),
            ([(id, it)], Some(done)) => format!("{id}: {done}: {}", it.one),
            ([(_, it), ..], None) => format!("{}, {}", groups_named(&ids), it.each),
            ([(_, it), ..], Some(done)) => format!("{} {done}, {}", groups_in(ids), it.each),
        };
        shorten(&clean(&line), MAX_LINE_CHARS)
    };
    batches.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> GroupId {
        GroupId {
            namespace: ["media", "pay", "shop"][number % 3].into(),
            kind: "trafficsplit",
            name: format!("s{number}-failover"),
        }
    }

    fn mirrored(number: usize, clusters: &[&str]) -> Makeup {
        let fallbacks = clusters.iter().map(|it| format!("s{number}-{it}"));
        let fallbacks: Vec<String> = fallbacks.collect();
        let fallbacks: Vec<&str> = fallbacks.iter().map(String::as_str).collect();
        let clusters: Vec<String> = clusters.iter().map(|&it| it.to_owned()).collect();
        Makeup::new(&format!("s{number}"), &fallbacks, &clusters)
    }

    #[test]
    fn many_groups_are_counted_with_the_cluster_of_their_fallbacks() {
        let east: Vec<Makeup> = (0..15).map(|number| mirrored(number, &["east"])).collect();
        let groups = || (0..15).map(id).zip(&east);
        assert_eq!(
            lines(groups(), Some("created")),
            ["15 groups in media, pay, shop created, each with its mirror in east as fallback"]
        );
        assert_eq!(
            lines(groups(), None),
            [
                "15 groups in media, pay, shop (media/s0-failover, pay/s1-failover, shop/s2-failover \
              and 12 more), each with its mirror in east as fallback"
            ]
        );
        let few = lines(groups().take(2), Some("created"));
        assert_eq!(
            few,
            [
                "media/s0-failover: created: s0, fallback s0-east",
                "pay/s1-failover: created: s1, fallback s1-east"
            ]
        );
        let both: Vec<Makeup> = (0..6).map(|it| mirrored(it, &["east", "north"])).collect();
        let both = (0..6).map(id).zip(&both);
        assert_eq!(
            lines(both, Some("created")),
            [
                "6 groups in media, pay, shop created, each with its mirrors in east and north as \
              fallbacks"
            ]
        );
    }
}
