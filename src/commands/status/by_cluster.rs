//! `status --by-cluster`: what each cluster carries and could carry.

use jiff::Timestamp;

use super::print::StatusPage;
use super::several;
use super::several::{ClusterGroups, FoundGroups};
use crate::cli::{StatusArgs, StatusFormat};
use crate::commands::args::members;
use crate::commands::args::members::{ContextGroups, ContextMembers};
use crate::commands::env::CommandEnv;
use crate::error::explain;
use crate::model::by_cluster::{PlacedGroup, by_cluster};
use crate::model::{Residence, State};
use crate::problem::{Exit, Problem};
use crate::view::context_outcome::ContextOutcome;
use crate::view::formats::{json, yaml};
use crate::view::status::by_cluster::{ByCluster, UnplacedBackend};

pub async fn run(
    each: &[CommandEnv],
    args: &StatusArgs,
    page: &StatusPage,
) -> anyhow::Result<Exit> {
    let FoundGroups { clusters, absent } = several::find_all(each, args).await?;
    let exit = several::verdict(&clusters, &absent, false);
    let readable: Vec<&ClusterGroups> = clusters.iter().flatten().collect();
    let groups: Vec<ContextGroups> = readable
        .iter()
        .map(|found| ContextGroups {
            cluster: &found.cluster,
            records: &found.records,
        })
        .collect();
    let members = members::read(&groups, &args.local_names.local_name).await?;
    let placed: Vec<PlacedGroup> = readable
        .iter()
        .zip(&members)
        .flat_map(|(found, members)| {
            let statuses = found.statuses.iter();
            statuses.map(|status| members.placed(&found.cluster.server, status))
        })
        .collect();
    let own = members.iter();
    let own = own.map(|it| (it.context.as_str(), it.own.name.as_str()));
    let statuses = || readable.iter().flat_map(|found| &found.statuses);
    let shown = ByCluster {
        contexts: outcomes(each, &clusters, &members),
        clusters: by_cluster(own, &placed),
        unplaced: readable
            .iter()
            .zip(&members)
            .flat_map(|(found, members)| unplaced(found, members))
            .collect(),
        invalid: statuses().filter(|it| it.state == State::Invalid).count(),
        exit_code: exit.code(),
        now: readable
            .first()
            .map_or(Timestamp::UNIX_EPOCH, |found| found.cluster.clock().now()),
    };
    let style = page.style();
    let text = match page.format {
        StatusFormat::Json => json(&shown.document())?,
        StatusFormat::Yaml => yaml(&shown.document())?,
        StatusFormat::Name => shown.names(),
        StatusFormat::Table | StatusFormat::Wide => {
            let is_terminal = page.streams.out_is_terminal();
            let columns = is_terminal.then(|| page.streams.terminal_size().0);
            shown.table(style.wide, style.colour, columns)
        }
    };
    page.streams.write(&text)?;
    several::say_absent(page, each, &clusters, &absent);
    Ok(exit)
}

fn unplaced<'a>(
    found: &'a ClusterGroups,
    members: &'a ContextMembers,
) -> impl Iterator<Item = UnplacedBackend<'a>> {
    let backends = found.statuses.iter().flat_map(|status| {
        let backends = status.backends.iter();
        backends.map(move |backend| (status, backend))
    });
    backends.filter_map(|(status, backend)| {
        let service = backend.service(&status.id.namespace);
        if members.residences.of(&service) != Residence::Unknown {
            return None;
        }
        let error = members.residences.error(&service.namespace);
        Some(UnplacedBackend {
            context: &members.context,
            namespace: &status.id.namespace,
            object: status.id.kind,
            name: &status.id.name,
            backend: &backend.name,
            why: match error {
                Some(error) => explain(&found.cluster, error).message,
                None => "its labels name no cluster".to_owned(),
            },
        })
    })
}

fn outcomes<'a>(
    each: &'a [CommandEnv],
    clusters: &'a [Result<ClusterGroups, Problem>],
    members: &'a [ContextMembers],
) -> Vec<ContextOutcome<'a>> {
    let mut named = members.iter();
    let outcomes = each.iter().zip(clusters).filter_map(|(env, found)| {
        Some(match found {
            Ok(found) => ContextOutcome {
                context: &found.cluster.context,
                server: Some(&found.cluster.server),
                cluster: Ok(&named.next()?.own),
            },
            Err(problem) => ContextOutcome {
                context: env.flags.context.as_deref().unwrap_or_default(),
                server: None,
                cluster: Err(problem),
            },
        })
    });
    outcomes.collect()
}
