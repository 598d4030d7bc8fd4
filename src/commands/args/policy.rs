//! Turns the policy flags into annotations.

use std::collections::BTreeMap;

use crate::cli::PolicyArgs;
use crate::problem::Problem;
use crate::resource::annotations::{
    FAILBACK, FAILBACK_DELAY, FAILBACK_READY, FAILOVER_DELAY, MIN_READY, POLICY, STANDBY, WEIGHTS,
};
use crate::resource::policy::{self, BadValue};

/// Values by key, without the prefix.
pub type PolicySettings = BTreeMap<&'static str, String>;

pub fn of(args: &PolicyArgs, standby: Option<&str>) -> PolicySettings {
    let all = [
        (POLICY, &args.policy),
        (WEIGHTS, &args.weights),
        (MIN_READY, &args.min_ready),
        (FAILOVER_DELAY, &args.failover_delay),
        (FAILBACK_DELAY, &args.failback_delay),
        (FAILBACK, &args.failback),
        (FAILBACK_READY, &args.failback_ready),
    ];
    let all = all.into_iter().map(|(key, value)| (key, value.as_deref()));
    all.chain([(STANDBY, standby)])
        .filter_map(|(key, value)| Some((key, value?.to_owned())))
        .collect()
}

/// Checks the values for a group with these backends. Checks weights only if the backends are
/// known.
///
/// # Errors
/// A usage error that says what is allowed.
pub fn check(settings: &PolicySettings, backends: Option<&[&str]>) -> Result<(), Problem> {
    let is_checked = |key: &str| key != WEIGHTS || backends.is_some();
    let setting = |key| {
        let value = settings.get(key).filter(|_| is_checked(key));
        value.map(String::as_str)
    };
    let read = policy::read(setting, backends.unwrap_or_default());
    let Err(BadValue {
        key,
        value,
        allowed,
    }) = read
    else {
        return Ok(());
    };
    Err(Problem::usage(format!("--{key} cannot be {value:?}"))
        .next(format!("allowed are {allowed}")))
}
