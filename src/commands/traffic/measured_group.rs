//! A group from window to window.

use tokio::time::Instant;

use crate::model::Group;
use crate::model::traffic::{EarlierTraffic, Traffic};
use crate::problem::Problem;
use crate::resource::Record;
use crate::text::clean;

/// A group whose traffic is measured.
#[derive(Debug)]
pub struct MeasuredGroup {
    pub record: Record,
    pub group: Group,
    /// Its weights changed during the last window.
    pub has_moved: bool,
    /// What was answered since the weights last changed, and before that.
    since: EarlierTraffic,
    pub before: Option<EarlierTraffic>,
    /// When its weights were last seen to change.
    pub moved: Option<Instant>,
    /// Which other objects route its requests, if they were looked for.
    pub conflicts: Option<Vec<String>>,
    /// Why it is left out.
    pub lost: Option<Problem>,
}

impl MeasuredGroup {
    /// # Errors
    /// If the object is not a valid group.
    pub fn new(record: Record) -> Result<Self, Problem> {
        Ok(Self {
            group: valid(&record)?,
            record,
            has_moved: false,
            since: EarlierTraffic::default(),
            before: None,
            moved: None,
            conflicts: None,
            lost: None,
        })
    }

    /// Takes over the group as it is after a window.
    ///
    /// # Errors
    /// If it is not there, not valid, or has other backends.
    pub fn renew(&mut self, records: &[Record], traffic: &Traffic) -> Result<(), Problem> {
        let id = &self.group.id;
        let record = records.iter().find(|record| record.id() == *id);
        let record = record
            .ok_or_else(|| Problem::new(format!("{} was deleted", clean(&id.to_string()))))?;
        let group = valid(record)?;
        let services = |group: &Group| -> Vec<_> {
            let backends = group.backends.iter();
            backends.map(|backend| backend.service.clone()).collect()
        };
        if services(&group) != services(&self.group) {
            return Err(Problem::new(format!(
                "the backends of {} changed while requests were counted",
                clean(&group.id.to_string())
            ))
            .next("run the command again"));
        }
        let backends = self.group.backends.iter().zip(&traffic.backends);
        for (backend, traffic) in backends.filter(|(backend, _)| backend.weight > 0) {
            self.since.add(&backend.name, traffic);
        }
        self.has_moved = group.weights_on_object() != self.group.weights_on_object();
        if self.has_moved {
            self.before = Some(std::mem::take(&mut self.since));
            self.moved = Some(Instant::now());
        }
        (self.record, self.group) = (record.clone(), group);
        Ok(())
    }
}

/// Returns the group of an object.
///
/// # Errors
/// If the object is not a valid group.
pub fn valid(record: &Record) -> Result<Group, Problem> {
    record.group.clone().map_err(|invalid| {
        Problem::new(format!(
            "{} is not a valid group: {}",
            clean(&record.id().to_string()),
            clean(&invalid.reason)
        ))
        .next(clean(&invalid.mend))
    })
}
