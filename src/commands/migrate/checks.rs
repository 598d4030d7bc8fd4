//! Checks a migration before anything is written.

use futures::future::join3;
use serde_json::Value;

use super::effect;
use super::tasks::Task;
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::cli::{MigrateArgs, MigrateDanger};
use crate::cluster::api::apply;
use crate::cluster::api::service_profiles::Profile;
use crate::cluster::queries::conflicts::conflict;
use crate::cluster::queries::runners::Runners;
use crate::cluster::{Clusters, RequestError};
use crate::commands::create::existing::ExistingObjects;
use crate::commands::create::{context, ports, requirements};
use crate::error::explain;
use crate::model::{Backend, Carrier, Group, LateWatch, Runner, ServiceRef};
use crate::problem::Problem;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::migration::{MigratedFrom, Successor, ignored_by_a_split, lost_by_a_split};
use crate::resource::{NewGroup, Record};
use crate::view::manifest::full_name;

/// What the checks found out.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// The port of a new route.
    pub port: Option<u16>,
    /// A ServiceProfile splits the traffic of the service.
    pub has_profile: bool,
    pub warnings: Vec<String>,
}

/// A migration to check.
#[derive(Clone, Copy)]
pub struct MigrationCheck<'a> {
    pub cluster: &'a Clusters,
    pub args: &'a MigrateArgs,
    pub objects: &'a ExistingObjects,
    pub task: &'a Task,
    pub seen: &'a Preflight,
}

