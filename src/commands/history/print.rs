//! Prints the history of groups in one of its formats, and says how far back it goes.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::gather::GatheredHistory;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::commands::env::CommandEnv;
use crate::model::history::GroupSummary;
use crate::output::streams::Streams;
use crate::output::terminal;
use crate::text::{clean, place};
use crate::view::formats::{json, json_line, yaml};
use crate::view::history::cells::summary;
use crate::view::history::folded::{FoldedRow, folded};
use crate::view::history::list::{HistoryList, item, text_line};
use crate::view::history::markdown::{Report, report};
use crate::view::history::table::{HistoryStyle, table};
use crate::view::history::{ClusterRow, csv};

/// Of more groups, the durations are not listed.
const MAX_SUMMARIES: usize = 5;

/// How to print the history.
pub struct HistoryPage {
    pub streams: Streams,
    format: HistoryFormat,
    style: HistoryStyle,
    namespace: Option<String>,
}

impl HistoryPage {
    pub fn new(env: &CommandEnv, args: &HistoryArgs) -> Self {
        let is_wide = args.output == HistoryFormat::Wide;
        Self {
            format: args.output,
            style: HistoryStyle {
                contexts: !args.contexts.is_empty(),
                namespaces: env.flags.all_namespaces,
                colour: terminal::is_coloured(env.flags.color(), env.streams.out_is_terminal()),
                wide: is_wide.then(TimeZone::system),
                columns: env
                    .streams
                    .out_is_terminal()
                    .then(|| env.streams.terminal_size().0),
            },
            namespace: env.flags.namespace.clone(),
            streams: env.streams.clone(),
        }
    }

    /// Prints the history of one or several clusters.
    pub fn print(&self, all: &[GatheredHistory]) -> anyhow::Result<()> {
        self.streams.write(&self.render(all)?)?;
        if self.format == HistoryFormat::Markdown {
            return Ok(());
        }
        if all.iter().all(|read| read.rows.is_empty()) {
            let is_narrow =
                self.style.contexts && !self.style.namespaces && self.namespace.is_none();
            let place = match is_narrow {
                true => " in the contexts' namespaces (-A reads all namespaces)",
                false => "",
            };
            self.streams.say(&format!("No failovers recorded{place}."));
        }
        let is_folded = self.format == HistoryFormat::Table
            && folded(&rows(all), false).iter().any(FoldedRow::is_many);
        if is_folded {
            self.streams
                .say("What happened to many groups at once is one row (-o wide lists each).");
        }
        for read in all {
            self.say_footer(read);
        }
        Ok(())
    }

    /// Prints one event as a line.
    pub fn print_line(&self, row: &ClusterRow) -> anyhow::Result<()> {
        let line = match self.format {
            HistoryFormat::Json => json_line(&item(row))?,
            HistoryFormat::Csv => clean(&csv::line(row)),
            _ => clean(&text_line(row)),
        };
        self.streams.print(&line)
    }

    /// Prints the heading of lines, if the format has one.
    pub fn print_heading(&self) -> anyhow::Result<()> {
        match self.format {
            HistoryFormat::Csv => self.streams.print(csv::HEADING),
            _ => Ok(()),
        }
    }

    fn render(&self, all: &[GatheredHistory]) -> anyhow::Result<String> {
        let rows = rows(all);
        let one = all.first().filter(|_| !self.style.contexts);
        let cluster = one.map(|read| (read.context.as_str(), read.server.as_str()));
        let list = || HistoryList::new(cluster, &rows);
        let now = all
            .iter()
            .map(|read| read.now)
            .max()
            .unwrap_or(Timestamp::MIN);
        Ok(match self.format {
            HistoryFormat::Json => json(&list())?,
            HistoryFormat::Yaml => yaml(&list())?,
            HistoryFormat::Csv => {
                let lines = rows.iter().rev().map(|row| clean(&csv::line(row)));
                let lines = std::iter::once(csv::HEADING.to_owned()).chain(lines);
                lines.map(|line| line + "\n").collect()
            }
            HistoryFormat::Markdown => {
                let summaries = all.iter().flat_map(|read| read.summaries.clone());
                let summaries: Vec<GroupSummary> = summaries.collect();
                let contexts: Vec<&str> = all.iter().map(|read| read.context.as_str()).collect();
                let namespace = self.namespace.as_deref();
                let namespace = namespace.filter(|_| !self.style.namespaces);
                let place = match namespace {
                    None if !self.style.namespaces => String::new(),
                    namespace => format!("{} of ", place(namespace)),
                };
                report(&Report {
                    place: &format!("{place}context {}", contexts.join(", ")),
                    contexts: self.style.contexts,
                    rows: &rows,
                    summaries: &summaries,
                    now,
                })
            }
            HistoryFormat::Table | HistoryFormat::Wide if rows.is_empty() => String::new(),
            HistoryFormat::Table | HistoryFormat::Wide => {
                let folded = folded(&rows, self.style.wide.is_some());
                table(&folded, &self.style, now)
            }
        })
    }

    /// Says how long groups were away, and how far back the history goes.
    fn say_footer(&self, read: &GatheredHistory) {
        let say = |line: &str| {
            self.streams.say(&clean(&match self.style.contexts {
                true => format!("{}: {line}", read.context),
                false => line.to_owned(),
            }));
        };
        let durations: Vec<String> = read.summaries.iter().filter_map(summary).collect();
        if durations.len() <= MAX_SUMMARIES && self.format != HistoryFormat::Csv {
            durations.iter().for_each(|line| say(line));
        }
        for failure in &read.failures {
            say(&failure.message);
        }
        say(&read.basis.in_words(read.now));
    }
}

/// Returns the rows of all clusters, the newest first.
pub fn rows(all: &[GatheredHistory]) -> Vec<ClusterRow<'_>> {
    let rows = all.iter().flat_map(|read| {
        let context = read.context.as_str();
        read.rows.iter().map(move |row| ClusterRow { context, row })
    });
    let mut rows: Vec<ClusterRow> = rows.collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.row.event.at));
    rows
}
