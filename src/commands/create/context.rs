//! The context that the steps of `create` share: the cluster, the arguments, and where warnings go.

use parking_lot::Mutex;
use serde_json::Value;

use crate::cli::CreateArgs;
use crate::cluster::{Cluster, Clusters};
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::resource::{Kind, NewGroup, Record};

#[derive(Clone, Copy)]
pub struct CreateContext<'a> {
    pub cluster: &'a Clusters,
    pub args: &'a CreateArgs,
    pub streams: &'a Streams,
    /// Collects what is said of one of many groups. None: it is printed.
    pub said: Option<&'a Mutex<Vec<String>>>,
}

impl CreateContext<'_> {
    pub fn say(&self, line: &str) {
        match self.said {
            Some(said) => said.lock().push(line.to_owned()),
            None => self.streams.say(line),
        }
    }

    pub fn warn(&self, warnings: &[String]) {
        for warning in warnings {
            self.say(&format!("warning: {warning}"));
        }
    }
}

/// A group, and the result for its object.
pub struct Created {
    pub kind: &'static dyn Kind,
    pub group: NewGroup,
    pub outcome: CreateOutcome,
    /// No kind was named, and a route would do as well as this TrafficSplit.
    pub could_be_route: bool,
    /// The Service that clients call, if a breaker was asked for.
    pub apex: Option<AnnotatedApex>,
}

/// The Service that clients call, as it is afterwards.
pub struct AnnotatedApex {
    pub object: Value,
    pub is_changed: bool,
}

pub enum CreateOutcome {
    /// The object as it was created or, with a dry run, would be.
    Created(Value),
    /// The object as it was adopted or, with a dry run, would be.
    Adopted(Value),
    /// It already exists as requested.
    Unchanged,
}

/// Parses an object in the same way as one from the cluster.
pub fn read(kind: &'static dyn Kind, object: &Value) -> Result<Record, Problem> {
    let raw = serde_json::value::to_raw_value(object).and_then(|raw| kind.read(&raw));
    raw.map_err(|cause| Problem::new(format!("the object cannot be read: {cause}")))
}

/// The group's namespace and context, for messages.
pub fn place(cluster: &Cluster, group: &NewGroup) -> String {
    format!(
        "namespace {} of context {}",
        group.namespace, cluster.context
    )
}

/// The start of a kubectl command line in the group's namespace.
pub fn kubectl(cluster: &Cluster, group: &NewGroup) -> String {
    format!("kubectl {}", cluster.reach.within(&group.namespace))
}
