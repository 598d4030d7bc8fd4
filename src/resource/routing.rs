//! Which services' requests a route takes on, so that routes which compete for them can be told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::meta::Meta;
use super::route::ParentRef;
use super::route_rules::RouteRule;

/// What a route takes on.
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
    /// None: every port.
    port: Option<u16>,
}

/// A hostname and one of a rule's `matches`, in one way of writing.
type Match = String;

/// How much of a route's requests another one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    Nothing,
    Some,
    All,
}

impl Routing {
    pub(crate) fn new(
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

    /// The services whose requests it takes on, each once.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.parents
            .iter()
            .map(|parent| parent.name.as_str())
            .collect::<BTreeSet<&str>>()
            .into_iter()
    }

    /// Whether it takes on requests to this service's port; none: to any of its ports.
    pub fn takes(&self, service: &str, port: Option<u16>) -> bool {
        let shares = |own: Option<u16>| own.is_none() || port.is_none() || own == port;
        self.parents
            .iter()
            .any(|parent| parent.name == service && shares(parent.port))
    }

    /// How much of what fails over here the other one has matches for that are the same.
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

/// Without what says nothing: the API server fills in a path prefix that fits every request.
fn normal(condition: &Value) -> Value {
    let mut condition = condition.clone();
    if let Some(fields) = condition.as_object_mut() {
        let every_path = json!({ "type": "PathPrefix", "value": "/" });
        fields.retain(|_, value| !value.is_null() && *value != json!([]) && *value != every_path);
    }
    condition
}
