//! Standing orders of operators: that a certain backend is to have the traffic, or that the loop is to leave a
//! group alone.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::policy::Failback;
use super::readiness::Readiness;

/// An override as it is noted on the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The backend that is to have the traffic.
    pub to: String,
    /// The primary before it.
    #[serde(default)]
    pub home: String,
    #[serde(default)]
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An override on a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideState {
    /// Its target is the primary. `home` is the index of the primary before it, where that is a backend.
    Standing {
        order: Override,
        home: Option<usize>,
    },
    /// It says nothing any more: traffic follows the primary that the object names.
    Broken {
        why: String,
        /// What it said, where it can be read.
        order: Option<Override>,
        /// That primary is no backend: the override's home stands in for it.
        primary_lost: bool,
    },
}

/// An order that the loop leave a group alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    #[serde(default)]
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Pause {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Group {
    /// The override in force at `now`.
    pub fn override_in_force(&self, now: Timestamp) -> Option<&Override> {
        match &self.order {
            Some(OverrideState::Standing { order, home }) if !is_over(order, *home, now) => {
                Some(order)
            }
            _ => None,
        }
    }

    /// The override that is over at `now`, and has not been ended.
    pub fn override_to_end(&self, now: Timestamp) -> Option<(&Override, usize)> {
        match &self.order {
            Some(OverrideState::Standing {
                order,
                home: Some(home),
            }) if is_over(order, Some(*home), now) => Some((order, *home)),
            _ => None,
        }
    }

    /// The backend that should have the traffic once no override stands, over or not.
    pub fn home_name(&self) -> &str {
        match self.order {
            Some(OverrideState::Standing {
                home: Some(home), ..
            }) => self.backend_name(home),
            _ => self.primary_name(),
        }
    }

    /// Why the override says nothing any more, where there is such a one.
    pub fn broken_override(&self) -> Option<&str> {
        match &self.order {
            Some(OverrideState::Broken { why, .. }) => Some(why),
            _ => None,
        }
    }

    /// The group as it is to be decided on at `now`: under an override in force, or as it is once the override
    /// that is over has been ended.
    pub fn at(&self, now: Timestamp, readiness: &[Readiness]) -> Cow<'_, Self> {
        match &self.order {
            Some(OverrideState::Standing {
                order,
                home: Some(home),
            }) if is_over(order, Some(*home), now) => {
                Cow::Owned(self.without_override(*home, readiness))
            }
            Some(OverrideState::Standing { home, .. }) => Cow::Owned(Self {
                overridden: true,
                home: *home,
                ..self.clone()
            }),
            Some(OverrideState::Broken { .. }) | None => Cow::Borrowed(self),
        }
    }

    /// Has the override end at `now`.
    pub fn expire(&mut self, now: Timestamp) {
        if let Some(OverrideState::Standing { order, .. }) = &mut self.order {
            order.until = Some(now);
        }
    }

    /// The group after its override has ended: where home is enough at that moment, nothing delays the return.
    pub fn without_override(&self, home: usize, readiness: &[Readiness]) -> Self {
        let ended = Self {
            primary: home,
            home: None,
            overridden: false,
            order: None,
            ..self.clone()
        };
        let enough = readiness
            .get(home)
            .and_then(|readiness| readiness.meets(ended.threshold(home)));
        if enough == Some(true) {
            ended.without_failback_delay()
        } else {
            ended
        }
    }

    /// The group as it is for a decision that an operator asks for: nothing delays the return.
    #[must_use]
    pub fn without_failback_delay(mut self) -> Self {
        self.policy.failback = Failback::Auto;
        self.policy.failback_delay = Duration::ZERO;
        self
    }
}

/// An override that names no home does not expire: there would be nothing to go back to.
fn is_over(order: &Override, home: Option<usize>, now: Timestamp) -> bool {
    home.is_some() && order.until.is_some_and(|until| until <= now)
}
