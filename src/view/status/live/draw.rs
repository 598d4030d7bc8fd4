//! Draws the live view into a buffer of any size.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use super::ansi;
use super::app::{Link, LiveApp, LiveCluster, Page, Sort};
use super::pages::PageText;
use super::rows::GroupRow;
use crate::model::State;
use crate::text::{clean, cut, wrap};
use crate::view::age::age;
use crate::view::columns::paint_text;
use crate::view::status::notes::notes;
use crate::view::status::table::{ClusterStatuses, TableStyle, colour};
use crate::view::status::{evacuated, narrow};

/// The API answers more often than this while the connection works.
const NOTICEABLE_SILENCE: Duration = Duration::from_secs(5);
/// On a lower terminal, the table has all lines that it can use.
const MIN_ROWS_FOR_NOTES: usize = 12;
/// With more groups than this, only the selected one has a note.
const MAX_GROUPS_WITH_NOTES: usize = 20;

/// The evacuations have at most this part of the lines.
const MAX_BANNER_SHARE: usize = 4;

/// How many of the last changes are shown.
const MAX_RECENT_CHANGES: usize = 10;

/// The keys of the table, the most important ones first.
const KEYS: [&str; 9] = [
    "? help",
    "q quit",
    "Enter details",
    "/ filter",
    "h history",
    "f force",
    "b failback",
    "s sort",
    "↑↓ select",
];

/// A line, and the style of the whole of it.
struct StyledLine {
    text: String,
    style: Style,
}

impl From<String> for StyledLine {
    fn from(text: String) -> Self {
        let style = Style::new();
        Self { text, style }
    }
}

impl LiveApp {
    /// Draws the page, and scrolls so that the selected row is visible.
    pub fn draw(&mut self, buffer: &mut Buffer) {
        let Rect { width, height, .. } = buffer.area;
        let (width, height) = (width.max(1), usize::from(height));
        let mut lines = match self.text(width) {
            Some(text) => self.draw_text(text, width, height.saturating_sub(1)),
            None => self.draw_table(width, height.saturating_sub(1)),
        };
        lines.truncate(height.saturating_sub(1));
        lines.resize_with(height.saturating_sub(1), || String::new().into());
        lines.push(self.footer(width));
        for (y, line) in (buffer.area.top()..buffer.area.bottom()).zip(&lines) {
            buffer.set_line(0, y, &ansi::line(&line.text), width);
            buffer.set_style(Rect::new(0, y, width, 1), line.style);
        }
    }

    fn draw_text(&mut self, page: PageText, width: u16, room: usize) -> Vec<StyledLine> {
        let mut lines = vec![bold(cut(&page.title, width.into()))];
        lines.extend(self.warnings(width));
        let room = room.saturating_sub(lines.len()).max(1);
        self.page_size = room.saturating_sub(1).max(1);
        let last = page.lines.len().saturating_sub(room);
        self.scroll = self.scroll.min(last);
        if let Some(selected) = page.selected {
            self.scroll = self
                .scroll
                .clamp((selected + 1).saturating_sub(room), selected);
        }
        let visible = page.lines.iter().enumerate().skip(self.scroll).take(room);
        lines.extend(visible.map(|(index, text)| StyledLine {
            text: text.clone(),
            style: highlight(page.selected == Some(index)),
        }));
        lines
    }

