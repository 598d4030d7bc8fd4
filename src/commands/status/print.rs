//! Prints groups in the formats of `status`.

use super::StatusPage;
use crate::cli::StatusFormat;
use crate::cluster::Cluster;
use crate::model::Status;
use crate::output::terminal;
use crate::problem::Exit;
use crate::text::{clean, clean_json, clean_lines};
use crate::view::compact;
use crate::view::status::{Missing, StatusList};
use crate::view::table;
use crate::view::table::{Shown, TableStyle};

/// Groups and, if the exit code depends on them, how the command ends.
pub struct Printed<'a> {
    pub statuses: &'a [Status],
    pub exit: Option<Exit>,
    pub missing: Option<&'a [Missing]>,
}

impl StatusPage {
    pub fn print(&self, cluster: &Cluster, printed: &Printed) -> anyhow::Result<()> {
        self.streams.write(&render(cluster, printed, self)?)
    }

    pub fn style(&self) -> TableStyle {
        TableStyle {
            wide: self.format == StatusFormat::Wide,
            namespaces: self.namespaces,
            clusters: false,
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
        StatusFormat::Json => clean_json(&serde_json::to_string_pretty(&list())?) + "\n",
        StatusFormat::Yaml => clean_lines(&serde_yaml::to_string(&list())?),
        StatusFormat::Name => statuses
            .iter()
            .map(|status| format!("{}/{}\n", status.id.kind, clean(&status.id.name)))
            .collect(),
        StatusFormat::Table | StatusFormat::Wide if statuses.is_empty() => String::new(),
        StatusFormat::Table | StatusFormat::Wide => {
            let shown = Shown {
                context: &cluster.context,
                reach,
                statuses,
                now: cluster.clock().now(),
            };
            // A wide table is never made narrower.
            let may_narrow = page.format == StatusFormat::Table && page.streams.out_is_terminal();
            if may_narrow {
                compact::render(shown, page.style(), page.streams.terminal_size().0)
            } else {
                table::render(shown, page.style())
            }
        }
    })
}
