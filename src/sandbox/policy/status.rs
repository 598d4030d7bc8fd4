//! The status that Linkerd's policy controller gives to a route. No I/O.

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::resource::linkerd::POLICY_CONTROLLER;
use crate::sandbox::mirror::known::Known;

/// Returns the `status.parents` to write: a verdict for each parent that is a Service, beside those
/// of other controllers. None if the status is so already.
pub fn parents(route: &DynamicObject, services: &Known<Service>) -> Option<Vec<Value>> {
    let home = route.namespace().unwrap_or_default();
    let service = |reference: &Value| {
        let name = reference["name"].as_str()?;
        let namespace = reference["namespace"].as_str().unwrap_or(&home);
        services.get(&(namespace.to_owned(), name.to_owned()))
    };
    let references = list(&route.data["spec"]["parentRefs"]);
    let references = references.iter().filter(|it| is_service(it, "Gateway"));
    let rules = list(&route.data["spec"]["rules"]).iter();
    let mut backends = rules.flat_map(|rule| list(&rule["backendRefs"]));
    let is_resolved = backends.all(|it| !is_service(it, "Service") || service(it).is_some());
    let wanted = references.map(|reference| {
        let accepted = match service(reference).map(is_headless) {
            Some(false) => condition("Accepted", true, "Accepted", ""),
            Some(true) => condition(
                "Accepted",
                false,
                "NoMatchingParent",
                "parent service must have a ClusterIP",
            ),
            None => condition("Accepted", false, "NoMatchingParent", ""),
        };
        let reason = if is_resolved {
            "ResolvedRefs"
        } else {
            "BackendNotFound"
        };
        json!({
            "parentRef": reference,
            "controllerName": POLICY_CONTROLLER,
            "conditions": [accepted, condition("ResolvedRefs", is_resolved, reason, "")],
        })
    });
    let wanted: Vec<Value> = wanted.collect();
    let present = list(&route.data["status"]["parents"]);
    let (own, others): (Vec<&Value>, Vec<&Value>) = present
        .iter()
        .partition(|parent| parent["controllerName"] == POLICY_CONTROLLER);
    let own: Vec<Value> = own.into_iter().map(without_times).collect();
    if own == wanted.iter().map(without_times).collect::<Vec<_>>() {
        return None;
    }
    Some(others.into_iter().cloned().chain(wanted).collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether a reference names a Service. The kind may be left out where it is the default.
fn is_service(reference: &Value, default_kind: &str) -> bool {
    let group = reference["group"].as_str();
    let kind = reference["kind"].as_str().unwrap_or(default_kind);
    let is_core = match group {
        None => default_kind == "Service",
        Some(group) => group.is_empty() || group.eq_ignore_ascii_case("core"),
    };
    is_core && kind == "Service"
}

fn is_headless(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": kind,
        "status": if holds { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": jiff::Timestamp::now(),
    })
}

fn without_times(parent: &Value) -> Value {
    let mut parent = parent.clone();
    let conditions = parent["conditions"].as_array_mut();
    for condition in conditions.into_iter().flatten() {
        if let Some(condition) = condition.as_object_mut() {
            condition.remove("lastTransitionTime");
        }
    }
    parent
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;

    use super::*;

    fn services(of: &[(&str, &str)]) -> Known<Service> {
        let mut known = Known::default();
        for (name, address) in of {
            let service = json!({
                "metadata": {"name": name, "namespace": "ns"},
                "spec": {"clusterIP": address},
            });
            known.observe(Event::Apply(serde_json::from_value(service).unwrap()));
        }
        known
    }

    fn route(parents: &Value) -> DynamicObject {
        let parent = json!({"group": "core", "kind": "Service", "name": "web", "port": 80});
        let gateway = json!({"name": "edge"});
        let backends = json!([{"name": "web"}, {"name": "web-east", "namespace": "ns"}]);
        let object = json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "web", "namespace": "ns"},
            "spec": {"parentRefs": [parent, gateway], "rules": [{"backendRefs": backends}]},
            "status": {"parents": parents},
        });
        serde_json::from_value(object).unwrap()
    }

    /// The reasons of both conditions.
    fn reasons(parent: &Value) -> [&str; 2] {
        [0, 1].map(|index| parent["conditions"][index]["reason"].as_str().unwrap())
    }

    #[test]
    fn a_route_of_a_service_is_accepted_once() {
        let services = services(&[("web", "10.0.0.1"), ("web-east", "10.0.0.2")]);
        let other = json!({"parentRef": {"name": "edge"}, "controllerName": "x", "conditions": []});
        let written = parents(&route(&json!([other])), &services).unwrap();
        let [kept, own] = written.as_slice() else {
            panic!("{written:?}")
        };
        assert_eq!(*kept, other);
        assert_eq!(own["parentRef"]["name"], "web");
        assert_eq!(own["controllerName"], POLICY_CONTROLLER);
        assert_eq!(own["conditions"][0]["status"], "True");
        assert_eq!(reasons(own), ["Accepted", "ResolvedRefs"]);
        assert_eq!(parents(&route(&json!(written)), &services), None);
    }

    #[test]
    fn services_that_do_not_exist_are_told() {
        for (of, expected) in [
            (vec![], ["NoMatchingParent", "BackendNotFound"]),
            (
                vec![("web", "None"), ("web-east", "10.0.0.2")],
                ["NoMatchingParent", "ResolvedRefs"],
            ),
            (vec![("web", "10.0.0.1")], ["Accepted", "BackendNotFound"]),
        ] {
            let written = parents(&route(&json!([])), &services(&of)).unwrap();
            assert_eq!(reasons(&written[0]), expected, "{of:?}");
        }
    }
}
