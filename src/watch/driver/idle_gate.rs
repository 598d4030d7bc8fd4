//! The idle gate (debounce): work that can wait starts after a moment without writes.

use std::time::Duration;

use tokio::time::Instant;

/// How long no write must be in flight before the gate opens: in a mass failover, writes come in
/// waves.
const IDLE_TIME: Duration = Duration::from_millis(500);
/// The longest wait: in a large cluster, some group may always be moving.
const MAX_DELAY: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct IdleGate {
    /// When the last write was queued or ended.
    last_write: Option<Instant>,
    waiting_since: Option<Instant>,
}

impl IdleGate {
    /// Records that a write was queued or has ended.
    pub fn note_write(&mut self, now: Instant) {
        self.last_write = Some(now);
    }

    /// Records that work waits for the gate.
    pub fn wait(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// Records that no work waits.
    pub fn clear(&mut self) {
        self.waiting_since = None;
    }

    /// Returns whether the gate is open. `is_idle`: no write is queued or in flight.
    pub fn is_open(&self, now: Instant, is_idle: bool) -> bool {
        let is_quiet = is_idle && self.last_write.is_none_or(|last| now >= last + IDLE_TIME);
        is_quiet
            || self
                .waiting_since
                .is_some_and(|since| now >= since + MAX_DELAY)
    }

    /// Returns when the gate opens if no write follows. None: it is open, or no work waits.
    pub fn opens_at(&self, now: Instant, is_idle: bool) -> Option<Instant> {
        let latest = self.waiting_since.filter(|_| !self.is_open(now, is_idle))? + MAX_DELAY;
        let quiet = self
            .last_write
            .filter(|_| is_idle)
            .map(|last| last + IDLE_TIME);
        Some(quiet.map_or(latest, |quiet| quiet.min(latest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_opens_half_a_second_after_the_last_write() {
        let (mut gate, start) = (IdleGate::default(), Instant::now());
        assert!(gate.is_open(start, true), "there was no write yet");
        gate.note_write(start);
        gate.wait(start);
        assert!(!gate.is_open(start, true));
        assert_eq!(gate.opens_at(start, true), Some(start + IDLE_TIME));
        assert!(gate.is_open(start + IDLE_TIME, true) && !gate.is_open(start + IDLE_TIME, false));
        assert_eq!(gate.opens_at(start + IDLE_TIME, true), None, "it is open");
        gate.clear();
        assert_eq!(gate.opens_at(start, true), None, "no work waits");
    }

    #[test]
    fn work_does_not_wait_forever() {
        let (mut gate, start) = (IdleGate::default(), Instant::now());
        gate.wait(start);
        let mut now = start;
        while now < start + MAX_DELAY {
            gate.note_write(now);
            gate.wait(now);
            assert!(!gate.is_open(now, true));
            assert_eq!(gate.opens_at(now, false), Some(start + MAX_DELAY));
            now += IDLE_TIME / 2;
        }
        assert!(gate.is_open(start + MAX_DELAY, false));
        gate.clear();
        gate.wait(now);
        assert!(!gate.is_open(now, false), "new work waits from now on");
    }
}