    fn draw_table(&mut self, width: u16, room: usize) -> Vec<StyledLine> {
        let rows = self.rows();
        let selected = self.selected_index(&rows);
        let mut lines = self.head(&rows, width, room);
        let clusters: Vec<ClusterStatuses> = rows
            .iter()
            .map(|(cluster, status)| self.groups(*cluster, status))
            .collect();
        let narrow::Blocks { heading, groups } =
            narrow::blocks(&clusters, self.table_style(), width);
        if groups.is_empty() {
            let nothing = self.nothing_to_show();
            lines.extend(wrap(&nothing, width.into()).into_iter().map(Into::into));
        } else {
            lines.push(bold(heading));
        }
        let room = room.saturating_sub(lines.len());
        let needed = groups.iter().map(Vec::len).sum::<usize>();
        let reserved = if room >= MIN_ROWS_FOR_NOTES {
            room / 3
        } else {
            0
        };
        let below = self.below(&rows, selected, width);
        let for_below = below.len().min(reserved.max(room.saturating_sub(needed)));
        let (top, shown) = window(&groups, self.top, selected, room - for_below);
        let hidden = groups.len() - shown;
        let start = lines.len();
        for (index, block) in groups.into_iter().enumerate().skip(top).take(shown) {
            lines.extend(block.into_iter().map(|text| StyledLine {
                text,
                style: highlight(index == selected),
            }));
        }
        if hidden > 0 {
            lines.push(more(hidden, top, width));
        }
        let left = room.saturating_sub(lines.len() - start);
        lines.extend(below.within(left, width));
        (self.top, self.page_size) = (top, shown.max(1));
        lines
    }

    fn below(&self, rows: &[GroupRow], selected: usize, width: u16) -> Below {
        let selected = rows.get(selected..=selected).unwrap_or_default();
        let notes = if rows.len() <= MAX_GROUPS_WITH_NOTES {
            // Those that only an evacuation keeps away have it in the head.
            let is_noted = |(_, status): &&GroupRow| !evacuated::is_only_evacuated(status);
            let noted: Vec<GroupRow> = rows.iter().filter(is_noted).copied().collect();
            self.notes(&noted, width)
        } else {
            Vec::new()
        };
        Below {
            notes,
            selected: self.notes(selected, width),
            changes: self.change_lines(width),
        }
    }

    /// The style of the table, with the column that tells several clusters apart.
    fn table_style(&self) -> TableStyle {
        TableStyle {
            clusters: self.clusters.len() > 1,
            ..self.style
        }
    }

    fn head(&self, rows: &[GroupRow], width: u16, room: usize) -> Vec<StyledLine> {
        let now = self.clusters.first().map(|cluster| cluster.now);
        let clock = now.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%H:%M:%SZ");
        let total = self.total();
        let noun = if total == 1 { "group" } else { "groups" };
        let count = if rows.len() == total {
            format!("{total} {noun}")
        } else {
            format!("{} of {total} {noun}", rows.len())
        };
        let place = match self.clusters.as_slice() {
            [one] => format!("in {} (context {})", one.place, clean(&one.context)),
            several => {
                let names = several.iter().map(|cluster| clean(&cluster.context));
                let names: Vec<String> = names.collect();
                format!("in {} clusters ({})", several.len(), names.join(", "))
            }
        };
        let filter = if self.filter.is_empty() {
            String::new()
        } else {
            format!(", filter: {}", clean(&self.filter))
        };
        let sort = match self.sort {
            Sort::Worst => "",
            Sort::Name => ", sorted by name",
        };
        let head = format!("{clock}  {count} {place}{filter}{sort}");
        let mut lines = vec![bold(cut(&head, width.into()))];
        if rows.len() > 1 && room >= MIN_ROWS_FOR_NOTES {
            lines.push(self.counts(rows).into());
        }
        lines.extend(self.warnings(width));
        lines.extend(self.banner(width, room));
        if room >= MIN_ROWS_FOR_NOTES {
            lines.push(String::new().into());
        }
        lines
    }

    /// The evacuations: each with the command that ends it, if they have room.
    fn banner(&self, width: u16, room: usize) -> Vec<StyledLine> {
        let statuses = self.clusters.iter().flat_map(|it| &it.statuses);
        let evacuations = self.evacuations(statuses);
        let fold = |lines: &[String]| {
            let lines = lines.iter();
            let lines = lines.flat_map(|line| wrap(line, width.into()));
            lines.collect::<Vec<_>>()
        };
        let all = evacuations.iter().map(|lines| fold(lines));
        let all: Vec<String> = all.flatten().collect();
        let lines = if all.len() <= room / MAX_BANNER_SHARE {
            all
        } else {
            let first = evacuations.iter().filter_map(|lines| lines.first());
            let mut first: Vec<String> = first.map(|line| cut(line, width.into())).collect();
            let limit = (room / MAX_BANNER_SHARE).max(1);
            if first.len() > limit {
                let more = first.len() + 1 - limit;
                first.truncate(limit - 1);
                first.push(format!("{more} more evacuations: kubectl failover status"));
            }
            first
        };
        lines.into_iter().map(bold).collect()
    }

