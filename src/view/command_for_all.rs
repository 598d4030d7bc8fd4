//! Commands for many groups: turns what to type for each of them into what to type for all, and
//! nothing that would change another group.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::GroupId;
use crate::model::roles::Roles;
use crate::text::word;

/// The placeholders of a pattern. No argument of a command begins with a control character.
const NAMES: &str = "\u{1}names";
const PLACE: &str = "\u{1}place";
const TARGET: &str = "\u{1}target";
/// How many groups a command names, and how long their names are together. A line with the command is
/// never cut.
const MAX_NAMED: usize = 30;
const MAX_NAMES_CHARS: usize = 700;
/// How many commands are suggested, if one cannot name all the groups.
const MAX_COMMANDS: usize = 4;

/// What to type for one group of several.
#[derive(Debug, Clone, Copy)]
pub struct OneCommand<'a> {
    pub id: &'a GroupId,
    pub roles: &'a Roles,
    pub command: &'a str,
}

/// The groups among which the command's are, by which it can name them.
#[derive(Debug, Clone, Copy)]
pub struct Others<'a> {
    pub ids: &'a [&'a GroupId],
    /// `--all` means just these groups.
    pub are_all: bool,
    /// `-l` with these labels means just these groups.
    pub selector: Option<&'a str>,
}

/// The commands for all.
#[derive(Debug, PartialEq, Eq)]
pub struct ForAll {
    pub commands: Vec<String>,
    /// How many groups they leave out.
    pub left_out: usize,
}

/// Returns the commands for these groups, one if possible. Returns None if several groups
/// cannot share one.
pub fn for_all(each: &[OneCommand], others: Others) -> Option<ForAll> {
    let first = each.first()?;
    if each.iter().all(|it| it.command == first.command) {
        return Some(ForAll {
            commands: vec![first.command.to_owned()],
            left_out: 0,
        });
    }
    let pattern = pattern(first)?;
    if each
        .iter()
        .any(|it| self::pattern(it).as_ref() != Some(&pattern))
    {
        return None;
    }
    let target = first.roles.only_fallback.as_deref();
    let target = target.filter(|target| {
        let mut roles = each.iter().map(|it| it.roles);
        roles.all(|roles| roles.only_fallback.as_deref() == Some(target))
    });
    let command = |names: &str, place: &str| {
        let target = target.map_or(String::new(), |target| format!(" --to {}", word(target)));
        pattern
            .replace(&format!(" {TARGET}"), &target)
            .replace(NAMES, names)
            .replace(PLACE, place)
    };
    let mut ids: Vec<&GroupId> = each.iter().map(|it| it.id).collect();
    ids.sort();
    ids.dedup();
    Some(spell(&ids, others, pattern.contains(NAMES), command))
}

fn spell(
    ids: &[&GroupId],
    others: Others,
    takes_names: bool,
    command: impl Fn(&str, &str) -> String,
) -> ForAll {
    let one = |names: &str, place: &str| ForAll {
        commands: vec![command(names, place)],
        left_out: 0,
    };
    let mut by_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for id in ids {
        let names = by_namespace.entry(&id.namespace).or_default();
        names.push(word(&id.short_name()));
    }
    let place = match Vec::from_iter(by_namespace.keys()).as_slice() {
        [only] => format!("-n {}", word(only)),
        _ => "-A".to_owned(),
    };
    let others_there: BTreeSet<&&GroupId> = others
        .ids
        .iter()
        .filter(|id| by_namespace.len() > 1 || by_namespace.contains_key(id.namespace.as_str()))
        .collect();
    let chosen = match others.selector.map(word) {
        _ if others.are_all => Some("--all".to_owned()),
        labels => labels.map(|labels| format!("-l {labels}")),
    };
    if !takes_names {
        let labels = chosen.filter(|_| !others.are_all);
        let place = format!("{place} {}", labels.unwrap_or_default());
        return one("", place.trim_end());
    }
    if let Some(chosen) = chosen.filter(|_| others_there.len() == ids.len()) {
        return one(&chosen, &place);
    }
    // A name that several groups have would be refused as ambiguous.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in &others_there {
        *counts.entry(&id.name).or_default() += 1;
    }
    let is_unique = |id: &&GroupId| counts.get(id.name.as_str()).is_none_or(|count| *count < 2);
    let calls: Vec<(String, Vec<String>)> = if by_namespace.len() == 1 || ids.iter().all(is_unique)
    {
        vec![(place, by_namespace.into_values().flatten().collect())]
    } else {
        let place = |namespace: &str| format!("-n {}", word(namespace));
        by_namespace
            .into_iter()
            .map(|(namespace, names)| (place(namespace), names))
            .collect()
    };
    let calls = calls
        .iter()
        .flat_map(|(place, names)| chunks(names).into_iter().map(move |names| (place, names)));
    let (mut commands, mut named) = (Vec::new(), 0);
    for (place, names) in calls.take(MAX_COMMANDS) {
        commands.push(command(&names.join(" "), place));
        named += names.len();
    }
    ForAll {
        commands,
        left_out: ids.len().saturating_sub(named),
    }
}

