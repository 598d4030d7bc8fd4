//! The API server's clock, estimated from the `Date` header of its answers.

use std::sync::atomic::{AtomicI64, Ordering};

use http::HeaderMap;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp, Unit, fmt::rfc2822};

/// The offset of the server's clock from the local clock. Zero until the first answer.
#[derive(Debug, Default)]
pub struct ServerClock {
    ahead_millis: AtomicI64,
}

impl ServerClock {
    /// Updates the offset from the `Date` header of an answer that has just arrived.
    pub fn observe(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let Some(Ok(date)) = date.map(|text| rfc2822::parse(text).map(|date| date.timestamp()))
        else {
            return;
        };
        let ahead = date.duration_since(Timestamp::now());
        // The header is rounded down to whole seconds, so smaller offsets are not significant.
        let millis = if ahead.abs() <= SignedDuration::from_millis(1500) {
            0
        } else {
            ahead.as_millis()
        };
        self.ahead_millis
            .store(i64::try_from(millis).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Returns the server's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead_millis.load(Ordering::Relaxed));
        let now = Timestamp::now()
            .checked_add(ahead)
            .unwrap_or_else(|_| Timestamp::now());
        now.round(Unit::Millisecond).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_leave_a_valid_time(bytes in any::<Vec<u8>>()) {
            let clock = ServerClock::default();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                clock.observe(&HeaderMap::from_iter([(DATE, value)]));
            }
            prop_assert!(clock.now().duration_since(Timestamp::now()).abs() < SignedDuration::from_secs(1));
        }

        #[test]
        fn any_date_is_accepted(seconds in -377_000_000_000..253_000_000_000_i64) {
            let at = Timestamp::from_second(seconds).unwrap();
            if let Ok(date) = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at) {
                let clock = ServerClock::default();
                clock.observe(&HeaderMap::from_iter([(DATE, date.parse().unwrap())]));
                prop_assert!(clock.now().duration_since(at).abs() < SignedDuration::from_secs(2));
            }
        }
    }

    fn offset_after(date: &str) -> SignedDuration {
        let clock = ServerClock::default();
        let mut headers = HeaderMap::new();
        headers.insert(DATE, date.parse().unwrap());
        clock.observe(&headers);
        clock.now().duration_since(Timestamp::now())
    }

    #[test]
    fn the_clock_of_a_server_in_another_year_is_trusted() {
        assert!(offset_after("Thu, 01 Jan 2099 00:00:00 GMT") > SignedDuration::from_hours(24));
    }

    #[test]
    fn an_invalid_date_is_ignored() {
        assert!(offset_after("yesterday").abs() < SignedDuration::from_secs(1));
    }
}
