use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::group::Group;

/// The last move of a group's traffic, as it is noted on the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastMove {
    /// Weights before, written `web-svc=1,web-svc-east=0`.
    pub from: String,
    /// Weights after.
    pub to: String,
    /// The API server's time.
    pub at: Timestamp,
    /// Who says to have moved it: user and host.
    pub by: String,
    pub why: String,
    /// The move was a try: nobody could say that the new backends are ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// Of a force: the backend that is home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
}

impl LastMove {
    /// Whether the group's weights are, in proportion, those that this move set.
    pub fn fits(&self, group: &Group) -> bool {
        let Some(noted) = read_weights(&self.to) else {
            return false;
        };
        let weights: Option<Vec<u64>> = group
            .backends
            .iter()
            .map(|backend| {
                noted
                    .iter()
                    .find(|(name, _)| *name == backend.name)
                    .map(|(_, weight)| *weight)
            })
            .collect();
        noted.len() == group.backends.len()
            && weights.is_some_and(|weights| group.has_weights(&weights))
    }
}

impl Group {
    /// The backend that was home before a force whose override was taken away by hand: its target counts as the
    /// primary since.
    pub fn forgotten_home(&self) -> Option<&str> {
        let home = self.position(self.fitting_move()?.home.as_deref()?)?;
        let is_forgotten =
            self.order.is_none() && self.carries(self.primary) && home != self.primary;
        is_forgotten.then(|| self.backend_name(home))
    }
}

/// Writes weights as annotations have them: `web-svc=1,web-svc-east=0`.
pub fn write_weights(group: &Group, weights: &[u64]) -> String {
    let pairs = group.backends.iter().zip(weights);
    pairs
        .map(|(backend, weight)| format!("{}={weight}", backend.name))
        .collect::<Vec<_>>()
        .join(",")
}

fn read_weights(text: &str) -> Option<Vec<(&str, u64)>> {
    text.split(',')
        .map(|pair| {
            let (name, weight) = pair.split_once('=')?;
            Some((name.trim(), weight.trim().parse().ok()?))
        })
        .collect()
}
