//! The admission policy of the chart, held against the program's own parser.

use kube::api::PostParams;
use kubectl_failover::resource::{Kind as _, TrafficSplit};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use super::NAMESPACE;
use crate::support::{Side, eventually};

const LABEL: &str = "failover.linkerd.io/controlled-by";

/// The admission policy refuses what the program would call invalid, and what Linkerd's proxy
/// cannot bear. Both have to agree on every object.
pub async fn judges_as_the_program(side: &Side) {
    let first = split("first", json!([1, -1]), json!({}));
    eventually(
        "the admission policy is in force",
        async || match refusal(side, &first).await {
            Some(_) => Ok(()),
            None => Err("the object is allowed".to_owned()),
        },
    )
    .await;
    let weights = [
        json!([1, 0]),
        json!([429_496, 0]),
        json!([429_496, 1]),
        json!([1, -1]),
        json!([]),
        json!(vec![1; 100]),
        json!(vec![1; 101]),
    ];
    for weights in weights {
        compare(side, split("weights", weights, json!({}))).await;
    }
    let annotations = [
        (
            "policy",
            vec!["spread", "ordered", "active-active", "Spread", ""],
        ),
        ("failback", vec!["auto", "manual", "never"]),
        ("standby", vec!["on", "off", "true"]),
        (
            "failover-delay",
            vec![
                "0s", "1h", "1m30s", "", "5", "-5s", "1m1m", "30s1m", "1.5s", "5d", "s",
            ],
        ),
        ("failback-delay", vec!["2h", "5 s"]),
        (
            "min-ready",
            vec![
                "1", "007", "50%", "50 %", "100%", "0", "0%", "101%", "%", "", "1.5", "-1",
            ],
        ),
        ("failback-ready", vec!["2", "120%"]),
        (
            "weights",
            vec![
                "b0=2",
                "b0=1,b1=1000000",
                "b0 = 1 , b1=2",
                "b0=0",
                "b0=1000001",
                "b0=1,b0=2",
                "c=1",
                "b0",
                "b0=1,",
                "b0=1.5",
                "",
            ],
        ),
        ("primary-service", vec!["b1", "c"]),
    ];
    for (key, values) in annotations {
        for value in values {
            let key = format!("failover.linkerd.io/{key}");
            let annotations = Value::Object([(key, json!(value))].into_iter().collect());
            compare(side, split("annotations", json!([1, 0]), annotations)).await;
        }
    }
    for share in ["b0=100", "b0=101"] {
        let annotations =
            json!({"failover.linkerd.io/standby": "on", "failover.linkerd.io/weights": share});
        compare(side, split("standby", json!([1, 0]), annotations)).await;
    }
}

fn split(name: &str, weights: Value, annotations: Value) -> Value {
    let weights = weights.as_array().expect("a list").iter().enumerate();
    let backends: Vec<Value> = weights
        .map(|(index, weight)| json!({"service": format!("b{index}"), "weight": weight}))
        .collect();
    json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {LABEL: "test"},
            "annotations": annotations,
        },
        "spec": {"service": "web", "backends": backends},
    })
}

async fn compare(side: &Side, object: Value) {
    let raw = to_raw_value(&object).expect("JSON");
    let record = TrafficSplit.read(&raw).expect("the object is read");
    let weights = object["spec"]["backends"].as_array().expect("a list");
    let sum: i64 = weights.iter().filter_map(|it| it["weight"].as_i64()).sum();
    let is_wrong = record.group.is_err() || sum > 429_496;
    let refusal = refusal(side, &object).await;
    assert_eq!(
        refusal.is_some(),
        is_wrong,
        "{refusal:?} {:?} {object:#}",
        record.group
    );
}

/// Why the API server refuses an object.
async fn refusal(side: &Side, object: &Value) -> Option<String> {
    let object = serde_json::from_value(object.clone()).expect("an object");
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let answer = side.traffic_splits().create(&params, &object).await;
    answer.err().map(|error| {
        let words = error.to_string();
        assert!(words.contains("denied request"), "{words}");
        words
    })
}
