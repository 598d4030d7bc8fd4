//! How a route is read as a group, and the patches that change its weights.

use kubectl_failover::model::{
    Group, Invalid, Readiness, Rule, Runner, Status, Timers, WeightsOrigin,
};
use kubectl_failover::model::{Weights, decide};
use kubectl_failover::resource::{Change, HTTP_ROUTE, Kind as _, Overlap, Record, patch};
use serde_json::{Value, json};

const LINKERD: &str = "linkerd.io/policy-controller";

fn to(name: &str, weight: u64) -> Value {
    json!({ "kind": "Service", "name": name, "namespace": "ns", "port": 80, "weight": weight })
}

fn rule(name: &str, backends: &[(&str, u64)]) -> Value {
    let backends: Vec<Value> = backends
        .iter()
        .map(|(name, weight)| to(name, *weight))
        .collect();
    json!({ "name": name, "backendRefs": backends })
}

fn route(rules: &[Value], annotations: &Value) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "ns", "resourceVersion": "7", "annotations": annotations },
        "spec": {
            "parentRefs": [{ "group": "core", "kind": "Service", "name": "web", "port": 80 }],
            "rules": rules,
        },
        "status": { "parents": [{
            "parentRef": { "group": "core", "kind": "Service", "name": "web", "port": 80 },
            "controllerName": LINKERD,
            "conditions": [{ "type": "Accepted", "status": "True" }],
        }] },
    })
}

fn primary(name: &str) -> Value {
    json!({ "failover.linkerd.io/primary-service": name })
}

fn read(object: &Value) -> Record {
    let raw = serde_json::value::to_raw_value(object).unwrap();
    HTTP_ROUTE.read(&raw).unwrap()
}

fn why_invalid(object: &Value) -> String {
    let Invalid { reason, .. } = read(object).group.expect_err("it is no valid group");
    reason
}

const READY: Readiness = Readiness::Known { ready: 1, total: 1 };
const DEAD: Readiness = Readiness::Known { ready: 0, total: 1 };

fn patched(record: &Record, weights: &[u64]) -> Vec<(String, Value)> {
    let change = Change {
        weights: Some(weights.to_vec()),
        ..Change::default()
    };
    let operations = serde_json::to_value(patch(record, &change)).unwrap();
    let pair = |operation: &Value| {
        (
            operation["path"].as_str().unwrap().to_owned(),
            operation["value"].clone(),
        )
    };
    operations.as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn the_rules_with_the_primary_and_others_form_the_group() {
    let rules = [
        rule("main", &[("web", 1), ("web-east", 0)]),
        rule("canary", &[("web", 1)]),
        rule("docs", &[("docs", 3), ("docs-east", 1)]),
        rule("api", &[("web-east", 0), ("web", 1)]),
    ];
    let record = read(&route(&rules, &primary("web")));
    let group = record.group.as_ref().unwrap();
    assert_eq!(
        (
            group.apex.as_str(),
            record.ports.as_slice(),
            group.primary_name()
        ),
        ("web", [80].as_slice(), "web")
    );
    assert_eq!(group.weights(), [1, 0]);
    assert!(!group.uneven);
    assert_eq!(
        record.warnings,
        [
            "rule 2 (canary) has web as its only backend, so it does not fail over",
            "rule 3 (docs) does not have web, so it does not fail over",
        ]
    );
    let expected = [
        ("/metadata/resourceVersion", json!("7")),
        ("/spec/rules/0/backendRefs/0/weight", json!(0)),
        ("/spec/rules/3/backendRefs/1/weight", json!(0)),
        ("/spec/rules/0/backendRefs/1/weight", json!(1)),
        ("/spec/rules/3/backendRefs/0/weight", json!(1)),
    ];
    assert_eq!(
        patched(&record, &[0, 1]),
        expected.map(|(path, value)| (path.to_owned(), value))
    );
}

#[test]
fn rules_with_other_backends_are_named() {
    let rules = [
        rule("main", &[("web", 1), ("web-east", 0)]),
        rule("", &[("web", 1), ("web-central", 0)]),
    ];
    let reason = why_invalid(&route(&rules, &primary("web")));
    assert_eq!(
        reason,
        "rule 2 has web beside other backends (web, web-central) than rule 1 (main)"
    );
}

#[test]
fn an_override_adds_no_rule() {
    let rules = [
        rule("main", &[("web", 0), ("web-east", 1)]),
        rule("old", &[("web-east", 1), ("web-old", 1)]),
    ];
    let order = json!({ "to": "web-east", "home": "web", "by": "me" }).to_string();
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web-east",
        "failover.linkerd.io/override": order,
    });
    let record = read(&route(&rules, &annotations));
    let group = record.group.unwrap();
    assert_eq!(
        (group.primary_name(), group.home_name(), group.weights()),
        ("web-east", "web", vec![0, 1])
    );
}

