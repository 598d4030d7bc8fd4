//! A group's object as the API server stores it, with the writes of operators and of the
//! controller.

use jiff::{SignedDuration, Timestamp};
use json_patch::{Patch, PatchOperation};
use kubectl_failover::model::avoidance::{AvoidPlan, evacuate, return_from};
use kubectl_failover::model::operate::{
    FailbackPlan, ForcePlan, ForceRequest, RemovedOverride, failback, force,
};
use kubectl_failover::model::{
    AvoidEntry, Carrier, Decision, Group, Override, OverrideState, Policy, Readiness, Timers,
    Weights, WeightsOrigin, decide,
};
use kubectl_failover::resource::{
    Change, ChangeBuilder, HTTP_ROUTE, Kind, Record, TrafficMove, TrafficSplit, patch,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub const READY: Readiness = Readiness::Known { ready: 1, total: 1 };
pub const DEAD: Readiness = Readiness::Known { ready: 0, total: 1 };
const BY: &str = "someone@somewhere";

#[derive(Debug, Clone)]
pub struct Object {
    pub carrier: Carrier,
    pub json: Value,
    pub policy: Policy,
    pub readiness: Vec<Readiness>,
    pub timers: Timers,
    pub now: Timestamp,
}

impl Object {
    /// A TrafficSplit of the backends `svc-0`, `svc-1` and so on, all ready. The first one is the
    /// primary and has the traffic.
    pub fn new(backends: usize) -> Self {
        Self::of(Carrier::Split, backends)
    }

    /// The same, or an HTTPRoute.
    pub fn of(carrier: Carrier, backends: usize) -> Self {
        let mut object = Self {
            carrier,
            json: json!({
                "metadata": {"name": "web", "namespace": "ns", "uid": "1", "resourceVersion": "1",
                    "labels": {"failover.linkerd.io/controlled-by": "x"}},
            }),
            policy: Policy::of(backends),
            readiness: vec![READY; backends],
            timers: Timers::none(),
            now: Timestamp::UNIX_EPOCH,
        };
        object.apply_manifest();
        object
    }

    /// Applies the manifest of the group again. Additions of others to the object stay.
    pub fn apply_manifest(&mut self) {
        let backend = |i: usize| json!({"service": name(i), "weight": u64::from(i == 0)});
        let backend_ref =
            |i: usize| json!({"name": name(i), "port": 80, "weight": u64::from(i == 0)});
        let all = 0..self.readiness.len();
        self.json["spec"] = match self.carrier {
            Carrier::Split => {
                json!({"service": "svc-0", "backends": all.map(backend).collect::<Vec<_>>()})
            }
            // A second rule has the backends in another order.
            Carrier::Route => json!({
                "parentRefs": [{"group": "core", "kind": "Service", "name": "svc-0", "port": 80}],
                "rules": [
                    {"backendRefs": all.clone().map(backend_ref).collect::<Vec<_>>()},
                    {"backendRefs": all.rev().map(backend_ref).collect::<Vec<_>>()},
                ],
            }),
        };
        self.annotate("primary-service", Some(name(0)));
    }

    /// Removes all weight from a rule of a route, which the API server permits.
    pub fn empty_rule(&mut self, rule: usize) {
        let refs = self
            .json
            .pointer_mut(&format!("/spec/rules/{rule}/backendRefs"))
            .and_then(Value::as_array_mut);
        for to in refs.into_iter().flatten() {
            to["weight"] = json!(0);
        }
    }

    /// Whether a rule of a route has no weight at all.
    pub fn has_empty_rule(&self) -> bool {
        let rules = self.json["spec"]["rules"].as_array().into_iter().flatten();
        let refs = |rule: &Value| rule["backendRefs"].as_array().cloned().unwrap_or_default();
        rules
            .into_iter()
            .any(|rule| refs(rule).iter().all(|to| to["weight"] == json!(0)))
    }

    pub fn annotate(&mut self, key: &str, value: Option<String>) {
        let annotations = &mut self.json["metadata"]["annotations"];
        let key = format!("failover.linkerd.io/{key}");
        match value {
            Some(value) => annotations[key] = json!(value),
            None => {
                annotations.as_object_mut().unwrap().remove(&key);
            }
        }
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.json["metadata"]["annotations"][format!("failover.linkerd.io/{key}")].as_str()
    }

    pub fn order(&self) -> Option<Override> {
        serde_json::from_str(self.annotation("override")?).ok()
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub fn in_seconds(&self, seconds: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds)
    }

    pub fn record(&self) -> Record {
        let kind: &dyn Kind = match self.carrier {
            Carrier::Split => &TrafficSplit,
            Carrier::Route => &HTTP_ROUTE,
        };
        let mut object = self.json.clone();
        if self.policy.standby {
            object["metadata"]["annotations"]["failover.linkerd.io/standby"] = json!("on");
        }
        let mut record = kind
            .read(&RawValue::from_string(object.to_string()).unwrap())
            .unwrap();
        if let Ok(group) = &mut record.group {
            group.policy = self.policy.clone();
        }
        record
    }

    pub fn group(&self) -> Group {
        self.record().group.unwrap()
    }

    pub fn weights(&self) -> Vec<u64> {
        self.group().weights()
    }

    /// The reason why the override has no effect any more.
    pub fn broken(&self) -> Option<String> {
        match self.group().order {
            Some(OverrideState::Broken { why, .. }) => Some(why),
            _ => None,
        }
    }

    pub fn in_force(&self) -> Option<Override> {
        self.group().override_in_force(self.now).cloned()
    }

    pub fn decide(&self) -> Decision {
        decide(&self.group(), &self.readiness, &self.timers, self.now)
    }

    /// Decides and writes, as the controller does.
    pub fn settle(&mut self) -> Decision {
        let decision = self.decide();
        let change = Change::of(&self.group(), &decision, BY, self.now).unwrap();
        self.apply(&change);
        decision
    }

    /// Forces as `force` does, for this many seconds.
    pub fn force(&mut self, to: usize, seconds: Option<i64>) -> ForcePlan {
        let until = seconds.map(|seconds| self.in_seconds(seconds));
        let wish = ForceRequest {
            to,
            until,
            reason: None,
            id: None,
            by: BY.to_owned(),
        };
        let group = self.group();
        let forced = force(&group, &self.readiness, &wish, self.now);
        if let ForcePlan::Write {
            order,
            weights,
            written,
            unverified,
            notes,
        } = &forced
        {
            let change = Change::builder().force(order).hold(notes.held, self.now);
            self.move_too(change, &group, weights, written.as_deref(), *unverified);
        }
        forced
    }

    /// Fails back, as `failback` does.
    pub fn failback(&mut self, home: Option<usize>) -> Option<FailbackPlan> {
        let group = self.group();
        let returned = failback(&group, &self.readiness, home, self.now)?;
        let home = group.backend_name(returned.home);
        let change = match returned.removes {
            RemovedOverride::Valid | RemovedOverride::Broken { sets_home: true } => {
                Change::builder().end_override(Some(home))
            }
            RemovedOverride::Broken { .. } => Change::builder().end_override(None),
            RemovedOverride::None => Change::builder(),
        };
        let change = match &returned.notes.avoid {
            Some(ended) => change.avoid(&ended.entries),
            None => change,
        };
        let change = change.hold(returned.notes.held, self.now);
        self.move_too(
            change,
            &group,
            &returned.weights,
            returned.written.as_deref(),
            returned.unverified,
        );
        Some(returned)
    }

    /// Keeps the traffic off backends as `evacuate` does, for this many seconds.
    pub fn evacuate(
        &mut self,
        id: &str,
        backends: &[usize],
        seconds: Option<i64>,
    ) -> Option<AvoidPlan> {
        let entry = AvoidEntry {
            backends: backends.iter().map(|&index| name(index)).collect(),
            cluster: None,
            elsewhere: false,
            id: id.to_owned(),
            by: BY.to_owned(),
            at: Some(self.now),
            until: seconds.map(|seconds| self.in_seconds(seconds)),
            reason: None,
        };
        let plan = evacuate(&self.group(), &entry, &self.readiness, self.now);
        self.avoid(plan)
    }

    /// Ends an evacuation, as `return` does.
    pub fn return_from(&mut self, id: &str) -> Option<AvoidPlan> {
        let plan = return_from(&self.group(), id, &self.readiness, self.now);
        self.avoid(plan)
    }

    fn avoid(&mut self, plan: Option<AvoidPlan>) -> Option<AvoidPlan> {
        let plan = plan?;
        let change = Change::avoiding(&self.group(), &plan, BY, self.now).unwrap();
        self.apply(&change);
        Some(plan)
    }

    /// The entries that have not expired.
    pub fn avoiding(&self) -> Vec<AvoidEntry> {
        self.group().avoid.at(self.now).entries
    }

    /// Whether the backends that are to be avoided are, with the weights that the object has.
    pub fn avoided(&self) -> Vec<bool> {
        let mut group = self.group();
        group.avoid.entries = self.avoiding();
        group.avoided(&group.weights(), &self.readiness)
    }

    fn move_too(
        &mut self,
        change: ChangeBuilder,
        group: &Group,
        weights: &Weights,
        written: Option<&[u64]>,
        unverified: bool,
    ) {
        let traffic = TrafficMove {
            group,
            weights,
            written,
            unverified,
            home_ready: self.decide().home_ready,
            by: BY,
            why: "",
            at: self.now,
        };
        let change = change.move_traffic(traffic).build().unwrap();
        self.apply(&change);
    }

    fn apply(&mut self, change: &Change) {
        let operations = patch(&self.record(), change);
        change_json(&mut self.json, &operations);
    }
}

/// Applies a patch, as the API server does.
pub fn change_json(object: &mut Value, patch: &Patch) {
    for operation in patch.iter() {
        let path = operation.path().as_str();
        let value = match operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            PatchOperation::Remove(_) => None,
            other => panic!("unexpected operation {other}"),
        };
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        let key = key.replace("~1", "/");
        match value {
            Some(value) => parent.insert(key, value.clone()),
            None => Some(parent.remove(&key).expect("what is removed was there")),
        };
    }
}