impl MigrationCheck<'_> {
    /// Checks that `from` can go, and that the new object will be in effect.
    ///
    /// # Errors
    /// If the migration is refused.
    pub async fn run(self, from: &Record) -> Result<Checked, Refusal> {
        let Self { cluster, task, .. } = self;
        let group = self.seen.valid()?;
        if !from.is_controlled() {
            return Err(Refusal::new(
                "it is not a group yet: a migration to it was not finished",
                "finish that first, with the same command and the other direction",
            ));
        }
        let object = self.object()?;
        let carrier = task.to_kind.info().carrier;
        self.name_is_free(from)?;
        let asked = self.asked(group);
        let apex = ServiceRef::new(&asked.namespace, &asked.apex);
        let (services, profiles, may_go) = join3(
            requirements::read(cluster, &asked),
            effect::profiles(cluster, &apex),
            apply::delete(cluster, from, true),
        )
        .await;
        if let Err(error) = may_go
            && !error.is_conflict()
        {
            return Err(self.failed(&error));
        }
        let services = services.map_err(|error| self.failed(&error))?;
        let checked = requirements::check(cluster, &asked, carrier, &services, true).await;
        let mut checked = Checked {
            warnings: checked.map_err(|problem| refused(&problem))?,
            ..Checked::default()
        };
        let mut asked = asked;
        match carrier {
            Carrier::Route => {
                if let Some(to) = &task.to {
                    asked.port = to.ports.first().copied().or(asked.port);
                }
                let port = ports::of_route(&asked, &services);
                asked.port = Some(port.map_err(|problem| refused(&problem))?);
            }
            Carrier::Split => {
                self.can_be_a_split(from, object)?;
                checked.warnings.extend(ignored_by_a_split(object));
            }
        }
        checked.port = asked.port;
        let preview = self.preview(from, object, asked.port)?;
        let needed = ports::needed(&asked, &preview, &services);
        let place = context::place(cluster, &asked);
        ports::check(&asked, carrier, &needed, &services, &place)
            .map_err(|problem| refused(&problem))?;
        if carrier == Carrier::Route {
            let apex = services.find(&apex);
            let others = apex.map(|it| it.ports.len()).unwrap_or_default();
            if let (true, Some(port)) = (others > 1, asked.port) {
                checked.warnings.push(format!(
                    "{} has other ports than {port}: a TrafficSplit moved their traffic too, the \
                     route does not",
                    asked.apex
                ));
            }
        }
        self.nothing_else_routes(from, &preview)?;
        match profiles {
            Ok(profiles) => {
                checked.has_profile = self.profiles(group, &profiles).await?;
                let is_away = |backend: &Backend| backend.weight > 0 && backend.name != group.apex;
                let moves = carrier == Carrier::Route && group.backends.iter().any(is_away);
                if moves && !checked.has_profile {
                    checked.warnings.push(format!(
                        "no ServiceProfile splits the traffic of {}, so the TrafficSplit has no \
                         effect: traffic moves as soon as Linkerd accepts the route",
                        group.apex
                    ));
                }
            }
            Err(error) => self.doubt(&error)?,
        }
        self.something_runs_it(from, &preview).await?;
        Ok(checked)
    }

    /// Whether a ServiceProfile still splits the traffic of a route that has taken over.
    pub async fn is_split_by_profile(self, route: &Record) -> bool {
        let apex = ServiceRef::new(&route.meta.namespace, &route.apex);
        let is_route = route.kind.info().carrier == Carrier::Route;
        let profiles = effect::profiles(self.cluster, &apex).await;
        let splits = |profiles: Vec<Profile>| profiles.iter().any(Profile::has_overrides);
        is_route && profiles.is_ok_and(splits)
    }

    fn object(&self) -> Result<&Value, Refusal> {
        match &self.seen.object {
            Some(Ok((_, object))) => Ok(object),
            Some(Err(cause)) => Err(Refusal::new(
                format!("the object cannot be read: {cause}"),
                "try again later",
            )),
            None => Err(Refusal::new("the object is gone", "run the command again")),
        }
    }

    fn asked(&self, group: &Group) -> NewGroup {
        let names = group.backend_names().into_iter();
        NewGroup {
            namespace: self.task.namespace().to_owned(),
            name: self.task.to_name.clone(),
            apex: group.apex.clone(),
            controlled_by: String::new(),
            primary: group.primary_name().to_owned(),
            backends: names.map(str::to_owned).collect(),
            port: self.args.port,
            weights: Vec::new(),
            settings: Default::default(),
            linkerds: Default::default(),
        }
    }

    /// Another object must not have the name of the new one.
    fn name_is_free(&self, from: &Record) -> Result<(), Refusal> {
        let Task {
            to,
            to_kind,
            to_name,
            ..
        } = self.task;
        let named = |record: &&Record| {
            record.meta.namespace == from.meta.namespace
                && record.kind.info() == to_kind.info()
                && record.meta.name == *to_name
        };
        if to.is_some() || self.objects.records().find(named).is_none() {
            return Ok(());
        }
        let next = match to_kind.info().carrier {
            Carrier::Route => "choose another name for the route: --name NAME",
            Carrier::Split => "rename or delete that one",
        };
        let name = full_name(to_kind.info(), to_name);
        Err(Refusal::new(format!("{name} exists already"), next))
    }

    fn can_be_a_split(&self, from: &Record, object: &Value) -> Result<(), Refusal> {
        let lost = lost_by_a_split(from, object);
        if lost.is_empty() {
            return Ok(());
        }
        Err(Refusal::new(
            format!("a TrafficSplit cannot have {}", lost.join(", ")),
            "remove that from the route first, or keep the route",
        ))
    }

    /// Returns the new object as it will be.
    fn preview(&self, from: &Record, object: &Value, port: Option<u16>) -> Result<Record, Refusal> {
        let Task {
            to_kind, to_name, ..
        } = self.task;
        let origin = MigratedFrom::of(from, "", self.seen.now);
        let successor = Successor::of(from, object, to_kind.info().carrier);
        let place = (from.meta.namespace.as_str(), to_name.as_str());
        let manifest =
            successor.and_then(|successor| successor.manifest(*to_kind, place, port, &origin));
        let preview = manifest.and_then(|manifest| context::read(*to_kind, &manifest).ok());
        preview.ok_or_else(|| Refusal::new("the object cannot be read", "try again later"))
    }

    /// Neither another group nor another route must have the requests of the new object.
    fn nothing_else_routes(&self, from: &Record, preview: &Record) -> Result<(), Refusal> {
        let to = self.task.to.as_ref();
        let is_other = |record: &&Record| {
            record.id() != from.id() && to.is_none_or(|to| to.id() != record.id())
        };
        let others = || self.objects.records().filter(is_other);
        let mut rivals = others().filter(|other| other.is_controlled());
        if let Some(rival) = rivals.find(|other| other.is_rival_of(preview)) {
            let name = full_name(rival.kind.info(), &rival.meta.name);
            return Err(Refusal::new(
                format!("{name} manages service {} too", preview.apex),
                format!(
                    "delete one of the two: {} get {name} -o yaml",
                    self.seen.kubectl
                ),
            ));
        }
        let conflicts = others().filter_map(|other| conflict(preview, other));
        let hidden = others().filter(|other| {
            let hides = conflict(other, preview);
            other.routing.is_some() && hides.is_some_and(|conflict| conflict.is_total)
        });
        let hidden = hidden.map(|other| {
            let name = full_name(other.kind.info(), &other.meta.name);
            format!("{name} would have no effect any more")
        });
        let words: Vec<String> = conflicts
            .map(|conflict| conflict.words)
            .chain(hidden)
            .collect();
        if words.is_empty() {
            return Ok(());
        }
        Refusal::new(words.join("; "), "remove what should not route the service")
            .unless_allowed(MigrateDanger::Conflict, &self.args.allow)
    }

    /// Checks the ServiceProfiles of the apex. Returns whether one splits its traffic.
    async fn profiles(&self, group: &Group, profiles: &[Profile]) -> Result<bool, Refusal> {
        let is_to_route = self.task.to_kind.info().carrier == Carrier::Route;
        let splits = profiles.iter().find(|profile| profile.has_overrides());
        if is_to_route && let Some(profile) = profiles.iter().find(|it| it.has_routes()) {
            return Err(Refusal::new(
                format!(
                    "ServiceProfile {} has routes of its own, which take precedence over an \
                     HTTPRoute",
                    profile.name()
                ),
                "replace them with rules of an HTTPRoute first, and delete the ServiceProfile",
            ));
        }
        let Some(profile) = splits else {
            if !is_to_route && effect::smi_is_running(self.cluster).await == Some(false) {
                Refusal::new(
                    "Linkerd's SMI extension is not running, so the TrafficSplit will have no \
                     effect",
                    "install it: https://linkerd.io/2/tasks/linkerd-smi/",
                )
                .unless_allowed(MigrateDanger::Unaccepted, &self.args.allow)?;
            }
            return Ok(false);
        };
        if profile.is_left_alone() || profile.leads_elsewhere(group) {
            Refusal::new(
                format!(
                    "ServiceProfile {} splits the traffic of {}, but not for this group",
                    profile.name(),
                    group.apex
                ),
                "remove its dstOverrides first",
            )
            .unless_allowed(MigrateDanger::Conflict, &self.args.allow)?;
        }
        if is_to_route && effect::smi_is_running(self.cluster).await == Some(false) {
            Refusal::new(
                format!(
                    "ServiceProfile {} splits the traffic of {}, and Linkerd's SMI extension, \
                     which would end that, is not running",
                    profile.name(),
                    group.apex
                ),
                "start linkerd-smi until the migration is done",
            )
            .unless_allowed(MigrateDanger::Conflict, &self.args.allow)?;
        }
        Ok(true)
    }

    /// The user may not see the ServiceProfiles.
    fn doubt(&self, error: &RequestError) -> Result<(), Refusal> {
        Refusal::new(
            format!(
                "can't tell whether a ServiceProfile routes the same service: {}",
                error.cause
            ),
            "have someone run the migration who may list serviceprofiles.linkerd.io",
        )
        .unless_allowed(MigrateDanger::Conflict, &self.args.allow)
    }

    /// What runs the group must be able to run the new object.
    async fn something_runs_it(&self, from: &Record, preview: &Record) -> Result<(), Refusal> {
        let runners = Runners::read(self.cluster, &[self.task.namespace()]).await;
        let kind = preview.kind.info().kind;
        let (before, after) = (
            runners.of(from, self.seen.now),
            runners.of(&labelled(from, preview), self.seen.now),
        );
        let reason = match (&before, &after) {
            (Runner::Upstream, Runner::Watch(_)) => return Ok(()),
            (Runner::Upstream, _) => format!(
                "Linkerd's own failover controller runs the group, and it does not run {kind}s: \
                 nothing would fail the service over"
            ),
            (Runner::Watch(holder) | Runner::Late(LateWatch { holder, .. }), after)
                if before != *after =>
            {
                format!(
                    "the running watch ({holder}) would not run the new {kind}: it may not \
                     change {kind}s, or selects other labels"
                )
            }
            _ => return Ok(()),
        };
        Refusal::new(
            reason,
            format!(
                "start a watch that may: kubectl failover watch {}",
                self.seen.place
            ),
        )
        .unless_allowed(MigrateDanger::Unattended, &self.args.allow)
    }

    fn failed(&self, error: &RequestError) -> Refusal {
        refused(&explain(self.cluster, error))
    }
}

/// Returns the preview with the label of a group.
fn labelled(from: &Record, preview: &Record) -> Record {
    let mut record = preview.clone();
    let label = from
        .meta
        .labels
        .iter()
        .filter(|(key, _)| *key == CONTROLLED_BY);
    let labels = preview.meta.labels.iter().chain(label);
    let owned = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    record.meta.labels = owned.collect();
    record
}

fn refused(problem: &Problem) -> Refusal {
    Refusal::new(problem.message.clone(), problem.next.join("; "))
}