#[test]
fn by_default_the_first_backend_of_a_rule_with_several_is_the_primary() {
    let rules = [
        rule("one", &[("docs", 1)]),
        rule("two", &[("web", 1), ("web-east", 0)]),
    ];
    assert_eq!(
        read(&route(&rules, &json!({})))
            .group
            .unwrap()
            .primary_name(),
        "web"
    );
}

#[test]
fn an_invalid_route_has_a_reason() {
    let two = rule("main", &[("web", 1), ("web-east", 0)]);
    let with = |pointer: &str, value: Value| {
        let mut object = route(std::slice::from_ref(&two), &primary("web"));
        *object.pointer_mut(pointer).unwrap() = value;
        why_invalid(&object)
    };
    let gateway = json!({ "name": "gw" });
    let service = |name: &str| json!({ "group": "", "kind": "Service", "name": name });
    assert_eq!(
        with("/spec/parentRefs", json!([gateway])),
        "none of its parentRefs is a Service"
    );
    let several = with("/spec/parentRefs", json!([service("web"), service("api")]));
    assert_eq!(several, "several of its parentRefs are Services (web, api)");
    let elsewhere =
        json!([{ "group": "core", "kind": "Service", "name": "web", "namespace": "other" }]);
    assert_eq!(
        with("/spec/parentRefs", elsewhere),
        "its parent web is in another namespace"
    );
    assert_eq!(
        with("/spec/rules/0/backendRefs/1/kind", json!("ExternalBackend")),
        "rule 1 (main): its backend web-east is not a Service but ExternalBackend"
    );
    assert_eq!(
        with("/spec/rules", json!([rule("main", &[("web", 1)])])),
        "no rule has web beside a fallback"
    );
    assert_eq!(
        with("/spec/rules", json!([rule("main", &[("a", 1), ("b", 0)])])),
        "the primary \"web\" is not among the backends (a, b)"
    );
    let twice = with("/spec/rules/0/backendRefs/1/name", json!("web"));
    assert_eq!(twice, "rule 1 (main): backend web is listed twice");
}

#[test]
fn a_backend_in_another_namespace_is_named_with_it() {
    let mut object = route(&[rule("main", &[("web", 1), ("web", 0)])], &primary("web"));
    *object
        .pointer_mut("/spec/rules/0/backendRefs/1/namespace")
        .unwrap() = json!("spare");
    let group = read(&object).group.unwrap();
    let names: Vec<&str> = group
        .backends
        .iter()
        .map(|backend| backend.name.as_str())
        .collect();
    assert_eq!(names, ["web", "spare/web"]);
    assert_eq!(group.backends[1].service.namespace, "spare");
    let typed = ["web", "ns/web", "spare/web", "other/web", "ns/", "nsweb"];
    assert_eq!(
        typed.map(|typed| group.named(typed)),
        [Some(0), Some(0), Some(1), None, None, None]
    );
}

#[test]
fn a_missing_weight_is_1_and_is_added() {
    let mut object = route(
        &[rule("main", &[("web", 1), ("web-east", 0)])],
        &primary("web"),
    );
    let refs = object.pointer_mut("/spec/rules/0/backendRefs").unwrap();
    for to in refs.as_array_mut().unwrap() {
        to.as_object_mut().unwrap().remove("weight");
    }
    let record = read(&object);
    assert_eq!(record.group.as_ref().unwrap().weights(), [1, 1]);
    assert_eq!(
        patched(&record, &[1, 0])[1],
        ("/spec/rules/0/backendRefs/0/weight".to_owned(), json!(1))
    );
}

