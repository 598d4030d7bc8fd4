//! The groups to migrate: which object goes, and which one takes over.

use crate::cli::MigrateArgs;
use crate::commands::args::selection::{parse_name, parse_selector};
use crate::commands::create::existing::ExistingObjects;
use crate::model::{Carrier, GroupId};
use crate::resource::{Kind, Record};

/// One group that moves to another object.
#[derive(Clone)]
pub struct Task {
    /// The object that goes; none if it has gone.
    pub from: Option<Record>,
    /// The object that takes over, if it exists.
    pub to: Option<Record>,
    pub to_kind: &'static dyn Kind,
    pub to_name: String,
    /// `from` has not taken over from `to` yet: it only has to go.
    pub is_cancel: bool,
}

impl Task {
    /// The object that carries the group now.
    pub fn carrying(&self) -> Option<&Record> {
        let (first, second) = if self.is_cancel {
            (&self.to, &self.from)
        } else {
            (&self.from, &self.to)
        };
        first.as_ref().or(second.as_ref())
    }

    pub fn namespace(&self) -> &str {
        let record = self.from.as_ref().or(self.to.as_ref());
        record.map_or("", |record| &record.meta.namespace)
    }

    /// The group once it has been taken over.
    pub fn target(&self) -> GroupId {
        GroupId {
            namespace: self.namespace().to_owned(),
            kind: self.to_kind.info().name,
            name: self.to_name.clone(),
        }
    }

    fn members(&self) -> impl Iterator<Item = &Record> {
        self.from.iter().chain(&self.to)
    }
}

/// What a name or a selection means.
pub enum Chosen {
    Tasks(Vec<Task>),
    /// No group has this name.
    Unknown(String),
    /// Several groups have this name.
    Ambiguous(String, Vec<GroupId>),
}

/// Returns the tasks that the arguments mean. `to_kind` is the kind of new objects.
///
/// # Errors
/// If a name or the selector cannot be parsed.
pub fn choose(
    args: &MigrateArgs,
    to_kind: &'static dyn Kind,
    objects: &ExistingObjects,
) -> anyhow::Result<Chosen> {
    let all = all_tasks(args, to_kind, objects);
    if args.groups.names.is_empty() {
        let selector = parse_selector(args.groups.selector.as_deref())?;
        let is_selected = |task: &Task| {
            let mut members = task.members();
            task.is_open() && members.any(|record| selector.matches(&record.meta.labels))
        };
        return Ok(Chosen::Tasks(all.into_iter().filter(is_selected).collect()));
    }
    let members: Vec<Record> = all.iter().flat_map(Task::members).cloned().collect();
    let mut chosen: Vec<Task> = Vec::new();
    for typed in &args.groups.names {
        let picked = parse_name(typed)?.pick(&members);
        let is_meant = |task: &&Task| {
            let mut members = task.members();
            members.any(|member| picked.iter().any(|picked| picked.id() == member.id()))
        };
        let meant: Vec<&Task> = all.iter().filter(is_meant).collect();
        match meant.as_slice() {
            [] => return Ok(Chosen::Unknown(typed.clone())),
            [one] if chosen.iter().any(|known| known.is_same(one)) => {}
            [one] => chosen.push((*one).clone()),
            several => {
                let ids = several
                    .iter()
                    .filter_map(|task| Some(task.carrying()?.id()));
                return Ok(Chosen::Ambiguous(typed.clone(), ids.collect()));
            }
        }
    }
    Ok(Chosen::Tasks(chosen))
}

impl Task {
    /// Whether something is left to do: an object has to go, or the one that takes over is not a
    /// group yet.
    fn is_open(&self) -> bool {
        let to = self.to.as_ref();
        self.from.is_some() || to.is_some_and(|to| !to.is_controlled())
    }

    fn is_same(&self, other: &Self) -> bool {
        let ids = |task: &Self| task.members().map(Record::id).collect::<Vec<_>>();
        ids(self) == ids(other)
    }
}

/// Returns a task for each group, whichever object carries it.
fn all_tasks(
    args: &MigrateArgs,
    to_kind: &'static dyn Kind,
    objects: &ExistingObjects,
) -> Vec<Task> {
    let goes = if args.undo {
        Carrier::Route
    } else {
        Carrier::Split
    };
    let is_candidate =
        |record: &&Record| record.is_controlled() || record.meta.migrated_from().is_some();
    let (from, to): (Vec<&Record>, Vec<&Record>) = objects
        .records()
        .filter(is_candidate)
        .partition(|record| record.kind.info().carrier == goes);
    let successor = |from: &Record| to.iter().find(|to| to.is_successor_of(from));
    let origin = |from: &Record| to.iter().find(|to| from.is_successor_of(to));
    let mut tasks = Vec::new();
    for from in &from {
        let (other, is_cancel) = match (successor(from), origin(from)) {
            (Some(to), _) => (Some(to), false),
            (None, Some(to)) => (Some(to), true),
            (None, None) => (None, false),
        };
        let default_name = || match from.meta.migrated_from().filter(|_| args.undo) {
            Some(origin) => origin.name,
            None => from.meta.name.clone(),
        };
        let to_name = match other {
            Some(to) => to.meta.name.clone(),
            None => args.name.clone().unwrap_or_else(default_name),
        };
        tasks.push(Task {
            from: Some((*from).clone()),
            to: other.map(|to| (*to).clone()),
            to_kind: other.map_or(to_kind, |to| to.kind),
            to_name,
            is_cancel,
        });
    }
    let has_origin = |to: &Record| {
        let mut from = from.iter();
        from.any(|from| to.is_successor_of(from) || from.is_successor_of(to))
    };
    let alone = to.iter().filter(|to| !has_origin(to)).map(|to| Task {
        from: None,
        to: Some((*to).clone()),
        to_kind: to.kind,
        to_name: to.meta.name.clone(),
        is_cancel: false,
    });
    tasks.extend(alone);
    tasks
}
