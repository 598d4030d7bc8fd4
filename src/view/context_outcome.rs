//! A context in the reports about several, and its JSON.

use serde::Serialize;

use crate::model::ClusterName;
use crate::problem::Problem;

/// A context, and the name of its cluster or why it cannot be read.
#[derive(Debug)]
pub struct ContextOutcome<'a> {
    pub context: &'a str,
    pub server: Option<&'a str>,
    pub cluster: Result<&'a ClusterName, &'a Problem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextItem<'a> {
    context: &'a str,
    server: Option<&'a str>,
    /// What its cluster is called.
    cluster: Option<&'a str>,
    /// `flag`, `mirrors` or `context`, where that is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    named_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    next: &'a [String],
}

impl<'a> ContextOutcome<'a> {
    /// Returns its JSON, without what the cluster's name comes from.
    pub fn item(&self) -> ContextItem<'a> {
        let (name, problem) = (self.cluster.ok(), self.cluster.err());
        ContextItem {
            context: self.context,
            server: self.server,
            cluster: name.map(|it| it.name.as_str()),
            named_by: None,
            error: problem.map(|it| it.message.as_str()),
            next: problem.map_or(&[], |it| &it.next),
        }
    }

    /// Returns the same, with what the cluster's name comes from.
    pub fn item_with_source(&self) -> ContextItem<'a> {
        ContextItem {
            named_by: self.cluster.ok().map(|name| name.source.name()),
            ..self.item()
        }
    }
}
