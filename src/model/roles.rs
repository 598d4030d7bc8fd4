//! The roles of backends in texts about groups. With roles for names, what is said of groups for the
//! same cause is the same text, so that it can be folded.

use super::group::Group;
use super::ids::GroupId;
use super::status::{OverrideStatus, Status};

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::id;

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
