//! What a history is based on, and how far back it goes.

use jiff::Timestamp;

use crate::view::age::age;

/// What a history of one cluster is based on, besides the objects of the groups.
#[derive(Debug, Clone, Copy)]
pub struct HistoryBasis {
    /// The user may read Events.
    pub reads_events: bool,
    /// The time of the oldest Event.
    pub oldest: Option<Timestamp>,
    /// The user may read the journal of a `watch` in the cluster.
    pub reads_journal: bool,
    /// There are entries of a journal.
    pub has_journal: bool,
}

impl HistoryBasis {
    /// Says it in a sentence.
    pub fn in_words(self, now: Timestamp) -> String {
        let is_recent = self.reads_events && self.oldest.is_some();
        let events = match self.oldest {
            _ if !self.reads_events => "Without Events, ".to_owned(),
            None => "There are no Events (clusters keep them for 1h by default); ".to_owned(),
            Some(oldest) => format!(
                "Based on Events from the last {} (clusters keep them for 1h by default); ",
                age(oldest, now)
            ),
        };
        let rest = match (self.has_journal, is_recent) {
            (true, true) => "older events are from the journal of watch",
            (true, false) => "what is known is from the journal of watch",
            (false, true) => "older than that, only each group's most recent move is known",
            (false, false) => "only each group's most recent move is known",
        };
        let hint = if self.reads_journal && !self.has_journal {
            "; a running watch keeps a journal"
        } else {
            ""
        };
        format!("{events}{rest}{hint}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_cannot_be_read_are_not_said_to_be_absent() {
        let said = |reads_events, oldest: Option<i64>, reads_journal, has_journal| {
            let basis = HistoryBasis {
                reads_events,
                oldest: oldest.map(|it| Timestamp::from_second(it).unwrap()),
                reads_journal,
                has_journal,
            };
            basis.in_words(Timestamp::from_second(300).unwrap())
        };
        assert_eq!(
            said(false, None, false, false),
            "Without Events, only each group's most recent move is known."
        );
        assert_eq!(
            said(false, None, true, true),
            "Without Events, what is known is from the journal of watch."
        );
        assert_eq!(
            said(true, None, true, false),
            "There are no Events (clusters keep them for 1h by default); only each group's most \
             recent move is known; a running watch keeps a journal."
        );
        assert_eq!(
            said(true, Some(0), true, true),
            "Based on Events from the last 5m (clusters keep them for 1h by default); older events \
             are from the journal of watch."
        );
        assert_eq!(
            said(true, Some(0), true, false),
            "Based on Events from the last 5m (clusters keep them for 1h by default); older than \
             that, only each group's most recent move is known; a running watch keeps a journal."
        );
    }
}