pub fn name(index: usize) -> String {
    format!("svc-{index}")
}

/// A group that has been forced for this many seconds.
pub fn forced(backends: usize, to: usize, seconds: Option<i64>) -> Object {
    let mut object = Object::new(backends);
    object.force(to, seconds);
    object
}

#[test]
fn annotations_of_this_tool_do_not_count_as_edits() {
    let entry = |manager: &str, second: u32| {
        json!({"manager": manager, "operation": "Update", "time": format!("2026-01-01T00:00:0{second}Z"),
            "fieldsV1": {"f:spec": {"f:backends": {}}}})
    };
    let mut object = Object::new(2);
    object.json["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object.json["metadata"]["managedFields"] = json!([entry("linkerd-failover", 5)]);
    let made = WeightsOrigin::Created("2026-01-01T00:00:00Z".parse().ok());
    assert_eq!(
        (
            object.record().weights_origin(),
            object.record().last_editor()
        ),
        (made, None)
    );
    assert_eq!(object.record().events(), []);
    object.json["metadata"]["managedFields"] =
        json!([entry("kubectl-edit", 3), entry("linkerd-failover", 5)]);
    let at = "2026-01-01T00:00:03Z".parse().unwrap();
    let edited = WeightsOrigin::Edited {
        by: "kubectl-edit".to_owned(),
        at,
    };
    assert_eq!(
        (
            object.record().weights_origin(),
            object.record().last_editor()
        ),
        (edited, Some("kubectl-edit"))
    );
}
