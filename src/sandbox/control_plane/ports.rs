//! Free ports below the ephemeral range, where no outgoing connection of another program can take them meanwhile.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::secrets;
use crate::problem::Problem;

const RANGE: Range<u16> = 20_000..32_000;
const TRIES: usize = 500;

/// Hands out ports, none of them twice.
#[derive(Debug, Default)]
pub struct Ports {
    given: Mutex<BTreeSet<u16>>,
}

impl Ports {
    pub fn next(&self) -> anyhow::Result<u16> {
        for _ in 0..TRIES {
            let port = random_port()?;
            let fresh = self
                .given
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(port);
            if fresh && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        Err(Problem::new(format!(
            "no free port from {} to {} on 127.0.0.1",
            RANGE.start, RANGE.end
        ))
        .into())
    }
}

fn random_port() -> anyhow::Result<u16> {
    let mut bytes = [0; 2];
    secrets::fill_random(&mut bytes)?;
    Ok(RANGE.start + u16::from_be_bytes(bytes) % (RANGE.end - RANGE.start))
}
