//! `history --watch`: prints new events as they become known.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;

use super::gather::{GatheredHistory, HistoryQuery};
use super::print::{HistoryPage, rows};
use crate::model::{EventKind, GroupId};
use crate::problem::{Exit, Problem};
use crate::text::clean;

/// How often the sources are read. Some of them, such as what lies between two moves, cannot be
/// watched.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(2);

type EventKey = (String, GroupId, EventKind, Timestamp);

/// Prints the history, the oldest event first, and then each new event, until nobody reads.
pub async fn follow(page: &HistoryPage, queries: &[HistoryQuery<'_>]) -> anyhow::Result<Exit> {
    let mut printed: HashSet<EventKey> = HashSet::new();
    let mut is_failing = false;
    page.print_heading()?;
    loop {
        let read = join_all(queries.iter().map(HistoryQuery::read)).await;
        let (read, failed): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
        let read: Vec<GatheredHistory> = read.into_iter().flatten().collect();
        if let Some(Err(error)) = failed.into_iter().next() {
            if printed.is_empty() && read.is_empty() && !is_failing {
                return Err(error);
            }
            if !std::mem::replace(&mut is_failing, true) {
                let problem = Problem::of(&error);
                page.streams
                    .say(&format!("{}; retrying", clean(&problem.message)));
            }
        } else {
            is_failing = false;
        }
        let rows = rows(&read);
        for row in rows.iter().rev() {
            let event = &row.row.event;
            // Times that are concluded from others can shift.
            let key = (
                row.context.to_owned(),
                event.group.clone(),
                event.kind,
                event.at,
            );
            if printed.insert(key) {
                page.print_line(row)?;
            }
        }
        tokio::select! {
            () = page.streams.closed() => return Ok(Exit::Done),
            () = tokio::time::sleep(FOLLOW_INTERVAL) => {}
        }
    }
}
