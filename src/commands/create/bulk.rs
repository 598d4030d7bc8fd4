//! `create --all` and `create -f`: many groups, with a plan, one prompt, and one report.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use serde_json::Value;

use super::context::{CreateContext, CreateOutcome, Created};
use super::existing::ExistingByNamespace;
use super::new::{CreatePlan, CreateStep};
use super::printed::{apex_name, existing_object, mode};
use super::requirements::RequiredServices;
use super::{arguments, existing, file, mirrored, new, requirements};
use crate::changes::confirm::ask;
use crate::changes::preflight::MAX_CONCURRENT_GROUPS;
use crate::changes::write::place_of;
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::api::groups;
use crate::cluster::api::services;
use crate::cluster::api::services::Service;
use crate::cluster::listwatch::list::list_objects;
use crate::cluster::{Cluster, Clusters};
use crate::commands::args::query::place_in_context;
use crate::commands::env::CommandEnv;
use crate::error::explain;
use crate::model::fold::{FoldedText, GroupText, MAX_SINGLE_GROUPS, fold_texts};
use crate::model::roles::Roles;
use crate::model::{GroupId, ServiceRef};
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::NewGroup;
use crate::text::{MAX_LINE_CHARS, clean, shorten};
use crate::view::manifest::{self, ObjectFormat};

/// One of the groups to create.
struct Request {
    args: CreateArgs,
    group: NewGroup,
    /// The place in the file, for messages.
    place: Option<String>,
}

/// All that is to be created, and what it is planned on.
struct Requests {
    all: Vec<Request>,
    existing: ExistingByNamespace,
    /// The Services, if they were listed.
    services: Option<HashMap<ServiceRef, Service>>,
    /// Lines on what gets no group.
    skipped: Vec<String>,
}

struct Planned {
    request: Request,
    /// What is said of the group: warnings, and what comes with it.
    said: Vec<String>,
    plan: Result<CreatePlan, Problem>,
}

