//! The faults that a proxy injects, and the requests that it injects them into.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use tokio::sync::Notify;

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The proxy answers with this code, and perhaps with Retry-After.
    Answer(u16, Option<u32>),
    /// The request never gets an answer.
    Hang,
    /// The request gets the headers of an answer and then no byte.
    Silent,
    /// The proxy cuts the connection before the API server gets the request.
    CutBefore,
    /// The proxy cuts the connection after the API server has handled the request.
    CutAfter,
    /// The request waits until the gate is opened.
    Wait(Arc<Notify>),
    /// The API server gets the request this much later.
    Delay(Duration),
    /// The proxy keeps the answer back until it is whole, as a proxy that buffers responses does.
    Hold,
    /// A watch gets one ERROR event with code 410.
    Expired,
}

/// Faults for the requests of one method whose path and query match a pattern.
pub struct Rule {
    method: Method,
    pattern: String,
    /// How many more requests it applies to.
    left: usize,
    /// One in this many matching requests gets a fault.
    every: usize,
    faults: Vec<Fault>,
    met: usize,
}

impl Rule {
    pub fn new(method: Method, pattern: &str, times: usize, fault: Fault) -> Self {
        Self {
            method,
            pattern: pattern.to_owned(),
            left: times,
            every: 1,
            faults: vec![fault],
            met: 0,
        }
    }

    /// One request in `every` gets the next one of these faults, in turn and without end.
    pub fn recurring(method: Method, pattern: &str, every: usize, faults: &[Fault]) -> Self {
        let pattern = pattern.to_owned();
        Self {
            method,
            pattern,
            left: usize::MAX,
            every,
            faults: faults.to_vec(),
            met: 0,
        }
    }

    /// Returns the fault for a request if this rule has one. The request counts.
    pub fn take(&mut self, method: &Method, path: &str) -> Option<Fault> {
        if self.left == 0 || self.method != method || !fits(&self.pattern, path) {
            return None;
        }
        self.left -= 1;
        self.met += 1;
        let is_hit = self.met.is_multiple_of(self.every);
        is_hit.then(|| self.faults[(self.met / self.every - 1) % self.faults.len()].clone())
    }
}

/// A request that came to a proxy.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: Method,
    /// With the query.
    pub path: String,
    pub at: Instant,
    /// The status code of the answer, from the API server or from the proxy.
    pub status: Option<u16>,
}

impl Recorded {
    pub fn is(&self, method: &Method, pattern: &str) -> bool {
        self.method == method && fits(pattern, &self.path)
    }
}

/// Whether the parts of a pattern, split at its stars, occur in a text in their order.
fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    pattern.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}
