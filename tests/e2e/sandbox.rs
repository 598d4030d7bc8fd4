//! `sandbox` and the clusters that it starts.

mod demo;
mod lifecycle;
mod links;
mod mirror;
mod partition;
mod routes;
mod scheduler;
mod simulation;
