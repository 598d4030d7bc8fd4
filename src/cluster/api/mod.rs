//! Typed requests to the API server: one file for each kind of object or review.

pub mod access_review;
pub mod apex_services;
pub mod apply;
pub mod discovery;
pub mod endpoint_counts;
pub mod endpoint_slices;
pub mod events;
pub mod groups;
pub mod identity;
pub mod journal;
pub mod lease;
pub mod namespaces;
pub mod occupants;
pub mod pod_health;
pub mod pods;
pub mod port_forward;
pub mod prometheus_rules;
pub mod role_bindings;
pub mod service_profiles;
pub mod services;
pub mod slice_index;
pub(super) mod types;
pub mod viz;
pub mod workloads;
