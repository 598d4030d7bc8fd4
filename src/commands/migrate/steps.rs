//! The steps of a migration. Each one follows from the two objects alone, so a migration that was
//! killed goes on where it was.
//!
//! The new object is created without the label that makes it a group, and follows the old one until
//! Linkerd has accepted it. Then it gets the label, and the old object is deleted if it is still the
//! version that the new one equals. While both have the label, the new one is the newer of two
//! rivals, so every watch leaves it alone and goes on with the old one.

use std::time::Duration;

use futures::future::{OptionFuture, try_join};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::checks::Checked;
use super::effect;
use super::tasks::Task;
use crate::changes::order::{ChangeOutcome, ChangeResult};
use crate::changes::refusal::Refusal;
use crate::changes::retry::Retries;
use crate::cli::{DEFAULT_CONTROLLER, MigrateArgs, MigrateDanger};
use crate::cluster::api::{apply, groups};
use crate::cluster::{Cluster, RequestError, RequestResult};
use crate::error::explain_write;
use crate::model::{Carrier, ServiceRef};
use crate::resource::migration::{MigratedFrom, Successor};
use crate::resource::{Change, Kind, Record};
use crate::view::manifest::full_name;

/// How often to look whether Linkerd has reacted.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long to retry beyond the time limit of the wait.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// The new object has to be the newer one, and creation times are whole seconds.
const AGE_DIFFERENCE: SignedDuration = SignedDuration::from_secs(2);

/// An object and how it was read.
type RecordAndObject = (Record, Value);

/// Carries out one migration.
pub struct Migration<'a> {
    pub cluster: &'a Cluster,
    pub args: &'a MigrateArgs,
    pub task: &'a Task,
    pub checked: &'a Checked,
    /// User and host.
    pub by: &'a str,
}

enum Step {
    /// Something was changed: look again.
    Again,
    /// Nothing can be done until this has passed.
    Wait(Refusal),
    Done,
}

enum StepError {
    Request(RequestError),
    Refused(Refusal),
}

impl From<RequestError> for StepError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

type StepResult<T> = Result<T, StepError>;

