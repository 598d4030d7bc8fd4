//! Reads the groups of each context, and which cluster each backend is in. A context that cannot be
//! reached does not keep the others from being changed.

use std::cell::Cell;
use std::time::Duration;

use futures::future::{join, join_all};
use jiff::Timestamp;

use super::permissions::{DeniedKinds, review};
use crate::changes::preflight::{Preflight, PreflightReads, preflight_with};
use crate::cli::{LocalName, ManyArgs};
use crate::cluster::Clusters;
use crate::cluster::api::identity;
use crate::commands::args::contexts;
use crate::commands::args::contexts::ContextSelection;
use crate::commands::args::members;
use crate::commands::args::members::{ContextGroups, ContextMembers};
use crate::commands::args::selection::readable;
use crate::commands::env::CommandEnv;
use crate::error::{explain, explain_group_list};
use crate::model::AvoidEntry;
use crate::problem::Problem;
use crate::readiness::prefetch::{PrefetchedSlices, list_groups_and_slices};
use crate::resource::Record;
use crate::text::clean;

/// How long one of several contexts may take to be read: its API may be down.
const CONTEXT_TIMEOUT: Duration = Duration::from_secs(10);

/// The groups of one context.
pub struct ContextRecords {
    pub cluster: Clusters,
    pub records: Vec<Record>,
    /// The slices of their namespace, until they are used.
    prefetched: Cell<PrefetchedSlices>,
    /// Who gives the order: user and host.
    pub by: String,
    /// The API server's time when they were read.
    pub at: Timestamp,
}

/// What the plan for some groups of a context rests on.
pub struct ContextFacts {
    /// One for each group.
    pub seen: Vec<Preflight>,
    pub denied: DeniedKinds,
}

/// A context that could not be read.
#[derive(Debug)]
pub struct UnreadContext {
    pub context: String,
    pub problem: Problem,
}

impl UnreadContext {
    fn lines(&self) -> Vec<String> {
        self.problem.lines(&clean(&self.context))
    }
}

/// The groups of all contexts.
pub struct Gathered {
    pub contexts: Vec<ContextRecords>,
    pub unread: Vec<UnreadContext>,
    /// The flags by which a suggested command reaches the same contexts.
    pub flags: String,
}

/// # Errors
/// If there is one context only and it cannot be read, or none of several can be.
pub async fn gather(env: &CommandEnv, many: &ManyArgs) -> anyhow::Result<Gathered> {
    let selection = ContextSelection::of(&many.contexts);
    if selection.is_empty() {
        let only = read(env, many).await?;
        return Ok(Gathered {
            flags: match &env.flags.namespace {
                Some(namespace) => only.cluster.reach.within(namespace),
                None => only.cluster.reach.all().to_owned(),
            },
            contexts: vec![only],
            unread: Vec::new(),
        });
    }
    let each = contexts::each(env, selection)?;
    let reads = each.iter().map(|env| read_in_time(env, many));
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for (env, read) in each.iter().zip(join_all(reads).await) {
        match read {
            Ok(context) => push_once(env, &mut found, context),
            Err(error) => unread.push(UnreadContext {
                context: env.flags.context.clone().unwrap_or_default(),
                problem: Problem::of(&error),
            }),
        }
    }
    if found.is_empty() {
        let lines = unread.iter().flat_map(UnreadContext::lines);
        return Err(Problem::new("no context can be read")
            .next_all(lines)
            .into());
    }
    let names = (!many.contexts.all).then_some(many.contexts.names.as_slice());
    Ok(Gathered {
        contexts: found,
        unread,
        flags: contexts::flags(env, names),
    })
}

/// Keeps the first context of each cluster.
fn push_once(env: &CommandEnv, found: &mut Vec<ContextRecords>, context: ContextRecords) {
    let server = &context.cluster.server;
    match found.iter().find(|known| known.cluster.server == *server) {
        Some(known) => env.streams.say(&format!(
            "context {} is left out: it is of the same cluster as {}",
            clean(&context.cluster.context),
            clean(&known.cluster.context)
        )),
        None => found.push(context),
    }
}

