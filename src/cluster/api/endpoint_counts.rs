//! Adds up the endpoints of a Service's EndpointSlices. An endpoint that is in several slices counts
//! once, see
//! <https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#duplicate-endpoints>.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use crate::model::readiness::AddressFamily;

/// A Service with more endpoints than this is too large to look for duplicates: its slices are
/// just added up.
const MAX_DEDUPLICATED_ENDPOINTS: usize = 10_000;

/// The endpoints of one slice. Only hashes are kept, since a cluster can have many endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceEndpoints {
    pub family: AddressFamily,
    /// The names of its ports. Proxies use the endpoints for a Service's port of the same name.
    ports: Box<[PortName]>,
    /// The slice's owner is the Service, so it is deleted with it.
    pub is_owned: bool,
    /// Sorted, each once. Without terminating endpoints.
    endpoints: Box<[EndpointKey]>,
    pub last_write: LastWrite,
}

/// The last write of a slice.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastWrite {
    /// Seconds since 1970; 0 if the slice does not say.
    pub at: u32,
    /// A pod's change of readiness caused it. The controller notes none when a pod is deleted.
    pub by_pod: bool,
}

/// A write that left the endpoints as they were is no change.
impl PartialEq for LastWrite {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LastWrite {}

/// The hash of a port's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortName(u32);

impl PortName {
    /// An unnamed port has an empty name.
    pub fn new(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self((hasher.finish() >> 32) as u32)
    }
}

/// The port that slices need for their endpoints to count, like `getTargetPort` in Linkerd's
/// destination controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeededPort {
    Any,
    /// One of these.
    Named(Vec<PortName>),
}

/// The hash of an endpoint's target, and whether the endpoint is ready in the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointKey(u64);

impl EndpointKey {
    pub fn new(target: impl Hash, is_ready: bool) -> Self {
        let mut hasher = DefaultHasher::new();
        target.hash(&mut hasher);
        Self(hasher.finish() & !1 | u64::from(is_ready))
    }

    fn is_ready(self) -> bool {
        self.0 & 1 == 1
    }

    fn is_same_endpoint(self, other: Self) -> bool {
        self.0 | 1 == other.0 | 1
    }
}

/// The endpoints of a Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointCounts {
    /// Ready endpoints with the port that is needed.
    pub ready: u32,
    /// Endpoints that would be ready, but do not have that port.
    pub ready_without_port: u32,
    pub total: u32,
    /// The Service owns a slice, so it exists.
    pub is_owned: bool,
}

impl SliceEndpoints {
    pub fn new(
        family: AddressFamily,
        ports: Vec<PortName>,
        is_owned: bool,
        mut endpoints: Vec<EndpointKey>,
    ) -> Self {
        keep_each_once(&mut endpoints);
        Self {
            family,
            ports: ports.into(),
            is_owned,
            endpoints: endpoints.into(),
            last_write: LastWrite::default(),
        }
    }

    fn has(&self, needed: &NeededPort) -> bool {
        match needed {
            NeededPort::Any => !self.ports.is_empty(),
            NeededPort::Named(names) => self.ports.iter().any(|port| names.contains(port)),
        }
    }
}

/// An endpoint that is ready in one slice and not in another is ready: it is being moved from one to
/// the other.
fn keep_each_once(endpoints: &mut Vec<EndpointKey>) {
    endpoints.sort_unstable_by(|a, b| b.cmp(a));
    endpoints.dedup_by(|later, kept| later.is_same_endpoint(*kept));
}

/// Adds up the slices of a Service.
///
/// Slices of one address family add up. Each pod of a dual-stack Service is in the slices of both
/// families. The numbers are those of the family with more ready endpoints, then with the larger
/// total.
pub fn sum_slices<'a>(
    slices: impl Iterator<Item = &'a SliceEndpoints> + Clone,
    needed: &NeededPort,
) -> EndpointCounts {
    let families = [AddressFamily::V4, AddressFamily::V6, AddressFamily::Other];
    let of_family = families.map(|family| {
        let slices = slices.clone().filter(move |slice| slice.family == family);
        sum_family(slices, needed)
    });
    let is_owned = slices.clone().any(|slice| slice.is_owned);
    let counts = of_family.into_iter().max().unwrap_or_default();
    EndpointCounts { is_owned, ..counts }
}

