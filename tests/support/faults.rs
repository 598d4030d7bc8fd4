//! What a fault proxy does to which requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use tokio::sync::Notify;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered here, with this code and perhaps Retry-After.
    Answer(u16, Option<u32>),
    /// It never gets an answer.
    Hang,
    /// It gets the head of an answer, and then not a byte more.
    Silent,
    /// The connection is cut before the API server hears of it.
    CutBefore,
    /// The connection is cut after the API server has done it.
    CutAfter,
    /// It waits until the gate is opened.
    Wait(Arc<Notify>),
    /// It comes to the API server this much later.
    Delay(Duration),
    /// A watch tells one ERROR event with code 410.
    Expired,
}

/// Faults for the requests of one method whose path and query fit a pattern.
pub struct Rule {
    method: Method,
    pattern: String,
    /// How many requests it still concerns.
    left: usize,
    /// Of those that it concerns, every so many gets a fault.
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

    /// The fault for a request, if this rule has one for it; the request counts.
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
    /// What was answered, by the API server or in its place.
    pub status: Option<u16>,
}

impl Recorded {
    pub fn is(&self, method: &Method, pattern: &str) -> bool {
        self.method == method && fits(pattern, &self.path)
    }
}

/// Whether the parts of a pattern, between its stars, stand in a text in their order.
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
