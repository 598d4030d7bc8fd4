//! The live table: one frame of it, as lines.

use std::collections::VecDeque;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::ago::ago;
use super::changes::what;
use super::table::{self, Style};
use super::text::clean;
use crate::model::{Status, StatusChange};

/// How many transitions are shown.
const MOST_TRANSITIONS: usize = 5;

/// What a frame shows.
#[derive(Debug)]
pub struct Live<'a> {
    /// Which groups, and in which cluster.
    pub place: &'a str,
    pub context: &'a str,
    pub statuses: &'a [Status],
    /// What is to be said above the table: names that no group has, or that the connection is lost.
    pub warning: Option<String>,
    pub transitions: &'a Transitions,
    pub style: Style,
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
    /// The lines of the frame, never more than the terminal has rows: what does not fit is cut and counted.
    pub fn frame(&self) -> Vec<String> {
        let mut lines = self.head();
        lines.extend(self.body());
        lines.extend(self.transitions());
        let rows = usize::from(self.rows).max(1);
        if lines.len() > rows {
            let cut = lines.len() - rows + 1;
            lines.truncate(rows - 1);
            lines.push(self.cut(&format!("… {cut} more lines do not fit")));
        }
        lines
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

    fn body(&self) -> Vec<String> {
        if self.statuses.is_empty() {
            let next = "make one with: kubectl failover create SERVICE --fallback SERVICE";
            return wrap(&format!("No groups yet; {next}"), self.columns.into());
        }
        let rows = table::rows_that_fit(self.statuses, self.style, self.columns, self.now);
        let notes = table::notes(self.statuses, self.context, self.now);
        let notes = notes.lines().flat_map(|line| wrap(line, self.columns.into()));
        let mut lines: Vec<String> = rows.lines().map(str::to_owned).collect();
        let notes: Vec<String> = notes.collect();
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        lines
    }

    fn transitions(&self) -> Vec<String> {
        if self.transitions.last.is_empty() {
            return Vec::new();
        }
        let line = |(at, what): &(Timestamp, String)| {
            self.cut(&format!("{} ({} ago) {what}", at.strftime("%H:%M:%SZ"), ago(*at, self.now)))
        };
        let heading = [String::new(), "Last changes:".to_owned()];
        heading.into_iter().chain(self.transitions.last.iter().map(line)).collect()
    }

    /// As much of a line as fits.
    fn cut(&self, text: &str) -> String {
        let columns = usize::from(self.columns);
        if text.width() <= columns {
            return text.to_owned();
        }
        let mut used = 1;
        let fits = |character: &char| {
            used += character.width().unwrap_or(0);
            used <= columns
        };
        format!("{}…", text.chars().take_while(fits).collect::<String>())
    }
}

/// Breaks a line at spaces, or where a word is too long anywhere, so that each piece fits into so many columns;
/// pieces after the first one are indented.
fn wrap(text: &str, columns: usize) -> Vec<String> {
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
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BackendStatus, Changed, Flags, GroupId, Readiness, Runner, State};

    fn group(name: &str) -> Status {
        let backend = |name: String, weight| BackendStatus {
            name,
            weight,
            readiness: Readiness::Known { ready: 1, total: 1 },
        };
        Status {
            id: GroupId { namespace: "emojivoto".to_owned(), kind: "trafficsplit", name: name.to_owned() },
            apex: "web-svc".to_owned(),
            state: State::Failover,
            flags: Flags::default(),
            reason: "web-svc has no ready endpoints\u{1b}[2J (0 of 0)".to_owned(),
            mend: None,
            primary: Some("web-svc".to_owned()),
            backends: vec![backend("web-svc".to_owned(), 0), backend(format!("{name}-東京"), 1)],
            order: None,
            paused: None,
            changed: Changed::Created(None),
            runner: Runner::Nobody,
        }
    }

    fn frame(columns: u16, rows: u16, groups: usize) -> Vec<String> {
        let statuses: Vec<Status> = (0..groups).map(|number| group(&format!("group-{number}"))).collect();
        let mut transitions = Transitions::default();
        for status in &statuses {
            transitions.add(&StatusChange::Appeared(status.clone()), Timestamp::UNIX_EPOCH);
        }
        let live = Live {
            place: "namespace emojivoto of context west",
            context: "west",
            statuses: &statuses,
            warning: Some("CONNECTION LOST, last heard 9s ago: connection refused; trying again".to_owned()),
            transitions: &transitions,
            style: Style { wide: true, namespaces: true, colour: false, width: None },
            now: Timestamp::UNIX_EPOCH,
            columns,
            rows,
        };
        live.frame()
    }

    #[test]
    fn a_frame_never_leaves_its_window() {
        for (columns, rows) in [(200, 50), (100, 24), (80, 24), (60, 14), (40, 10), (30, 5), (20, 2), (20, 1)]
        {
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
        for text in ["LOOP", "WHY", "CONNECTION LOST", "Last changes:", "next: kubectl"] {
            assert!(wide.contains(text), "{text}: {wide}");
        }
        let narrow = frame(50, 50, 1).join("\n");
        assert!(
            narrow.contains("STATE") && narrow.contains("ACTIVE") && !narrow.contains("LOOP"),
            "{narrow}"
        );
        let low = frame(250, 10, 40);
        assert!(low.last().unwrap().ends_with("more lines do not fit"), "{low:#?}");
    }

    #[test]
    fn only_the_last_transitions_are_kept() {
        let frame = frame(250, 200, 9);
        let told = frame.iter().filter(|line| line.contains("appeared")).count();
        assert_eq!(told, MOST_TRANSITIONS);
    }
}
