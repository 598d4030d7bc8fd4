//! The pages of text of the live view: help, details, history, questions and outcomes.

use super::ansi;
use super::app::{GroupKey, LiveApp, Page};
use crate::model::{BackendStatus, Status};
use crate::text::wrap;
use crate::view::status::report::report;
use crate::view::status::table::{TableStyle, counts};

const HELP: &str = "\
↑ ↓ PgUp PgDn Home End   select a group, or scroll
Enter                    details of the group, as status NAME shows them
h                        its history, as history NAME shows it
f                        force: choose a backend, and confirm
b                        failback: confirm
/                        show only groups whose name, backend, state or
                         cluster contains a text
s                        sort by state (worst first) or by name
Esc                      go back, or clear the filter
q, Ctrl-C                quit; the changes and the table stay on the terminal
Ctrl-Z                   suspend";

/// A text with a title, and the line that is selected in it.
pub struct PageText {
    pub title: String,
    pub lines: Vec<String>,
    pub selected: Option<usize>,
}

impl LiveApp {
    /// The page of text that is on the screen, if one is.
    pub(super) fn text(&self, columns: u16) -> Option<PageText> {
        let text = |title: String, text: &str| PageText {
            title,
            lines: fold(text, columns),
            selected: None,
        };
        Some(match &self.page {
            Page::Table | Page::Filter { .. } => return None,
            Page::Help => text("Keys".to_owned(), HELP),
            Page::Details(group) => text(self.name_of(group), &self.details(group, columns)),
            Page::History { group, text: told } => text(
                format!("History of {}", self.name_of(group)),
                told.as_deref().unwrap_or("Reading…"),
            ),
            Page::Choose { group, at } => self.choice(group, *at),
            Page::Running(what) => text("Please wait".to_owned(), what),
            Page::Confirm(question) => text("Confirm".to_owned(), question),
            Page::Outcome(outcome) => text("Result".to_owned(), outcome),
        })
    }

    /// The keys of the page of text, if one is on the screen.
    pub(super) fn text_keys(&self) -> Option<&'static str> {
        Some(match &self.page {
            Page::Table | Page::Filter { .. } => return None,
            Page::Help => "Esc back  q quit",
            Page::Details(_) => "Esc back  h history  f force  b failback  ↑↓ scroll  q quit",
            Page::History { .. } => "Esc back  Enter details  ↑↓ scroll  q quit",
            Page::Choose { .. } => "Enter choose  ↑↓ select  Esc back",
            Page::Running(_) => "Ctrl-C quit",
            Page::Confirm(_) => "y yes  n no  ↑↓ scroll",
            Page::Outcome(_) => "Esc back  ↑↓ scroll  q quit",
        })
    }

    fn details(&self, group: &GroupKey, columns: u16) -> String {
        let Some(status) = self.status(group) else {
            return "The group no longer exists.".to_owned();
        };
        let style = TableStyle {
            wide: true,
            ..self.style
        };
        let shown = report(self.groups(group.cluster, status), style, Some(columns));
        let evacuations = self.evacuations(std::iter::once(status)).concat();
        let evacuations = evacuations.iter().map(|line| format!("{line}\n"));
        evacuations.chain([shown]).collect()
    }

    fn choice(&self, group: &GroupKey, at: usize) -> PageText {
        let status = self.status(group);
        let lines = status.map_or_else(Vec::new, backends);
        let mut page = PageText {
            title: format!("Force {} to which backend?", self.name_of(group)),
            selected: (!lines.is_empty()).then_some(at),
            lines,
        };
        if page.lines.is_empty() {
            let why = status.map_or("the group no longer exists", |status| &status.reason);
            page.lines = vec![format!("There is no backend to choose: {why}")];
        }
        page
    }
}

fn backends(status: &Status) -> Vec<String> {
    let names = status.backends.iter().map(|backend| backend.name.len());
    let width = names.max().unwrap_or(0);
    let line = |backend: &BackendStatus| {
        let carries = if backend.weight > 0 {
            "  has the traffic"
        } else {
            ""
        };
        format!(
            " {:width$}  {} ready{carries}",
            backend.name,
            counts(backend)
        )
    };
    status.backends.iter().map(line).collect()
}

/// Breaks long lines, but not rows that are laid out already.
fn fold(text: &str, columns: u16) -> Vec<String> {
    let lines = text.lines().flat_map(|line| {
        if ansi::is_coloured(line) {
            vec![line.to_owned()]
        } else {
            wrap(line, columns.into())
        }
    });
    lines.collect()
}
