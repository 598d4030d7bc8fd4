//! `failback-ready`: how many ready endpoints a primary needs to get its traffic back. The endpoints
//! that it had before traffic left it count as well, so that the first few that return do not get
//! the traffic of all.

use std::time::Duration;

use super::group::Group;
use super::policy::MinReady;
use super::readiness::Readiness;
use super::timers::Timers;

/// How long the endpoints from before count, once the primary has `min-ready`: a deployment that
/// has become smaller stays away no longer.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// A primary that has too few ready endpoints to get its traffic back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooFewToReturn {
    /// Its ready endpoints.
    pub ready: u32,
    /// All its endpoints or, if these are more, those that were ready before traffic left it.
    pub of: u32,
    /// `of` are those from before.
    pub had: bool,
    /// The ready endpoints that it needs.
    pub needed: u32,
    /// When the endpoints from before stop to count, if they do.
    pub look_again: Option<Duration>,
}

impl TooFewToReturn {
    /// Says that a backend has too few ready endpoints, as a clause.
    pub fn words(&self, name: &str) -> String {
        let Self {
            ready, of, needed, ..
        } = self;
        let are = if *needed == 1 { "is" } else { "are" };
        if self.had {
            format!("{name} has {ready} of the {of} endpoints that it had; {needed} {are} needed")
        } else {
            format!(
                "{name} has {ready} of {of} endpoints ready; {needed} {are} needed to fail back"
            )
        }
    }
}

impl Group {
    /// Returns why a backend may not get its traffic back yet, although it is enough as a primary.
    /// None if it may.
    pub fn too_few_to_return(
        &self,
        index: usize,
        readiness: &Readiness,
        timers: &Timers,
    ) -> Option<TooFewToReturn> {
        let threshold = self.policy.failback_ready?;
        let (ready, total) = readiness.counts()?;
        let left = timers.left(index, REMEMBERED);
        let had = self.last_move.as_ref().and_then(|last| last.ready);
        let had = had.filter(|had| left.is_some() && *had > total);
        let of = had.unwrap_or(total);
        let needed = threshold.needed(of);
        let may_be_fewer = matches!(threshold, MinReady::Percent(_));
        // Members of a federation that are unknown may have more, or fewer.
        let is_enough = readiness.meets(threshold).is_some() && ready >= needed;
        (!is_enough).then_some(TooFewToReturn {
            ready,
            of,
            had: had.is_some(),
            needed,
            look_again: left.filter(|_| had.is_some() && may_be_fewer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Carrier, GroupId, LastMove, ServiceRef};

    const HALF: Option<MinReady> = Some(MinReady::Percent(50));

    fn group(failback_ready: Option<MinReady>, ready: Option<u32>) -> Group {
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backend = |name: &str, weight| Backend::new("ns", ServiceRef::new("ns", name), weight);
        let backends = vec![backend("web", 0), backend("web-east", 1)];
        let mut group = Group::ordinary(id, Carrier::Split, "web".into(), backends, 0);
        group.policy.failback_ready = failback_ready;
        group.last_move = Some(LastMove {
            from: "web=1,web-east=0".into(),
            to: "web=0,web-east=1".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            by: String::new(),
            why: String::new(),
            unverified: false,
            ready,
            home: None,
            command: None,
        });
        group
    }

    fn too_few(group: &Group, ready: u32, total: u32, minutes: u64) -> Option<TooFewToReturn> {
        let timers = Timers(vec![Some(Duration::from_secs(60 * minutes))]);
        group.too_few_to_return(0, &Readiness::Known { ready, total }, &timers)
    }

    #[test]
    fn the_endpoints_from_before_count_for_ten_minutes() {
        let group = group(HALF, Some(30));
        let few = too_few(&group, 3, 3, 2).unwrap();
        assert_eq!(
            few.words("web"),
            "web has 3 of the 30 endpoints that it had; 15 are needed"
        );
        assert_eq!(few.look_again, Some(Duration::from_secs(8 * 60)));
        assert_eq!(too_few(&group, 15, 15, 2), None);
        assert_eq!(too_few(&group, 3, 3, 10), None, "the deployment is smaller");
        let few = too_few(&group, 3, 8, 10).unwrap();
        assert_eq!(
            (few.words("web").as_str(), few.look_again),
            (
                "web has 3 of 8 endpoints ready; 4 are needed to fail back",
                None
            )
        );
    }

    #[test]
    fn endpoints_that_exist_count_if_they_are_more() {
        let few = too_few(&group(HALF, Some(4)), 3, 30, 0).unwrap();
        assert_eq!((few.of, few.needed, few.look_again), (30, 15, None));
    }

    #[test]
    fn a_count_is_of_ready_endpoints() {
        let group = group(Some(MinReady::Count(5)), Some(30));
        let few = too_few(&group, 3, 3, 0).unwrap();
        assert_eq!((few.needed, few.look_again), (5, None));
        assert_eq!(too_few(&group, 5, 5, 0), None);
    }

    #[test]
    fn without_the_annotation_min_ready_is_enough() {
        assert_eq!(too_few(&group(None, Some(30)), 1, 1, 0), None);
    }
}
