use super::StatusPage;
use crate::cli::StatusFormat;
use crate::cluster::Cluster;
use crate::model::Status;
use crate::output::streams::Streams;
use crate::output::terminal;
use crate::problem::Exit;
use crate::text::{clean, clean_json, clean_lines};
use crate::view::compact;
use crate::view::status::{Missing, StatusList};
use crate::view::table;
use crate::view::table::{Shown, TableStyle};

/// Groups as they stand and, where it depends on them, how the command ends.
pub struct Printed<'a> {
    pub statuses: &'a [Status],
    pub exit: Option<Exit>,
    pub missing: Option<&'a [Missing]>,
}

pub fn print(cluster: &Cluster, printed: &Printed, page: StatusPage) -> anyhow::Result<()> {
    write(&render(cluster, printed, page)?)
}

pub fn write(text: &str) -> anyhow::Result<()> {
    Streams::process().write(text)
}

/// How a table is drawn on standard output.
pub fn style(page: StatusPage) -> TableStyle {
    let on_terminal = Streams::process().out_is_terminal();
    TableStyle {
        wide: page.format == StatusFormat::Wide,
        namespaces: page.namespaces,
        clusters: false,
        colour: terminal::is_coloured(page.colour, on_terminal),
    }
}

fn render(cluster: &Cluster, printed: &Printed, page: StatusPage) -> anyhow::Result<String> {
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
            // Who asks for the wide table wants all of it.
            let may_narrow =
                page.format == StatusFormat::Table && Streams::process().out_is_terminal();
            if may_narrow {
                compact::render(shown, style(page), Streams::process().terminal_size().0)
            } else {
                table::render(shown, style(page))
            }
        }
    })
}
