//! What the tests share: the clusters, a namespace for each test, and runs of the plugin.
//!
//! ```ignore
//! let ns = TestNamespace::new("purpose").await;
//! ns.west.service("web-svc").await;
//! ns.west.deployment("web", 1).await;
//! plugin().args(["status"]).on(&ns.west).run().await.success().stdout_contains("web-svc");
//! ```
#![allow(dead_code, unused_imports, reason = "no test binary uses all of it")]

mod admission;
mod command;
mod connect_proxy;
mod documented;
mod dump;
mod endpoints;
mod fault_proxy;
mod faults;
mod go_tools;
pub mod group_fixture;
mod harmless;
mod helm;
mod image;
mod installed;
mod namespace;
mod objects;
mod output;
mod plugin;
mod programs;
mod pty;
mod queries;
mod rights;
mod running;
mod sandbox;
mod scripted;
mod slow;
mod tls_front;
mod upstream;
mod wait;
mod watching;

pub use admission::{Admitted, DenyingPolicy, hanging_webhook, remove_webhook};
pub use command::{BINARY, finish, repository, run};
pub use connect_proxy::ConnectProxy;
pub use documented::{documented, documented_as, documented_metrics};
pub use endpoints::endpoint;
pub use fault_proxy::{FaultProxy, OBSERVATION_TIME};
pub use faults::{Fault, Recorded};
pub use go_tools::{GoTool, KUBE_SCORE, PROMTOOL, prometheus_definitions};
pub use harmless::harmless;
pub use helm::{chart, helm, helm_command};
pub use image::{ACCOUNT_FILES, Image, compile_statically, may_start_containers};
pub use installed::{Installed, Link, is_here};
pub use namespace::{Side, TestNamespace};
pub use objects::{accept_http_route, accept_route, patch_json, traffic_split_resource};
pub use output::Output;
pub use plugin::{Plugin, plugin};
pub use programs::{Revived, free_port, start_again};
pub use pty::Pty;
pub use queries::{alert_rules, alerts, dashboard_queries, queries_find};
pub use rights::{
    add_gone, allow_everywhere, kubeconfig_of, kubeconfig_with, restricted_kubeconfig,
    restricted_kubeconfig_of, rule, token, token_in, users,
};
pub use running::Running;
pub use sandbox::{Sandbox, client, cluster_start_permit, processes_mentioning, share, shared};
pub use scripted::ScriptedServer;
pub use slow::runs_slow_tests;
pub use tls_front::{Certificate, ServerCertificate, TlsFront};
pub use upstream::{ReadinessFrom, Upstream};
pub use wait::{WAIT_LIMIT, eventually, eventually_within};
pub use watching::{
    Rest, end, operator_rights, operator_rights_beyond, operator_rights_without, started, watching,
    watching_as,
};
