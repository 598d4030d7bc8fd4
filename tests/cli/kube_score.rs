//! kube-score's judgement of the chart.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{BINARY, KUBE_SCORE, finish, run, runs_slow_tests};

/// What kube-score finds, and why it is so.
const EXCEPTIONS: [(&str, &str); 5] = [
    (
        "(watch) CPU limit is not set",
        "a limit makes the kernel stop the process for tenths of a second when it is busiest: \
         during a failover",
    ),
    (
        "(watch) ImagePullPolicy is not set to Always",
        "the image has a version: a pod starts on a node that has it, also while the registry is \
         down",
    ),
    (
        "(watch) Ephemeral Storage limit is not set",
        "the file system is read-only, and only the log counts, which the kubelet rotates: a limit \
         could do nothing but evict the pod",
    ),
    (
        "(watch) Ephemeral Storage request is not set",
        "see the limit",
    ),
    (
        "Deployment does not have a host podAntiAffinity set",
        "topologySpreadConstraints spread the pods over hosts and zones",
    ),
];
/// Which ports and peers are needed is known only for the cluster at hand, so it is a value.
const NETWORK_POLICY: &str = "The pod does not have a matching NetworkPolicy";

#[test]
fn kube_score_finds_only_what_is_explained() {
    if !runs_slow_tests("kube-score") {
        return;
    }
    let options = "podMonitor.create=true,flowSchema.create=true,admissionPolicy.create=true";
    let policy = "networkPolicy.create=true,selector=team=web,remotes.fromLinks={east}";
    let known: BTreeSet<&str> = EXCEPTIONS.iter().map(|(finding, _)| *finding).collect();
    let mut without_policy = known.clone();
    without_policy.insert(NETWORK_POLICY);
    for (flags, expected) in [
        (&[][..], &without_policy),
        (&["--ha", "--set", "namespaces={web,shop}"], &without_policy),
        (&["--set", options, "--set", policy], &known),
    ] {
        let found = findings(flags);
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, *expected, "{flags:?}");
    }
}

fn findings(flags: &[&str]) -> Vec<String> {
    let printed = run(BINARY, [&["install", "--ignore-cluster"], flags].concat()).success();
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), printed.stdout).expect("the file is written");
    let mut command = KUBE_SCORE.command();
    command
        .args(["score", "--output-format=ci", "--kubernetes-version=v1.36"])
        .arg("--enable-optional-test=container-seccomp-profile")
        .arg(file.path());
    let output = finish(&mut command);
    let lines = output.stdout.lines();
    assert!(lines.clone().count() > 10, "{}", output.stdout);
    let bad = lines.filter(|line| line.starts_with("[CRITICAL]") || line.starts_with("[WARNING]"));
    let finding = |line: &str| line.split_once(": ").map(|(_, finding)| finding.to_owned());
    bad.filter_map(finding).collect()
}
