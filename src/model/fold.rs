//! Folds what is said of many groups (aggregation): groups for which the same is true, for one
//! cause, share one line.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::GroupId;
use super::roles::{Roles, common};

/// Up to this many groups are reported one by one.
pub const MAX_SINGLE_GROUPS: usize = 5;
/// Names beyond this number are only counted.
const MAX_NAMES: usize = 3;

/// Returns the items in batches. If more than `max_single` items have the same key, they are one
/// batch, at the position of the first. Each other item is a batch of its own; so is one without a
/// key.
pub fn fold<T, K: Ord + Clone>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> Option<K>,
    max_single: impl Fn(&K) -> usize,
) -> Vec<Vec<T>> {
    let items: Vec<(Option<K>, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    for key in items.iter().filter_map(|(key, _)| key.as_ref()) {
        *counts.entry(key.clone()).or_default() += 1;
    }
    counts.retain(|key, count| *count > max_single(key));
    let mut positions: BTreeMap<K, usize> = BTreeMap::new();
    let mut batches: Vec<Vec<T>> = Vec::new();
    for (key, item) in items {
        let key = key.filter(|key| counts.contains_key(key));
        let known = key.as_ref().and_then(|key| positions.get(key));
        if let Some(batch) = known.and_then(|position| batches.get_mut(*position)) {
            batch.push(item);
            continue;
        }
        if let Some(key) = key {
            positions.insert(key, batches.len());
        }
        batches.push(vec![item]);
    }
    batches
}

/// Names the first ones, and counts the others: `a, b, c and 2 more`.
pub fn name_some(names: impl IntoIterator<Item = String>) -> String {
    name_first(MAX_NAMES, names)
}

/// Like [`name_some`], with this many names. A single one more is named, too.
pub fn name_first(count: usize, names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    let count = if names.len() > count + 1 {
        count
    } else {
        names.len()
    };
    let (named, others) = names.split_at(count);
    let more = match others.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

/// Counts the groups, and names their namespaces: `25 groups in media, pay, shop`.
pub fn groups_in<'a>(ids: impl IntoIterator<Item = &'a GroupId>) -> String {
    let ids: BTreeSet<&GroupId> = ids.into_iter().collect();
    let namespaces: BTreeSet<&str> = ids.iter().map(|id| id.namespace.as_str()).collect();
    let namespaces = name_some(namespaces.into_iter().map(str::to_owned));
    match ids.len() {
        1 => format!("1 group in {namespaces}"),
        many => format!("{many} groups in {namespaces}"),
    }
}

/// Like [`groups_in`], and names the first groups: `25 groups in media, pay (media/web, media/api,
/// pay/web and 22 more)`.
pub fn groups_named(ids: &[&GroupId]) -> String {
    with_first(ids, MAX_NAMES)
}

/// Like [`groups_named`], for groups of which each matters.
pub fn most_groups_named(ids: &[&GroupId]) -> String {
    with_first(ids, MAX_SINGLE_GROUPS)
}

fn with_first(ids: &[&GroupId], count: usize) -> String {
    let groups = groups_in(ids.iter().copied());
    let namespaces: BTreeSet<&str> = ids.iter().map(|id| id.namespace.as_str()).collect();
    let name = |id: &&GroupId| match namespaces.len() {
        1 => id.short_name(),
        _ => id.to_string(),
    };
    format!("{groups} ({})", name_first(count, ids.iter().map(name)))
}

/// What is said of one group.
#[derive(Debug, Clone)]
pub struct GroupText {
    /// The group.
    pub id: GroupId,
    /// The roles of its backends.
    pub roles: Roles,
    /// The text.
    pub text: String,
}

/// What is said of one or many groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedText {
    /// The group, or the groups.
    pub subject: String,
    /// Whether these are many groups.
    pub is_many: bool,
    /// The text.
    pub text: String,
}

/// Returns one text for groups of which the same is said, if they are more than `max_single`.
pub fn fold_texts(
    texts: impl IntoIterator<Item = GroupText>,
    max_single: usize,
) -> Vec<FoldedText> {
    let batches = fold(texts, |it| Some(it.roles.apply(&it.text)), |_| max_single);
    let folded = |batch: Vec<GroupText>| {
        let ids: Vec<&GroupId> = batch.iter().map(|it| &it.id).collect();
        let subject = match ids.as_slice() {
            [only] => only.to_string(),
            many => groups_named(many),
        };
        let texts = batch.iter().map(|it| (&it.roles, it.text.as_str()));
        FoldedText {
            subject,
            is_many: ids.len() > 1,
            text: common(texts),
        }
    };
    batches.into_iter().map(folded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::id;

    #[test]
    fn many_items_with_one_key_are_one_batch_at_the_position_of_the_first() {
        let items = ["a1", "b1", "c1", "a2", "c2", "a3"];
        let by_letter = |item: &&str| item.chars().next().filter(|letter| *letter != 'c');
        let folded = fold(items, by_letter, |_| 2);
        let expected = [vec!["a1", "a2", "a3"], vec!["b1"], vec!["c1"], vec!["c2"]];
        assert_eq!(folded, expected);
        assert_eq!(fold(items, by_letter, |_| 3).len(), items.len());
    }

    #[test]
    fn groups_are_counted_and_their_namespaces_and_the_first_of_them_named() {
        let ids: Vec<GroupId> = (0..25)
            .map(|number| id(["media", "pay", "shop"][number % 3], &format!("g{number}")))
            .collect();
        let ids: Vec<&GroupId> = ids.iter().collect();
        assert_eq!(groups_in(ids.clone()), "25 groups in media, pay, shop");
        assert_eq!(
            groups_named(&ids),
            "25 groups in media, pay, shop (media/g0, pay/g1, shop/g2 and 22 more)"
        );
        assert_eq!(groups_named(&ids[..1]), "1 group in media (g0)");
        let letters = |count: usize| name_some("abcdefg".chars().take(count).map(String::from));
        assert_eq!(letters(4), "a, b, c, d");
        assert_eq!(letters(5), "a, b, c and 2 more");
    }
}
