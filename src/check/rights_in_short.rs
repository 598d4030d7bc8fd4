//! The user's missing rights, each one once for all commands.

use super::missing_rights::{Gap, Review, place_of};
use crate::access::rights::RbacCommand;
use crate::cluster::Cluster;
use crate::model::check::CheckResult;
use crate::text::place;

/// What is missing on resources, and for which commands.
struct Lack {
    verbs: Vec<&'static str>,
    resources: Vec<String>,
    place: String,
    needed_by: Vec<&'static str>,
    useful_for: Vec<&'static str>,
}

impl Lack {
    fn of(gap: &Gap<'_>, namespace: Option<&str>) -> Self {
        Self {
            verbs: Vec::new(),
            resources: vec![gap.right.full_resource()],
            place: place_of(gap.right, namespace),
            needed_by: Vec::new(),
            useful_for: Vec::new(),
        }
    }

    fn add(&mut self, task: RbacCommand, gap: &Gap<'_>) {
        let commands = if gap.is_needed {
            &mut self.needed_by
        } else {
            &mut self.useful_for
        };
        add_new(&mut self.verbs, &gap.verbs);
        add_new(commands, &[task.name()]);
    }

    fn words(&self) -> String {
        let (verbs, resources) = (self.verbs.join(", "), self.resources.join(", "));
        let uses = [
            ("needed by", &self.needed_by),
            ("useful for", &self.useful_for),
        ];
        let uses = uses.iter().filter(|(_, commands)| !commands.is_empty());
        let uses = uses.map(|(what, commands)| format!("{what} {}", commands.join(", ")));
        let uses = uses.collect::<Vec<_>>().join("; ");
        format!("cannot {verbs} {resources} in {}: {uses}", self.place)
    }
}

fn add_new(known: &mut Vec<&'static str>, more: &[&'static str]) {
    for word in more {
        if !known.contains(word) {
            known.push(word);
        }
    }
}

/// Returns one check of all commands. A right that a command needs is an error, and a warning
/// otherwise.
pub fn checks(
    cluster: &Cluster,
    reviews: &[Review<'_>],
    namespace: Option<&str>,
) -> Vec<CheckResult> {
    let description = format!("every command is allowed in {}", place(namespace));
    let failed = reviews.iter().find_map(|(_, gaps)| gaps.as_ref().err());
    if let Some(complaints) = failed {
        return vec![CheckResult::error(description, complaints.clone())];
    }
    let lacks = merged(lacks(reviews, namespace));
    let lines: Vec<String> = lacks.iter().map(Lack::words).collect();
    let check = if lacks.iter().any(|lack| !lack.needed_by.is_empty()) {
        CheckResult::error(description, lines)
    } else {
        CheckResult::warning(description, lines)
    };
    let flags = cluster.reach.scoped(namespace);
    let hint = format!("the Role of a command: kubectl failover check --rbac COMMAND {flags}");
    vec![check.hint(hint)]
}

/// Returns what is missing, by resource.
fn lacks(reviews: &[Review<'_>], namespace: Option<&str>) -> Vec<Lack> {
    let mut lacks: Vec<Lack> = Vec::new();
    for (task, gaps) in reviews {
        for gap in gaps.iter().flatten() {
            let mut new = Lack::of(gap, namespace);
            let is_same =
                |lack: &&mut Lack| lack.resources == new.resources && lack.place == new.place;
            match lacks.iter_mut().find(is_same) {
                Some(lack) => lack.add(*task, gap),
                None => {
                    new.add(*task, gap);
                    lacks.push(new);
                }
            }
        }
    }
    lacks
}

/// Puts resources together that lack the same.
fn merged(lacks: Vec<Lack>) -> Vec<Lack> {
    let mut merged: Vec<Lack> = Vec::new();
    for lack in lacks {
        let is_same = |known: &&mut Lack| {
            (&known.verbs, &known.place) == (&lack.verbs, &lack.place)
                && known.needed_by == lack.needed_by
                && known.useful_for == lack.useful_for
        };
        match merged.iter_mut().find(is_same) {
            Some(known) => known.resources.extend(lack.resources),
            None => merged.push(lack),
        }
    }
    merged.sort_by_key(|lack| lack.needed_by.is_empty());
    merged
}
