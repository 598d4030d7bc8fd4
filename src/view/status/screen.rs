//! One frame of the screen of `status -w`, as lines.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::changes::describe;
use super::narrow;
use super::notes::{counts_by_state, notes};
use super::table::{ClusterStatuses, TableStyle};
use crate::model::{Status, StatusChange};
use crate::text::{ConnectionFlags, clean, cut, wrap};
use crate::view::age::age;

/// How many of the last changes are shown.
const MAX_RECENT_CHANGES: usize = 5;

/// What a frame shows.
#[derive(Debug)]
pub struct StatusFrame<'a> {
    /// Which groups, and in which cluster.
    pub place: &'a str,
    /// The flags of suggested commands on one group.
    pub connection: &'a ConnectionFlags,
    /// The flags of suggested commands without a group.
    pub scope: &'a str,
    pub statuses: &'a [Status],
    /// Shown above the table: unknown names, or that the connection is lost.
    pub warning: Option<String>,
    pub recent: &'a RecentChanges,
    pub style: TableStyle,
    pub now: Timestamp,
    pub columns: u16,
    pub rows: u16,
}

/// The last changes, the newest first.
#[derive(Debug, Default)]
pub struct RecentChanges {
    last: VecDeque<(Timestamp, String)>,
}

impl RecentChanges {
    pub fn add(&mut self, change: &StatusChange, at: Timestamp) {
        self.last.push_front((at, clean(&describe(change))));
        self.last.truncate(MAX_RECENT_CHANGES);
    }
}

