//! The binary and the files generated from it, without a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod cli {
    mod alerts;
    mod argv0;
    mod certificates;
    mod chart;
    mod complete;
    mod completion;
    mod concepts;
    mod config;
    mod create;
    mod errors;
    mod explain;
    mod generated;
    mod help;
    mod hints;
    mod hook_examples;
    mod image;
    mod install;
    mod install_dir;
    mod json_errors;
    mod krew;
    mod kube_score;
    mod kubeconfig;
    mod leftovers;
    mod linkerd;
    mod links;
    mod namespace;
    mod readme;
    mod scripted;
    mod stale;
    mod terminal;
    mod usage;
}
