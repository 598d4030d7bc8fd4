//! Plans many groups, and asks once.

use futures::{StreamExt as _, stream};
use parking_lot::Mutex;

use super::super::context::CreateContext;
use super::super::new::{CreatePlan, CreateStep};
use super::super::requirements::RequiredServices;
use super::super::{arguments, new, requirements};
use super::requests::{Request, Requests};
use super::said::{Makeup, lines};
use crate::changes::confirm::ask;
use crate::changes::preflight::MAX_CONCURRENT_GROUPS;
use crate::cli::CreateArgs;
use crate::cluster::{Cluster, Clusters};
use crate::commands::env::CommandEnv;
use crate::model::GroupId;
use crate::model::fold::{FoldedText, GroupText, MAX_SINGLE_GROUPS, fold_texts};
use crate::model::roles::Roles;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::process::signals::Interrupts;
use crate::resource::NewGroup;
use crate::text::{MAX_LINE_CHARS, clean, shorten};

pub struct Planned {
    pub request: Request,
    /// What is said of the group: warnings, and what comes with it.
    said: Vec<String>,
    pub plan: Result<CreatePlan, Problem>,
}

pub async fn plan_all(cluster: &Clusters, streams: &Streams, requests: Requests) -> Vec<Planned> {
    let Requests {
        all,
        existing,
        services,
        ..
    } = requests;
    let (existing, services) = (&existing, &services);
    let plans = all.into_iter().map(|request| async move {
        let said = Mutex::default();
        let context = context(cluster, streams, &request.args, &said);
        let group = request.group.clone();
        let required = match services {
            Some(known) => Ok(RequiredServices::among(known, &group)),
            None => requirements::read(cluster, &group).await,
        };
        let existing = existing.of(&group.namespace);
        let plan = new::plan(context, group, existing, required).await;
        Planned {
            plan,
            request,
            said: said.into_inner(),
        }
    });
    stream::iter(plans)
        .buffered(MAX_CONCURRENT_GROUPS)
        .collect()
        .await
}

pub fn context<'a>(
    cluster: &'a Clusters,
    streams: &'a Streams,
    args: &'a CreateArgs,
    said: &'a Mutex<Vec<String>>,
) -> CreateContext<'a> {
    CreateContext {
        cluster,
        args,
        streams,
        said: Some(said),
    }
}

impl Planned {
    /// The group's name: of the kind that is planned, or of one that it would have.
    pub fn id(&self) -> GroupId {
        let kind = self.plan.as_ref().ok().map(|plan| plan.kind);
        let kind = kind.or_else(|| arguments::kinds(&self.request.args).first().copied());
        GroupId {
            namespace: self.request.group.namespace.clone(),
            kind: kind.map_or("trafficsplit", |kind| kind.info().name),
            name: self.request.group.name.clone(),
        }
    }

    pub fn roles(&self) -> Roles {
        let group = &self.request.group;
        let backends = group.backends.iter().map(String::as_str);
        Roles::new(&self.id(), Some(&group.primary), backends)
    }

    fn text(&self, text: String) -> GroupText {
        GroupText {
            id: self.id(),
            roles: self.roles(),
            text,
        }
    }

    /// What is created, in words.
    pub fn makeup(&self) -> Makeup {
        let NewGroup {
            primary, backends, ..
        } = &self.request.group;
        let fallbacks = backends.iter().filter(|name| *name != primary);
        let fallbacks: Vec<&str> = fallbacks.map(String::as_str).collect();
        Makeup::new(primary, &fallbacks, &self.request.clusters)
    }
}

pub fn print(line: &FoldedText) -> String {
    let text = clean(&format!("{}: {}", line.subject, line.text));
    shorten(&text, MAX_LINE_CHARS)
}

pub fn say_notes(streams: &Streams, planned: &[Planned]) {
    let notes = planned.iter().flat_map(|it| {
        let said = it.said.iter();
        said.map(|line| it.text(line.clone()))
    });
    for line in fold_texts(notes, MAX_SINGLE_GROUPS) {
        streams.say(&print(&line));
    }
}

/// Shows the plan and asks, if anything would be created.
pub async fn confirm(
    env: &CommandEnv,
    cluster: &Cluster,
    planned: &[Planned],
) -> anyhow::Result<Option<Interrupts>> {
    let is_new = |it: &&Planned| {
        let plan = it.plan.as_ref().ok();
        plan.is_some_and(|plan| matches!(plan.step, CreateStep::Create(_)))
    };
    if !planned.iter().any(|it| is_new(&it)) {
        return Ok(None);
    }
    if !env.input.can_ask {
        return Err(Problem::refused(
            "create asks for confirmation, and there is no terminal to ask on",
        )
        .next("nothing was created")
        .next("add --yes to skip the prompt, or --dry-run=client to see what would be created")
        .into());
    }
    env.streams.say(&format!(
        "create in context {} ({})",
        cluster.context, cluster.server
    ));
    let new = planned.iter().filter(is_new);
    let new: Vec<(GroupId, Makeup)> = new.map(|it| (it.id(), it.makeup())).collect();
    let new = lines(new.iter().map(|(id, it)| (id.clone(), it)), None);
    let failed = planned.iter().filter_map(|it| {
        let problem = it.plan.as_ref().err()?;
        Some(it.text(format!("not created: {}", problem.message)))
    });
    let failed = fold_texts(failed, MAX_SINGLE_GROUPS);
    for line in new.into_iter().chain(failed.iter().map(print)) {
        env.streams.say(&format!("  {line}"));
    }
    ask(&env.streams, &env.input).await.map(Some)
}