#[test]
fn rules_with_different_weights_get_the_same_ones() {
    let rules = [
        rule("a", &[("web", 1), ("web-east", 0)]),
        rule("b", &[("web", 0), ("web-east", 1)]),
    ];
    let even = [
        rule("a", &[("web", 1), ("web-east", 0)]),
        rule("b", &[("web", 100), ("web-east", 0)]),
    ];
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web",
        "failover.linkerd.io/policy": "active-active",
    });
    let decided = |rules: &[Value], annotations: &Value, readiness: &[Readiness]| {
        let group = read(&route(rules, annotations)).group.unwrap();
        decide(
            &group,
            readiness,
            &Timers::none(),
            jiff::Timestamp::UNIX_EPOCH,
        )
        .weights
    };
    assert_eq!(
        decided(&rules, &primary("web"), &[READY, READY]),
        Weights::Set(vec![1, 0])
    );
    assert_eq!(
        decided(&rules, &annotations, &[READY, READY]),
        Weights::Set(vec![1, 1])
    );
    assert_eq!(
        decided(&rules, &primary("web"), &[DEAD, READY]),
        Weights::Set(vec![0, 1])
    );
    assert_eq!(
        decided(&even, &primary("web"), &[READY, READY]),
        Weights::Hold
    );
    let now = jiff::Timestamp::UNIX_EPOCH;
    let group = read(&route(&rules, &primary("web"))).group.unwrap();
    let status = Status::of(
        &group,
        &[READY, READY],
        WeightsOrigin::Created(None),
        Runner::Unattended,
        now,
    );
    assert!(
        status
            .reason
            .ends_with("; the rules have different weights: all should have web=1,web-east=0")
    );
}

#[test]
fn a_rule_without_any_weight_gets_the_weights_of_the_others() {
    let annotations = json!({
        "failover.linkerd.io/primary-service": "web",
        "failover.linkerd.io/failback": "manual",
    });
    let group = |weights: &[[u64; 3]]| {
        let backends =
            |it: &[u64; 3]| [("web", it[0]), ("web-east", it[1]), ("web-central", it[2])];
        let rules: Vec<Value> = weights.iter().map(|it| rule("", &backends(it))).collect();
        read(&route(&rules, &annotations)).group.unwrap()
    };
    let decided = |group: &Group, readiness: &[Readiness]| {
        decide(
            group,
            readiness,
            &Timers::none(),
            jiff::Timestamp::UNIX_EPOCH,
        )
    };
    let empty = decided(&group(&[[0, 2, 0], [0, 0, 0], [0, 1, 0]]), &[READY; 3]);
    assert_eq!(
        (empty.rule, empty.weights, empty.flags.held),
        (Rule::FailbackHeld, Weights::Set(vec![0, 3, 0]), true)
    );
    let most = 1_000_000;
    let large = decided(
        &group(&[[0, most, 1], [0, most, 0], [0, 0, 0]]),
        &[READY; 3],
    );
    assert_eq!(
        large.weights,
        Weights::Set(vec![0, most, 1]),
        "a weight has its largest value"
    );
    // A hold leaves rules with different weights alone, except for dead backends.
    let differing = group(&[[0, 1, 0], [0, 0, 1]]);
    assert_eq!(decided(&differing, &[READY; 3]).weights, Weights::Hold);
    assert_eq!(
        decided(&differing, &[READY, READY, DEAD]).weights,
        Weights::Set(vec![0, 1, 0])
    );
    let paused =
        json!({ "failover.linkerd.io/primary-service": "web", "failover.linkerd.io/paused": "{}" });
    let both = [
        rule("a", &[("web", 1), ("web-east", 0)]),
        rule("b", &[("web", 0), ("web-east", 0)]),
    ];
    let paused = read(&route(&both, &paused)).group.unwrap();
    assert_eq!(decided(&paused, &[READY; 2]).weights, Weights::Hold);
}

