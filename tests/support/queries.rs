//! The queries of the chart's alerts and of its dashboard, and the metrics that they read.

use std::collections::BTreeSet;

use serde_json::Value;

use super::command::{BINARY, repository, run};

/// Labels that Prometheus adds, and one that the rules add.
const OTHER_LABELS: [&str; 4] = ["pod", "instance", "le", "order"];

/// The PrometheusRule that the program renders.
pub fn alert_rules(values: &str) -> Value {
    let values = format!("prometheusRule.create=true,{values}");
    let args = ["install", "--ignore-cluster", "-ojson", "--set", &values];
    let objects = run(BINARY, args).success().json();
    let mut objects = objects["items"].as_array().expect("objects").iter();
    let rule = objects.find(|object| object["kind"] == "PrometheusRule");
    rule.expect("a PrometheusRule")["spec"].clone()
}

/// The alerts of the rules.
pub fn alerts(rules: &Value) -> &[Value] {
    rules["groups"][0]["rules"].as_array().expect("alerts")
}

/// The queries of the dashboard, each with the panel's title. Variables have values.
pub fn dashboard_queries() -> Vec<(String, String)> {
    let path = "deploy/helm/linkerd-failover/dashboards/kubectl-failover.json";
    let text = std::fs::read_to_string(repository().join(path)).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("queries");
        targets
            .iter()
            .map(|target| (panel["title"].to_string(), target["expr"].to_string()))
    });
    queries
        .map(|(title, query)| {
            let query: String = serde_json::from_str(&query).expect("text");
            let query = query.replace("$context", ".*").replace("$namespace", ".*");
            (title, query.replace("$__rate_interval", "5m"))
        })
        .collect()
}

/// Checks that the metrics of a running `watch` have every series and label that a query reads.
#[track_caller]
pub fn queries_find(metrics: &str) {
    let mut queries: Vec<String> = dashboard_queries().into_iter().map(|it| it.1).collect();
    for detail in ["groups", "counts"] {
        let rules = alert_rules(&format!("metrics.detail={detail}"));
        let exprs = alerts(&rules).iter().map(|it| it["expr"].as_str());
        queries.extend(exprs.map(|expr| expr.expect("a query").to_owned()));
    }
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let all: BTreeSet<&str> = samples
        .clone()
        .flat_map(|line| labels(braces(line)))
        .collect();
    let mut count = 0;
    for query in &queries {
        for (name, selected) in series(query) {
            let of = |line: &&str| {
                line.strip_prefix(name)
                    .is_some_and(|it| it.starts_with(['{', ' ']))
            };
            let stem = ["_total", "_bucket", "_info"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let is_there = [Some(name), stem]
                .into_iter()
                .flatten()
                .any(|name| metrics.contains(&format!("# TYPE {name} ")));
            assert!(is_there, "{name} does not exist: {query}");
            if let Some(sample) = samples.clone().find(of) {
                let has = labels(braces(sample));
                let lacks = selected.iter().find(|label| !has.contains(label));
                assert_eq!(lacks, None, "{name} lacks a label: {query}");
            }
            count += 1;
        }
        for label in grouping(query) {
            let is_known = all.contains(label) || OTHER_LABELS.contains(&label);
            assert!(is_known, "no metric has the label {label}: {query}");
        }
    }
    assert!(count > 30, "only {count} series are looked at");
}

/// The series that a query reads, with the labels that it selects them by.
fn series(query: &str) -> Vec<(&str, Vec<&str>)> {
    let starts = query.match_indices("failover_").map(|(at, _)| &query[at..]);
    let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    starts
        .map(|rest| {
            let (name, after) = rest.split_at(rest.find(|it| !is_name(it)).unwrap_or(rest.len()));
            let selected = after.starts_with('{').then(|| labels(braces(after)));
            (name, selected.unwrap_or_default())
        })
        .collect()
}

/// The labels of `by (…)` and `on (…)`.
fn grouping(query: &str) -> Vec<&str> {
    let lists = ["by (", "on ("]
        .into_iter()
        .flat_map(|word| query.split(word).skip(1));
    let lists = lists.filter_map(|rest| Some(rest.split_once(')')?.0));
    lists.flat_map(|list| list.split(", ")).collect()
}

fn braces(text: &str) -> &str {
    let inner = text
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    inner.map_or("", |(inner, _)| inner)
}

fn labels(list: &str) -> Vec<&str> {
    let pairs = list.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split(['=', '!']).next().unwrap_or_default())
        .collect()
}
