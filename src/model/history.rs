//! Moves of traffic as `history` lists them, merged from several sources.

use jiff::{SignedDuration, Timestamp};

use super::ids::GroupId;

/// Two reports within this time describe one move.
const SAME_MOVE_WINDOW: SignedDuration = SignedDuration::from_secs(2);

/// One move, or an edit that may have been one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The group.
    pub group: GroupId,
    /// The group's apex; none if the object no longer exists.
    pub apex: Option<String>,
    /// The API server's time.
    pub at: Timestamp,
    /// Weights before, such as `web-svc=1,web-svc-east=0`, if they are known.
    pub from: Option<String>,
    /// Weights after, if they are known.
    pub to: Option<String>,
    /// Who moved it: user and host, or a field manager.
    pub by: String,
    /// The reason, in words.
    pub why: String,
    /// It was unknown whether the new backends were ready.
    pub unverified: bool,
    /// The sources that report it, the most precise first.
    pub sources: Vec<MoveSource>,
}

/// The source of a reported move, the most precise first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveSource {
    /// The annotation `last-move` on the object.
    LastMove,
    /// An Event of this tool.
    Event,
    /// An Event of Linkerd's own failover controller.
    UpstreamEvent,
    /// `metadata.managedFields`: the last edit of the backends, which may have moved traffic.
    ManagedFields,
}

/// Merges reports of the same move, and returns the moves, the newest first.
pub fn merge(mut reports: Vec<Move>) -> Vec<Move> {
    reports.sort_by_key(|report| report.sources.first().copied());
    let mut moves: Vec<Move> = Vec::new();
    for report in reports {
        match moves.iter_mut().find(|known| is_same(known, &report)) {
            Some(known) => {
                known.sources.extend(report.sources);
                known.sources.dedup();
                known.from = known.from.take().or(report.from);
                known.to = known.to.take().or(report.to);
            }
            None => moves.push(report),
        }
    }
    moves.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.group.cmp(&b.group)));
    moves
}

/// Two reports of one source are two moves, however close together. Edit times are whole seconds.
fn is_same(known: &Move, report: &Move) -> bool {
    known.group == report.group
        && known.at.duration_since(report.at).abs() <= SAME_MOVE_WINDOW
        && !report
            .sources
            .iter()
            .any(|source| known.sources.contains(source))
        && agree(known.to.as_ref(), report.to.as_ref())
}

fn agree(a: Option<&String>, b: Option<&String>) -> bool {
    a.is_none() || b.is_none() || a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(source: MoveSource, seconds: i64, to: Option<&str>) -> Move {
        Move {
            group: GroupId {
                namespace: "ns".to_owned(),
                kind: "trafficsplit",
                name: "web".to_owned(),
            },
            apex: None,
            at: Timestamp::from_second(seconds).unwrap(),
            from: None,
            to: to.map(str::to_owned),
            by: String::new(),
            why: String::new(),
            unverified: false,
            sources: vec![source],
        }
    }

    fn merged(reports: Vec<Move>) -> Vec<(i64, Vec<MoveSource>)> {
        merge(reports)
            .into_iter()
            .map(|one| (one.at.as_second(), one.sources))
            .collect()
    }

    #[test]
    fn reports_of_one_move_are_merged() {
        use MoveSource::{Event, LastMove, ManagedFields};
        let reports = vec![
            report(ManagedFields, 101, None),
            report(Event, 100, Some("web=0,east=1")),
            report(LastMove, 100, Some("web=0,east=1")),
            report(Event, 50, Some("web=1,east=0")),
        ];
        assert_eq!(
            merged(reports),
            [
                (100, vec![LastMove, Event, ManagedFields]),
                (50, vec![Event])
            ]
        );
    }

    #[test]
    fn moves_in_quick_succession_are_not_merged() {
        use MoveSource::{Event, LastMove};
        let reports = vec![
            report(Event, 100, Some("web=0,east=1")),
            report(Event, 101, Some("web=1,east=0")),
            report(LastMove, 101, Some("web=1,east=0")),
        ];
        assert_eq!(
            merged(reports),
            [(101, vec![LastMove, Event]), (100, vec![Event])]
        );
    }

    #[test]
    fn moves_of_different_groups_are_not_merged() {
        let mut other = report(MoveSource::Event, 100, None);
        other.group.name = "mail".to_owned();
        assert_eq!(
            merge(vec![report(MoveSource::LastMove, 100, None), other]).len(),
            2
        );
    }
}
