//! Reads the annotations of the policy: how backends share the traffic, and when it moves.

use std::str::FromStr;
use std::time::Duration;

use super::annotations::{
    FAILBACK, FAILBACK_DELAY, FAILBACK_READY, FAILOVER_DELAY, MIN_READY, POLICY, POLICY_KEYS,
    PREFIX, STANDBY, WEIGHTS,
};
use crate::model::{Failback, Invalid, MinReady, Policy, PolicyKind};

/// The value of `policy` that sends traffic to every ready backend.
pub const ACTIVE_ACTIVE: &str = "active-active";
/// The values of `policy`.
pub const POLICIES: [(&str, PolicyKind); 3] = [
    ("spread", PolicyKind::Spread),
    ("ordered", PolicyKind::Ordered),
    (ACTIVE_ACTIVE, PolicyKind::ActiveActive),
];
/// The values of `failback`.
pub const FAILBACKS: [(&str, Failback); 2] =
    [("auto", Failback::Auto), ("manual", Failback::Manual)];

/// The values of `standby`.
pub const STANDBYS: [(&str, bool); 2] = [("on", true), ("off", false)];

/// The largest weight of a Gateway API route.
const MAX_SHARE: u64 = 1_000_000;
/// The largest share where backends stand by: the weight of a standby is far below every other one.
const MAX_SHARE_BESIDE_STANDBYS: u64 = 100;

/// An annotation with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// The annotation's key, without the prefix.
    pub key: &'static str,
    /// The value.
    pub value: String,
    /// The valid values, as a noun phrase.
    pub allowed: String,
}

impl From<BadValue> for Invalid {
    fn from(
        BadValue {
            key,
            value,
            allowed,
        }: BadValue,
    ) -> Self {
        Self {
            settings: vec![key],
            ..Self::new(
                format!("the annotation {PREFIX}{key} is {value:?}, but must be {allowed}"),
                "correct or remove the annotation",
            )
        }
    }
}

/// Returns the policy of an existing group, as [`read`] does.
///
/// # Errors
/// If values are invalid: describes the first one, and lists the keys of all.
pub fn valid<'a>(
    setting: impl Fn(&'static str) -> Option<&'a str>,
    backends: &[&str],
) -> Result<Policy, Invalid> {
    read(&setting, backends).map_err(|first| {
        let is_bad = |key: &&'static str| bad_value(key, &setting, backends).is_some();
        Invalid {
            settings: POLICY_KEYS.into_iter().filter(is_bad).collect(),
            ..first.into()
        }
    })
}

/// Returns what is wrong with the value of one key, whatever else is.
pub fn bad_value<'a>(
    key: &str,
    setting: impl Fn(&'static str) -> Option<&'a str>,
    backends: &[&str],
) -> Option<BadValue> {
    // The shares that are valid depend on standby.
    let alone = |other: &'static str| setting(other).filter(|_| [key, STANDBY].contains(&other));
    read(alone, backends).err().filter(|bad| bad.key == key)
}

/// Returns the policy of a group with these backends. `setting` returns the value of a key, if it
/// is set.
///
/// # Errors
/// If a value is invalid.
pub fn read<'a>(
    setting: impl Fn(&'static str) -> Option<&'a str>,
    backends: &[&str],
) -> Result<Policy, BadValue> {
    let of = |key| Setting {
        key,
        text: setting(key),
    };
    let ordinary = Policy::of(backends.len());
    let standby = of(STANDBY)
        .read(|text| named(&STANDBYS, text), || names(&STANDBYS))?
        .unwrap_or(ordinary.standby);
    let max_share = if standby {
        MAX_SHARE_BESIDE_STANDBYS
    } else {
        MAX_SHARE
    };
    Ok(Policy {
        kind: of(POLICY)
            .read(|text| named(&POLICIES, text), || names(&POLICIES))?
            .unwrap_or(ordinary.kind),
        shares: of(WEIGHTS)
            .read(
                |text| shares(text, backends, max_share),
                || weights_allowed(backends, max_share),
            )?
            .unwrap_or(ordinary.shares),
        min_ready: of(MIN_READY)
            .read(min_ready, threshold_allowed)?
            .unwrap_or(ordinary.min_ready),
        failover_delay: of(FAILOVER_DELAY)
            .read(delay, delay_allowed)?
            .unwrap_or(ordinary.failover_delay),
        failback_delay: of(FAILBACK_DELAY)
            .read(delay, delay_allowed)?
            .unwrap_or(ordinary.failback_delay),
        failback: of(FAILBACK)
            .read(|text| named(&FAILBACKS, text), || names(&FAILBACKS))?
            .unwrap_or(ordinary.failback),
        failback_ready: of(FAILBACK_READY).read(min_ready, threshold_allowed)?,
        standby,
    })
}

/// Whether two policies of the same backends agree on this key.
pub fn agree(key: &str, a: &Policy, b: &Policy) -> bool {
    match key {
        POLICY => a.kind == b.kind,
        WEIGHTS => a.shares == b.shares,
        MIN_READY => a.min_ready == b.min_ready,
        FAILOVER_DELAY => a.failover_delay == b.failover_delay,
        FAILBACK_DELAY => a.failback_delay == b.failback_delay,
        FAILBACK_READY => a.failback_ready == b.failback_ready,
        STANDBY => a.standby == b.standby,
        _ => a.failback == b.failback,
    }
}

