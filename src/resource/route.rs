//! Reads and makes the routes of the Gateway API and of Linkerd, whose rules split one Service's
//! traffic (GAMMA, <https://gateway-api.sigs.k8s.io/mesh/>).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::annotations::{OVERRIDE, PRIMARY_SERVICE};
use super::bounded::{Bounded, too_many};
use super::kind::KindInfo;
use super::meta::Meta;
use super::new_group::NewGroup;
use super::parent_ref::ParentRef;
use super::record::{Kind, Record};
use super::route_rules::{BackendRef, ProtectedRules, RouteRule};
use super::route_status;
use super::route_status::RouteStatus;
use super::routing::Routing;
use super::{assemble, route_rules};
use crate::model::{Group, Invalid, Override, ServiceRef};

/// The Gateway API allows at most 16 hostnames and 128 matches.
const MAX_COMBINATIONS: usize = 10_000;

/// A kind of route.
#[derive(Debug)]
pub struct Route {
    /// The kind's names.
    pub info: KindInfo,
}

#[derive(Deserialize)]
struct RouteObject {
    metadata: Meta,
    #[serde(default)]
    spec: RouteSpec,
    #[serde(default)]
    status: RouteStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RouteSpec {
    parent_refs: Bounded<ParentRef>,
    hostnames: Bounded<String>,
    rules: Bounded<RouteRule>,
}

impl RouteSpec {
    /// # Errors
    /// If a list is too long.
    fn check(&self) -> Result<(), Invalid> {
        self.parent_refs.check("parentRefs")?;
        self.hostnames.check("hostnames")?;
        self.rules.check("rules")?;
        for rule in self.rules.iter() {
            rule.backend_refs.check("backendRefs in a rule")?;
            rule.matches.check("matches in a rule")?;
        }
        let matches = self.rules.iter().map(|rule| rule.matches.len());
        let combinations = matches.sum::<usize>() * self.hostnames.len();
        if combinations > MAX_COMBINATIONS {
            return Err(too_many(
                "combinations of hostnames and matches",
                MAX_COMBINATIONS,
            ));
        }
        Ok(())
    }
}

impl Kind for Route {
    fn info(&self) -> &KindInfo {
        &self.info
    }

    fn read(&'static self, raw: &RawValue) -> serde_json::Result<Record> {
        let RouteObject {
            metadata,
            spec,
            status,
        } = serde_json::from_str(raw.get())?;
        let within_bounds = spec.check();
        let spec = if within_bounds.is_ok() {
            spec
        } else {
            RouteSpec {
                rules: Bounded::default(),
                ..spec
            }
        };
        let parent = only_service(&spec.parent_refs, &metadata.namespace);
        let (apex, ports) = parent
            .as_ref()
            .map(|(parent, ports)| (parent.name.clone(), ports.clone()))
            .unwrap_or_default();
        let mut warnings = parent
            .as_ref()
            .map(|_| route_status::warnings(&status, &ports))
            .unwrap_or_default();
        let unaccepted = parent
            .as_ref()
            .ok()
            .and_then(|_| route_status::unaccepted(&status, &ports));
        let parent = within_bounds.and(parent);
        let group = parent.and_then(|(parent, _)| self.group(&metadata, &parent, &spec.rules));
        let (group, protected) = match group {
            Ok((group, protected)) => (Ok(group), protected),
            Err(invalid) => (Err(invalid), ProtectedRules::default()),
        };
        warnings.extend(protected.unprotected);
        let RouteSpec {
            parent_refs,
            hostnames,
            rules,
        } = &spec;
        let routing = Some(Routing::new(
            &metadata,
            parent_refs,
            hostnames,
            rules,
            protected.rules,
        ));
        let mut record = Record {
            kind: self,
            meta: metadata,
            apex,
            ports,
            backend_ports: protected.backend_ports,
            group,
            weight_paths: protected.weight_paths,
            bare_backends: protected.bare_backends,
            warnings,
            unaccepted,
            routing,
        };
        record.warnings.extend(record.backends_without_port());
        Ok(record)
    }

