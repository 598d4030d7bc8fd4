//! The annotations `last-move` and `last-return`: what moved a group's traffic last, and which
//! evacuation of it was ended last.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::limits::MAX_BACKENDS;
use super::weights::same_proportion;

/// A command that moves traffic otherwise than `force` and `failback` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveCommand {
    /// `evacuate`
    Evacuate,
    /// `return`
    Return,
}

/// Reads a command; none if it is another one.
fn known_command<'de, D: Deserializer<'de>>(value: D) -> Result<Option<MoveCommand>, D::Error> {
    let value = serde_json::Value::deserialize(value)?;
    Ok(serde_json::from_value(value).ok())
}

/// The last move of a group's traffic. It is written in the same patch as the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastMove {
    /// Weights before, such as `web-svc=1,web-svc-east=0`.
    pub from: String,
    /// Weights after.
    pub to: String,
    /// The API server's time.
    pub at: Timestamp,
    /// Who claims to have moved it: user and host.
    pub by: String,
    /// The reason, in words.
    pub why: String,
    /// It was unknown whether the new backends were ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// How many endpoints of the primary were ready before traffic left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<u32>,
    /// After `force`: the backend that is home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// The command that made it, if it is one of these.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "known_command"
    )]
    pub command: Option<MoveCommand>,
}

/// The last evacuation that `return` ended, whether traffic moved or not. The next `evacuate` removes
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReturn {
    /// The identifier of the evacuation.
    pub id: String,
    /// Who claims to have ended it: user and host.
    pub by: String,
    /// The API server's time.
    pub at: Timestamp,
}

impl LastReturn {
    /// Returns the last return of each evacuation, by its identifier.
    pub fn of_each<'a>(returns: impl Iterator<Item = &'a Self>) -> HashMap<&'a str, &'a Self> {
        let mut found: HashMap<&str, &Self> = HashMap::new();
        for last in returns {
            let known = found.entry(&last.id).or_insert(last);
            if known.at < last.at {
                *known = last;
            }
        }
        found
    }
}

impl LastMove {
    /// Returns the weights after the move, in the order of `backends`; none if the move names
    /// other backends.
    pub fn weights<'a>(&self, backends: impl Iterator<Item = &'a str>) -> Option<Vec<u64>> {
        let noted = parse_weights(&self.to)?;
        let weights = backends.map(|name| noted.get(name).copied());
        let weights: Option<Vec<u64>> = weights.collect();
        weights.filter(|weights| weights.len() == noted.len())
    }
}

/// Returns the backends that carry traffic by these weights.
pub fn carriers(weights: &str) -> Vec<&str> {
    let pairs = weights.split(',').filter_map(|pair| pair.split_once('='));
    let carrying = pairs.filter(|(_, weight)| weight.trim() != "0");
    carrying.map(|(name, _)| name.trim()).collect()
}

fn parse_weights(text: &str) -> Option<HashMap<&str, u64>> {
    text.split(',')
        .take(MAX_BACKENDS + 1)
        .map(|pair| {
            let (name, weight) = pair.split_once('=')?;
            Some((name.trim(), weight.trim().parse().ok()?))
        })
        .collect()
}

/// Whether weights such as `web-svc=1,web-svc-east=0` send the traffic the same way.
pub(crate) fn same_weights(a: &str, b: &str) -> bool {
    let (Some(mut a), Some(mut b)) = (parse_weights(a), parse_weights(b)) else {
        return a == b;
    };
    a.retain(|_, weight| *weight > 0);
    b.retain(|_, weight| *weight > 0);
    let names: Vec<&str> = a.keys().copied().collect();
    let weights = |of: &HashMap<&str, u64>| -> Option<Vec<u64>> {
        names.iter().map(|name| of.get(name).copied()).collect()
    };
    a.len() == b.len()
        && match (weights(&a), weights(&b)) {
            (Some(a), Some(b)) => same_proportion(&a, &b),
            _ => false,
        }
}
