//! What the live view knows: the groups of each cluster, what has changed, and what is on the screen.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::super::changes::{describe, text_line};
use super::super::evacuations::lines;
use super::super::table::{ClusterStatuses, TableStyle};
use crate::model::evacuations::recorded;
use crate::model::{GroupId, Status, StatusChange};
use crate::text::{ConnectionFlags, clean};

/// How many changes are kept for the screen and for the end.
const MAX_KEPT_CHANGES: usize = 100;

/// A key that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    Char(char),
}

/// What a key asks of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Quit,
    Suspend,
    History(GroupKey),
    Force {
        group: GroupKey,
        to: String,
    },
    Failback(GroupKey),
    /// The answer to the question of an order.
    Answer(bool),
}

/// A group in one of the clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// The index of the cluster.
    pub cluster: usize,
    pub id: GroupId,
}

/// A cluster, and what is known of its groups.
#[derive(Debug)]
pub struct LiveCluster {
    pub context: String,
    /// The namespace, or all of them.
    pub place: String,
    /// The flags of suggested commands on one group.
    pub connection: ConnectionFlags,
    /// The flags of suggested commands without a group.
    pub scope: String,
    pub statuses: Vec<Status>,
    /// Names that no group has.
    pub absent: Vec<String>,
    pub link: Link,
    /// The time since the API server last answered.
    pub silent: Duration,
    /// By the cluster's clock.
    pub now: Timestamp,
}

/// Whether the groups of a cluster are up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The groups have not arrived yet.
    Waiting,
    Live,
    /// The groups are those from before the connection was lost.
    Lost(String),
    /// The cluster cannot be read.
    Failed(String),
}

/// The order of the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Worst,
    Name,
}

/// What is on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    Table,
    /// The table, while the filter is typed. `before` is the filter that Esc restores.
    Filter {
        before: String,
    },
    Help,
    Details(GroupKey),
    History {
        group: GroupKey,
        text: Option<String>,
    },
    /// Chooses the backend for a force.
    Choose {
        group: GroupKey,
        at: usize,
    },
    /// An order is being carried out.
    Running(String),
    /// An order asks.
    Confirm(String),
    /// How an order ended.
    Outcome(String),
}

/// The live view.
#[derive(Debug)]
pub struct LiveApp {
    pub clusters: Vec<LiveCluster>,
    /// The flags by which a suggested command reaches the same contexts, if there are several.
    pub contexts: String,
    /// Whether keys can be typed.
    pub has_keys: bool,
    pub(super) style: TableStyle,
    pub(super) page: Page,
    /// None: the first row, whichever group that is.
    pub(super) selected: Option<GroupKey>,
    pub(super) sort: Sort,
    pub(super) filter: String,
    /// The first visible row of the table.
    pub(super) top: usize,
    /// The first visible line of a page of text.
    pub(super) scroll: usize,
    /// How far Page Up and Page Down go, as drawn last.
    pub(super) page_size: usize,
    /// The newest first.
    pub(super) recent: VecDeque<RecentChange>,
    dropped_changes: usize,
}

/// A change, when it was seen, and the line for the end.
#[derive(Debug)]
pub(super) struct RecentChange {
    pub at: Timestamp,
    pub text: String,
    line: String,
}

impl LiveApp {
    pub fn new(clusters: Vec<LiveCluster>, style: TableStyle) -> Self {
        Self {
            clusters,
            contexts: String::new(),
            has_keys: true,
            style,
            page: Page::Table,
            selected: None,
            sort: Sort::Worst,
            filter: String::new(),
            top: 0,
            scroll: 0,
            page_size: 1,
            recent: VecDeque::new(),
            dropped_changes: 0,
        }
    }

    /// Records a change of a group in the cluster with this index.
    pub fn change(&mut self, cluster: usize, change: &StatusChange) {
        let several = self.clusters.len() > 1;
        let Some(LiveCluster { context, now, .. }) = self.clusters.get(cluster) else {
            return;
        };
        let context = if several {
            format!("{}: ", clean(context))
        } else {
            String::new()
        };
        let (at, line) = (*now, text_line(change, *now));
        self.recent.push_front(RecentChange {
            at,
            text: format!("{context}{}", clean(&describe(change))),
            line: format!("{context}{line}"),
        });
        self.dropped_changes += self.recent.len().saturating_sub(MAX_KEPT_CHANGES);
        self.recent.truncate(MAX_KEPT_CHANGES);
    }

    /// The changes as lines with times, the oldest first, to print at the end.
    pub fn changes(&self) -> Vec<String> {
        let dropped = self.dropped_changes;
        let earlier = (dropped > 0).then(|| format!("({dropped} earlier changes are not shown)"));
        let lines = self.recent.iter().rev().map(|change| change.line.clone());
        earlier.into_iter().chain(lines).collect()
    }

    /// Shows the question of an order.
    pub fn ask(&mut self, question: String) {
        self.show(Page::Confirm(question));
    }

    /// Shows what a command on this group printed. A history is shown only if it is still waited for.
    pub fn ended(&mut self, of: &GroupKey, output: String) {
        match &mut self.page {
            Page::History { group, text } if group == of => *text = Some(output),
            Page::Running(_) => self.show(Page::Outcome(output)),
            _ => {}
        }
    }

    /// The name of a group, with its namespace if that is shown.
    pub fn name_of(&self, group: &GroupKey) -> String {
        let name = if self.style.namespaces {
            group.id.to_string()
        } else {
            group.id.short_name()
        };
        clean(&name)
    }

    /// The lines of each evacuation of these groups.
    pub fn evacuations<'a>(
        &'a self,
        statuses: impl Iterator<Item = &'a Status> + Clone,
    ) -> Vec<Vec<String>> {
        let now = self.clusters.first().map(|cluster| cluster.now);
        let now = now.unwrap_or(Timestamp::UNIX_EPOCH);
        let (flags, only) = match self.clusters.as_slice() {
            [one] => (one.connection.everywhere(), Some(one.context.as_str())),
            _ => (self.contexts.clone(), None),
        };
        let found = recorded(statuses);
        found
            .iter()
            .map(|evacuation| lines(evacuation, &flags, only, now))
            .collect()
    }

    pub(super) fn show(&mut self, page: Page) {
        self.page = page;
        self.scroll = 0;
    }

    pub(super) fn status(&self, group: &GroupKey) -> Option<&Status> {
        let cluster = self.clusters.get(group.cluster)?;
        cluster.statuses.iter().find(|status| status.id == group.id)
    }

    pub(super) fn groups<'a>(&'a self, cluster: usize, status: &'a Status) -> ClusterStatuses<'a> {
        self.clusters[cluster].groups(std::slice::from_ref(status))
    }
}

impl LiveCluster {
    /// Some of the groups, for the other views.
    pub fn groups<'a>(&'a self, statuses: &'a [Status]) -> ClusterStatuses<'a> {
        ClusterStatuses {
            context: &self.context,
            connection: &self.connection,
            statuses,
            selector: None,
            now: self.now,
        }
    }
}
