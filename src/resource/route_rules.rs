//! The rules of a route: which of them fail over, and where their weights are.

use json_patch::jsonptr::PointerBuf;
use serde::Deserialize;
use serde_json::Value;

use super::assemble;
use super::bounded::Bounded;
use super::names::is_object_name;
use super::parent_ref::is_service;
use crate::model::standby::set_standbys_apart;
use crate::model::weights::same_proportion;
use crate::model::{Backend, Carrier, Invalid, ServiceRef};

/// A rule of a route.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouteRule {
    pub name: Option<String>,
    pub matches: Bounded<Value>,
    pub backend_refs: Bounded<BackendRef>,
}

/// A backend of a rule.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct BackendRef {
    group: Option<String>,
    kind: Option<String>,
    name: String,
    namespace: Option<String>,
    #[serde(deserialize_with = "super::parent_ref::port")]
    port: Option<u16>,
    /// None means 1.
    weight: Option<Value>,
}

/// The merged rules of a group: those that have the primary and other backends.
#[derive(Default)]
pub struct ProtectedRules {
    pub backends: Vec<Backend>,
    /// JSON pointers to the weights of each backend, one in each rule.
    pub weight_paths: Vec<Vec<PointerBuf>>,
    /// JSON pointers to the namespaces that are omitted.
    pub bare_backends: Vec<PointerBuf>,
    /// The ports that the rules send to, by backend.
    pub backend_ports: Vec<(ServiceRef, Option<u16>)>,
    /// Indexes of the rules.
    pub rules: Vec<usize>,
    /// The rules have different weights, so the weights of the backends are sums.
    pub uneven: bool,
    /// All weights of one rule are 0.
    pub has_empty_rule: bool,
    /// A line for each rule that does not fail over.
    pub unprotected: Vec<String>,
}

impl BackendRef {
    fn service(&self, home: &str) -> ServiceRef {
        ServiceRef::new(self.namespace.as_deref().unwrap_or(home), &self.name)
    }

    /// Returns its name in annotations of the namespace `home`.
    pub fn name_in(&self, home: &str) -> String {
        Backend::new(home, self.service(home), 0).name
    }

    fn is_service(&self) -> bool {
        is_service(
            self.group.as_deref(),
            self.kind.as_deref().unwrap_or("Service"),
        )
    }

    fn read(&self, home: &str) -> Result<Backend, Invalid> {
        if !self.is_service() {
            let kind = self
                .kind
                .as_deref()
                .unwrap_or("an object of another API group");
            return Err(Invalid::new(
                format!("its backend {} is not a Service but {kind}", self.name),
                "list Services as backends of the rules that should fail over",
            ));
        }
        assemble::service_name(&self.name, "its backend", "list names of Services")?;
        if self
            .namespace
            .as_ref()
            .is_some_and(|namespace| !is_object_name(namespace) || namespace.contains('.'))
        {
            return Err(Invalid::new(
                format!("the namespace of its backend {} is invalid", self.name),
                "correct the namespace",
            ));
        }
        let weight = match &self.weight {
            None | Some(Value::Null) => Some(1),
            Some(weight) => weight.as_u64(),
        };
        let weight = weight.ok_or_else(|| {
            Invalid::new(
                format!(
                    "the weight of its backend {} is not a whole number from 0",
                    self.name
                ),
                "set whole numbers from 0 as weights",
            )
        })?;
        Ok(Backend::new(home, self.service(home), weight))
    }
}

/// Merges the rules that have the primary and other backends. All of them must have the same
/// backends. `has_standbys`: tiny weights carry no traffic.
///
/// # Errors
/// If there is no such rule, or their backends differ; the reason names the rule.
pub fn protected(
    rules: &[RouteRule],
    home: &str,
    primary: &str,
    has_standbys: bool,
) -> Result<ProtectedRules, Invalid> {
    let has_primary = |rule: &RouteRule| {
        rule.backend_refs
            .iter()
            .any(|to| to.name_in(home) == primary)
    };
    let mut found: Option<(usize, ProtectedRules)> = None;
    let mut unprotected = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        if rule.backend_refs.len() < 2 || !has_primary(rule) {
            unprotected.push(left_alone(rules, index, has_primary(rule), primary));
            continue;
        }
        let mut read = read(rule, index, home).map_err(|invalid| Invalid {
            reason: format!("{}: {}", title(rules, index), invalid.reason),
            ..invalid
        })?;
        if has_standbys {
            set_standbys_apart(&mut read.backends);
        }
        match &mut found {
            None => found = Some((index, read)),
            Some((first, group)) => merge(group, read).map_err(|others| {
                let [first, this] = [*first, index].map(|index| title(rules, index));
                Invalid::new(
                    format!("{this} has {primary} beside other backends ({others}) than {first}"),
                    "list the same backends in every rule that has the primary beside others, or \
                     move that rule \
                     to a route of its own",
                )
            })?,
        }
    }
    let (_, mut group) = found.ok_or_else(|| nothing_protected(rules, home, primary))?;
    if group.uneven {
        scale_down(&mut group.backends);
    }
    Ok(ProtectedRules {
        unprotected,
        ..group
    })
}

/// Scales sums of weights down to valid weights.
fn scale_down(backends: &mut [Backend]) {
    let scaled = |weight: fn(&Backend) -> u64| {
        Carrier::Route.scale_down(backends.iter().map(weight).collect())
    };
    let carried = scaled(|backend| backend.weight);
    let on_object = scaled(|backend| backend.weight_on_object);
    for (backend, (weight, on_object)) in
        backends.iter_mut().zip(carried.into_iter().zip(on_object))
    {
        (backend.weight, backend.weight_on_object) = (weight, on_object);
    }
}

