//! Aggregates notices, like client-go's EventAggregator: if one cause affects many groups or reads,
//! one line reports it. Notices that can be aggregated wait a moment for similar ones (debounce).

use std::time::Duration;

use crate::model::fold::{MAX_SINGLE_GROUPS, fold};
use crate::model::{Notice, State};

/// Up to this many reads are reported one by one.
const MAX_SINGLE_READ_NOTICES: usize = 2;
/// Notices are reported after this long without a new one.
const AGGREGATION_DEBOUNCE: Duration = Duration::from_millis(1500);
/// The longest wait of the first notice.
const MAX_AGGREGATION_DELAY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct NoticeAggregator {
    waiting: Vec<Notice>,
    first: Duration,
    last: Duration,
}

impl NoticeAggregator {
    /// Queues a notice that can be aggregated. Returns any other notice, to be reported at once.
    pub fn add(&mut self, notice: Notice, now: Duration) -> Option<Notice> {
        if AggregationKey::of(&notice).is_none() {
            return Some(notice);
        }
        if self.waiting.is_empty() {
            self.first = now;
        }
        self.last = now;
        self.waiting.push(notice);
        None
    }

    /// Returns when to report the queued notices.
    pub fn due(&self) -> Option<Duration> {
        let latest = self.first + MAX_AGGREGATION_DELAY;
        (!self.waiting.is_empty()).then(|| (self.last + AGGREGATION_DEBOUNCE).min(latest))
    }

    /// Returns the notices that are due.
    pub fn take_due(&mut self, now: Duration) -> Vec<Notice> {
        if self.due().is_some_and(|due| due <= now) {
            self.take()
        } else {
            Vec::new()
        }
    }

    /// Returns all queued notices.
    pub fn take(&mut self) -> Vec<Notice> {
        aggregate(std::mem::take(&mut self.waiting))
    }
}

/// The common cause of notices that one line can report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum AggregationKey {
    Stuck { cause: String },
    Unstuck,
    Exposed,
    Covered,
    Gone,
    ReadFailed { cause: String },
    ReadAgain,
}

impl AggregationKey {
    /// None: the notice cannot be aggregated.
    fn of(notice: &Notice) -> Option<Self> {
        match notice {
            Notice::Stuck {
                state: State::Unknown,
                cause: Some(cause),
                ..
            } => Some(Self::Stuck {
                cause: cause.clone(),
            }),
            Notice::Unstuck {
                was: State::Unknown,
                ..
            } => Some(Self::Unstuck),
            Notice::Exposed { .. } => Some(Self::Exposed),
            Notice::Covered { .. } => Some(Self::Covered),
            Notice::Gone { .. } => Some(Self::Gone),
            Notice::ReadFailed { error, .. } => Some(Self::ReadFailed {
                cause: without_request(error),
            }),
            Notice::ReadRecovered { .. } => Some(Self::ReadAgain),
            _ => None,
        }
    }

    fn max_single(&self) -> usize {
        match self {
            Self::ReadFailed { .. } | Self::ReadAgain => MAX_SINGLE_READ_NOTICES,
            Self::Stuck { .. } | Self::Unstuck | Self::Exposed | Self::Covered | Self::Gone => {
                MAX_SINGLE_GROUPS
            }
        }
    }
}

/// Returns an error without its leading request, as in `GET /path: no answer`.
fn without_request(error: &str) -> String {
    error
        .split_once(": ")
        .map_or(error, |(_, cause)| cause)
        .to_owned()
}