async fn read_in_time(env: &CommandEnv, many: &ManyArgs) -> anyhow::Result<ContextRecords> {
    let limit = CONTEXT_TIMEOUT.max(env.flags.request_timeout.unwrap_or_default());
    match tokio::time::timeout(limit, read(env, many)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(format!("no answer within {} s", limit.as_secs())).into()),
    }
}

/// Reads the groups of all namespaces, unless the user names one: a cluster is evacuated as a whole.
async fn read(env: &CommandEnv, many: &ManyArgs) -> anyhow::Result<ContextRecords> {
    let cluster = contexts::connect(env, &many.remotes).await?;
    let namespace = env.flags.namespace.as_deref();
    let namespace = namespace.filter(|_| !env.flags.all_namespaces);
    let listed = list_groups_and_slices(&cluster, namespace, None, true);
    let (listed, by) = join(listed, identity::signature(&cluster)).await;
    let listed = listed.map_err(|error| explain_group_list(&cluster, &error));
    let (listed, prefetched) = listed?;
    let records = readable(&env.streams, &cluster, listed);
    let by = by.map_err(|error| explain(&cluster, &error))?;
    Ok(ContextRecords {
        at: cluster.clock().now(),
        cluster,
        records,
        prefetched: Cell::new(prefetched),
        by,
    })
}

async fn facts(
    context: &ContextRecords,
    records: &[Record],
    reads: PreflightReads,
) -> ContextFacts {
    let ContextRecords { cluster, by, .. } = context;
    let prefetched = context.prefetched.take();
    let seen = preflight_with(cluster, records, by, context.at, reads, prefetched);
    let (seen, denied) = join(seen, review(cluster, records)).await;
    ContextFacts { seen, denied }
}

impl Gathered {
    pub async fn members(&self, given: &[LocalName]) -> Result<Vec<ContextMembers>, Problem> {
        let groups = self.contexts.iter().map(|it| ContextGroups {
            cluster: &it.cluster,
            records: &it.records,
        });
        let groups: Vec<ContextGroups> = groups.collect();
        members::read(&groups, given).await
    }

    /// Reads, at the same time, which cluster each backend is in, and what a plan for these groups
    /// of each context rests on.
    ///
    /// # Errors
    /// As [`members::read`].
    pub async fn survey(
        &self,
        given: &[LocalName],
        records: impl Iterator<Item = &[Record]>,
        reads: PreflightReads,
    ) -> Result<(Vec<ContextMembers>, Vec<ContextFacts>), Problem> {
        let contexts = self.contexts.iter().zip(records);
        let facts = contexts.map(|(context, records)| facts(context, records, reads));
        let (members, facts) = join(self.members(given), join_all(facts)).await;
        Ok((members?, facts))
    }

    /// Returns the cluster that the user named. A context names it too, even if its API server is
    /// down.
    ///
    /// # Errors
    /// As [`members::resolve`]. Names the contexts that could not be read.
    pub fn resolve(
        &self,
        env: &CommandEnv,
        members: &[ContextMembers],
        typed: &str,
    ) -> Result<String, Problem> {
        let problem = match members::resolve(members, typed) {
            Ok(cluster) => return Ok(cluster),
            Err(problem) => problem,
        };
        let is_context = contexts::names(env).iter().any(|it| it == typed);
        if let (true, Some(cluster)) = (is_context, members::cluster_of_unread(members, typed)) {
            env.streams.say(&format!(
                "context {} was not read; its cluster is {} by its name",
                clean(typed),
                clean(cluster)
            ));
            return Ok(cluster.to_owned());
        }
        Err(problem.next_all(self.unread_lines()))
    }

    /// Says why contexts could not be read.
    pub fn unread_lines(&self) -> impl Iterator<Item = String> {
        self.unread.iter().flat_map(UnreadContext::lines)
    }

    /// Returns the entries of all groups, each with its group and the index of its context.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &Record, &AvoidEntry)> {
        let records = self.contexts.iter().enumerate();
        let records =
            records.flat_map(|(context, it)| it.records.iter().map(move |it| (context, it)));
        records.flat_map(|(context, record)| {
            let entries = record.group.iter().flat_map(|group| &group.avoid.entries);
            entries.map(move |entry| (context, record, entry))
        })
    }
}
