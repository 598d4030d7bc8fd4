//! Which requests a route matches, to find routes that compete for the same ones.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::meta::Meta;
use super::parent_ref::ParentRef;
use super::route_rules::RouteRule;
use crate::model::{ServiceRef, share_ports};

/// The requests that a route matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    parents: Vec<RouteParent>,
    /// Services of other namespaces that it is attached to, each with its port; none means all
    /// ports. Linkerd applies such a consumer route to clients in the route's own namespace.
    consumed: Vec<(ServiceRef, Option<u16>)>,
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
        let elsewhere = |parent: &&ParentRef| parent.is_service() && !is_here(parent);
        let consumed = parents
            .iter()
            .filter(elsewhere)
            .map(|parent| (parent.service(&meta.namespace), parent.port));
        let parents = services.map(|parent| RouteParent {
            name: parent.name.clone(),
            port: parent.port,
        });
        let rules = rules.iter().map(|rule| matches(hostnames, &rule.matches));
        Self {
            consumed: consumed.collect(),
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

    /// Whether it matches requests to these ports of a Service; empty means all ports.
    pub fn takes(&self, service: &str, ports: &[u16]) -> bool {
        self.ports_of(service).any(|port| share_ports(port, ports))
    }

    /// Whether it is a consumer route for these ports of a Service; empty means all ports.
    pub fn consumes(&self, service: &ServiceRef, ports: &[u16]) -> bool {
        let mut consumed = self.consumed.iter();
        consumed.any(|(of, port)| of == service && share_ports(port.as_slice(), ports))
    }

    /// Whether it is attached to each of these ports of a Service; empty means all ports.
    pub fn covers(&self, service: &str, ports: &[u16]) -> bool {
        let attached = |port: &u16| self.takes(service, &[*port]);
        self.ports_of(service).any(<[u16]>::is_empty)
            || (!ports.is_empty() && ports.iter().all(attached))
    }

    /// Whether each of its rules matches every request.
    pub fn matches_everything(&self) -> bool {
        let everything = matches(&[], &[]);
        self.rules.iter().all(|rule| *rule == everything)
    }

    fn ports_of(&self, service: &str) -> impl Iterator<Item = &[u16]> {
        self.parents
            .iter()
            .filter(move |parent| parent.name == service)
            .map(|parent| parent.port.as_slice())
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
