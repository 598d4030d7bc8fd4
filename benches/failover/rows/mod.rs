//! The rows of the table, each with its measurement.

mod cost;
mod evacuate;
mod mass;
mod memory;
mod once;
mod reaction;
mod status;

use super::environment::Environment;
use super::report::{Report, Target};

/// The row about the whole cluster comes first, since the others leave their groups behind.
pub const NAMES: [&str; 14] = [
    "namespaces",
    "reaction",
    "hostile",
    "mass",
    "delayed",
    "once",
    "evacuate",
    "evacuate-delayed",
    "memory",
    "others",
    "idle",
    "churn",
    "status",
    "size",
];

pub async fn measure(name: &str, environment: &Environment, report: &mut Report) {
    match name {
        "reaction" => reaction::measure(environment, report).await,
        "hostile" => reaction::measure_hostile(environment, report).await,
        "mass" => mass::measure(environment, report).await,
        "delayed" => mass::measure_delayed(environment, report).await,
        "once" => once::measure(environment, report).await,
        "evacuate" => evacuate::measure(environment, report).await,
        "evacuate-delayed" => evacuate::measure_delayed(environment, report).await,
        "memory" => memory::measure(environment, report).await,
        "others" => memory::measure_others(environment, report).await,
        "namespaces" => memory::measure_namespaces(environment, report).await,
        "idle" => cost::measure_idle(environment, report).await,
        "churn" => cost::measure_churn(environment, report).await,
        "status" => status::measure(environment, report).await,
        "size" => size(report),
        other => panic!("{other} is no row"),
    }
}

/// The release profile strips the binary.
fn size(report: &mut Report) {
    let file =
        std::fs::metadata(env!("CARGO_BIN_EXE_kubectl-failover")).expect("the binary is there");
    let megabytes = file.len() as f64 / 1e6;
    report.add(
        "the binary, stripped",
        megabytes,
        "MB",
        None,
        Target::Most(12.0),
    );
}