fn sum_family<'a>(
    slices: impl Iterator<Item = &'a SliceEndpoints> + Clone,
    needed: &NeededPort,
) -> EndpointCounts {
    let all: usize = slices.clone().map(|slice| slice.endpoints.len()).sum();
    let with_port = |has_port: bool| {
        let has_port = move |slice: &&SliceEndpoints| slice.has(needed) == has_port;
        slices.clone().filter(has_port)
    };
    if all > MAX_DEDUPLICATED_ENDPOINTS || slices.clone().nth(1).is_none() {
        let ready = |has_port| {
            with_port(has_port)
                .map(count_ready)
                .fold(0, u32::saturating_add)
        };
        return EndpointCounts {
            ready: ready(true),
            ready_without_port: ready(false),
            total: u32::try_from(all).unwrap_or(u32::MAX),
            is_owned: false,
        };
    }
    let keys = |has_port| {
        let keys = with_port(has_port).flat_map(|slice| slice.endpoints.iter().copied());
        let mut keys: Vec<EndpointKey> = keys.collect();
        keep_each_once(&mut keys);
        keys
    };
    let usable = keys(true);
    let mut every = [usable.as_slice(), &keys(false)].concat();
    keep_each_once(&mut every);
    let (ready, every_ready) = (ready_among(&usable), ready_among(&every));
    EndpointCounts {
        ready,
        ready_without_port: every_ready.saturating_sub(ready),
        total: u32::try_from(every.len()).unwrap_or(u32::MAX),
        is_owned: false,
    }
}

fn count_ready(slice: &SliceEndpoints) -> u32 {
    ready_among(&slice.endpoints)
}

fn ready_among(endpoints: &[EndpointKey]) -> u32 {
    let ready = endpoints.iter().filter(|endpoint| endpoint.is_ready());
    u32::try_from(ready.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(has_ports: bool, endpoints: &[(&str, bool)]) -> SliceEndpoints {
        named(if has_ports { &[""] } else { &[] }, endpoints)
    }

    fn named(ports: &[&str], endpoints: &[(&str, bool)]) -> SliceEndpoints {
        let keys = endpoints
            .iter()
            .map(|(name, ready)| EndpointKey::new(name, *ready));
        let ports = ports.iter().map(|name| PortName::new(name)).collect();
        SliceEndpoints::new(AddressFamily::V4, ports, false, keys.collect())
    }

    fn sum(slices: &[SliceEndpoints]) -> (u32, u32, u32) {
        sum_with(slices, &NeededPort::Any)
    }

    fn sum_with(slices: &[SliceEndpoints], needed: &NeededPort) -> (u32, u32, u32) {
        let counts = sum_slices(slices.iter(), needed);
        (counts.ready, counts.ready_without_port, counts.total)
    }

    #[test]
    fn an_endpoint_in_two_slices_counts_once() {
        let one = slice(true, &[("a", true), ("a", true), ("b", false)]);
        assert_eq!(sum(std::slice::from_ref(&one)), (1, 0, 2));
        assert_eq!(sum(&[one.clone(), one.clone()]), (1, 0, 2));
        let moved = slice(true, &[("b", true), ("c", true)]);
        assert_eq!(sum(&[one, moved]), (3, 0, 3));
    }

    #[test]
    fn an_endpoint_without_a_port_is_not_ready() {
        let portless = slice(false, &[("a", true), ("b", true), ("c", false)]);
        assert_eq!(sum(std::slice::from_ref(&portless)), (0, 2, 3));
        let ported = slice(true, &[("a", true)]);
        assert_eq!(sum(&[portless, ported]), (1, 1, 3));
    }

    #[test]
    fn an_endpoint_without_the_named_port_is_not_ready() {
        let metrics = named(&["metrics"], &[("a", true), ("b", true)]);
        let both = named(&["metrics", "http"], &[("c", true)]);
        let needed = |names: &[&str]| {
            NeededPort::Named(names.iter().map(|name| PortName::new(name)).collect())
        };
        let slices = [metrics, both];
        assert_eq!(sum_with(&slices, &needed(&["http"])), (1, 2, 3));
        assert_eq!(sum_with(&slices, &needed(&[""])), (0, 3, 3));
        assert_eq!(sum_with(&slices, &needed(&["", "metrics"])), (3, 0, 3));
        assert_eq!(sum_with(&slices, &NeededPort::Any), (3, 0, 3));
    }

    #[test]
    fn the_family_with_more_ready_endpoints_decides() {
        let of = |family, ready| SliceEndpoints {
            family,
            ..slice(true, &[("a", true), ("b", ready)])
        };
        let both = [of(AddressFamily::V4, false), of(AddressFamily::V6, true)];
        assert_eq!(sum(&both), (2, 0, 2));
    }

    #[test]
    fn slices_of_a_huge_service_are_added_up() {
        let names: Vec<String> = (0..MAX_DEDUPLICATED_ENDPOINTS)
            .map(|i| i.to_string())
            .collect();
        let endpoints: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), true)).collect();
        let half = slice(true, &endpoints);
        assert_eq!(sum(&[half.clone(), half]), (20_000, 0, 20_000));
    }
}
