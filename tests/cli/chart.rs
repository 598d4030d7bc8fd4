//! The Helm chart, and `install`, which prints what Helm renders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use kubectl_failover::internals::rights::RbacCommand;
use kubectl_failover::internals::{CHART_FILES, Cli};
use kubectl_failover::model::EventKind;
use regex::Regex;
use serde_json::Value;

use crate::support::{BINARY, Output, chart, helm, run};

/// Values that reach every part of the chart.
const VALUES: [&[&str]; 9] = [
    &[],
    &[
        "replicas=1,image.digest=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,metrics.port=9091,metrics.address=[::]",
    ],
    &["namespaces={web,shop}", "remotes.fromLinks={east,north}"],
    &[
        "selector=team=web,leaseName=kubectl-failover-1",
        "maxMoves=20/1m,logFormat=json",
    ],
    &[
        "hooks.command=/hooks/notify --channel \"on call\",hooks.events={moved,down}",
        "extraArgs={-v,--request-timeout=5s},podLabels.team=a,podAnnotations.x=y",
    ],
    &[
        "podMonitor.create=true,podMonitor.labels.release=x,networkPolicy.create=true",
        "flowSchema.create=true,admissionPolicy.create=true",
    ],
    &[
        "prometheusRule.create=true,prometheusRule.labels.release=x,prometheusRule.awayHours=8",
        "dashboard.create=true,dashboard.labels.folder=x",
    ],
    &["prometheusRule.create=true,metrics.detail=counts"],
    &[
        "rbac.findUpstream=false,rbac.roles=false,podDisruptionBudget.create=false",
        r"alongsideUpstream=true,nodeSelector.kubernetes\.io/os=linux,priorityClassName=high",
    ],
];

const LISTS: &str = "
imagePullSecrets: [{name: registry}]
extraEnv: [{name: A, value: b}, {name: C, value: 'd: e'}]
extraVolumes: [{name: hooks, configMap: {name: hooks}}]
extraVolumeMounts: [{name: hooks, mountPath: /hooks}]
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {}}
serviceAccount: {annotations: {a: b}}
resources: {limits: {memory: 1Gi}}
";

#[test]
fn install_prints_what_helm_renders() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), LISTS).expect("the file is written");
    let file = file.path().to_str().expect("text");
    for set in VALUES {
        compare(&set_flags(set), &[]);
    }
    compare(&["-f", file], &[]);
    let production = chart().join("values-ha.yaml");
    let production = production.to_str().expect("text");
    let both = ["-f", production, "-f", file];
    compare(&both, &["--ha", "-f", file]);
}

fn set_flags<'a>(set: &[&'a str]) -> Vec<&'a str> {
    set.iter().flat_map(|pair| ["--set", pair]).collect()
}

/// `own`: other flags of `install` than Helm's.
fn compare(flags: &[&str], own: &[&str]) {
    let install = ["install", "--ignore-cluster", "-n", "failing-over"];
    let own = if own.is_empty() { flags } else { own };
    let printed = run(BINARY, [&install, own].concat()).success();
    let printed = objects(&printed.stdout);
    let rendered = template(&[flags, &["--set", "namespace.create=true"]].concat()).success();
    assert_eq!(printed, objects(&rendered.stdout), "{flags:?}");
}

fn template(flags: &[&str]) -> Output {
    let chart = chart();
    let words = [
        "template",
        "linkerd-failover",
        chart.to_str().expect("text"),
        "-n",
        "failing-over",
    ];
    helm(&[&words, flags].concat())
}

/// The objects by kind, namespace and name.
fn objects(text: &str) -> BTreeMap<String, Value> {
    let objects: Vec<Value> = serde_yaml::from_multiple(text).expect("YAML");
    let objects = objects.into_iter().filter(|object| !object.is_null());
    let named = objects.map(|object| {
        let meta = &object["metadata"];
        let name = format!("{} {}/{}", object["kind"], meta["namespace"], meta["name"]);
        (name, object)
    });
    let count = named.clone().count();
    let named: BTreeMap<String, Value> = named.collect();
    assert_eq!(named.len(), count, "an object is there twice");
    named
}