/// Divides names into those that one command takes.
fn chunks(names: &[String]) -> Vec<&[String]> {
    let mut chunks = Vec::new();
    let mut rest = names;
    while !rest.is_empty() {
        let mut chars = 0;
        let fits = rest.iter().take(MAX_NAMED).take_while(|name| {
            chars += name.len() + 1;
            chars <= MAX_NAMES_CHARS
        });
        let (chunk, others) = rest.split_at(fits.count().max(1));
        chunks.push(chunk);
        rest = others;
    }
    chunks
}

/// Returns what is the same in the commands of groups for which one command can do it. None if the
/// command is not one of this plugin for a group or a namespace.
pub fn pattern(one: &OneCommand) -> Option<String> {
    let OneCommand { id, roles, command } = *one;
    let (name, namespace) = (word(&id.short_name()), word(&id.namespace));
    let fallback = roles.only_fallback.as_deref().map(word);
    let mut tokens = command.split(' ');
    let mut out: Vec<String> = Vec::new();
    let mut has_place = false;
    while let Some(token) = tokens.next() {
        let next = tokens.clone().next();
        let follows = |value: &str| next?.strip_prefix(value).filter(|tail| is_end(tail));
        let tail = match (token, &fallback) {
            ("-n", _) => follows(&namespace).map(|tail| (PLACE, tail.to_owned())),
            ("--to", Some(fallback)) => follows(fallback).map(|tail| (TARGET, tail.to_owned())),
            _ => None,
        };
        if let Some((placeholder, tail)) = tail {
            tokens.next();
            has_place |= placeholder == PLACE;
            out.push(format!("{placeholder}{tail}"));
            continue;
        }
        let is_name = matches!(&out[..], [.., plugin, _] if plugin == "failover");
        match token
            .strip_prefix(&name)
            .filter(|tail| is_name && is_end(tail))
        {
            Some(tail) => out.push(format!("{NAMES}{tail}")),
            None => out.push(token.to_owned()),
        }
    }
    let of_plugin = command.contains("kubectl failover ");
    (has_place && of_plugin).then(|| out.join(" "))
}