#[test]
fn a_missing_namespace_is_written_with_the_weights() {
    let mut object = route(
        &[rule("main", &[("web", 1), ("web-east", 0)])],
        &primary("web"),
    );
    object
        .pointer_mut("/spec/rules/0/backendRefs/1")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("namespace");
    let record = read(&object);
    let operations = patched(&record, &[0, 1]);
    assert_eq!(
        operations[3..],
        [(
            "/spec/rules/0/backendRefs/1/namespace".to_owned(),
            json!("ns")
        )]
    );
    let note = Change::builder()
        .annotate([("held", Some("now".to_owned()))])
        .build()
        .unwrap();
    let operations = serde_json::to_string(&patch(&record, &note)).unwrap();
    assert!(!operations.contains("backendRefs"), "{operations}");
}

#[test]
fn the_status_explains_why_a_route_has_no_effect() {
    let mut object = route(
        &[rule("main", &[("web", 1), ("web-east", 0)])],
        &primary("web"),
    );
    assert_eq!(read(&object).warnings, [] as [&str; 0]);
    let conditions = object.pointer_mut("/status/parents/0/conditions").unwrap();
    *conditions = json!([
        { "type": "Accepted", "status": "False", "reason": "RouteReasonConflicted", "message": "a GRPCRoute is there" },
        { "type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "message": "" },
    ]);
    assert_eq!(
        read(&object).warnings,
        [
            "the route is not accepted, so it has no effect (a GRPCRoute is there)",
            "some backends of the route were not found, so traffic to them fails (BackendNotFound)",
        ]
    );
    let unjudged = "Linkerd has not accepted the route yet, so it has no effect";
    *object.pointer_mut("/status/parents/0/conditions").unwrap() =
        json!([{ "type": "ResolvedRefs", "status": "True" }]);
    assert_eq!(read(&object).warnings, [unjudged]);
    object["status"] = json!({});
    assert_eq!(read(&object).warnings, [unjudged]);
}

#[test]
fn the_conditions_of_other_controllers_do_not_count() {
    let mut object = route(
        &[rule("main", &[("web", 1), ("web-east", 0)])],
        &primary("web"),
    );
    let mut other = object["status"]["parents"][0].clone();
    other["controllerName"] = json!("example.com/other-mesh");
    other["conditions"] =
        json!([{ "type": "Accepted", "status": "False", "reason": "NotOurs", "message": "" }]);
    let parents = object["status"]["parents"].as_array_mut().unwrap();
    parents.insert(0, other.clone());
    assert_eq!(read(&object).warnings, [] as [&str; 0]);
    other["conditions"] = json!([{ "type": "Accepted", "status": "True" }]);
    object["status"]["parents"] = json!([other]);
    assert_eq!(
        read(&object).warnings,
        ["Linkerd has not accepted the route yet, so it has no effect"]
    );
}

#[test]
fn a_service_can_be_the_parent_once_for_each_port() {
    let two = rule("main", &[("web", 1), ("web-east", 0)]);
    let with = |parents: Value| {
        let mut object = route(std::slice::from_ref(&two), &primary("web"));
        object["spec"]["parentRefs"] = parents;
        read(&object)
    };
    let parent =
        |port: Option<u32>| json!({ "group": "", "kind": "Service", "name": "web", "port": port });
    let mut here = parent(Some(8081));
    here["namespace"] = json!("ns");
    let both = with(json!([parent(Some(80)), here, { "name": "gateway" }]));
    let group = both.group.as_ref().expect("it is a valid group");
    assert_eq!(
        (group.apex.as_str(), both.ports.as_slice()),
        ("web", [80, 8081].as_slice())
    );
    assert_eq!(
        both.warnings,
        ["Linkerd has not accepted the route on port 8081 yet, so it has no effect there"]
    );
    for all in [
        json!([parent(None)]),
        json!([parent(Some(80)), parent(None)]),
        // Linkerd reads a number that is not a port as a missing one.
        json!([parent(Some(70_000))]),
        json!([parent(Some(0))]),
    ] {
        assert_eq!(with(all.clone()).ports, [] as [u16; 0], "{all}");
    }
    let mut elsewhere = parent(Some(8081));
    elsewhere["namespace"] = json!("other");
    let several = with(json!([parent(Some(80)), elsewhere]));
    assert!(several.group.is_err(), "two Services are two apexes");
}

#[test]
fn the_case_of_kinds_and_groups_does_not_matter() {
    let mut object = route(
        &[rule("main", &[("web", 1), ("web-east", 0)])],
        &primary("web"),
    );
    for (group, kind) in [("core", "service"), ("", "SERVICE"), ("Core", "Service")] {
        object["spec"]["parentRefs"][0]["group"] = json!(group);
        object["spec"]["parentRefs"][0]["kind"] = json!(kind);
        let backend = &mut object["spec"]["rules"][0]["backendRefs"][1];
        backend["group"] = json!(group);
        backend["kind"] = json!(kind);
        assert!(read(&object).group.is_ok(), "{group:?} {kind}");
    }
}

#[test]
fn a_service_with_two_ports_in_a_rule_is_named_with_them() {
    let mut object = route(
        &[rule("main", &[("web", 90), ("web", 10), ("web-east", 0)])],
        &primary("web"),
    );
    object["spec"]["rules"][0]["backendRefs"][1]["port"] = json!(8081);
    assert_eq!(
        why_invalid(&object),
        "rule 1 (main): backend web is listed with two ports, 80 and 8081, but a group has one \
         weight for each Service"
    );
}

#[test]
fn routes_overlap_if_a_hostname_and_a_match_are_equal() {
    let path = |path: &str| json!({ "path": { "type": "PathPrefix", "value": path } });
    let with = |hostnames: &[&str], rules: &[&[Value]]| {
        let rules: Vec<Value> = rules
            .iter()
            .map(|matches| {
                let mut rule = rule("", &[("web", 1), ("web-east", 0)]);
                rule["matches"] = json!(matches);
                rule
            })
            .collect();
        let mut object = route(&rules, &primary("web"));
        object["spec"]["hostnames"] = json!(hostnames);
        read(&object).routing.unwrap()
    };
    let own = with(&[], &[&[path("/a")], &[path("/b"), path("/")]]);
    assert_eq!(own.overlap(&with(&[], &[&[path("/c")]])), Overlap::Nothing);
    assert_eq!(
        own.overlap(&with(&[], &[&[path("/b"), path("/c")]])),
        Overlap::Some
    );
    assert_eq!(
        own.overlap(&with(&[], &[&[path("/b"), path("/a")], &[]])),
        Overlap::All
    );
    assert_eq!(
        own.overlap(&with(&["web.example"], &[&[path("/a")]])),
        Overlap::Nothing
    );
    let named = with(&["a.example", "b.example"], &[&[]]);
    assert_eq!(
        named.overlap(&with(&["B.example"], &[&[json!({})]])),
        Overlap::Some
    );
    assert!(own.takes("web", &[80]) && own.takes("web", &[]) && own.takes("web", &[81, 80]));
    assert!(!own.takes("web", &[81]) && !own.takes("api", &[80]));
}

/// Whoever may write a route in one namespace may not see the endpoints of another.
#[test]
fn reasons_have_no_counts_of_other_namespaces() {
    let mut far = to("db", 1);
    far["namespace"] = json!("payments");
    let annotations = json!({
        "failover.linkerd.io/primary-service": "payments/db",
        "failover.linkerd.io/min-ready": "4",
    });
    let rule = json!({ "backendRefs": [far, to("web", 0)] });
    let record = read(&route(&[rule], &annotations));
    let group = record.group.unwrap();
    let near = Readiness::Known { ready: 1, total: 1 };
    let now = jiff::Timestamp::UNIX_EPOCH;
    for (ready, expected) in [
        (0, "payments/db has no ready endpoints"),
        (3, "payments/db has too few ready endpoints"),
        (7, "payments/db is ready"),
    ] {
        let far = Readiness::Known { ready, total: 9 };
        let decision = decide(&group, &[far, near.clone()], &Timers::none(), now);
        assert_eq!(decision.reason, expected);
    }
    let swapped = [near, Readiness::Known { ready: 0, total: 9 }];
    let decision = decide(&group, &swapped, &Timers::none(), now);
    assert!(!decision.reason.contains("of 9"), "{}", decision.reason);
}