fn read(rule: &RouteRule, index: usize, home: &str) -> Result<ProtectedRules, Invalid> {
    let mut backends = Vec::with_capacity(rule.backend_refs.len());
    for (index, to) in rule.backend_refs.iter().enumerate() {
        let mut backend = to.read(home)?;
        backend.ports.extend(to.port);
        let earlier = rule.backend_refs.iter().take(index);
        assemble::add(&mut backends, backend)
            .map_err(|twice| on_two_ports(earlier, to, home).unwrap_or(twice))?;
    }
    let path = |at: usize, field: &str| {
        let (rule, at) = (index.to_string(), at.to_string());
        PointerBuf::from_tokens(["spec", "rules", &rule, "backendRefs", &at, field])
    };
    let listed = || rule.backend_refs.iter().enumerate();
    Ok(ProtectedRules {
        weight_paths: listed().map(|(at, _)| vec![path(at, "weight")]).collect(),
        bare_backends: listed()
            .filter(|(_, to)| to.namespace.is_none())
            .map(|(at, _)| path(at, "namespace"))
            .collect(),
        backend_ports: listed()
            .map(|(_, to)| (to.service(home), to.port))
            .collect(),
        rules: vec![index],
        uneven: false,
        has_empty_rule: backends.iter().all(|backend| backend.weight == 0),
        unprotected: Vec::new(),
        backends,
    })
}

/// Returns the error of a rule that lists a Service with two ports, if it does.
fn on_two_ports<'a>(
    mut earlier: impl Iterator<Item = &'a BackendRef>,
    to: &BackendRef,
    home: &str,
) -> Option<Invalid> {
    let first = earlier.find(|first| first.service(home) == to.service(home))?;
    let (one, other) = (first.port?, to.port?);
    (one != other).then(|| {
        Invalid::new(
            format!(
                "backend {} is listed with two ports, {one} and {other}, but a group has one \
                 weight for each Service",
                to.name_in(home)
            ),
            "list the Service with one of its ports",
        )
    })
}

/// Merges another rule into the group.
///
/// # Errors
/// If the rule has other backends: returns their names.
fn merge(group: &mut ProtectedRules, mut rule: ProtectedRules) -> Result<(), String> {
    let position = |backend: &Backend| {
        rule.backends
            .iter()
            .position(|other| other.service == backend.service)
    };
    let places: Option<Vec<usize>> = group.backends.iter().map(position).collect();
    let Some(places) = places.filter(|places| places.len() == rule.backends.len()) else {
        return Err(rule
            .backends
            .iter()
            .map(|backend| backend.name.as_str())
            .collect::<Vec<_>>()
            .join(", "));
    };
    let on_object = |backend: &Backend| backend.weight_on_object;
    let others: Vec<&Backend> = places
        .iter()
        .filter_map(|&place| rule.backends.get(place))
        .collect();
    let weights: Vec<u64> = others.iter().map(|backend| on_object(backend)).collect();
    let own: Vec<u64> = group.backends.iter().map(on_object).collect();
    if group.uneven || !same_proportion(&own, &weights) {
        group.uneven = true;
        for (backend, other) in group.backends.iter_mut().zip(others) {
            let sum = |a: u64, b: u64| a.saturating_add(b);
            backend.weight = sum(backend.weight, other.weight);
            backend.weight_on_object = sum(backend.weight_on_object, other.weight_on_object);
        }
    }
    for (backend, &place) in group.backends.iter_mut().zip(&places) {
        let more = rule.backends.get(place).map_or(&[][..], |rule| &rule.ports);
        for port in more {
            if !backend.ports.contains(port) {
                backend.ports.push(*port);
            }
        }
    }
    group.has_empty_rule |= rule.has_empty_rule;
    group.bare_backends.append(&mut rule.bare_backends);
    group.backend_ports.append(&mut rule.backend_ports);
    for (paths, place) in group.weight_paths.iter_mut().zip(places) {
        paths.append(rule.weight_paths.get_mut(place).unwrap_or(&mut Vec::new()));
    }
    group.rules.append(&mut rule.rules);
    Ok(())
}

fn nothing_protected(rules: &[RouteRule], home: &str, primary: &str) -> Invalid {
    let mut names: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.backend_refs.iter())
        .map(|to| to.name_in(home))
        .collect();
    names.sort();
    names.dedup();
    if names.iter().any(|name| name == primary) {
        return Invalid::new(
            format!("no rule has {primary} beside a fallback"),
            "list the fallback beside it, in the rules that should fail over",
        );
    }
    super::orders::not_a_backend(
        primary,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

fn left_alone(rules: &[RouteRule], index: usize, has_primary: bool, primary: &str) -> String {
    let why = if has_primary {
        format!("has {primary} as its only backend")
    } else {
        format!("does not have {primary}")
    };
    format!("{} {why}, so it does not fail over", title(rules, index))
}

/// Returns `rule 2 (canary)`, counted from 1.
fn title(rules: &[RouteRule], index: usize) -> String {
    let name = rules
        .get(index)
        .and_then(|rule| rule.name.as_ref())
        .filter(|name| !name.is_empty());
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    format!("rule {}{name}", index + 1)
}