/// Whether this ends a word of a sentence.
fn is_end(tail: &str) -> bool {
    tail.chars().all(|letter| ";,.)".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize, namespaces: &[&str]) -> Vec<GroupId> {
        let id = |number: usize| GroupId {
            namespace: namespaces[number % namespaces.len()].to_owned(),
            kind: "trafficsplit",
            name: format!("g{number}"),
        };
        (0..count).map(id).collect()
    }

    fn all(
        ids: &[GroupId],
        others: &[GroupId],
        are_all: bool,
        command: impl Fn(&GroupId) -> String,
    ) -> Option<ForAll> {
        let roles = |id: &GroupId| {
            let fallback = format!("{}-east", id.name);
            Roles::new(id, Some("web"), ["web", fallback.as_str()])
        };
        let roles: Vec<Roles> = ids.iter().map(roles).collect();
        let commands: Vec<String> = ids.iter().map(command).collect();
        let each = ids.iter().zip(&roles).zip(&commands);
        let each: Vec<OneCommand> = each
            .map(|((id, roles), command)| OneCommand { id, roles, command })
            .collect();
        let others: Vec<&GroupId> = others.iter().collect();
        let others = Others {
            ids: &others,
            are_all,
            selector: None,
        };
        for_all(&each, others)
    }

    fn force(id: &GroupId) -> String {
        let GroupId {
            namespace, name, ..
        } = id;
        format!("kubectl failover force {name} --to {name}-east --context west -n {namespace}")
    }

    fn only(commands: Option<ForAll>) -> String {
        let commands = commands.unwrap();
        assert_eq!(
            (commands.commands.len(), commands.left_out),
            (1, 0),
            "{commands:?}"
        );
        commands.commands[0].clone()
    }

    #[test]
    fn one_command_names_the_groups_and_no_others() {
        let many = ids(8, &["pay", "shop"]);
        let down = [many[0].clone(), many[2].clone()];
        let names = only(all(&down, &many, true, force));
        assert_eq!(names, "kubectl failover force g0 g2 --context west -n pay");
        let both = only(all(&many[..3], &many, true, force));
        assert_eq!(both, "kubectl failover force g0 g2 g1 --context west -A");
        let of_pay: Vec<GroupId> = many
            .iter()
            .filter(|id| id.namespace == "pay")
            .cloned()
            .collect();
        let whole = only(all(&of_pay, &many, true, force));
        assert_eq!(whole, "kubectl failover force --all --context west -n pay");
        let whole = only(all(&many, &many, true, force));
        assert_eq!(whole, "kubectl failover force --all --context west -A");
        let filtered = only(all(&many, &many, false, force));
        assert!(filtered.contains(" g0 g2 g4 g6 g1 g3 g5 g7 "), "{filtered}");
    }

    #[test]
    fn labels_mean_the_groups_that_they_have_chosen() {
        let many = ids(4, &["pay", "shop"]);
        let ids: Vec<&GroupId> = many.iter().collect();
        let others = Others {
            ids: &ids,
            are_all: false,
            selector: Some("team in (a,b)"),
        };
        let command = |takes_names: bool, count: usize| {
            let command = |names: &str, place: &str| format!("{names} {place}");
            spell(&ids[..count], others, takes_names, command).commands
        };
        assert_eq!(command(true, 4), ["-l 'team in (a,b)' -A"]);
        assert_eq!(command(true, 2), ["g0 g1 -A"]);
        assert_eq!(command(false, 4), [" -A -l 'team in (a,b)'"]);
    }

    #[test]
    fn groups_whose_name_another_has_take_a_command_for_each_namespace() {
        let mut many = ids(4, &["pay", "shop"]);
        for id in &mut many {
            id.name = format!("web{}", if id.namespace == "pay" { "" } else { "-svc" });
        }
        many[1].name = "web".to_owned();
        let commands = all(&many[..2], &many, false, force).unwrap().commands;
        let expected = [
            "kubectl failover force web --to web-east --context west -n pay",
            "kubectl failover force web --to web-east --context west -n shop",
        ];
        assert_eq!(commands, expected);
    }

    #[test]
    fn what_has_no_names_is_for_the_namespaces_and_a_sentence_keeps_its_words() {
        let many = ids(4, &["pay", "shop"]);
        let watch = |id: &GroupId| format!("kubectl failover watch -n {}", id.namespace);
        assert_eq!(
            only(all(&many, &many, false, watch)),
            "kubectl failover watch -A"
        );
        let resume = |id: &GroupId| {
            format!(
                "end it: kubectl failover resume {} -n {}; or do not wait",
                id.name, id.namespace
            )
        };
        assert_eq!(
            only(all(&many[..2], &many, false, resume)),
            "end it: kubectl failover resume g0 g1 -A; or do not wait"
        );
        let look =
            |id: &GroupId| format!("kubectl -n {} describe service {}", id.namespace, id.name);
        assert_eq!(all(&many, &many, true, look), None);
        let same = |_: &GroupId| "try again later".to_owned();
        assert_eq!(only(all(&many, &many, true, same)), "try again later");
    }

    #[test]
    fn very_many_names_are_several_commands_and_the_rest_is_counted() {
        let many = ids(200, &["pay"]);
        let commands = all(&many, &many, false, force).unwrap();
        assert_eq!((commands.commands.len(), commands.left_out), (4, 80));
        let long: Vec<String> = (0..25).map(|_| "n".repeat(60)).collect();
        let lengths: Vec<usize> = chunks(&long).iter().map(|chunk| chunk.len()).collect();
        assert_eq!(lengths, [11, 11, 3]);
    }
}
