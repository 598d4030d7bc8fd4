use futures::future::join3;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::execute::AT_ONCE;
use super::order::{Order, Refusal};
use crate::cli::Danger;
use crate::cluster::api::groups;
use crate::cluster::queries::conflicts;
use crate::cluster::queries::conflicts::Conflicts;
use crate::cluster::remotes::remote_clusters;
use crate::cluster::remotes::remote_clusters::NamedRemotes;
use crate::cluster::{Cluster, Clusters};
use crate::model::{Group, Invalid, Override, Readiness, WhyUnknown};
use crate::readiness::{backends, read_once};
use crate::resource::{Meta, Record};

/// An object as it is now, or why it can't be read.
type CurrentObject = Result<(Record, Value), String>;

/// What is looked at beside the group and its backends.
#[derive(Debug, Clone, Copy, Default)]
pub struct PreflightReads {
    conflicts: bool,
    objects: bool,
}

impl PreflightReads {
    pub fn of(order: &dyn Order) -> Self {
        Self {
            conflicts: order.fears_conflicts(),
            objects: order.needs_objects(),
        }
    }
}

/// A group as an order finds it.
#[derive(Debug)]
pub struct Preflight {
    pub group: Result<Group, Invalid>,
    /// Where that is looked at.
    pub object: Option<CurrentObject>,
    /// One for each backend.
    pub readiness: Vec<Readiness>,
    /// What may keep the object from having an effect.
    pub obstacles: Vec<String>,
    /// What is not known of that.
    pub doubts: Vec<String>,
    /// The GitOps tool that owns the object.
    pub owner: Option<&'static str>,
    /// The clusters that are asked how ready mirrors are.
    pub asked: NamedRemotes,
    /// `--context … -n …`, as a command line of ours that is suggested needs it.
    pub place: String,
    /// The start of a kubectl command line in the group's namespace.
    pub kubectl: String,
    /// Who gives the order.
    pub by: String,
    /// The API server's time.
    pub now: Timestamp,
    /// When the order was given: the same for all groups, and however often a write is tried.
    pub started: Timestamp,
}

impl Preflight {
    /// The group, where the object is one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn valid(&self) -> Result<&Group, Refusal> {
        self.group.as_ref().map_err(|invalid| Refusal {
            danger: None,
            may_pass: false,
            reason: format!("it is no valid group: {}", invalid.reason),
            next: format!("to mend it, {}", invalid.mend),
        })
    }

    /// Whether how ready a backend is could not be read just now.
    pub fn misses_readiness(&self) -> bool {
        self.readiness
            .iter()
            .any(|readiness| matches!(readiness, Readiness::Unknown { why } if why.is_failing()))
    }

    /// What to do where readiness is unknown, and no change of local endpoints will make it known.
    pub fn how_to_know(&self, why: &WhyUnknown) -> Option<String> {
        let check = || {
            format!(
                "to see what may be missing: kubectl failover check {}",
                self.place
            )
        };
        remote_clusters::how_to_ask(&self.asked, why).or_else(|| why.is_lasting().then(check))
    }

    /// The override in force.
    pub fn standing(&self) -> Option<&Override> {
        self.group.as_ref().ok()?.override_in_force(self.now)
    }

    /// Refuses what could have no effect, or be put back.
    ///
    /// # Errors
    /// Where that is so, and not allowed.
    pub fn refuse_conflicts(&self, allowed: &[Danger]) -> Result<(), Refusal> {
        if !self.obstacles.is_empty() && !allowed.contains(&Danger::Conflict) {
            return Err(Refusal {
                danger: Some(Danger::Conflict),
                may_pass: false,
                reason: self.obstacles.join("; "),
                next: "remove what should not route the service".to_owned(),
            });
        }
        self.refuse_owner(allowed)
    }

    /// Refuses where a GitOps tool may put the object back.
    ///
    /// # Errors
    /// Where that is so, and not allowed.
    pub fn refuse_owner(&self, allowed: &[Danger]) -> Result<(), Refusal> {
        match self.owner {
            Some(owner) if !allowed.contains(&Danger::Gitops) => Err(Refusal {
                danger: Some(Danger::Gitops),
                may_pass: false,
                reason: format!("{owner} owns the object, and may put it back"),
                next: format!(
                    "have {owner} leave the weights and our annotations alone, or change them there"
                ),
            }),
            _ => Ok(()),
        }
    }
}

/// Looks at these groups: their backends' readiness and, where it matters, what else routes their apexes.
pub async fn look(
    cluster: &Clusters,
    records: &[Record],
    by: &str,
    started: Timestamp,
    looks: PreflightReads,
) -> Vec<Preflight> {
    let wanted = backends::backends_of(records);
    let effects = async {
        if looks.conflicts {
            conflicts::read(cluster, records).await
        } else {
            Conflicts::default()
        }
    };
    let objects = records.iter().map(async |record| {
        if looks.objects {
            whole(cluster, record).await
        } else {
            None
        }
    });
    let objects = stream::iter(objects).buffered(AT_ONCE).collect::<Vec<_>>();
    let (known, effects, objects) =
        join3(read_once::read(cluster, &wanted), effects, objects).await;
    let Conflicts {
        mut obstacles,
        doubts,
    } = effects;
    let doubts_on = |record: &Record| {
        let namespace = Some(&record.meta.namespace);
        let near = doubts
            .iter()
            .filter(|doubt| doubt.namespace.is_none() || doubt.namespace.as_ref() == namespace);
        near.map(|doubt| doubt.words.clone()).collect()
    };
    let now = cluster.clock().now();
    let seen = |(record, object): (&Record, Option<CurrentObject>)| Preflight {
        group: record.group.clone(),
        object,
        readiness: record
            .group
            .as_ref()
            .map(|group| backends::in_order(group, &known))
            .unwrap_or_default(),
        obstacles: obstacles.remove(&record.id()).unwrap_or_default(),
        doubts: doubts_on(record),
        owner: record.meta.gitops_owner(),
        asked: cluster.remotes().asked(),
        place: cluster.reach.for_plugin(&record.meta.namespace),
        kubectl: format!("kubectl {}", cluster.reach.within(&record.meta.namespace)),
        by: by.to_owned(),
        now,
        started,
    };
    records.iter().zip(objects).map(seen).collect()
}

/// The object as it is now; a change that is planned on it is refused where the record is another version.
async fn whole(cluster: &Cluster, record: &Record) -> Option<CurrentObject> {
    let Meta {
        namespace, name, ..
    } = &record.meta;
    let read = groups::with_object(cluster, record.kind, namespace, name).await;
    read.map_err(|error| error.cause.to_string()).transpose()
}
