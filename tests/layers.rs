//! Holds the imports between the files of `src` against the layers of the design.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod layers {
    pub mod graph;
    pub mod made_up;
    pub mod rules;
    pub mod source;
    pub mod tokens;
}

use std::fs;
use std::path::Path;

use layers::graph::Graph;
use layers::rules::{self, Layers};

/// Which folders of `src` may import which.
const LAYERS: Layers = Layers {
    folder: "",
    allowed: "
        lib: *
        commands: changes watch observe check traffic install readiness sandbox view output cluster resource model
        commands: access error cli process settings problem text
        settings: problem text
        changes: readiness cluster resource model view output access process error cli problem text
        watch: readiness cluster resource model access error problem text
        observe: readiness cluster resource model access error problem text
        check: readiness cluster resource model access error problem text
        traffic: cluster resource model problem text
        install: problem text
        readiness: cluster resource model problem text
        cluster: resource model problem text
        error: cluster access resource model output view problem text
        cli: model resource access cluster view output problem text
        view: resource model problem text
        output: problem text
        access: resource model cluster problem text
        sandbox: output process cli settings resource model problem text
        process: problem text
        resource: model problem text
        model: problem text
        problem: text
        text:
    ",
};

/// The order of the parts of `cluster`.
const CLUSTER: Layers = Layers {
    folder: "cluster/",
    allowed: "
        mod: *
        queries: remotes api listwatch transport
        remotes: api listwatch transport
        api: listwatch transport
        listwatch: transport
        transport:
    ",
};

/// The order of the parts of `watch`.
const WATCH: Layers = Layers {
    folder: "watch/",
    allowed: "
        mod: *
        driver: options metrics engine clocks
        options: metrics engine clocks
        metrics: engine
        engine:
        clocks:
    ",
};

/// The circles inside a folder that are accepted.
const CIRCLES: &[&[&str]] = &[];

/// The folders that decide and show, but neither wait nor talk to anything.
const PURE: [&str; 4] = ["model/", "view/", "watch/engine/", "traffic/metrics/"];
const IMPURE: &[&str] = &[
    "tokio",
    "kube",
    "k8s_openapi",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "jiff::Timestamp::now",
];

#[test]
fn imports_go_down_the_layers() {
    let graph = graph();
    let complaints = [LAYERS, CLUSTER, WATCH].map(|layers| layers.complaints(&graph));
    assert_none(complaints.concat());
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    assert_none(rules::circles(&graph(), CIRCLES));
}

#[test]
fn pure_folders_name_no_runtime_and_no_requests() {
    let graph = graph();
    for folder in PURE {
        let mut files = graph.files().map(|file| file.name.as_str());
        assert!(
            files.any(|file| file.starts_with(folder)),
            "{folder} is empty"
        );
        assert_none(rules::impure(&graph, folder, IMPURE));
    }
}

#[test]
fn each_file_begins_by_saying_what_is_in_it() {
    let mut files = sources();
    files.retain(|(_, text)| !text.starts_with("//! "));
    assert_none(
        files
            .into_iter()
            .map(|(name, _)| name + " has no //!")
            .collect(),
    );
}

#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn graph() -> Graph {
    let sources = sources();
    Graph::new(
        sources
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str())),
    )
}

/// The files of the library: paths below `src`, and texts.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    files.retain(|(name, _)| name != "main.rs");
    assert!(files.len() > 100, "only {} files in src", files.len());
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push((name.to_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
}
