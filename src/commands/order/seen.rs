use futures::future::{join, join_all};
use jiff::Timestamp;

use super::Refusal;
use crate::cli::Danger;
use crate::cluster::{Cluster, groups, profiles, readiness, stream};
use crate::model::{Group, Invalid, Readiness};
use crate::resource::Record;

/// A group as an order finds it.
#[derive(Debug)]
pub struct Seen {
    pub group: Result<Group, Invalid>,
    /// One for each backend.
    pub readiness: Vec<Readiness>,
    /// Other objects that route the same apex.
    pub rivals: Vec<String>,
    /// The GitOps tool that owns the object.
    pub owner: Option<&'static str>,
    /// `--context … -n …`, as a command line that is suggested needs it.
    pub place: String,
    /// Who gives the order.
    pub by: String,
    /// The API server's time.
    pub now: Timestamp,
}

impl Seen {
    /// The group, where the object is one.
    ///
    /// # Errors
    /// Where it is none.
    pub fn valid(&self) -> Result<&Group, Refusal> {
        self.group.as_ref().map_err(|invalid| Refusal {
            danger: None,
            reason: format!("it is no valid group: {}", invalid.reason),
            next: format!("to mend it, {}", invalid.mend),
        })
    }

    /// Refuses what could have no effect, or be put back.
    ///
    /// # Errors
    /// Where that is so, and not allowed.
    pub fn refuse_conflicts(&self, allowed: &[Danger]) -> Result<(), Refusal> {
        if !self.rivals.is_empty() && !allowed.contains(&Danger::Conflict) {
            return Err(Refusal {
                danger: Some(Danger::Conflict),
                reason: format!(
                    "{} routes the same service, so this may have no effect",
                    self.rivals.join(" and ")
                ),
                next: "remove what should not route it".to_owned(),
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
pub async fn look(cluster: &Cluster, records: &[Record], by: &str, conflicts: bool) -> Vec<Seen> {
    let wanted = readiness::backends_of(records);
    let rivals = join_all(records.iter().map(|record| async move {
        if conflicts { find_rivals(cluster, record).await } else { Vec::new() }
    }));
    let (known, rivals) = join(readiness::read(cluster, &wanted), rivals).await;
    let now = cluster.clock().now();
    let seen = |(record, rivals): (&Record, Vec<String>)| Seen {
        group: record.group.clone(),
        readiness: record.group.as_ref().map(|group| readiness::in_order(group, &known)).unwrap_or_default(),
        rivals,
        owner: record.meta.gitops_owner(),
        place: format!("--context {} -n {}", cluster.context, record.meta.namespace),
        by: by.to_owned(),
        now,
    };
    records.iter().zip(rivals).map(seen).collect()
}

/// Other objects of the namespace that route the same apex. What can't be read is no rival.
async fn find_rivals(cluster: &Cluster, record: &Record) -> Vec<String> {
    let namespace = &record.meta.namespace;
    let source = groups::all(record.kind, namespace);
    let (listed, profile) = join(stream::list(cluster, &source), profiles::foreign(cluster, record)).await;
    let others = listed.map(|(records, _)| records).unwrap_or_default().into_iter();
    let same_apex = others.filter(|other| other.apex == record.apex && other.meta.uid != record.meta.uid);
    let named = same_apex.map(|other| format!("{} {}", other.kind.info().kind, other.meta.name));
    named.chain(profile.ok().flatten()).collect()
}
