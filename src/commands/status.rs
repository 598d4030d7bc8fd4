//! `status`: where the traffic of each group goes, and why.

use std::io::{IsTerminal as _, Write as _};

use super::{scope, selection};
use crate::cli::{GlobalArgs, StatusArgs, StatusFormat};
use crate::cluster::{Cluster, survey};
use crate::error::Exit;
use crate::model::Status;
use crate::view::status::StatusList;
use crate::view::table::{self, Style};
use crate::view::terminal;
use crate::view::text::{clean, clean_json, clean_lines};

pub async fn run(flags: &GlobalArgs, args: StatusArgs) -> anyhow::Result<Exit> {
    let cluster = Cluster::connect(flags).await?;
    let namespace = scope(flags, &cluster);
    let chosen =
        selection::choose(&cluster, namespace.as_deref(), args.selector.as_deref(), &args.names).await?;
    let mut statuses = survey::survey(&cluster, &chosen.records, &chosen.rivals).await;
    statuses.sort_by(|a, b| a.id.cmp(&b.id));
    if statuses.is_empty() {
        selection::say_none(&cluster, namespace.as_deref());
    }
    let text = render(&cluster, &statuses, args.output, flags)?;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Done)
}

fn render(
    cluster: &Cluster,
    statuses: &[Status],
    format: StatusFormat,
    flags: &GlobalArgs,
) -> anyhow::Result<String> {
    let list = || StatusList::new(&cluster.context, &cluster.server, statuses);
    Ok(match format {
        StatusFormat::Json => clean_json(&serde_json::to_string_pretty(&list())?) + "\n",
        StatusFormat::Yaml => clean_lines(&serde_yaml::to_string(&list())?),
        StatusFormat::Name => {
            statuses.iter().map(|status| format!("{}/{}\n", status.id.kind, clean(&status.id.name))).collect()
        }
        StatusFormat::Table | StatusFormat::Wide if statuses.is_empty() => String::new(),
        StatusFormat::Table | StatusFormat::Wide => {
            let on_terminal = std::io::stdout().is_terminal();
            let style = Style {
                wide: format == StatusFormat::Wide,
                namespaces: flags.all_namespaces,
                colour: terminal::is_coloured(flags.color, on_terminal),
                width: on_terminal.then(terminal::width),
            };
            table::render(statuses, &cluster.context, style, cluster.clock().now())
        }
    })
}