    /// Such as `1 Invalid, 39 Primary`.
    fn counts(&self, rows: &[GroupRow]) -> String {
        let counts = State::BY_URGENCY.into_iter().filter_map(|state| {
            let count = rows.iter().filter(|row| row.1.state == state).count();
            let text = format!("{count} {state}");
            (count > 0).then(|| self.paint(&text, state))
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    fn paint(&self, text: &str, state: State) -> String {
        if self.style.colour {
            paint_text(text, colour(state))
        } else {
            text.to_owned()
        }
    }

    /// What is wrong with the connections, and names that no group has.
    fn warnings(&self, width: u16) -> Vec<StyledLine> {
        let several = self.clusters.len() > 1;
        let style = if self.style.colour {
            Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
        } else {
            Style::new().add_modifier(Modifier::BOLD)
        };
        let lines = self.clusters.iter().flat_map(|cluster| {
            let context = if several {
                format!("{}: ", clean(&cluster.context))
            } else {
                String::new()
            };
            let warnings = cluster.warnings().into_iter();
            warnings.map(move |warning| format!("{context}{}", clean(&warning)))
        });
        let lines = lines.flat_map(|line| wrap(&line, width.into()));
        lines.map(|text| StyledLine { text, style }).collect()
    }

    fn nothing_to_show(&self) -> String {
        if self.total() > 0 {
            return "No group matches the filter (Esc clears it).".to_owned();
        }
        let is_waiting = |cluster: &LiveCluster| cluster.link == Link::Waiting;
        match self.clusters.as_slice() {
            clusters if clusters.iter().any(is_waiting) => "Reading the groups…".to_owned(),
            [one] => clean(&format!(
                "No groups yet; create one with: kubectl failover create SERVICE --fallback \
                 SERVICE {}",
                one.scope
            )),
            _ => "No groups yet.".to_owned(),
        }
    }

    /// Why groups are not at home, and what to do.
    fn notes(&self, rows: &[GroupRow], width: u16) -> Vec<String> {
        let several = self.clusters.len() > 1;
        let lines = rows.iter().flat_map(|(cluster, status)| {
            let groups = self.groups(*cluster, status);
            let mut notes = notes(groups, self.style);
            if let Some(first) = notes.first_mut().filter(|_| several) {
                *first = first.clone().of_cluster(&clean(groups.context));
            }
            notes
        });
        let lines = lines.flat_map(|note| note.folded(width, self.style));
        lines.collect()
    }

    /// The lines of each change, the newest first, with a heading.
    fn change_lines(&self, width: u16) -> Vec<Vec<String>> {
        let now = self.clusters.first().map(|cluster| cluster.now);
        let lines = self.recent.iter().map(|change| {
            let line = format!(
                "{} ({} ago) {}",
                change.at.strftime("%H:%M:%SZ"),
                age(change.at, now.unwrap_or(change.at)),
                change.text
            );
            wrap(&line, width.into())
        });
        let mut changes: Vec<Vec<String>> = lines.take(MAX_RECENT_CHANGES).collect();
        if let Some(newest) = changes.first_mut() {
            newest.splice(..0, [String::new(), "Last changes:".to_owned()]);
        }
        changes
    }

    fn footer(&self, width: u16) -> StyledLine {
        let width = usize::from(width);
        let text = match (&self.page, self.text_keys()) {
            (Page::Filter { .. }, _) => format!("/{}▏ Enter keep  Esc cancel", clean(&self.filter)),
            _ if !self.has_keys => "Ctrl-C quit".to_owned(),
            (_, Some(keys)) => keys.to_owned(),
            _ => keys_within(width),
        };
        StyledLine {
            text: cut(&text, width),
            style: Style::new().add_modifier(Modifier::DIM),
        }
    }
}

impl LiveCluster {
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let is_silent = self.silent >= NOTICEABLE_SILENCE;
        match &self.link {
            Link::Lost(why) => warnings.push(format!(
                "CONNECTION LOST, last heard {} ago: {why}; reconnecting",
                seconds(self.silent)
            )),
            Link::Failed(why) => warnings.push(why.clone()),
            Link::Waiting | Link::Live if is_silent => warnings.push(format!(
                "The API server does not answer: last heard {} ago",
                seconds(self.silent)
            )),
            Link::Waiting | Link::Live => {}
        }
        if !self.absent.is_empty() {
            warnings.push(format!("no such group yet: {}", self.absent.join(", ")));
        }
        warnings
    }
}

/// The lines below the table.
struct Below {
    /// The notes of all groups.
    notes: Vec<String>,
    /// The notes of the selected group.
    selected: Vec<String>,
    /// The newest first.
    changes: Vec<Vec<String>>,
}

impl Below {
    fn len(&self) -> usize {
        let notes = self.notes.len().max(self.selected.len());
        let gap = usize::from(notes > 0);
        notes + gap + self.changes.iter().map(Vec::len).sum::<usize>()
    }

    /// The notes come first, but the newest change has room too.
    fn within(self, room: usize, width: u16) -> Vec<StyledLine> {
        let newest = self.changes.first().map_or(0, Vec::len);
        let for_notes = if newest < room { room - newest } else { room };
        let all_fit = !self.notes.is_empty() && self.notes.len() < for_notes;
        let mut lines = if all_fit { self.notes } else { self.selected };
        if !lines.is_empty() && lines.len() < for_notes {
            lines.insert(0, String::new());
        }
        if lines.len() > for_notes {
            let left_out = lines.len() + 1 - for_notes;
            lines.truncate(for_notes.saturating_sub(1));
            if for_notes > 0 {
                let more = format!("… {left_out} more lines (Enter shows all)");
                lines.push(cut(&more, width.into()));
            }
        }
        for change in self.changes {
            if lines.len() + change.len() > room {
                break;
            }
            lines.extend(change);
        }
        lines.into_iter().map(Into::into).collect()
    }
}

/// Returns the first row to show and how many rows fit, so that the selected one is visible. A line
/// that counts the hidden rows fits too.
fn window(groups: &[Vec<String>], top: usize, selected: usize, room: usize) -> (usize, usize) {
    let needed: usize = groups.iter().map(Vec::len).sum();
    if needed <= room {
        return (0, groups.len());
    }
    let room = room.saturating_sub(1);
    let fitting = |top: usize| {
        let mut left = room;
        let fits = groups[top..].iter().take_while(|block| {
            let fits = block.len() <= left;
            left = left.saturating_sub(block.len());
            fits
        });
        fits.count()
    };
    let mut top = top.min(selected);
    while top < selected && top + fitting(top) <= selected {
        top += 1;
    }
    // No empty lines after the last group.
    while top > 0 && top - 1 + fitting(top - 1) >= groups.len() {
        top -= 1;
    }
    (top, fitting(top))
}

fn more(hidden: usize, above: usize, width: u16) -> StyledLine {
    let noun = if hidden == 1 { "group" } else { "groups" };
    let text = match hidden - above {
        0 => format!("… {hidden} more {noun} above"),
        _ => format!("… {hidden} more {noun} (enlarge the window, scroll, or filter with /)"),
    };
    cut(&text, width.into()).into()
}

fn keys_within(width: usize) -> String {
    let mut text = String::new();
    for key in KEYS {
        let gap = if text.is_empty() { "" } else { "  " };
        if text.width() + gap.len() + key.width() > width {
            break;
        }
        text.push_str(gap);
        text.push_str(key);
    }
    text
}

fn bold(text: String) -> StyledLine {
    let style = Style::new().add_modifier(Modifier::BOLD);
    StyledLine { text, style }
}

fn highlight(is_selected: bool) -> Style {
    if is_selected {
        Style::new().add_modifier(Modifier::REVERSED)
    } else {
        Style::new()
    }
}

/// A time of less than a minute to the second, with its unit apart.
fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
