//! The manifests that run `watch` in a cluster: the Helm chart of the repository, which is part of
//! the binary, rendered with values.

mod chart;
mod objects;
mod schema;
mod set_flag;
mod template;
mod values;

pub use chart::{CHART_FILES, Release, render};
pub use objects::{Possible, collection, object_name, path, reference, resource_name};
pub use values::{Sources, values};
