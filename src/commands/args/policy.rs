//! The policy that flags ask for, as the annotations that say so.

use std::collections::BTreeMap;

use crate::cli::PolicyArgs;
use crate::problem::Problem;
pub use crate::resource::annotations::POLICY_KEYS as KEYS;
use crate::resource::annotations::{
    FAILBACK, FAILBACK_DELAY, FAILOVER_DELAY, MIN_READY, POLICY, WEIGHTS,
};
use crate::resource::policy;
use crate::resource::policy::BadValue;

/// Values by key, without the prefix.
pub type PolicySettings = BTreeMap<&'static str, String>;

pub fn of(args: &PolicyArgs) -> PolicySettings {
    let all = [
        (POLICY, &args.policy),
        (WEIGHTS, &args.weights),
        (MIN_READY, &args.min_ready),
        (FAILOVER_DELAY, &args.failover_delay),
        (FAILBACK_DELAY, &args.failback_delay),
        (FAILBACK, &args.failback),
    ];
    all.into_iter()
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .collect()
}

/// Checks the values for a group with these backends; where they are not known, all but the weights.
///
/// # Errors
/// A usage error that says what is allowed.
pub fn check(settings: &PolicySettings, backends: Option<&[&str]>) -> Result<(), Problem> {
    let weights_count = |key| key != WEIGHTS || backends.is_some();
    let setting = |key| {
        settings
            .get(key)
            .filter(|_| weights_count(key))
            .map(String::as_str)
    };
    match policy::read(setting, backends.unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(BadValue {
            key,
            value,
            allowed,
        }) => Err(Problem::usage(format!("--{key} cannot be {value:?}"))
            .next(format!("give it {allowed}"))),
    }
}
