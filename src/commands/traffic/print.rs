//! Prints the traffic of one window in the formats of `traffic`.

use super::measure::TrafficMeter;
use crate::cli::TrafficFormat;
use crate::model::traffic::TrafficReport;
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::view::formats::{json, json_line, yaml};
use crate::view::traffic::{
    TrafficDocument, TrafficOrigin, TrafficStyle, heading, notes, table, text_lines,
};

/// How `--for` ended, and the conditions that are not met.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub exit: Exit,
    pub missing: Vec<String>,
}

/// How and where to print.
#[derive(Debug, Clone)]
pub struct TrafficPage {
    pub streams: Streams,
    pub format: TrafficFormat,
    /// The flags of suggested commands.
    pub flags: String,
}

impl TrafficPage {
    /// Prints a report.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(
        &self,
        meter: &TrafficMeter,
        report: &TrafficReport,
        verdict: Option<&Verdict>,
    ) -> anyhow::Result<()> {
        let document = || {
            let document = self.document(meter, report);
            match verdict {
                Some(Verdict { exit, missing }) => document.ending(exit.code(), missing.clone()),
                None => document,
            }
        };
        let text = match self.format {
            TrafficFormat::Json => json(&document())?,
            TrafficFormat::Yaml => yaml(&document())?,
            TrafficFormat::Table | TrafficFormat::Wide => {
                self.streams.say(&heading(report));
                let columns = self.streams.out_is_terminal();
                let columns = columns.then(|| self.streams.terminal_size().0);
                self.frame(report, columns, None).join("\n") + "\n"
            }
        };
        self.streams.write(&text)
    }

    /// Returns the table, and the findings below it.
    /// `columns` is the width of the terminal, if there is one.
    pub fn frame(
        &self,
        report: &TrafficReport,
        columns: Option<u16>,
        history: Option<&[Vec<f64>]>,
    ) -> Vec<String> {
        let wide = self.format == TrafficFormat::Wide;
        let style = TrafficStyle {
            wide,
            // A wide table is never made narrower.
            columns: columns.filter(|_| !wide),
            history,
        };
        let mut lines = table(report, style);
        let notes = notes(report, &self.flags, columns);
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        lines
    }

    /// Prints lines for one of many windows.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn print_lines(&self, meter: &TrafficMeter, report: &TrafficReport) -> anyhow::Result<()> {
        if self.format == TrafficFormat::Json {
            return self
                .streams
                .print(&json_line(&self.document(meter, report))?);
        }
        for line in text_lines(report, meter.cluster.clock().now()) {
            self.streams.print(&line)?;
        }
        Ok(())
    }

    fn document<'a>(
        &'a self,
        meter: &'a TrafficMeter,
        report: &'a TrafficReport,
    ) -> TrafficDocument<'a> {
        let origin = TrafficOrigin {
            context: &meter.cluster.context,
            server: &meter.cluster.server,
            source: meter.source.name(),
            at: meter.cluster.clock().now(),
            flags: &self.flags,
        };
        TrafficDocument::new(report, origin)
    }
}
