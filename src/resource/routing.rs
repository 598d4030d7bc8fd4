//! Which requests a route matches, to find routes that compete for the same ones.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::meta::Meta;
use super::route_rules::RouteRule;

/// The parent that a route is attached to: a Gateway if no kind is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParentRef {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    pub port: Option<u16>,
}

impl ParentRef {
    /// Whether it is a Service. Linkerd also accepts `core` for the core API group.
    pub fn is_service(&self) -> bool {
        self.kind.as_deref() == Some("Service")
            && matches!(self.group.as_deref(), Some("" | "core"))
    }
}

/// The requests that a route matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    parents: Vec<RouteParent>,
    rules: Vec<BTreeSet<Match>>,
    /// Indexes of the rules that fail over.
    protected: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RouteParent {
    name: String,
    /// None means all ports.
    port: Option<u16>,
}

/// A hostname and one of a rule's `matches`, in a normal form.
type Match = String;

/// How many of a route's requests another route matches too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// None of them.
    Nothing,
    /// Some of them.
    Some,
    /// All of them.
    All,
}

impl Routing {
    pub(super) fn new(
        meta: &Meta,
        parents: &[ParentRef],
        hostnames: &[String],
        rules: &[RouteRule],
        protected: Vec<usize>,
    ) -> Self {
        let is_here = |parent: &&ParentRef| {
            parent
                .namespace
                .as_ref()
                .is_none_or(|place| *place == meta.namespace)
        };
        let services = parents
            .iter()
            .filter(|parent| parent.is_service())
            .filter(is_here);
        let parents = services.map(|parent| RouteParent {
            name: parent.name.clone(),
            port: parent.port,
        });
        let rules = rules.iter().map(|rule| matches(hostnames, &rule.matches));
        Self {
            parents: parents.collect(),
            rules: rules.collect(),
            protected,
        }
    }

    /// Returns the Services that it is attached to, each once.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.parents
            .iter()
            .map(|parent| parent.name.as_str())
            .collect::<BTreeSet<&str>>()
            .into_iter()
    }

    /// Whether it matches requests to this port of a Service; none means any of its ports.
    pub fn takes(&self, service: &str, port: Option<u16>) -> bool {
        let shares = |own: Option<u16>| own.is_none() || port.is_none() || own == port;
        self.parents
            .iter()
            .any(|parent| parent.name == service && shares(parent.port))
    }

    /// Returns how many of the matches that fail over here are also in the other route.
    pub fn overlap(&self, other: &Self) -> Overlap {
        let own = self
            .protected
            .iter()
            .filter_map(|index| self.rules.get(*index))
            .flatten();
        let is_taken = |condition: &Match| other.rules.iter().any(|rule| rule.contains(condition));
        let (taken, free): (Vec<&Match>, Vec<&Match>) =
            own.partition(|condition| is_taken(condition));
        match (taken.is_empty(), free.is_empty()) {
            (true, _) => Overlap::Nothing,
            (false, true) => Overlap::All,
            (false, false) => Overlap::Some,
        }
    }
}

fn matches(hostnames: &[String], conditions: &[Value]) -> BTreeSet<Match> {
    let any_host = [String::new()];
    let hosts = if hostnames.is_empty() {
        &any_host
    } else {
        hostnames
    };
    let everything = [json!({})];
    let conditions = if conditions.is_empty() {
        &everything
    } else {
        conditions
    };
    let pair = |host: &String| {
        let host = host.to_lowercase();
        conditions
            .iter()
            .map(move |condition| format!("{host} {}", normal(condition)))
    };
    hosts.iter().flat_map(pair).collect()
}

/// Removes conditions that match everything: the API server adds a path prefix `/`.
fn normal(condition: &Value) -> Value {
    let mut condition = condition.clone();
    if let Some(fields) = condition.as_object_mut() {
        let every_path = json!({ "type": "PathPrefix", "value": "/" });
        fields.retain(|_, value| !value.is_null() && *value != json!([]) && *value != every_path);
    }
    condition
}
