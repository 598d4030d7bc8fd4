//! How a client's proxy divides the requests to one Service over backends. No I/O.

use crate::model::ServiceRef;

/// The Service and the port that a client calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    pub service: ServiceRef,
    pub port: u16,
}

/// The object that names the backends.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// None: the Service that is called is its own backend.
    #[default]
    Service,
    /// The ServiceProfile that linkerd-smi makes of a TrafficSplit.
    Profile,
    Route(RouteName),
}

/// A route, by the labels that metrics have for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteName {
    pub group: &'static str,
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

impl RouteName {
    pub fn is_grpc(&self) -> bool {
        self.kind == "GRPCRoute"
    }
}

/// The backends of a Service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub via: Via,
    pub backends: Vec<PlannedBackend>,
}

/// A backend, and what a proxy knows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedBackend {
    pub service: ServiceRef,
    pub port: u16,
    pub weight: u64,
    pub pool: Pool,
}

/// The endpoints of a backend.
#[derive(Debug, Clone, PartialEq)]
pub enum Pool {
    /// A route's backend has no Service: the proxy answers with 500 itself.
    Missing,
    /// The ready endpoints, by where they are.
    Endpoints(Vec<Answers>),
}

/// How some endpoints of one cluster answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answers {
    pub endpoints: u32,
    /// From 0 to 1.
    pub success: f64,
    pub latency_ms: f64,
}

impl Pool {
    /// Returns how many endpoints are ready.
    pub fn ready(&self) -> u32 {
        match self {
            Self::Missing => 0,
            Self::Endpoints(endpoints) => endpoints.iter().map(|some| some.endpoints).sum(),
        }
    }
}
