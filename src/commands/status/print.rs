//! Prints groups in the formats of `status`.

use clap::ColorChoice;

use crate::cli::StatusFormat;
use crate::cluster::Cluster;
use crate::model::Status;
use crate::output::streams::Streams;
use crate::output::terminal;
use crate::problem::Exit;
use crate::text::clean;
use crate::view::formats::{json, yaml};
use crate::view::status::list::{StatusList, UnmetGroup};
use crate::view::status::report::report;
use crate::view::status::table::{ClusterStatuses, TableStyle};

/// The groups to print, and the exit code if it depends on them.
pub struct Printed<'a> {
    pub statuses: &'a [Status],
    pub exit: Option<Exit>,
    pub missing: Option<&'a [UnmetGroup]>,
}

/// How and where to print groups.
#[derive(Debug, Clone)]
pub struct StatusPage {
    pub streams: Streams,
    pub format: StatusFormat,
    /// Add a column for the namespace.
    pub namespaces: bool,
    /// No names and no labels choose the groups.
    pub are_all: bool,
    /// The labels, if they alone choose the groups.
    pub selector: Option<String>,
    pub colour: ColorChoice,
}

impl StatusPage {
    pub fn print(&self, cluster: &Cluster, printed: &Printed) -> anyhow::Result<()> {
        self.streams.write(&render(cluster, printed, self)?)
    }

    /// Returns the width of the terminal, unless nothing has to fit it. A wide table is never made
    /// narrower.
    pub fn columns(&self) -> Option<u16> {
        let may_narrow = self.format == StatusFormat::Table && self.streams.out_is_terminal();
        may_narrow.then(|| self.streams.terminal_size().0)
    }

    pub fn style(&self) -> TableStyle {
        TableStyle {
            wide: self.format == StatusFormat::Wide,
            namespaces: self.namespaces,
            clusters: false,
            are_all: self.are_all,
            colour: terminal::is_coloured(self.colour, self.streams.out_is_terminal()),
        }
    }
}

fn render(cluster: &Cluster, printed: &Printed, page: &StatusPage) -> anyhow::Result<String> {
    let Printed {
        statuses,
        exit,
        missing,
    } = *printed;
    let Cluster {
        context,
        server,
        reach,
        ..
    } = cluster;
    let list =
        || StatusList::new(context, server, reach, statuses).ending(exit.map(Exit::code), missing);
    Ok(match page.format {
        StatusFormat::Json => json(&list())?,
        StatusFormat::Yaml => yaml(&list())?,
        StatusFormat::Name => statuses
            .iter()
            .map(|status| format!("{}/{}\n", status.id.kind, clean(&status.id.name)))
            .collect(),
        StatusFormat::Table | StatusFormat::Wide if statuses.is_empty() => String::new(),
        StatusFormat::Table | StatusFormat::Wide => {
            let groups = ClusterStatuses {
                context: &cluster.context,
                connection: reach,
                statuses,
                selector: page.selector.as_deref(),
                now: cluster.clock().now(),
            };
            report(groups, page.style(), page.columns())
        }
    })
}