/// A group, and how its creation ended.
struct Ended {
    id: GroupId,
    roles: Roles,
    text: String,
    next: Vec<String>,
    result: BulkResult,
    objects: Vec<(String, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BulkResult {
    Created,
    Unchanged,
    /// It cannot be created, and was only asked for among all.
    Skipped,
    Failed,
}

pub async fn run(env: &CommandEnv, args: &CreateArgs) -> anyhow::Result<Exit> {
    let from_file = args.filename.as_deref().map(file_groups);
    if let Some(Ok(_)) = &from_file
        && env.flags.all_namespaces
    {
        return Err(Problem::usage(
            "-f does not take --all-namespaces: each group of the file is in one",
        )
        .next("name it in the file, with the key namespace, or with -n for all")
        .into());
    }
    let from_file = from_file.transpose()?;
    let cluster = env.connect(&args.remotes).await?;
    let requests = match from_file {
        Some(groups) => requests_of_file(&cluster, args, groups).await?,
        None => requests_of_all(env, &cluster, args).await?,
    };
    let is_all = args.all;
    for line in &requests.skipped {
        env.streams.say(line);
    }
    let planned = plan_all(&cluster, &env.streams, requests).await;
    say_notes(&env.streams, &planned);
    let interrupts = if args.yes || args.dry_run != DryRun::None {
        None
    } else {
        confirm(env, &cluster, &planned).await?
    };
    let mut interrupts = interrupts.map_or_else(Interrupts::listen, Ok)?;
    let work = write_all(&cluster, &env.streams, planned, is_all);
    let ended = tokio::select! {
        ended = work => ended,
        interrupted = interrupts.next() => {
            let problem = interrupted.problem();
            return Err(problem.next("run the same command again: it goes on").into());
        }
    };
    report(env, &cluster, args, &ended)
}

fn file_groups(path: &Path) -> Result<Vec<file::FileGroup>, Problem> {
    let groups = file::read(path)?;
    for group in &groups {
        arguments::check_group(&group.args).map_err(|problem| Problem {
            message: format!("{}: {}", group.place, problem.message),
            ..problem
        })?;
    }
    Ok(groups)
}

async fn requests_of_file(
    cluster: &Clusters,
    args: &CreateArgs,
    groups: Vec<file::FileGroup>,
) -> Result<Requests, Problem> {
    let requests = groups.into_iter().map(|it| {
        let namespace = it.namespace.as_ref().unwrap_or(&cluster.namespace);
        let group = arguments::group(&it.args, namespace);
        let of_command = args.clone();
        Request {
            args: CreateArgs {
                dry_run: of_command.dry_run,
                output: of_command.output,
                allow_missing: of_command.allow_missing,
                remotes: of_command.remotes,
                ..it.args
            },
            group,
            place: Some(it.place),
        }
    });
    let all: Vec<Request> = requests.collect();
    let namespaces = all.iter().map(|it| it.group.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.collect();
    Ok(Requests {
        existing: existing::read_namespaces(cluster, namespaces).await?,
        services: None,
        skipped: Vec::new(),
        all,
    })
}

async fn requests_of_all(
    env: &CommandEnv,
    cluster: &Clusters,
    args: &CreateArgs,
) -> Result<Requests, Problem> {
    let namespace = env.namespace(cluster);
    let namespace = namespace.as_deref();
    let (services, existing) = futures::future::join(
        async { list_objects(cluster, &services::all(namespace)).await },
        existing::read(cluster, namespace),
    )
    .await;
    let services = services.map_err(|error| explain(cluster, &error))?;
    let existing = existing?.by_namespace();
    let place = place_in_context(cluster, namespace);
    let found = mirrored::mirrored(&services, &args.fallback_cluster, &existing, &place)?;
    let requests = found.found.iter().map(|service| {
        let args = mirrored::args_of(args, service);
        Request {
            group: arguments::group(&args, &service.at.namespace),
            args,
            place: None,
        }
    });
    let all: Vec<Request> = requests.collect();
    if let Some(first) = all.first() {
        arguments::check_group(&first.args)?;
    }
    let services = services.into_iter();
    Ok(Requests {
        all,
        existing,
        services: Some(services.map(|it| (it.at.clone(), it)).collect()),
        skipped: mirrored::skipped_in_words(&found.skipped),
    })
}

async fn plan_all(cluster: &Clusters, streams: &Streams, requests: Requests) -> Vec<Planned> {
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

fn context<'a>(
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
    fn id(&self) -> GroupId {
        let kind = self.plan.as_ref().ok().map(|plan| plan.kind);
        let kind = kind.or_else(|| arguments::kinds(&self.request.args).first().copied());
        GroupId {
            namespace: self.request.group.namespace.clone(),
            kind: kind.map_or("trafficsplit", |kind| kind.info().name),
            name: self.request.group.name.clone(),
        }
    }

    fn roles(&self) -> Roles {
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
    fn words(&self) -> String {
        let NewGroup {
            primary, backends, ..
        } = &self.request.group;
        let fallbacks = backends.iter().filter(|name| *name != primary);
        let fallbacks: Vec<&str> = fallbacks.map(String::as_str).collect();
        let what = match fallbacks.len() {
            1 => "fallback",
            _ => "fallbacks",
        };
        format!("{primary}, {what} {}", fallbacks.join(", "))
    }
}

fn print(line: &FoldedText) -> String {
    let text = clean(&format!("{}: {}", line.subject, line.text));
    shorten(&text, MAX_LINE_CHARS)
}

fn say_notes(streams: &Streams, planned: &[Planned]) {
    let notes = planned.iter().flat_map(|it| {
        let said = it.said.iter();
        said.map(|line| it.text(line.clone()))
    });
    for line in fold_texts(notes, MAX_SINGLE_GROUPS) {
        streams.say(&print(&line));
    }
}

/// Shows the plan and asks, if anything would be created.
async fn confirm(
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
    let new = fold_texts(new.map(|it| it.text(it.words())), MAX_SINGLE_GROUPS);
    let failed = planned.iter().filter_map(|it| {
        let problem = it.plan.as_ref().err()?;
        Some(it.text(format!("not created: {}", problem.message)))
    });
    let failed = fold_texts(failed, MAX_SINGLE_GROUPS);
    for line in new.iter().chain(&failed) {
        env.streams.say(&format!("  {}", print(line)));
    }
    ask(&env.streams, &env.input).await.map(Some)
}

async fn write_all(
    cluster: &Clusters,
    streams: &Streams,
    planned: Vec<Planned>,
    is_all: bool,
) -> Vec<Ended> {
    let writes = planned
        .into_iter()
        .map(|planned| write(cluster, streams, planned, is_all));
    stream::iter(writes)
        .buffered(MAX_CONCURRENT_GROUPS)
        .collect()
        .await
}

async fn write(cluster: &Clusters, streams: &Streams, planned: Planned, is_all: bool) -> Ended {
    let (id, roles, words) = (planned.id(), planned.roles(), planned.words());
    let Planned { request, plan, .. } = planned;
    let ended = |text: String, result, objects| Ended {
        id,
        roles,
        text,
        next: Vec::new(),
        result,
        objects,
    };
    let plan = match plan {
        Ok(plan) => plan,
        Err(problem) if is_all => {
            return ended(problem.message, BulkResult::Skipped, Vec::new());
        }
        Err(problem) => return failed(problem, &request, ended),
    };
    let said = Mutex::default();
    let context = context(cluster, streams, &request.args, &said);
    let created = match new::carry_out(context, plan).await {
        Ok(created) => created,
        Err(problem) => return failed(problem, &request, ended),
    };
    let mode = mode(request.args.dry_run);
    let (text, result) = match created.outcome {
        CreateOutcome::Unchanged => (format!("unchanged{mode}"), BulkResult::Unchanged),
        _ => (format!("created{mode}: {words}"), BulkResult::Created),
    };
    match objects(cluster, &request.args, created).await {
        Ok(objects) => ended(text, result, objects),
        Err(problem) => failed(problem, &request, ended),
    }
}

fn failed(
    problem: Problem,
    request: &Request,
    ended: impl FnOnce(String, BulkResult, Vec<(String, Value)>) -> Ended,
) -> Ended {
    let place = request.place.iter().map(|place| format!("{place}: "));
    let text = place.chain([problem.message]).collect();
    Ended {
        next: problem.next,
        ..ended(text, BulkResult::Failed, Vec::new())
    }
}

/// The objects to print, each with its name.
async fn objects(
    cluster: &Clusters,
    args: &CreateArgs,
    created: Created,
) -> Result<Vec<(String, Value)>, Problem> {
    let Some(format) = args.output else {
        return Ok(Vec::new());
    };
    let Created {
        kind, group, apex, ..
    } = created;
    let object = match created.outcome {
        CreateOutcome::Created(object) | CreateOutcome::Adopted(object) => object,
        CreateOutcome::Unchanged if args.dry_run == DryRun::Client => {
            groups::manifest(cluster, kind, &group)
        }
        CreateOutcome::Unchanged => existing_object(cluster, kind, &group, format).await?,
    };
    let name = manifest::full_name(kind.info(), &group.name);
    let apex = apex.map(|apex| (apex_name(&group), apex.object));
    Ok(std::iter::once((name, object)).chain(apex).collect())
}

/// Prints a line for each group, or for many of which the same is true. With a format, the objects
/// go to standard output, and all else to standard error.
fn report(
    env: &CommandEnv,
    cluster: &Cluster,
    args: &CreateArgs,
    ended: &[Ended],
) -> anyhow::Result<Exit> {
    let streams = &env.streams;
    let of = |result: BulkResult| {
        let of = ended.iter().filter(move |it| it.result == result);
        of.collect::<Vec<_>>()
    };
    let lines = |result: BulkResult| {
        let texts = of(result).into_iter().map(|it| GroupText {
            id: it.id.clone(),
            roles: it.roles.clone(),
            text: it.text.clone(),
        });
        fold_texts(texts, MAX_SINGLE_GROUPS)
    };
    for result in [BulkResult::Created, BulkResult::Unchanged] {
        for line in lines(result) {
            match args.output {
                None => streams.print_if_read(&print(&line))?,
                Some(_) => streams.say(&print(&line)),
            }
        }
    }
    for line in lines(BulkResult::Skipped) {
        streams.say(&format!("skipped: {}", print(&line)));
    }
    let failed = of(BulkResult::Failed);
    for line in lines(BulkResult::Failed) {
        streams.say(&format!("error: {}", print(&line)));
        let first = failed.iter().find(|it| line.text == it.text);
        for next in first.iter().flat_map(|it| &it.next) {
            streams.say(&format!("  {}", shorten(&clean(next), MAX_LINE_CHARS)));
        }
    }
    if let Some(format) = args.output {
        print_objects(streams, ended, format)?;
    }
    let counts = [
        (BulkResult::Created, "created"),
        (BulkResult::Unchanged, "unchanged"),
        (BulkResult::Skipped, "skipped"),
        (BulkResult::Failed, "failed"),
    ];
    let counts = counts.iter().filter_map(|(result, what)| {
        let count = of(*result).len();
        (count > 0).then(|| format!("{count} {what}"))
    });
    let counts: Vec<String> = counts.collect();
    match ended.len() {
        0 => streams.say("no groups to create"),
        1 => {}
        many => streams.say(&format!("{many} groups: {}", counts.join(", "))),
    }
    let created: Vec<&GroupId> = of(BulkResult::Created).iter().map(|it| &it.id).collect();
    if args.dry_run == DryRun::None && args.output.is_none() && !created.is_empty() {
        let place = place_of(cluster, &created);
        streams.say(&format!("next: run `kubectl failover watch {place}`"));
    }
    Ok(exit(ended))
}

fn print_objects(streams: &Streams, ended: &[Ended], format: ObjectFormat) -> anyhow::Result<()> {
    let objects = ended.iter().flat_map(|it| it.objects.clone());
    let objects: Vec<(String, Value)> = objects.collect();
    if objects.is_empty() && format != ObjectFormat::Json {
        return Ok(());
    }
    streams.write(&manifest::print(&objects, format)?)
}

/// 1 if a group failed, 4 if nothing could be created of all that was asked for; else 0.
fn exit(ended: &[Ended]) -> Exit {
    let all_are = |result| !ended.is_empty() && ended.iter().all(|it| it.result == result);
    if ended.iter().any(|it| it.result == BulkResult::Failed) {
        Exit::Failed
    } else if all_are(BulkResult::Skipped) {
        Exit::Refused
    } else {
        Exit::Done
    }
}