    fn manifest(&self, group: &NewGroup) -> Value {
        let backend = |name: &String| {
            let weight = group.weight(name);
            let ServiceRef { namespace, name } = group.service(name);
            json!({ "name": name, "namespace": namespace, "port": group.port, "weight": weight })
        };
        json!({
            "apiVersion": self.info.api_version,
            "kind": self.info.kind,
            "metadata": group.metadata(),
            "spec": {
                "parentRefs": [{ "group": "core", "kind": "Service", "name": group.apex, "port": group.port }],
                "rules": [{ "backendRefs": group.backends.iter().map(backend).collect::<Vec<_>>() }],
            },
        })
    }
}

impl Route {
    fn group(
        &self,
        meta: &Meta,
        parent: &ServiceRef,
        rules: &[RouteRule],
    ) -> Result<(Group, ProtectedRules), Invalid> {
        assemble::service_name(
            &parent.name,
            "its parent",
            "name the Service that clients call as the parent",
        )?;
        if parent.namespace != meta.namespace {
            return Err(Invalid::new(
                format!("its parent {} is in another namespace", parent.name),
                "move the route to the namespace of the Service that clients call",
            ));
        }
        let primary = usual_primary(meta, rules);
        let has_standbys = assemble::has_standbys(meta);
        let home = &meta.namespace;
        let mut protected = route_rules::protected(rules, home, &primary, has_standbys)?;
        let backends = std::mem::take(&mut protected.backends);
        let group = assemble::group(meta, &self.info, &parent.name, backends)?;
        let ProtectedRules {
            uneven,
            has_empty_rule,
            ..
        } = protected;
        Ok((
            Group {
                uneven,
                has_empty_rule,
                ..group
            },
            protected,
        ))
    }
}

/// Returns the Service that the route is attached to, and its ports: one for each parentRef. A
/// parentRef without a port means all ports.
fn only_service(parents: &[ParentRef], home: &str) -> Result<(ServiceRef, Vec<u16>), Invalid> {
    let parents = || parents.iter().filter(|parent| parent.is_service());
    let services: BTreeSet<ServiceRef> = parents().map(|parent| parent.service(home)).collect();
    let mut services = services.into_iter();
    match (services.next(), services.next()) {
        (Some(only), None) => {
            let ports: Option<BTreeSet<u16>> = parents().map(|parent| parent.port).collect();
            Ok((only, ports.into_iter().flatten().collect()))
        }
        (None, _) => Err(Invalid::new(
            "none of its parentRefs is a Service",
            "name the Service that clients call in spec.parentRefs, with kind: Service and group: \
             core",
        )),
        _ => {
            let names: Vec<&str> = parents().map(|parent| parent.name.as_str()).collect();
            Err(Invalid::new(
                format!(
                    "several of its parentRefs are Services ({})",
                    names.join(", ")
                ),
                "make one route for each Service",
            ))
        }
    }
}

/// Returns the backend whose rules are the group's: the primary or, under an override, the primary
/// before it. A rule that has the override's target, but not that primary, is not part of the
/// group.
fn usual_primary(meta: &Meta, rules: &[RouteRule]) -> String {
    let is_listed = |name: &String| {
        rules
            .iter()
            .flat_map(|rule| rule.backend_refs.iter())
            .any(|backend| backend.name_in(&meta.namespace) == *name)
    };
    let first = || {
        let rule = rules
            .iter()
            .find(|rule| rule.backend_refs.len() > 1)
            .or(rules.first());
        rule.and_then(|rule| rule.backend_refs.first())
            .map(|backend: &BackendRef| backend.name_in(&meta.namespace))
    };
    let named = meta.annotations.get(PRIMARY_SERVICE).map(str::to_owned);
    let order: Option<Override> = meta
        .annotations
        .get(OVERRIDE)
        .and_then(|order| serde_json::from_str(order).ok());
    let home = order.filter(|order| {
        is_listed(&order.home)
            && named
                .as_ref()
                .is_none_or(|named| *named == order.to || !is_listed(named))
    });
    home.map(|order| order.home)
        .or(named)
        .or_else(first)
        .unwrap_or_default()
}