/// Combines many notices with the same key into one, at the position of the first.
fn aggregate(notices: Vec<Notice>) -> Vec<Notice> {
    let batches = fold(notices, AggregationKey::of, AggregationKey::max_single);
    let notice = |mut batch: Vec<Notice>| match batch.pop() {
        Some(only) if batch.is_empty() => only,
        last => {
            batch.extend(last);
            Notice::Batch(batch)
        }
    };
    batches.into_iter().map(notice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;
    use crate::model::fixtures::id;

    const CAUSE: &str = "its EndpointSlices cannot be read: no answer";

    fn group(number: usize) -> GroupId {
        id("big", &format!("g{number}"))
    }

    fn stuck(number: usize, cause: &str) -> Notice {
        let reason = format!("g{number}: {cause}");
        Notice::Stuck {
            group: group(number),
            state: State::Unknown,
            reason,
            cause: Some(cause.to_owned()),
        }
    }

    fn unstuck(number: usize, was: State) -> Notice {
        let reason = format!("g{number} has no ready endpoints (0 of 1)");
        Notice::Unstuck {
            group: group(number),
            was,
            state: State::Failover,
            reason,
        }
    }

    #[test]
    fn many_groups_with_one_cause_are_one_notice_and_a_few_are_reported_one_by_one() {
        let many: Vec<Notice> = (0..600).map(|number| stuck(number, CAUSE)).collect();
        let few: Vec<Notice> = (0..MAX_SINGLE_GROUPS)
            .map(|number| stuck(number, "forbidden"))
            .collect();
        let mixed = [few[..2].to_vec(), many.clone(), few[2..].to_vec()].concat();
        let expected = [
            few[..2].to_vec(),
            vec![Notice::Batch(many)],
            few[2..].to_vec(),
        ]
        .concat();
        assert_eq!(aggregate(mixed), expected);
    }

    #[test]
    fn stuck_groups_and_freed_groups_are_reported_separately_and_in_order() {
        let stuck: Vec<Notice> = (0..20).map(|number| stuck(number, CAUSE)).collect();
        let free: Vec<Notice> = (0..20)
            .map(|number| unstuck(number, State::Unknown))
            .collect();
        let both = [stuck.clone(), free.clone()].concat();
        assert_eq!(aggregate(both), [Notice::Batch(stuck), Notice::Batch(free)]);
    }

    #[test]
    fn reads_that_fail_in_the_same_way_are_one_notice() {
        let failed = |what: &str, how: &str| {
            let error = format!("GET /apis/{what}: {how}");
            Notice::ReadFailed {
                what: what.to_owned(),
                error,
            }
        };
        let kinds = ["httproutes", "trafficsplits", "EndpointSlices"];
        let refused: Vec<Notice> = kinds
            .iter()
            .map(|what| failed(what, "connection refused"))
            .collect();
        let other = failed("Services", "forbidden (HTTP 403)");
        let both = [refused.clone(), vec![other.clone()]].concat();
        assert_eq!(aggregate(both), [Notice::Batch(refused.clone()), other]);
        assert_eq!(aggregate(refused[..2].to_vec()), refused[..2]);
        let again: Vec<Notice> = kinds
            .iter()
            .map(|what| Notice::ReadRecovered {
                what: (*what).to_owned(),
            })
            .collect();
        assert_eq!(aggregate(again.clone()), [Notice::Batch(again)]);
    }

    #[test]
    fn groups_without_ready_backends_are_not_aggregated_and_are_reported_at_once() {
        let mut aggregator = NoticeAggregator::default();
        for number in 0..20 {
            let (group, reason) = (group(number), format!("g{number} has no ready endpoints"));
            let alone = Notice::Stuck {
                group,
                state: State::Unavailable,
                reason,
                cause: None,
            };
            assert_eq!(aggregator.add(alone.clone(), Duration::ZERO), Some(alone));
            let alone = unstuck(number, State::Unavailable);
            assert_eq!(aggregator.add(alone.clone(), Duration::ZERO), Some(alone));
        }
        assert_eq!(aggregator.due(), None);
    }

    #[test]
    fn notices_that_trickle_in_are_reported_together_and_do_not_wait_forever() {
        let mut aggregator = NoticeAggregator::default();
        let mut now = Duration::ZERO;
        for number in 0..10 {
            assert_eq!(aggregator.add(stuck(number, CAUSE), now), None);
            assert_eq!(aggregator.take_due(now), []);
            now += Duration::from_secs(1);
        }
        let reported = aggregator.take_due(MAX_AGGREGATION_DELAY);
        assert!(
            matches!(&reported[..], [Notice::Batch(many)] if many.len() == 10),
            "{reported:?}"
        );

        aggregator.add(stuck(1, CAUSE), now);
        assert_eq!(aggregator.due(), Some(now + AGGREGATION_DEBOUNCE));
        assert_eq!(
            aggregator.take_due(now + AGGREGATION_DEBOUNCE),
            [stuck(1, CAUSE)]
        );
        assert_eq!(aggregator.due(), None);
    }
}
