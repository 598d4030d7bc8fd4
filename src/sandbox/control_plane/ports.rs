//! Free ports below the ephemeral range, where outgoing connections of other programs do not take
//! them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use parking_lot::Mutex;

use crate::problem::Problem;
use crate::sandbox::host::secrets;

const PORT_RANGE: Range<u16> = 20_000..32_000;
const PORT_ATTEMPTS: usize = 500;

/// Hands out each port at most once.
#[derive(Debug, Default)]
pub struct Ports {
    given: Mutex<BTreeSet<u16>>,
}

impl Ports {
    /// Returns a free port.
    pub fn next(&self) -> anyhow::Result<u16> {
        for _ in 0..PORT_ATTEMPTS {
            let port = random_port()?;
            let fresh = self.given.lock().insert(port);
            if fresh && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        Err(Problem::new(format!(
            "no free port from {} to {} on 127.0.0.1",
            PORT_RANGE.start, PORT_RANGE.end
        ))
        .into())
    }
}

fn random_port() -> anyhow::Result<u16> {
    let mut bytes = [0; 2];
    secrets::fill_random(&mut bytes)?;
    Ok(PORT_RANGE.start + u16::from_be_bytes(bytes) % (PORT_RANGE.end - PORT_RANGE.start))
}
