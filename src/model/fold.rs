//! Folds what is said of many groups (aggregation): groups for which the same is true, for one
//! cause, share one line.

use std::collections::{BTreeMap, BTreeSet};

use super::group::Group;
use super::ids::GroupId;
use super::status::{OverrideStatus, Status};

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

/// The roles of a group's backends, by which texts about several groups can be the same.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    names: Vec<(String, String)>,
    namespace: String,
    /// The fallback, if there is one only.
    pub only_fallback: Option<String>,
}

impl Roles {
    /// Returns the roles in a group. `home` is the primary, under an override the one before it.
    pub fn new<'a>(
        id: &GroupId,
        home: Option<&str>,
        backends: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let (primary, fallbacks): (Vec<_>, Vec<_>) =
            backends.into_iter().partition(|name| Some(*name) == home);
        let only_fallback = match fallbacks[..] {
            [only] => Some(only.to_owned()),
            _ => None,
        };
        let primary = primary
            .into_iter()
            .map(|name| (name.to_owned(), "the primary".to_owned()));
        let fallback = |(index, name): (usize, &&str)| {
            let role = match only_fallback {
                Some(_) => "the fallback".to_owned(),
                None => format!("fallback {}", index + 1),
            };
            ((*name).to_owned(), role)
        };
        let mut names: Vec<_> = primary.collect();
        names.extend(fallbacks.iter().enumerate().map(fallback));
        let group = [id.name.clone(), id.short_name()];
        names.extend(group.map(|name| (name, "the group".to_owned())));
        Self {
            names,
            namespace: id.namespace.clone(),
            only_fallback,
        }
    }

    /// Returns the roles in a valid group.
    pub fn of_group(group: &Group) -> Self {
        Self::new(&group.id, Some(group.home_name()), group.backend_names())
    }

    /// Returns the roles as a status knows them.
    pub fn of_status(status: &Status) -> Self {
        let home = match &status.order {
            Some(OverrideStatus::InForce(order) | OverrideStatus::Expired(order)) => {
                Some(order.home.as_str()).filter(|home| status.backend_names().contains(home))
            }
            _ => None,
        };
        let home = home.or(status.primary.as_deref());
        Self::new(&status.id, home, status.backend_names())
    }

    /// Replaces names with roles, and leaves out how many endpoints are not ready if none is.
    pub fn apply(&self, text: &str) -> String {
        let is_part = |letter: char| letter.is_alphanumeric() || "-./".contains(letter);
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(end);
            let name = token.trim_end_matches('.');
            let dots = &token[name.len()..];
            let role = self.names.iter().find(|(known, _)| known == name);
            match role {
                _ if name == self.namespace && out.ends_with("namespace ") => {
                    out.truncate(out.len() - "namespace ".len());
                    out.push_str("its namespace");
                }
                Some((_, role)) => out.push_str(role),
                None => out.push_str(name),
            }
            out.push_str(dots);
            rest = after;
        }
        out.push_str(rest);
        without_counts(&out)
    }
}

/// Leaves out how many endpoints there are, in ` (0 of 2)`, ` (0 of 2 ready)` and ` (2 of 2 ready)`.
fn without_counts(text: &str) -> String {
    let mut parts = text.split(" (");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part
            .split_once(')')
            .and_then(|(inside, after)| Some((in_short(inside)?, after)))
        {
            Some((short, after)) => out.extend([short, after]),
            None => out.extend([" (", part]),
        }
    }
    out
}

fn in_short(counts: &str) -> Option<&'static str> {
    let (ready, total) = counts.split_once(" of ")?;
    let (total, is_prompt) = match total.strip_suffix(" ready") {
        Some(total) => (total, true),
        None => (total, false),
    };
    let (ready, total): (u32, u32) = (ready.parse().ok()?, total.parse().ok()?);
    match (ready, is_prompt) {
        (0, false) => Some(""),
        (0, true) => Some(" (none ready)"),
        (ready, true) if ready == total => Some(" (all ready)"),
        _ => None,
    }
}

/// Returns one text for all: the texts themselves if they are the same, otherwise with roles.
pub fn common<'a>(texts: impl IntoIterator<Item = (&'a Roles, &'a str)>) -> String {
    let mut texts = texts.into_iter();
    let Some((roles, first)) = texts.next() else {
        return String::new();
    };
    if texts.all(|(_, text)| text == first) {
        first.to_owned()
    } else {
        roles.apply(first)
    }
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

    fn id(namespace: &str, name: &str) -> GroupId {
        GroupId {
            namespace: namespace.into(),
            kind: "trafficsplit",
            name: name.into(),
        }
    }

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

    #[test]
    fn texts_about_groups_with_the_same_cause_are_the_same_by_role() {
        let pay = Roles::new(&id("pay", "api-group"), Some("api"), ["api", "api-east"]);
        let shop = Roles::new(&id("shop", "web"), Some("web"), ["web", "web-east"]);
        let text = |name: &str| {
            format!(
                "all traffic goes to {name}, which has no ready endpoints (0 of 3); {name}-east is ready."
            )
        };
        let role =
            "all traffic goes to the primary, which has no ready endpoints; the fallback is ready.";
        assert_eq!(pay.apply(&text("api")), role);
        assert_eq!(shop.apply(&text("web")), role);
        assert_eq!(
            pay.apply("cannot patch \"api-group\" in namespace pay: 1/2 - api."),
            "cannot patch \"the group\" in its namespace: 1/2 - the primary."
        );
        assert_eq!(
            pay.apply("api-north (0 of many) ... ä"),
            "api-north (0 of many) ... ä"
        );
        assert_eq!(
            pay.apply("api (0 of 3 ready) → api-east (2 of 2 ready), (1 of 2 ready)"),
            "the primary (none ready) → the fallback (all ready), (1 of 2 ready)"
        );
        let three = Roles::new(&id("pay", "web"), Some("a"), ["a", "b", "c"]);
        assert_eq!(
            three.apply("a -> b,c"),
            "the primary -> fallback 1,fallback 2"
        );
        assert_eq!(three.only_fallback, None);
        let (one, other) = (text("api"), text("web"));
        assert_eq!(common([(&pay, one.as_str()), (&shop, &other)]), role);
        assert_eq!(common([(&pay, one.as_str()), (&shop, &one)]), one);
    }
}