#[test]
fn the_namespace_can_be_created_first_and_has_its_labels() {
    let printed = run(BINARY, ["install", "--ignore-cluster", "-ojson"]).success();
    let list = printed.json();
    let first = &list["items"][0];
    assert_eq!(
        (&first["kind"], &first["metadata"]["name"]),
        (&"Namespace".into(), &"linkerd-failover".into())
    );
    assert_eq!(
        first["metadata"]["labels"]["linkerd.io/extension"],
        "failover"
    );
    assert_eq!(
        first["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}

#[test]
fn with_a_selector_install_names_the_lease() {
    let args = ["install", "--ignore-cluster", "--set", "selector=team=web"];
    let printed = run(BINARY, args).success();
    let role = run(
        BINARY,
        ["check", "--rbac", "watch", "-l", "team=web", "-n", "x"],
    )
    .success();
    let role: Value = serde_yaml::from_str(&role.stdout).expect("YAML");
    let lease = role["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .find_map(|rule| {
            let is_lease = rule["resources"][0] == "leases";
            rule["resourceNames"][0].as_str().filter(|_| is_lease)
        });
    printed.stdout_contains(lease.expect("a name"));
    template(&["--set", "selector=team=web"])
        .code(1)
        .stderr_contains("selector needs leaseName");
}

#[test]
fn a_typo_in_a_value_is_refused() {
    template(&["--set", "podMonitor.creat=true"])
        .code(1)
        .stderr_contains("creat");
    run(
        BINARY,
        ["install", "--ignore-cluster", "--set", "replica=3"],
    )
    .code(2)
    .stdout_is_empty()
    .stderr_contains("the chart has no value replica")
    .stderr_contains("did you mean replicas?");
    run(
        BINARY,
        ["install", "--ignore-cluster", "-f", "/nowhere.yaml"],
    )
    .code(1)
    .stderr_contains("/nowhere.yaml");
}

/// Values that Kubernetes or the program would refuse later.
const BAD_VALUES: [(&str, &[&str]); 21] = [
    ("replicas", &["0", "-1"]),
    ("image.repository", &["", "a b", "a@sha256:b"]),
    ("image.tag", &["a b", "-a"]),
    ("image.digest", &["abc", "sha256:abc"]),
    (
        "namespaces",
        &["{Emoji_voto}", "{a,a}", "{a.b}", "{-a}", "{..}"],
    ),
    ("leaseName", &["A b"]),
    (
        "maxMoves",
        &[
            "20perminute",
            "20",
            "0/1m",
            "20/0s",
            "20/1",
            "20/1m1h",
            "/1m",
        ],
    ),
    ("remotes.fromLinks", &["{East Side}", "{east,east}"]),
    ("hooks.events", &["{foo}", "{moved,moved}"]),
    (
        "extraArgs",
        &[
            "{--nope}",
            "{nope}",
            "{--metrics=1}",
            "{-A}",
            "{-lteam=web}",
            "{--max-moves=1/1m}",
            "{--on-event=x}",
            "{--request-timeout,5s}",
        ],
    ),
    (
        "metrics.address",
        &["localhost", "1.2.3", "1.2.3.256", "::"],
    ),
    ("metrics.port", &["0", "65536"]),
    (
        "resources.limits.memory",
        &["128mib", "-1", "a lot", "1 Gi"],
    ),
    ("resources.requests.cpu", &["20mm"]),
    ("priorityClassName", &["High Priority"]),
    ("podMonitor.interval", &["", "15", "1x", "1s1m"]),
    ("prometheusRule.unavailableFor", &["1x"]),
    ("prometheusRule.noFallbackFor", &["15 minutes"]),
    ("prometheusRule.runbookUrl", &["docs"]),
    ("prometheusRule.awayHours", &["-1"]),
    ("networkPolicy.apiServerPorts", &["{443,443}", "{0}"]),
];

#[test]
fn bad_values_are_refused() {
    let mut all = vec![];
    for (name, values) in BAD_VALUES {
        for value in values {
            let pair = format!("{name}={value}");
            run(BINARY, ["install", "--ignore-cluster", "--set", &pair])
                .code(2)
                .stdout_is_empty()
                .stderr_contains(&format!("the value {name}"));
        }
        all.extend(["--set".to_owned(), format!("{name}={}", values[0])]);
    }
    run(BINARY, ["install", "--ignore-cluster", "-n", "Foo Bar"])
        .code(2)
        .stderr_contains("the value of -n is \"Foo Bar\"");
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let refused = template(&all).code(1);
    for (name, _) in BAD_VALUES {
        let path = format!("'/{}", name.replace('.', "/"));
        assert!(refused.stderr.contains(&path), "{path}: {refused}");
    }
}

/// What the schema allows, `watch` understands.
#[test]
fn the_arguments_that_values_become_are_understood() {
    let events = EventKind::ALL.map(EventKind::name).join(",");
    let events = format!("hooks.command=x,hooks.events={{{events}}}");
    let address = "metrics.address=";
    for set in [
        &events,
        "hooks.command=notify --channel \"on call\"",
        "maxMoves=20/1m",
        "maxMoves=1/1h30m5s",
        "maxMoves=999999999/1m0s",
        "maxMoves=1/250ms",
        "maxMoves=1/99999h99999m99999s",
        &format!("{address}0.0.0.0"),
        &format!("{address}255.1.20.199"),
        &format!("{address}[::]"),
        &format!("{address}[fd00::1:2.3.4.5]"),
    ] {
        let printed = run(
            BINARY,
            ["install", "--ignore-cluster", "-ojson", "--set", set],
        );
        let list = printed.success().json();
        let mut objects = list["items"].as_array().expect("objects").iter();
        let deployment = objects.find(|it| it["kind"] == "Deployment");
        let args =
            &deployment.expect("a Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
        let args = args.as_array().expect("arguments").iter();
        let words = args.map(|word| word.as_str().expect("text"));
        let parsed = Cli::try_parse_from(std::iter::once("kubectl-failover").chain(words));
        assert!(parsed.is_ok(), "{set}: {:?}", parsed.err());
    }
}

/// Those that other values set are not among them.
const OF_OTHER_VALUES: [&str; 13] = [
    "all-namespaces",
    "alongside-upstream",
    "help",
    "hook-events",
    "log-format",
    "max-moves",
    "metrics",
    "metrics-detail",
    "namespace",
    "namespaces",
    "on-transition",
    "remote-from-links",
    "selector",
];

#[test]
fn extra_arguments_are_flags_of_watch() {
    let schema = fs::read_to_string(chart().join("values.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let pattern = &schema["properties"]["extraArgs"]["items"]["pattern"];
    let pattern = Regex::new(pattern.as_str().expect("a pattern")).expect("a pattern");
    let mut program = Cli::command();
    program.build();
    let watch = program.find_subcommand("watch").expect("the command");
    for argument in watch.get_arguments() {
        let Some(long) = argument.get_long() else {
            continue;
        };
        let takes_value = argument.get_action().takes_values();
        let flag = if takes_value {
            format!("--{long}=x")
        } else {
            format!("--{long}")
        };
        let is_free = !OF_OTHER_VALUES.contains(&long);
        assert_eq!(pattern.is_match(&flag), is_free, "{flag}");
    }
}

#[test]
fn helm_finds_nothing_to_complain_about() {
    let chart = chart();
    helm(&["lint", "--strict", chart.to_str().expect("text")]).success();
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let text = fs::read_to_string(chart().join("Chart.yaml")).expect("the chart");
    let chart: Value = serde_yaml::from_str(&text).expect("YAML");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_program_has_all_templates() {
    let mut files = BTreeSet::new();
    collect(&chart().join("templates"), &mut files);
    files.remove("templates/NOTES.txt");
    let known: BTreeSet<String> = CHART_FILES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(files, known);
}

fn collect(folder: &Path, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let name = path.strip_prefix(chart()).expect("a file of the chart");
            files.insert(name.to_str().expect("text").to_owned());
        }
    }
}

#[test]
fn every_value_is_described() {
    let readme = fs::read_to_string(chart().join("README.md")).expect("the chart's README");
    let schema = fs::read_to_string(chart().join("values.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let values = fs::read_to_string(chart().join("values.yaml")).expect("the values");
    let values: Value = serde_yaml::from_str(&values).expect("YAML");
    let mut names = Vec::new();
    leaves(&schema, &values, "", &mut names);
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "{name} is not described"
        );
    }
}

/// Collects the names of the values. The schema and the values have the same.
fn leaves(schema: &Value, values: &Value, path: &str, names: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        names.push(path.to_owned());
        return;
    };
    let keys: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    let is_known = |key: &&str| *key != "global";
    let found = values
        .as_object()
        .expect("a mapping")
        .keys()
        .map(String::as_str);
    if path != "resources" {
        assert_eq!(
            keys.into_iter().filter(is_known).collect::<BTreeSet<_>>(),
            found.collect(),
            "{path}"
        );
    }
    for (key, schema) in properties.iter().filter(|(key, _)| *key != "global") {
        let name = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        leaves(schema, &values[key], &name, names);
    }
}

/// `check --rbac install` and `check --rbac uninstall` print a ClusterRole with all of them.
#[test]
fn the_rights_of_install_are_for_every_kind_that_it_prints() {
    let mut kinds = BTreeSet::new();
    for values in VALUES {
        let set = values.iter().flat_map(|values| ["--set", values]);
        let args = ["install", "--ignore-cluster", "-ojson"]
            .into_iter()
            .chain(set);
        let objects = run(BINARY, args).success().json();
        for object in objects["items"].as_array().expect("objects") {
            let kind = object["kind"].as_str().expect("text").to_lowercase();
            kinds.insert(match kind.strip_suffix('y') {
                Some(stem) => format!("{stem}ies"),
                None => format!("{kind}s"),
            });
        }
    }
    assert!(kinds.len() > 12, "{kinds:?}");
    for command in [RbacCommand::Install, RbacCommand::Uninstall] {
        let rights = command.rights();
        for kind in &kinds {
            let has = rights.iter().any(|right| right.resource == kind);
            assert!(has, "{command:?} lacks {kind}");
        }
        run(BINARY, ["check", "--rbac", command.name()])
            .success()
            .stdout_contains("kind: ClusterRole\n")
            .stdout_contains("- validatingadmissionpolicybindings\n");
    }
}
