//! The rows of the table, each measured by itself.

mod cost;
mod mass;
mod memory;
mod once;
mod reaction;
mod status;

use super::report::{Report, Target};
use super::world::World;

/// The one that looks at the whole cluster comes first: the others leave their groups there.
pub const NAMES: [&str; 11] = [
    "namespaces",
    "reaction",
    "mass",
    "delayed",
    "once",
    "memory",
    "others",
    "idle",
    "churn",
    "status",
    "size",
];

pub async fn measure(name: &str, world: &World, report: &mut Report) {
    match name {
        "reaction" => reaction::measure(world, report).await,
        "mass" => mass::measure(world, report).await,
        "delayed" => mass::measure_delayed(world, report).await,
        "once" => once::measure(world, report).await,
        "memory" => memory::measure(world, report).await,
        "others" => memory::measure_others(world, report).await,
        "namespaces" => memory::measure_namespaces(world, report).await,
        "idle" => cost::measure_idle(world, report).await,
        "churn" => cost::measure_churn(world, report).await,
        "status" => status::measure(world, report).await,
        "size" => size(report),
        other => panic!("{other} is no row"),
    }
}

/// The optimised binary is stripped already.
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
