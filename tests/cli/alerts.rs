//! The alerts and the dashboard of the chart: promtool's judgement, and the runbooks.

use std::collections::BTreeSet;
use std::fs;

use clap::Parser as _;
use kubectl_failover::internals::Cli;
use serde_json::{Value, json};

use crate::support::{
    PROMTOOL, alert_rules, alerts, dashboard_queries, finish, repository, runs_slow_tests,
};

const RUNBOOKS: &str = "docs/runbooks";
/// The values that the cases of promtool are made for.
const TEST_VALUES: &str = "prometheusRule.awayHours=1,prometheusRule.orderHours=1,\
                           prometheusRule.runbookUrl=https://example.com";

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

fn runbooks() -> BTreeSet<String> {
    let files = fs::read_dir(repository().join(RUNBOOKS)).expect("the runbooks");
    let names = files.map(|file| file.expect("a file").file_name());
    names
        .map(|name| name.into_string().expect("text"))
        .collect()
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let rules = alert_rules("metrics.detail=groups");
    let mut named = BTreeSet::new();
    for alert in alerts(&rules) {
        let name = text(alert, "/alert");
        let page = format!("{name}.md");
        let url = text(alert, "/annotations/runbook_url");
        assert!(url.ends_with(&format!("/{RUNBOOKS}/{page}")), "{url}");
        let content = fs::read_to_string(repository().join(RUNBOOKS).join(&page));
        let content = content.unwrap_or_else(|cause| panic!("{page}: {cause}"));
        assert!(content.starts_with(&format!("# {name}\n")), "{page}");
        named.insert(page);
    }
    assert_eq!(named, runbooks());
    let rules = alert_rules("metrics.detail=counts");
    let of_counts = alerts(&rules)
        .iter()
        .map(|it| format!("{}.md", text(it, "/alert")));
    assert!(of_counts.collect::<BTreeSet<_>>().is_subset(&named));
}

#[test]
fn the_commands_of_the_runbooks_exist() {
    let mut count = 0;
    for page in runbooks() {
        let content = fs::read_to_string(repository().join(RUNBOOKS).join(&page)).expect("a page");
        for line in content.lines() {
            let Some(command) = line.trim().strip_prefix("$ kubectl failover ") else {
                continue;
            };
            let own = command.split(" | ").next().unwrap_or_default();
            let words = std::iter::once("kubectl-failover").chain(own.split(' '));
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{page}: {command}: {:?}", parsed.err());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} commands are looked at");
}

#[test]
fn promtool_finds_the_alerts_right() {
    if !runs_slow_tests("promtool") {
        return;
    }
    for (detail, cases) in [
        ("groups", "alerts.yaml"),
        ("counts", "alerts-of-counts.yaml"),
    ] {
        let rules = alert_rules(&format!("metrics.detail={detail},{TEST_VALUES}"));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rules.yaml");
        fs::write(&file, rules.to_string()).expect("the rules are written");
        promtool(&[
            "check",
            "rules",
            "--lint-fatal",
            file.to_str().expect("text"),
        ]);
        let fixture = repository().join("tests/fixtures/promtool").join(cases);
        let copy = folder.path().join(cases);
        fs::copy(fixture, &copy).expect("the cases are copied");
        promtool(&["test", "rules", copy.to_str().expect("text")]);
        has_both_sides(&rules, &fs::read_to_string(&copy).expect("the cases"));
    }
}

/// Each alert that depends on the detail of the metrics fires in one case, and not in another.
fn has_both_sides(rules: &Value, cases: &str) {
    let cases: Value = serde_yaml::from_str(cases).expect("YAML");
    let tests = cases["tests"].as_array().expect("cases").iter();
    let judged: BTreeSet<(&str, bool)> = tests
        .flat_map(|test| test["alert_rule_test"].as_array().expect("alerts"))
        .map(|it| (text(it, "/alertname"), it.get("exp_alerts").is_some()))
        .collect();
    let fires: BTreeSet<&str> = judged.iter().filter(|it| it.1).map(|it| it.0).collect();
    let silent: BTreeSet<&str> = judged.iter().filter(|it| !it.1).map(|it| it.0).collect();
    assert_eq!(fires, silent);
    let all: BTreeSet<&str> = alerts(rules).iter().map(|it| text(it, "/alert")).collect();
    let is_of_groups = all.contains("FailoverGroupAway");
    assert!(!is_of_groups || fires == all, "{fires:?}");
}

#[test]
fn promtool_can_read_the_queries_of_the_dashboard() {
    if !runs_slow_tests("promtool") {
        return;
    }
    let queries = dashboard_queries().into_iter().enumerate();
    let rules = queries.map(|(number, (title, query))| {
        json!({"record": format!("panel:{number}"), "expr": query, "labels": {"title": title}})
    });
    let rules: Vec<Value> = rules.collect();
    assert!(rules.len() > 15, "{rules:?}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let groups = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(file.path(), groups.to_string()).expect("the file is written");
    promtool(&["check", "rules", file.path().to_str().expect("text")]);
}

#[track_caller]
fn promtool(args: &[&str]) {
    let output = finish(PROMTOOL.command().args(args));
    output.success().stdout_contains("SUCCESS");
}
