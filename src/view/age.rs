//! Ages as kubectl writes them.

use jiff::Timestamp;

/// How long ago, such as `8s`, `4m10s`, `3h`, `12d`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 > 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let after = |seconds: i64| {
            age(
                Timestamp::from_second(1_000_000_000 - seconds).unwrap(),
                now,
            )
        };
        assert_eq!(after(-5), "0s");
        assert_eq!(after(8), "8s");
        assert_eq!(after(250), "4m10s");
        assert_eq!(after(300), "5m");
        assert_eq!(after(3 * 3600), "3h");
        assert_eq!(after(12 * 86_400), "12d");
    }
}
