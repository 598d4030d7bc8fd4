use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::annotations::{CONTROLLED_BY, HELD, PREFIX, PRIMARY_SERVICE};
use super::kind::{Kind, KindInfo, NewGroup};
use super::meta::Meta;
use super::names::is_service_name;
use super::orders;
use super::patch::Operation;
use super::policy;
use super::record::Record;
use crate::model::{Backend, Carrier, Group, GroupId, Invalid, ServiceRef};

/// The TrafficSplit of SMI: one apex and its backends, all in the split's namespace.
#[derive(Debug)]
pub struct TrafficSplit;

static INFO: KindInfo = KindInfo {
    kind: "TrafficSplit",
    api_version: "split.smi-spec.io/v1alpha2",
    api: "apis/split.smi-spec.io/v1alpha2",
    plural: "trafficsplits",
    singular: "trafficsplit",
    short: "ts",
    crd: "trafficsplits.split.smi-spec.io",
};

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    service: String,
    backends: Vec<SpecBackend>,
}

/// `weight` is a number in v1alpha2, but objects stored as v1alpha1 may have a string in it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SpecBackend {
    service: String,
    weight: Value,
}

impl Kind for TrafficSplit {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn read(&self, raw: &RawValue) -> serde_json::Result<Record> {
        let Object { metadata, spec } = serde_json::from_str(raw.get())?;
        let group = group(&metadata, &spec);
        Ok(Record { kind: &TrafficSplit, meta: metadata, apex: spec.service, group })
    }

    fn weight_operations(&self, weights: &[u64]) -> Vec<Operation> {
        let set = |(index, weight): (usize, &u64)| Operation::Replace {
            path: format!("/spec/backends/{index}/weight"),
            value: json!(weight),
        };
        weights.iter().enumerate().map(set).collect()
    }

    fn manifest(&self, group: &NewGroup) -> Value {
        let backend = |name: &String| json!({ "service": name, "weight": u64::from(*name == group.primary) });
        json!({
            "apiVersion": INFO.api_version,
            "kind": INFO.kind,
            "metadata": {
                "name": group.name,
                "namespace": group.namespace,
                "labels": { CONTROLLED_BY: group.controlled_by },
                "annotations": { (format!("{PREFIX}{PRIMARY_SERVICE}")): group.primary },
            },
            "spec": {
                "service": group.apex,
                "backends": group.backends.iter().map(backend).collect::<Vec<_>>(),
            },
        })
    }
}

fn group(meta: &Meta, spec: &Spec) -> Result<Group, Invalid> {
    if !is_service_name(&spec.service) {
        return Err(invalid(
            format!("spec.service {:?} is no name of a service", spec.service),
            "name the service that clients call in spec.service",
        ));
    }
    let backends = backends(meta, spec)?;
    let names: Vec<&str> = backends.iter().map(|backend| backend.service.name.as_str()).collect();
    let (primary, order) = orders::primary_and_order(meta, &names)?;
    let id = GroupId { namespace: meta.namespace.clone(), kind: INFO.singular, name: meta.name.clone() };
    let policy = policy::read(meta, &names)?;
    Ok(Group {
        order,
        policy,
        paused: orders::pause(meta),
        held: meta.annotations.get(HELD).is_some(),
        last_move: meta.last_move(),
        ..Group::ordinary(id, Carrier::Split, spec.service.clone(), backends, primary)
    })
}

fn backends(meta: &Meta, spec: &Spec) -> Result<Vec<Backend>, Invalid> {
    if spec.backends.is_empty() {
        return Err(invalid("spec.backends is empty", "list the services that can take the traffic"));
    }
    let mut backends: Vec<Backend> = Vec::with_capacity(spec.backends.len());
    for SpecBackend { service, weight } in &spec.backends {
        if !is_service_name(service) {
            return Err(invalid(
                format!("backend {service:?} is no name of a service in this namespace"),
                "list plain names of services of the same namespace",
            ));
        }
        if backends.iter().any(|known| known.service.name == *service) {
            return Err(invalid(format!("backend {service} is listed twice"), "list each backend once"));
        }
        let weight = read_weight(weight).ok_or_else(|| {
            invalid(
                format!("the weight of backend {service} is {weight}, which is no whole number from 0"),
                "set whole numbers from 0 as weights",
            )
        })?;
        backends.push(Backend { service: ServiceRef::new(&meta.namespace, service), weight });
    }
    Ok(backends)
}

fn read_weight(weight: &Value) -> Option<u64> {
    match weight {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// 1.0 is 1, within what a float holds exactly.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole, and within 0 to 2^53
    ((0.0..=EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

fn invalid(reason: impl Into<String>, mend: impl Into<String>) -> Invalid {
    Invalid { reason: reason.into(), mend: mend.into() }
}
