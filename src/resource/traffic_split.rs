//! Reads and makes TrafficSplits.

use json_patch::jsonptr::PointerBuf;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::assemble;
use super::bounded::Bounded;
use super::kind::KindInfo;
use super::meta::Meta;
use super::new_group::NewGroup;
use super::record::{Kind, Record};
use crate::model::standby::set_standbys_apart;
use crate::model::{Backend, Carrier, Group, Invalid, ServiceRef};

/// The TrafficSplit of the Service Mesh Interface: one apex and its backends, all in one namespace.
/// See
/// <https://github.com/servicemeshinterface/smi-spec/blob/main/apis/traffic-split/v1alpha2/traffic-split.md>.
#[derive(Debug)]
pub struct TrafficSplit;

static INFO: KindInfo = KindInfo {
    kind: "TrafficSplit",
    carrier: Carrier::Split,
    name: "trafficsplit",
    api_version: "split.smi-spec.io/v1alpha2",
    versions: &["v1alpha2", "v1alpha1", "v1alpha4", "v1alpha3"],
    api: "apis/split.smi-spec.io/v1alpha2",
    plural: "trafficsplits",
    singular: "trafficsplit",
    short: "ts",
    crd: "trafficsplits.split.smi-spec.io",
    retry_key: None,
    source: (
        "Linkerd's SMI extension",
        "https://linkerd.io/2/tasks/linkerd-smi/",
    ),
};

#[derive(Deserialize)]
struct TrafficSplitObject {
    metadata: Meta,
    #[serde(default)]
    spec: TrafficSplitSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TrafficSplitSpec {
    service: String,
    backends: Bounded<SpecBackend>,
}

/// `weight` is a number in v1alpha2, but objects stored as v1alpha1 may have a string.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SpecBackend {
    service: String,
    weight: Value,
}

impl Kind for TrafficSplit {
    fn info(&self) -> &KindInfo {
        &INFO
    }

    fn read(&'static self, raw: &RawValue) -> serde_json::Result<Record> {
        let TrafficSplitObject { metadata, spec } = serde_json::from_str(raw.get())?;
        let group = group(&metadata, &spec);
        let path = |index: usize| {
            vec![PointerBuf::from_tokens([
                "spec",
                "backends",
                &index.to_string(),
                "weight",
            ])]
        };
        let weight_paths = (0..spec.backends.len()).map(path).collect();
        Ok(Record {
            kind: self,
            meta: metadata,
            apex: spec.service,
            ports: Vec::new(),
            backend_ports: Vec::new(),
            group,
            weight_paths,
            bare_backends: Vec::new(),
            warnings: Vec::new(),
            unaccepted: None,
            routing: None,
        })
    }

    fn manifest(&self, group: &NewGroup) -> Value {
        let backend = |name: &String| json!({ "service": name, "weight": group.weight(name) });
        json!({
            "apiVersion": INFO.api_version,
            "kind": INFO.kind,
            "metadata": group.metadata(),
            "spec": {
                "service": group.apex,
                "backends": group.backends.iter().map(backend).collect::<Vec<_>>(),
            },
        })
    }
}

fn group(meta: &Meta, spec: &TrafficSplitSpec) -> Result<Group, Invalid> {
    const MEND: &str = "name the Service that clients call in spec.service";
    assemble::service_name(&spec.service, "spec.service", MEND)?;
    assemble::group(meta, &INFO, &spec.service, backends(meta, spec)?)
}

fn backends(meta: &Meta, spec: &TrafficSplitSpec) -> Result<Vec<Backend>, Invalid> {
    if spec.backends.is_empty() {
        return Err(Invalid::new(
            "spec.backends is empty",
            "list the Services that can receive the traffic",
        ));
    }
    spec.backends.check("backends")?;
    let mut backends: Vec<Backend> = Vec::with_capacity(spec.backends.len());
    for SpecBackend { service, weight } in spec.backends.iter() {
        const MEND: &str = "list names of Services in the same namespace";
        assemble::service_name(service, "backend", MEND)?;
        let weight = read_weight(weight).ok_or_else(|| {
            Invalid::new(
                format!("the weight of backend {service} is {weight}, not a whole number from 0"),
                "set whole numbers from 0 as weights",
            )
        })?;
        let service = ServiceRef::new(&meta.namespace, service);
        assemble::add(
            &mut backends,
            Backend::new(&meta.namespace, service, weight),
        )?;
    }
    if assemble::has_standbys(meta) {
        set_standbys_apart(&mut backends);
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

/// Returns 1 for 1.0, in the range that a float represents exactly.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // whole, and within 0 to 2^53
    ((0.0..=EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_the_first_version_are_invalid_with_the_reason() {
        let metadata = json!({"name": "books", "namespace": "ns"});
        let backends = json!([
            {"service": "books", "weight": "900m"},
            {"service": "books-east", "weight": "100m"},
        ]);
        let object =
            json!({"metadata": metadata, "spec": {"service": "books", "backends": backends}});
        let raw = RawValue::from_string(object.to_string()).unwrap();
        let invalid = TrafficSplit.read(&raw).unwrap().group.unwrap_err();
        assert_eq!(
            invalid.reason,
            "the weight of backend books is \"900m\", not a whole number from 0"
        );
        assert_eq!(invalid.mend, "set whole numbers from 0 as weights");
    }
}