impl Migration<'_> {
    /// Goes on until the group has been taken over, or the time limit passes. `report` is called
    /// with what it waits for.
    pub async fn run(&self, report: impl Fn(&str)) -> ChangeOutcome {
        let deadline = Instant::now() + self.args.timeout;
        let mut retries = Retries::within(self.args.timeout + WRITE_TIMEOUT);
        let outcome = |result| ChangeOutcome::new(self.task.target(), result);
        loop {
            match self.step().await {
                Ok(Step::Done) => return outcome(ChangeResult::Changed(self.done())),
                Ok(Step::Again) if Instant::now() < deadline + WRITE_TIMEOUT => {}
                Ok(Step::Again) => return outcome(ChangeResult::NotMet(self.contended())),
                Ok(Step::Wait(why)) if Instant::now() >= deadline => {
                    return outcome(ChangeResult::NotMet(why));
                }
                Ok(Step::Wait(why)) => {
                    report(&why.reason);
                    sleep(POLL_INTERVAL).await;
                }
                Err(StepError::Refused(why)) => return outcome(ChangeResult::Refused(why)),
                Err(StepError::Request(error)) if retries.wait(&error).await => {}
                Err(StepError::Request(error)) => {
                    let problem = explain_write(self.cluster, &error).await;
                    let problem = problem.next(self.go_on());
                    return outcome(ChangeResult::Failed(problem));
                }
            }
        }
    }

    /// Asks the API server to validate the changes.
    ///
    /// # Errors
    /// If it does not allow them.
    pub async fn dry_run(&self, from: &Record) -> RequestResult<()> {
        let found = self.read(from.kind, &from.meta.name).await?;
        let (None, Some(found)) = (&self.task.to, found) else {
            return apply::delete(self.cluster, from, true).await;
        };
        if let Some(manifest) = self.manifest(&found) {
            let (kind, namespace) = (self.task.to_kind, self.task.namespace());
            apply::create_object(self.cluster, kind, namespace, &manifest, true).await?;
        }
        apply::delete(self.cluster, from, true).await
    }

    async fn step(&self) -> StepResult<Step> {
        let Task {
            from,
            to_kind,
            to_name,
            is_cancel,
            ..
        } = self.task;
        let old = from
            .as_ref()
            .map(|from| self.read(from.kind, &from.meta.name));
        let (old, new) = try_join(
            async { OptionFuture::from(old).await.transpose() },
            self.read(*to_kind, to_name),
        )
        .await?;
        let old = self.known(old.flatten())?;
        match (old, new) {
            (None, None) => Err(StepError::Refused(Refusal::new(
                "both objects are gone",
                "someone deleted them during the migration: create the group again",
            ))),
            (None, Some(new)) => self.finish(new).await,
            (Some(old), _) if old.0.meta.deletion_timestamp.is_some() => Ok(Step::Wait(self.wait(
                "a finalizer keeps the old object from being deleted",
                "see its metadata",
            ))),
            (Some(_), None) if *is_cancel => Err(StepError::Refused(Refusal::new(
                "the object that carries the group is gone",
                "run the command again",
            ))),
            (Some((old, _)), Some(_)) if *is_cancel => {
                apply::delete(self.cluster, &old, false).await?;
                Ok(Step::Again)
            }
            (Some(old), None) => self.create(&old).await,
            (Some(old), Some(new)) => self.hand_over(old, new).await,
        }
    }

    /// Creates the new object, which is not a group yet.
    async fn create(&self, old: &RecordAndObject) -> StepResult<Step> {
        let created = old.0.meta.creation_timestamp;
        let age = created.map(|created| self.cluster.clock().now().duration_since(created));
        let young = age.and_then(|age| Duration::try_from(AGE_DIFFERENCE - age).ok());
        sleep(young.unwrap_or_default()).await;
        let manifest = self.manifest(old).ok_or_else(|| self.invalid())?;
        let (kind, namespace) = (self.task.to_kind, self.task.namespace());
        match apply::create_object(self.cluster, kind, namespace, &manifest, false).await {
            Ok(_) => Ok(Step::Again),
            Err(error) if error.is_conflict() => Ok(Step::Again),
            Err(error) => Err(error.into()),
        }
    }

    fn manifest(&self, (old, object): &RecordAndObject) -> Option<Value> {
        let Task {
            to_kind, to_name, ..
        } = self.task;
        let successor = Successor::of(old, object, to_kind.info().carrier)?;
        let origin = MigratedFrom::of(old, self.by, self.cluster.clock().now());
        let place = (old.meta.namespace.as_str(), to_name.as_str());
        let mut manifest = successor.manifest(*to_kind, place, self.checked.port, &origin)?;
        let info = to_kind.info();
        let version = self.cluster.version_of(info);
        manifest["apiVersion"] = format!("{}/{version}", info.group()).into();
        Some(manifest)
    }

    /// Makes the new object equal to the old one and, once it will be in effect, replaces the old
    /// one with it.
    async fn hand_over(&self, old: RecordAndObject, new: RecordAndObject) -> StepResult<Step> {
        let ((old, old_object), (new, new_object)) = (old, new);
        if !new.is_successor_of(&old) {
            let name = full_name(new.kind.info(), &new.meta.name);
            return Err(StepError::Refused(Refusal::new(
                format!("{name} exists already, and was not made for this migration"),
                "choose another name with --name, or delete it",
            )));
        }
        let carrier = new.kind.info().carrier;
        let successor = Successor::of(&old, &old_object, carrier).ok_or_else(|| self.invalid())?;
        if !successor.has_backends_of(&new) {
            // The backends were edited. A new object is made for them.
            if !new.is_controlled() {
                apply::delete(self.cluster, &new, false).await?;
                return Ok(Step::Again);
            }
            return Err(self.invalid());
        }
        let obstacle = match self.obstacle(&old, &new).await? {
            None => self.misled_clients(&old),
            obstacle => obstacle,
        };
        let is_newer = created(&new) > created(&old);
        let adopt = obstacle.is_none() && is_newer;
        if let Some(patch) = successor.patch(&new, &new_object, adopt) {
            apply::apply_patch(self.cluster, &new, patch, false).await?;
        }
        if let Some(obstacle) = obstacle {
            return Ok(Step::Wait(obstacle));
        }
        match apply::delete(self.cluster, &old, false).await {
            Ok(()) => Ok(Step::Again),
            // The old object has changed: the new one has to follow first.
            Err(error) if error.is_conflict() || error.is_not_found() => Ok(Step::Again),
            Err(error) => Err(error.into()),
        }
    }

    /// The old object is gone: the new one becomes a group, if it is not one yet, and takes effect.
    async fn finish(&self, (new, _): RecordAndObject) -> StepResult<Step> {
        if !new.is_controlled() {
            let label = new.meta.migrated_from().map(|from| from.label);
            let label = label.unwrap_or_else(|| DEFAULT_CONTROLLER.to_owned());
            let change = Change::builder().adopt(&label).build().unwrap_or_default();
            apply::apply(self.cluster, &new, &change, false).await?;
            return Ok(Step::Again);
        }
        if new.kind.info().carrier == Carrier::Split {
            return Ok(Step::Done);
        }
        let apex = ServiceRef::new(&new.meta.namespace, &new.apex);
        let profiles = effect::profiles(self.cluster, &apex).await;
        let profiles = match profiles {
            Err(error) if error.is_forbidden() => Vec::new(),
            profiles => profiles?,
        };
        let Some(profile) = profiles.iter().find(|profile| profile.has_overrides()) else {
            return Ok(Step::Done);
        };
        let command = effect::clear_by_hand(self.cluster, &apex.namespace, profile.name());
        Ok(Step::Wait(self.wait(
            &format!(
                "ServiceProfile {} still splits the traffic of {}, so the route has no effect yet",
                profile.name(),
                new.apex
            ),
            &format!("is linkerd-smi running? To end the split by hand: {command}"),
        )))
    }

    /// What keeps the new object from taking effect when the old one goes.
    async fn obstacle(&self, old: &Record, new: &Record) -> StepResult<Option<Refusal>> {
        if self.allows(MigrateDanger::Unaccepted) {
            return Ok(None);
        }
        if let Some(why) = &new.unaccepted {
            let next = format!(
                "is Linkerd's policy controller running? Otherwise add --allow=unaccepted; {}",
                self.go_on()
            );
            return Ok(Some(self.wait(why, &next)));
        }
        if new.kind.info().carrier == Carrier::Route {
            return Ok(None);
        }
        let apex = ServiceRef::new(&old.meta.namespace, &old.apex);
        let profiles = match effect::profiles(self.cluster, &apex).await {
            Err(error) if error.is_forbidden() => return Ok(None),
            profiles => profiles?,
        };
        let is_split = profiles.iter().any(|profile| profile.has_overrides());
        let why = "linkerd-smi has made no ServiceProfile of the TrafficSplit yet";
        let next = "is it running? Otherwise add --allow=unaccepted";
        Ok((!is_split).then(|| self.wait(why, next)))
    }

    /// Clients that are running send to the apex itself once what they were told goes, see
    /// <https://github.com/linkerd/linkerd2/issues/14274>. So the traffic has to be there.
    fn misled_clients(&self, old: &Record) -> Option<Refusal> {
        let is_to_split = self.task.to_kind.info().carrier == Carrier::Split;
        let concerns = self.checked.has_profile || is_to_split;
        if !concerns || self.allows(MigrateDanger::Away) {
            return None;
        }
        let group = old.group.as_ref().ok()?;
        let elsewhere = group.backends.iter().filter(|backend| backend.weight > 0);
        let elsewhere = elsewhere.filter(|backend| backend.name != group.apex);
        let names: Vec<&str> = elsewhere.map(|backend| backend.name.as_str()).collect();
        (!names.is_empty()).then(|| Refusal {
            allow: Some("away".to_owned()),
            ..self.wait(
                &format!(
                    "traffic is on {}: clients that are running would send it to {} itself",
                    names.join(", "),
                    group.apex
                ),
                "migrate when all traffic is there; or add --allow=away, and restart the clients",
            )
        })
    }

    /// Returns the old object, unless it is gone.
    fn known(&self, found: Option<RecordAndObject>) -> StepResult<Option<RecordAndObject>> {
        let uid = self.task.from.as_ref().map(|from| &from.meta.uid);
        match found {
            Some((record, _)) if Some(&record.meta.uid) != uid => {
                Err(StepError::Refused(Refusal::new(
                    "someone has created the old object again",
                    "find out who does; then run the command again",
                )))
            }
            found => Ok(found),
        }
    }

    async fn read(
        &self,
        kind: &'static dyn Kind,
        name: &str,
    ) -> RequestResult<Option<RecordAndObject>> {
        groups::with_object(self.cluster, kind, self.task.namespace(), name).await
    }

    fn allows(&self, danger: MigrateDanger) -> bool {
        self.args.allow.contains(&danger)
    }

    fn done(&self) -> String {
        let Task {
            from,
            to,
            is_cancel,
            ..
        } = self.task;
        let to = to.as_ref();
        match from {
            Some(from) if *is_cancel => {
                format!("kept; {}/{} is gone", from.kind.info().name, from.meta.name)
            }
            Some(from) => format!("replaces {}/{}", from.kind.info().name, from.meta.name),
            None => match to.and_then(|to| to.meta.migrated_from()) {
                Some(from) => format!("replaces {}/{}", from.kind, from.name),
                None => "in effect".to_owned(),
            },
        }
    }

    fn wait(&self, reason: &str, next: &str) -> Refusal {
        Refusal::new(reason, next)
    }

    fn invalid(&self) -> StepError {
        StepError::Refused(Refusal::new(
            "the object was edited during the migration",
            self.go_on(),
        ))
    }

    fn contended(&self) -> Refusal {
        self.wait("other writers keep changing the old object", &self.go_on())
    }

    fn go_on(&self) -> String {
        "to go on, run the command again".to_owned()
    }
}

fn created(record: &Record) -> Option<Timestamp> {
    record.meta.creation_timestamp
}
