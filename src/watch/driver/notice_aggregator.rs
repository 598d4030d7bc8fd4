//! What may be said of many at once: it waits for a moment, so that one cause gives one line.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Notice, State};

/// So many groups keep lines of their own.
const FEW: usize = 5;
/// And so many reads.
const FEW_READS: usize = 2;
/// It is told once nothing more has come for so long.
const QUIET: Duration = Duration::from_millis(1500);
/// How long the first of it waits at most.
const LONGEST: Duration = Duration::from_secs(10);

/// Notices that wait for more of their kind.
#[derive(Debug, Default)]
pub struct NoticeAggregator {
    waiting: Vec<Notice>,
    first: Duration,
    last: Duration,
}

impl NoticeAggregator {
    /// Takes in what others may join; gives back what is to be told at once.
    pub fn add(&mut self, notice: Notice, now: Duration) -> Option<Notice> {
        if kin(&notice).is_none() {
            return Some(notice);
        }
        if self.waiting.is_empty() {
            self.first = now;
        }
        self.last = now;
        self.waiting.push(notice);
        None
    }

    /// When what waits is to be told.
    pub fn due(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| (self.last + QUIET).min(self.first + LONGEST))
    }

    /// What is to be told by now.
    pub fn take_due(&mut self, now: Duration) -> Vec<Notice> {
        if self.due().is_some_and(|due| due <= now) {
            self.take()
        } else {
            Vec::new()
        }
    }

    /// All that waits.
    pub fn take(&mut self) -> Vec<Notice> {
        fold(std::mem::take(&mut self.waiting))
    }
}

/// What notices have in common that one line can tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum AggregationKey {
    Stuck { cause: String },
    Unstuck,
    Gone,
    ReadFailed { cause: String },
    ReadAgain,
}

impl AggregationKey {
    fn few(&self) -> usize {
        match self {
            Self::ReadFailed { .. } | Self::ReadAgain => FEW_READS,
            Self::Stuck { .. } | Self::Unstuck | Self::Gone => FEW,
        }
    }
}

fn kin(notice: &Notice) -> Option<AggregationKey> {
    match notice {
        Notice::Stuck {
            state: State::Unknown,
            cause: Some(cause),
            ..
        } => Some(AggregationKey::Stuck {
            cause: cause.clone(),
        }),
        Notice::Unstuck {
            was: State::Unknown,
            ..
        } => Some(AggregationKey::Unstuck),
        Notice::Gone { .. } => Some(AggregationKey::Gone),
        Notice::ReadFailed { error, .. } => Some(AggregationKey::ReadFailed {
            cause: without_request(error),
        }),
        Notice::ReadAgain { .. } => Some(AggregationKey::ReadAgain),
        _ => None,
    }
}

/// An error without the request that it begins with: `GET /path: no answer`.
fn without_request(error: &str) -> String {
    error
        .split_once(": ")
        .map_or(error, |(_, cause)| cause)
        .to_owned()
}

/// Puts into one what is told of more than a few for the same cause, in the place of the first of them.
fn fold(notices: Vec<Notice>) -> Vec<Notice> {
    let mut alike: BTreeMap<AggregationKey, Vec<Notice>> = BTreeMap::new();
    for (kin, notice) in notices
        .iter()
        .filter_map(|notice| Some((kin(notice)?, notice)))
    {
        alike.entry(kin).or_default().push(notice.clone());
    }
    alike.retain(|kin, many| many.len() > kin.few());
    let mut folded = Vec::new();
    let mut told = Vec::new();
    for notice in notices {
        match kin(&notice) {
            Some(kin) if told.contains(&kin) => {}
            Some(kin) => match alike.remove(&kin) {
                Some(many) => {
                    folded.push(Notice::Many(many));
                    told.push(kin);
                }
                None => folded.push(notice),
            },
            None => folded.push(notice),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;

    const CAUSE: &str = "its EndpointSlices cannot be read: no answer";

    fn group(number: usize) -> GroupId {
        GroupId {
            namespace: "big".into(),
            kind: "trafficsplit",
            name: format!("g{number}"),
        }
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
    fn many_groups_with_one_cause_are_one_notice_and_a_few_are_told_of_each() {
        let many: Vec<Notice> = (0..600).map(|number| stuck(number, CAUSE)).collect();
        let few: Vec<Notice> = (0..FEW).map(|number| stuck(number, "forbidden")).collect();
        let mixed = [few[..2].to_vec(), many.clone(), few[2..].to_vec()].concat();
        let expected = [
            few[..2].to_vec(),
            vec![Notice::Many(many)],
            few[2..].to_vec(),
        ]
        .concat();
        assert_eq!(fold(mixed), expected);
    }

    #[test]
    fn groups_that_are_stuck_and_those_that_are_free_again_are_told_apart_and_in_order() {
        let stuck: Vec<Notice> = (0..20).map(|number| stuck(number, CAUSE)).collect();
        let free: Vec<Notice> = (0..20)
            .map(|number| unstuck(number, State::Unknown))
            .collect();
        let both = [stuck.clone(), free.clone()].concat();
        assert_eq!(fold(both), [Notice::Many(stuck), Notice::Many(free)]);
    }

    #[test]
    fn reads_that_fail_in_one_way_are_one_notice() {
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
        assert_eq!(fold(both), [Notice::Many(refused.clone()), other]);
        assert_eq!(fold(refused[..2].to_vec()), refused[..2]);
        let again: Vec<Notice> = kinds
            .iter()
            .map(|what| Notice::ReadAgain {
                what: (*what).to_owned(),
            })
            .collect();
        assert_eq!(fold(again.clone()), [Notice::Many(again)]);
    }

    #[test]
    fn groups_without_ready_backends_have_causes_of_their_own_and_are_told_at_once() {
        let mut crowd = NoticeAggregator::default();
        for number in 0..20 {
            let (group, reason) = (group(number), format!("g{number} has no ready endpoints"));
            let alone = Notice::Stuck {
                group,
                state: State::Unavailable,
                reason,
                cause: None,
            };
            assert_eq!(crowd.add(alone.clone(), Duration::ZERO), Some(alone));
            let alone = unstuck(number, State::Unavailable);
            assert_eq!(crowd.add(alone.clone(), Duration::ZERO), Some(alone));
        }
        assert_eq!(crowd.due(), None);
    }

    #[test]
    fn what_comes_bit_by_bit_is_told_together_and_does_not_wait_for_ever() {
        let mut crowd = NoticeAggregator::default();
        let mut now = Duration::ZERO;
        for number in 0..10 {
            assert_eq!(crowd.add(stuck(number, CAUSE), now), None);
            assert_eq!(crowd.take_due(now), []);
            now += Duration::from_secs(1);
        }
        let told = crowd.take_due(LONGEST);
        assert!(
            matches!(&told[..], [Notice::Many(many)] if many.len() == 10),
            "{told:?}"
        );

        crowd.add(stuck(1, CAUSE), now);
        assert_eq!(crowd.due(), Some(now + QUIET));
        assert_eq!(crowd.take_due(now + QUIET), [stuck(1, CAUSE)]);
        assert_eq!(crowd.due(), None);
    }
}
