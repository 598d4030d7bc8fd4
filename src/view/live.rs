//! The live table: one frame of it, as lines.

use std::collections::VecDeque;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::ago::ago;
use super::changes::what;
use super::compact;
use super::table::{Shown, TableStyle, counts_by_state};
use crate::cluster::transport::connection_flags::ConnectionFlags;
use crate::model::{Status, StatusChange};
use crate::text::{clean, cut};

/// How many transitions are shown.
const MOST_TRANSITIONS: usize = 5;

/// What a frame shows.
#[derive(Debug)]
pub struct Live<'a> {
    /// Which groups, and in which cluster.
    pub place: &'a str,
    /// What a command line needs to reach the cluster, and the groups in it.
    pub reach: &'a ConnectionFlags,
    pub scope: &'a str,
    pub statuses: &'a [Status],
    /// What is to be said above the table: names that no group has, or that the connection is lost.
    pub warning: Option<String>,
    pub transitions: &'a Transitions,
    pub style: TableStyle,
    pub now: Timestamp,
    pub columns: u16,
    pub rows: u16,
}

/// The last transitions, the newest first.
#[derive(Debug, Default)]
pub struct Transitions {
    last: VecDeque<(Timestamp, String)>,
}

impl Transitions {
    pub fn add(&mut self, change: &StatusChange, at: Timestamp) {
        self.last.push_front((at, clean(&what(change))));
        self.last.truncate(MOST_TRANSITIONS);
    }
}

impl Live<'_> {
    /// The lines of the frame, never more than the terminal has rows: what does not fit is cut and counted. The table
    /// comes first, those that are worst off before the others where it does not fit, then the newest change, then what is to be said of the groups, then the other changes.
    pub fn frame(&self) -> Vec<String> {
        let rows = usize::from(self.rows).max(1);
        let (mut lines, mut table) = (self.head(), self.table(self.statuses));
        if lines.len() + table.len() > rows {
            // Those that are worst off come first, and all are counted.
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
        let mut notes = compact::notes(self.shown(), self.style, self.columns);
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

    /// The first lines, and how many more there would be.
    fn keep(&self, lines: &mut Vec<String>, room: usize) {
        if lines.len() > room {
            let left_out = lines.len() + 1 - room;
            lines.truncate(room.saturating_sub(1));
            if room > 0 {
                lines.push(self.cut(&format!("… {left_out} more lines do not fit")));
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
                "make one with: kubectl failover create SERVICE --fallback SERVICE {}",
                self.scope
            );
            return wrap(
                &clean(&format!("No groups yet; {next}")),
                self.columns.into(),
            );
        }
        compact::rows(
            Shown {
                statuses,
                ..self.shown()
            },
            self.style,
            self.columns,
        )
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            context: "",
            reach: self.reach,
            statuses: self.statuses,
            now: self.now,
        }
    }

    /// The lines of each change, the newest first, with a heading.
    fn changes(&self) -> Vec<Vec<String>> {
        let lines = |(at, what): &(Timestamp, String)| {
            let line = format!(
                "{} ({} ago) {what}",
                at.strftime("%H:%M:%SZ"),
                ago(*at, self.now)
            );
            wrap(&line, self.columns.into())
        };
        let mut changes: Vec<Vec<String>> = self.transitions.last.iter().map(lines).collect();
        if let Some(newest) = changes.first_mut() {
            newest.splice(..0, [String::new(), "Last changes:".to_owned()]);
        }
        changes
    }

    fn cut(&self, text: &str) -> String {
        cut(text, self.columns.into())
    }
}

/// Breaks a line at spaces, or where a word is too long anywhere, so that each piece fits into so many columns;
/// pieces after the first one are indented.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    const INDENT: &str = "    ";
    let columns = columns.max(2 * INDENT.len());
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_inclusive(' ') {
        if line.width() + word.trim_end().width() > columns && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
        }
        for character in word.chars() {
            if line.width() + character.width().unwrap_or(0) > columns {
                if character == ' ' {
                    continue;
                }
                lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            }
            line.push(character);
        }
    }
    lines.push(line);
    lines
        .into_iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::transport::options::ConnectOptions;
    use crate::model::{BackendStatus, Changed, Flags, GroupId, Readiness, Runner, State};

    fn group(name: &str) -> Status {
        let backend = |name: String, weight| BackendStatus {
            name,
            weight,
            readiness: Readiness::Known { ready: 1, total: 1 },
        };
        Status {
            forgotten_home: None,
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
            changed: Changed::Created(None),
            runner: Runner::Nobody,
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
        let mut transitions = Transitions::default();
        for status in &statuses {
            transitions.add(
                &StatusChange::Appeared(status.clone()),
                Timestamp::UNIX_EPOCH,
            );
        }
        let reach = ConnectionFlags::of(&ConnectOptions::default(), Some("west"));
        let live = Live {
            place: "namespace emojivoto of context west",
            reach: &reach,
            scope: "--context west -n emojivoto",
            statuses: &statuses,
            warning: Some(
                "CONNECTION LOST, last heard 9s ago: connection refused; trying again".to_owned(),
            ),
            transitions: &transitions,
            style: TableStyle {
                wide: true,
                namespaces: true,
                ..TableStyle::default()
            },
            now: Timestamp::UNIX_EPOCH,
            columns,
            rows,
        };
        live.frame()
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
    fn what_does_not_fit_is_counted_and_what_matters_least_goes_first() {
        let wide = frame(250, 50, 1).join("\n");
        for text in [
            "LOOP",
            "WHY",
            "CONNECTION LOST",
            "Last changes:",
            "next: kubectl",
        ] {
            assert!(wide.contains(text), "{text}: {wide}");
        }
        let narrow = frame(50, 50, 1).join("\n");
        assert!(
            narrow.contains("LOOP") && !narrow.contains("WHY"),
            "{narrow}"
        );
        assert!(
            narrow.contains("  emojivoto: 1/1 web-svc (w0), 1/1 group-0-東京\n    (w1)"),
            "{narrow}"
        );
        let slim = frame(30, 50, 1).join("\n");
        assert!(
            slim.contains("STATE") && slim.contains("ACTIVE") && !slim.contains("LOOP"),
            "{slim}"
        );
        let low = frame(250, 10, 40);
        assert!(
            low.last().unwrap().ends_with("more lines do not fit"),
            "{low:#?}"
        );
    }

    #[test]
    fn where_not_all_fit_all_are_counted_and_the_worst_come_first() {
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
    fn three_groups_show_what_matters_on_a_usual_terminal() {
        let frame = frame(80, 24, 3);
        let text = frame.join("\n");
        for word in [
            "STATE",
            "ACTIVE",
            "SINCE",
            "LOOP",
            "1/1 group-2-東京",
            "nobody",
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
        assert_eq!(told, MOST_TRANSITIONS);
    }
}
