//! Prints the traffic of one window in the formats of `traffic`.

use serde::Serialize;

use super::measure::TrafficMeter;
use crate::cli::TrafficFormat;
use crate::model::traffic::TrafficReport;
use crate::output::streams::Streams;
use crate::text::ConnectionFlags;
use crate::view::formats::{json, json_line, yaml};
use crate::view::traffic::{
    Ending, TrafficDocument, TrafficFaults, TrafficListDocument, TrafficOrigin, TrafficStyle,
    faults, heading, notes, table, text_lines,
};

/// How and where to print.
#[derive(Debug, Clone)]
pub struct TrafficPage {
    pub streams: Streams,
    pub format: TrafficFormat,
    /// JSON and YAML are a list, even of one group.
    pub is_list: bool,
    /// The flags of suggested commands.
    pub reach: ConnectionFlags,
}

impl TrafficPage {
    /// Prints the reports of one window.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn print(
        &self,
        meter: &TrafficMeter,
        reports: &[TrafficReport],
        ending: Option<&Ending>,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            TrafficFormat::Table | TrafficFormat::Wide => {
                let columns = self.streams.out_is_terminal();
                let columns = columns.then(|| self.streams.terminal_size().0);
                let frame = self.frame(reports, columns, None);
                format!("{}\n{}\n", heading(reports), frame.join("\n"))
            }
            TrafficFormat::Json | TrafficFormat::Yaml => {
                let items = reports.iter().map(|report| self.document(meter, report));
                let mut items: Vec<TrafficDocument<'_>> = items.collect();
                let ending = ending.cloned();
                match items.pop() {
                    Some(only) if !self.is_list => self.encode(&only.ending(ending))?,
                    last => {
                        items.extend(last);
                        self.encode(&TrafficListDocument::new(items, ending))?
                    }
                }
            }
        };
        self.streams.write(&text)
    }

    fn encode(&self, document: &impl Serialize) -> anyhow::Result<String> {
        match self.format {
            TrafficFormat::Yaml => yaml(document),
            _ => Ok(json(document)?),
        }
    }

    /// Returns the table, and the findings below it.
    /// `columns` is the width of the terminal, if there is one.
    pub fn frame(
        &self,
        reports: &[TrafficReport],
        columns: Option<u16>,
        history: Option<&[Vec<f64>]>,
    ) -> Vec<String> {
        let wide = self.format == TrafficFormat::Wide;
        let style = TrafficStyle {
            wide,
            // A terminal breaks the lines of a wide table, but not those that are redrawn.
            columns: columns.filter(|_| !wide || history.is_some()),
            history,
        };
        let mut lines = table(reports, style);
        let notes = notes(reports, &self.reach, columns);
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        lines
    }

    /// Prints lines for one of many windows, and the findings unless they are as `known`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn print_lines(
        &self,
        meter: &TrafficMeter,
        reports: &[TrafficReport],
        known: &mut TrafficFaults,
    ) -> anyhow::Result<()> {
        if self.format == TrafficFormat::Json {
            for report in reports {
                let line = json_line(&self.document(meter, report))?;
                self.streams.print(&line)?;
            }
            return Ok(());
        }
        for line in text_lines(reports, meter.cluster.clock().now()) {
            self.streams.print(&line)?;
        }
        let faults = faults(reports);
        if faults != *known {
            for line in notes(reports, &self.reach, None) {
                self.streams.print(&line)?;
            }
            *known = faults;
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
            reach: &self.reach,
        };
        TrafficDocument::new(report, origin)
    }
}