struct Setting<'a> {
    key: &'static str,
    text: Option<&'a str>,
}

impl Setting<'_> {
    fn read<T>(
        self,
        parse: impl Fn(&str) -> Option<T>,
        allowed: impl Fn() -> String,
    ) -> Result<Option<T>, BadValue> {
        let Some(text) = self.text else {
            return Ok(None);
        };
        let bad = || BadValue {
            key: self.key,
            value: text.to_owned(),
            allowed: allowed(),
        };
        parse(text).map(Some).ok_or_else(bad)
    }
}

fn threshold_allowed() -> String {
    "a count from 1, or 1% to 100%".to_owned()
}

fn delay_allowed() -> String {
    "whole numbers with s, m or h, such as 30s or 1m30s".to_owned()
}

fn weights_allowed(backends: &[&str], max_share: u64) -> String {
    let names = backends
        .iter()
        .map(|name| format!("{name}=1"))
        .collect::<Vec<_>>()
        .join(",");
    let with = if max_share == MAX_SHARE {
        ""
    } else {
        " with standby"
    };
    format!("names of backends with whole numbers from 1 to {max_share}{with}, such as {names}")
}

fn named<T: Copy>(known: &[(&str, T)], text: &str) -> Option<T> {
    known
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, meaning)| *meaning)
}

/// Returns `a, b or c`.
fn names<T>(known: &[(&str, T)]) -> String {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    match names.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Parses `web-svc=1,web-svc-east=2`. Backends that are not named have the share 1.
fn shares(text: &str, backends: &[&str], max_share: u64) -> Option<Vec<u64>> {
    let mut named: Vec<Option<u64>> = vec![None; backends.len()];
    for pair in text.split(',') {
        let (name, share) = pair.split_once('=')?;
        let index = backends
            .iter()
            .position(|backend| *backend == name.trim())?;
        let share = whole::<u64>(share.trim()).filter(|share| (1..=max_share).contains(share))?;
        if named.get_mut(index)?.replace(share).is_some() {
            return None;
        }
    }
    Some(named.into_iter().map(|share| share.unwrap_or(1)).collect())
}

fn min_ready(text: &str) -> Option<MinReady> {
    match text.strip_suffix('%') {
        Some(percent) => whole(percent.trim_end())
            .filter(|percent| (1..=100).contains(percent))
            .map(MinReady::Percent),
        None => whole(text).filter(|count| *count >= 1).map(MinReady::Count),
    }
}

/// Parses `1m30s`: whole numbers with units, from the largest to the smallest, each at most once.
fn delay(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    let mut units: &[(char, u64)] = &[('h', 3600), ('m', 60), ('s', 1)];
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: u64 = whole(rest.get(..end)?)?;
        let unit = rest.get(end..)?.chars().next()?;
        let position = units.iter().position(|(name, _)| *name == unit)?;
        let (_, worth) = units.get(position)?;
        seconds = seconds.checked_add(number.checked_mul(*worth)?)?;
        units = units.get(position + 1..)?;
        rest = rest.get(end + 1..)?;
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// Parses a whole number of digits only, without a sign or spaces.
fn whole<T: FromStr>(text: &str) -> Option<T> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays() {
        let seconds = |text| delay(text).map(|delay| delay.as_secs());
        assert_eq!(seconds("0s"), Some(0));
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("1m30s"), Some(90));
        assert_eq!(seconds("2h"), Some(7200));
        for bad in [
            "",
            "5",
            "-5s",
            "+5s",
            "1.5s",
            "5 s",
            "s",
            "30s1m",
            "1m1m",
            "5d",
            "99999999999999999999s",
            "ß",
        ] {
            assert_eq!(seconds(bad), None, "{bad:?}");
        }
        assert_eq!(seconds("18446744073709551615h"), None);
    }

    #[test]
    fn thresholds() {
        assert_eq!(min_ready("3"), Some(MinReady::Count(3)));
        assert_eq!(min_ready("60%"), Some(MinReady::Percent(60)));
        for bad in [
            "0",
            "0%",
            "101%",
            "%",
            "",
            "1.5",
            "-1",
            "1e3",
            "99999999999",
        ] {
            assert_eq!(min_ready(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn shares_name_each_backend_at_most_once() {
        let backends = ["web", "web-east"];
        let shares = |text, backends: &[&str]| shares(text, backends, MAX_SHARE);
        assert_eq!(shares("web-east=2", &backends), Some(vec![1, 2]));
        assert_eq!(
            shares("web=3, web-east=1000000", &backends),
            Some(vec![3, 1_000_000])
        );
        for bad in [
            "",
            "web",
            "web=0",
            "web=1000001",
            "web=1,web=2",
            "other=1",
            "web=1,",
            "web=-1",
            "web=1.5",
        ] {
            assert_eq!(shares(bad, &backends), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(text in any::<String>(), like in "[0-9hms%=, a-z.+-]{0,12}") {
            for text in [&text, &like] {
                let _ = (delay(text), min_ready(text), shares(text, &["a", "b"], MAX_SHARE), named(&POLICIES, text));
            }
        }
    }
}