impl StatusFrame<'_> {
    /// Returns the lines of the frame. They fit the rows of the terminal, and the rest is counted.
    /// The table comes first, then the newest change, the notes, and the other changes. If the
    /// table does not fit, the groups in the worst state come first.
    pub fn lines(&self) -> Vec<String> {
        let rows = usize::from(self.rows).max(1);
        let (mut lines, mut table) = (self.head(), self.table(self.statuses));
        if lines.len() + table.len() > rows {
            let mut statuses = self.statuses.to_vec();
            statuses.sort_by_key(|status| status.state);
            table = self.table(&statuses);
            lines.insert(1, self.cut(&counts_by_state(self.statuses)));
        }
        lines.extend(table);
        self.keep(&mut lines, rows);
        let changes = self.changes();
        let room = rows - lines.len();
        let newest = changes.first().map_or(0, Vec::len);
        let mut notes = self.notes();
        self.keep(&mut notes, if newest < room { room - newest } else { room });
        let mut room = room - notes.len();
        lines.extend(notes);
        for change in changes {
            let Some(left) = room.checked_sub(change.len()) else {
                break;
            };
            room = left;
            lines.extend(change);
        }
        lines
    }

    /// Keeps the first lines, and counts the others.
    fn keep(&self, lines: &mut Vec<String>, room: usize) {
        if lines.len() > room {
            let left_out = lines.len() + 1 - room;
            lines.truncate(room.saturating_sub(1));
            if room > 0 {
                lines.push(self.cut(&format!(
                    "… {left_out} more lines (enlarge the window or filter with -l)"
                )));
            }
        }
    }

    fn head(&self) -> Vec<String> {
        let count = match self.statuses.len() {
            1 => "1 group".to_owned(),
            count => format!("{count} groups"),
        };
        let clock = self.now.strftime("%H:%M:%SZ");
        let mut lines = vec![self.cut(&format!("{clock}  {count} in {}", self.place))];
        if let Some(warning) = &self.warning {
            lines.extend(wrap(&clean(warning), self.columns.into()));
        }
        lines.push(String::new());
        lines
    }

    fn table(&self, statuses: &[Status]) -> Vec<String> {
        if statuses.is_empty() {
            let next = format!(
                "create one with: kubectl failover create SERVICE --fallback SERVICE {}",
                self.scope
            );
            return wrap(
                &clean(&format!("No groups yet; {next}")),
                self.columns.into(),
            );
        }
        narrow::rows(
            ClusterStatuses {
                statuses,
                ..self.groups()
            },
            self.style,
            self.columns,
        )
    }

    /// Returns an empty line and the notes, or nothing if all groups are at home.
    fn notes(&self) -> Vec<String> {
        let notes = notes(self.groups(), self.style);
        let lines = notes.lines();
        let mut lines: Vec<String> = lines
            .flat_map(|line| wrap(line, self.columns.into()))
            .collect();
        if !lines.is_empty() {
            lines.insert(0, String::new());
        }
        lines
    }

    fn groups(&self) -> ClusterStatuses<'_> {
        ClusterStatuses {
            context: "",
            connection: self.connection,
            statuses: self.statuses,
            now: self.now,
        }
    }

    /// The lines of each change, the newest first, with a heading.
    fn changes(&self) -> Vec<Vec<String>> {
        let lines = |(at, change): &(Timestamp, String)| {
            let line = format!(
                "{} ({} ago) {change}",
                at.strftime("%H:%M:%SZ"),
                age(*at, self.now)
            );
            wrap(&line, self.columns.into())
        };
        let mut changes: Vec<Vec<String>> = self.recent.last.iter().map(lines).collect();
        if let Some(newest) = changes.first_mut() {
            newest.splice(..0, [String::new(), "Last changes:".to_owned()]);
        }
        changes
    }

    fn cut(&self, text: &str) -> String {
        cut(text, self.columns.into())
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::model::{BackendStatus, Flags, GroupId, Readiness, Runner, State, WeightsOrigin};

    fn group(name: &str) -> Status {
        let backend = |name: String, weight| BackendStatus {
            weight_on_object: weight,
            name,
            weight,
            readiness: Readiness::Known { ready: 1, total: 1 },
            since: None,
            ailment: None,
        };
        Status {
            forgotten_home: None,
            since: None,
            warnings: Vec::new(),
            id: GroupId {
                namespace: "emojivoto".to_owned(),
                kind: "trafficsplit",
                name: name.to_owned(),
            },
            apex: "web-svc".to_owned(),
            state: State::Failover,
            flags: Flags::default(),
            reason: "web-svc has no ready endpoints\u{1b}[2J (0 of 0)".to_owned(),
            mend: None,
            bad_settings: Vec::new(),
            primary: Some("web-svc".to_owned()),
            backends: vec![
                backend("web-svc".to_owned(), 0),
                backend(format!("{name}-東京"), 1),
            ],
            order: None,
            paused: None,
            changed: WeightsOrigin::Created(None),
            runner: Runner::Unattended,
        }
    }

    fn groups(count: usize) -> Vec<Status> {
        (0..count)
            .map(|number| group(&format!("group-{number}")))
            .collect()
    }

    fn frame(columns: u16, rows: u16, count: usize) -> Vec<String> {
        frame_of(columns, rows, groups(count))
    }

    fn frame_of(columns: u16, rows: u16, statuses: Vec<Status>) -> Vec<String> {
        let mut recent = RecentChanges::default();
        for status in &statuses {
            recent.add(
                &StatusChange::Appeared(status.clone()),
                Timestamp::UNIX_EPOCH,
            );
        }
        let connection = ConnectionFlags::new(&["--context west".to_owned()], &[], None);
        let frame = StatusFrame {
            place: "namespace emojivoto of context west",
            connection: &connection,
            scope: "--context west -n emojivoto",
            statuses: &statuses,
            warning: Some(
                "CONNECTION LOST, last heard 9s ago: connection refused; trying again".to_owned(),
            ),
            recent: &recent,
            style: TableStyle {
                wide: true,
                namespaces: true,
                ..TableStyle::default()
            },
            now: Timestamp::UNIX_EPOCH,
            columns,
            rows,
        };
        frame.lines()
    }

    #[test]
    fn a_frame_never_leaves_its_window() {
        for (columns, rows) in [
            (200, 50),
            (100, 24),
            (80, 24),
            (60, 14),
            (40, 10),
            (30, 5),
            (20, 2),
            (20, 1),
        ] {
            for groups in [0, 1, 2, 40] {
                let frame = frame(columns, rows, groups);
                assert!(frame.len() <= rows.into(), "{columns}x{rows}: {frame:#?}");
                for line in frame {
                    assert!(line.width() <= columns.into(), "{columns}x{rows}: {line:?}");
                    assert!(!line.contains('\u{1b}'), "{line:?}");
                }
            }
        }
    }

    #[test]
    fn the_least_important_lines_are_left_out_first_and_counted() {
        let wide = frame(250, 50, 1).join("\n");
        for text in [
            "WATCH",
            "WHY",
            "CONNECTION LOST",
            "Last changes:",
            "next: kubectl",
        ] {
            assert!(wide.contains(text), "{text}: {wide}");
        }
        let narrow = frame(50, 50, 1).join("\n");
        assert!(
            narrow.contains("WATCH") && !narrow.contains("WHY"),
            "{narrow}"
        );
        assert!(
            narrow.contains("  emojivoto: 1/1 web-svc (w0), 1/1 group-0-東京\n    (w1)"),
            "{narrow}"
        );
        let slim = frame(30, 50, 1).join("\n");
        assert!(
            slim.contains("STATE") && slim.contains("ACTIVE") && !slim.contains("WATCH"),
            "{slim}"
        );
        let low = frame(250, 10, 40);
        assert!(
            low.last().unwrap().contains(" more lines (enlarge"),
            "{low:#?}"
        );
    }

    #[test]
    fn groups_that_do_not_fit_are_counted_and_the_worst_come_first() {
        let mut statuses = groups(40);
        statuses[39].state = State::Invalid;
        let fits = frame_of(250, 60, statuses.clone());
        assert!(
            !fits.iter().any(|line| line.contains("39 Failover")),
            "{fits:#?}"
        );
        let low = frame_of(250, 10, statuses);
        assert_eq!(low[1], "1 Invalid, 39 Failover", "{low:#?}");
        let header = low.iter().position(|line| line.contains("STATE")).unwrap();
        assert!(low[header + 1].contains("group-39 "), "{low:#?}");
    }

    #[test]
    fn three_groups_fit_a_standard_terminal() {
        let frame = frame(80, 24, 3);
        let text = frame.join("\n");
        for word in [
            "STATE",
            "ACTIVE",
            "SINCE",
            "WATCH",
            "1/1 group-2-東京",
            "none",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        let newest = frame
            .iter()
            .position(|line| line == "Last changes:")
            .unwrap()
            + 1;
        let change = frame[newest..].join(" ").replace("     ", " ");
        assert!(
            change.contains("appeared, Failover, active group-2-東京: web-svc has no ready"),
            "{text}"
        );
    }

    #[test]
    fn only_the_last_transitions_are_kept() {
        let frame = frame(250, 200, 9);
        let told = frame
            .iter()
            .filter(|line| line.contains("appeared"))
            .count();
        assert_eq!(told, MAX_RECENT_CHANGES);
    }
}
