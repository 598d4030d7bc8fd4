//! The second object of a change: the Service that clients call, whose annotations configure the
//! circuit breakers of Linkerd's proxies.

use std::time::Duration;

use serde_json::Value;

use super::retry::Retries;
use crate::cluster::api::apex_services::{self, ApexService};
use crate::cluster::{Cluster, RequestResult};
use crate::error::{explain, explain_write};
use crate::model::ServiceRef;
use crate::problem::Problem;
use crate::resource::annotations::LinkerdAnnotations;
use crate::resource::breaker::{Breaker, BreakerPlan};
use crate::resource::meta::Annotations;
use crate::resource::{annotation_patch, patched};

const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a Service's circuit breaker is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOrder {
    pub breaker: Breaker,
    /// Replace values that this tool does not write.
    pub overwrite: bool,
}

/// A change of a Service's annotations.
#[derive(Debug, Clone)]
pub struct BreakerChange {
    pub order: BreakerOrder,
    pub service: ApexService,
}

impl BreakerOrder {
    pub fn plan(self, service: &ApexService) -> BreakerPlan {
        self.breaker.plan(&service.meta.annotations, self.overwrite)
    }
}

/// Returns a line for an annotation that changes: the current and the new value.
pub fn line(key: &str, is: Option<&str>, value: Option<&str>) -> String {
    const NOT_SET: &str = "(not set)";
    let (is, value) = (is.unwrap_or(NOT_SET), value.unwrap_or(NOT_SET));
    format!("{key}: {is} -> {value}")
}

/// Returns a line for each annotation of Linkerd's that changes.
pub fn lines(current: &Annotations, wanted: &LinkerdAnnotations) -> Vec<String> {
    let wanted = wanted.iter();
    wanted
        .map(|(key, value)| line(key, current.linkerds(key), value.as_deref()))
        .collect()
}

/// Says that someone else's values stay, and how to replace them.
pub fn left_alone(service: &ApexService, values: &str) -> String {
    format!(
        "service {} has {values} already; left alone (--overwrite replaces it)",
        service.meta.name
    )
}

impl BreakerChange {
    fn place(&self) -> ServiceRef {
        ServiceRef::new(&self.service.meta.namespace, &self.service.meta.name)
    }

    /// Returns the Service as it would be; none if nothing changes.
    pub fn preview(&self) -> Option<Value> {
        let BreakerPlan::Change(annotations) = self.order.plan(&self.service) else {
            return None;
        };
        let ApexService { meta, object } = &self.service;
        patched(object, &annotation_patch(meta, &annotations))
    }

    /// Writes the annotations, again after conflicts and failures that may pass. Returns the
    /// Service as it is then. Values that others wrote meanwhile stay.
    ///
    /// # Errors
    /// If the Service cannot be written. Says that the group's own object is written already.
    pub async fn write(mut self, cluster: &Cluster, dry_run: bool) -> Result<Value, Problem> {
        let at = self.place();
        let mut retries = Retries::within(WRITE_TIMEOUT);
        loop {
            let BreakerPlan::Change(annotations) = self.order.plan(&self.service) else {
                return Ok(self.service.object);
            };
            let meta = &self.service.meta;
            let error = match apex_services::annotate(cluster, meta, &annotations, dry_run).await {
                Ok(object) => return Ok(object),
                Err(error) => error,
            };
            if !retries.wait(&error).await {
                let problem = explain_write(cluster, &error).await;
                return Err(unwritten(&at, problem, dry_run));
            }
            let found = read(cluster, &at, &mut retries).await;
            self.service = found.map_err(|problem| unwritten(&at, problem, dry_run))?;
        }
    }
}

/// Reads the Service again.
async fn read(
    cluster: &Cluster,
    at: &ServiceRef,
    retries: &mut Retries,
) -> Result<ApexService, Problem> {
    loop {
        let found: RequestResult<_> = apex_services::get(cluster, at).await;
        match found {
            Ok(Some(service)) => return Ok(service),
            Ok(None) => return Err(Problem::new("it was deleted")),
            Err(error) if retries.wait(&error).await => {}
            Err(error) => return Err(explain(cluster, &error)),
        }
    }
}

/// Says which of the two objects is written.
fn unwritten(service: &ServiceRef, problem: Problem, dry_run: bool) -> Problem {
    let name = &service.name;
    let cause = &problem.message;
    if dry_run {
        let message = format!("service {name} cannot be annotated: {cause}");
        return Problem { message, ..problem };
    }
    let message = format!(
        "the group's own object is as ordered, but service {name} was not annotated: {cause}"
    );
    Problem { message, ..problem }.next("run the same command again: it goes on with the service")
}
