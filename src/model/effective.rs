//! The group that the rules decide on: with its override in force, or as if the override had ended.

use std::borrow::Cow;

use jiff::Timestamp;

use super::avoid::AvoidChange;
use super::group::Group;
use super::overrides::{Override, OverrideState};
use super::readiness::Readiness;

impl Group {
    /// Returns the override in force at `now`.
    pub fn override_in_force(&self, now: Timestamp) -> Option<&Override> {
        match &self.order {
            Some(OverrideState::Valid { order, home }) if !order.is_over(*home, now) => Some(order),
            _ => None,
        }
    }

    /// Returns the override that has expired at `now`, and the index of its home.
    pub fn override_to_end(&self, now: Timestamp) -> Option<(&Override, usize)> {
        match &self.order {
            Some(OverrideState::Valid {
                order,
                home: Some(home),
            }) if order.is_over(Some(*home), now) => Some((order, *home)),
            _ => None,
        }
    }

    /// Returns the name of the backend that is primary once the override, if any, has ended.
    pub fn home_name(&self) -> &str {
        match self.order {
            Some(OverrideState::Valid {
                home: Some(home), ..
            }) => self.backend_name(home),
            _ => self.primary_name(),
        }
    }

    /// Returns why the override is broken, or none if it is not.
    pub fn broken_override(&self) -> Option<&str> {
        match &self.order {
            Some(OverrideState::Broken { why, .. }) => Some(why),
            _ => None,
        }
    }

    /// Returns the group to decide on at `now`: under an override in force, or as it is after an
    /// expired override has ended. It avoids no backend by an entry that has expired.
    pub fn at(&self, now: Timestamp, readiness: &[Readiness]) -> Cow<'_, Self> {
        let group = self.by_override(now, readiness);
        match self.avoid_to_end(now) {
            Some(change) => Cow::Owned(group.into_owned().after(&change, readiness)),
            None => group,
        }
    }

    /// Returns the annotation `avoid` without the entries that have expired at `now`; none if it
    /// has no such entry.
    pub fn avoid_to_end(&self, now: Timestamp) -> Option<AvoidChange> {
        let change = self.avoid.at(now);
        (!change.ended.is_empty()).then_some(change)
    }

    fn by_override(&self, now: Timestamp, readiness: &[Readiness]) -> Cow<'_, Self> {
        if let Some((_, home)) = self.override_to_end(now) {
            return Cow::Owned(self.without_override(home, readiness));
        }
        match &self.order {
            Some(OverrideState::Valid { home, .. }) => Cow::Owned(Self {
                overridden: true,
                home: *home,
                ..self.clone()
            }),
            Some(OverrideState::Broken { .. }) | None => Cow::Borrowed(self),
        }
    }

    /// Makes the override expire at `now`.
    pub fn expire(&mut self, now: Timestamp) {
        if let Some(OverrideState::Valid { order, .. }) = &mut self.order {
            order.until = Some(now);
        }
    }

    /// Returns the group after its override has ended. If home is enough at that moment, also for
    /// `failback-ready`, neither `failback: manual` nor `failback-delay` keeps traffic away from it.
    fn without_override(&self, home: usize, readiness: &[Readiness]) -> Self {
        let ended = Self {
            primary: home,
            home: None,
            overridden: false,
            order: None,
            ..self.clone()
        };
        if ended.is_enough_to_return(home, readiness) {
            ended.without_failback_delay()
        } else {
            ended
        }
    }

    /// Returns the group for a decision that an operator requests: nothing delays a failback.
    #[must_use]
    pub fn without_failback_delay(self) -> Self {
        Self {
            returns_at_once: true,
            ..self
        }
    }
}
