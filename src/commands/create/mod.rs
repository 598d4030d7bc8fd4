//! `create`: makes a group, or makes one of an object that is there.

pub mod adopt;
pub mod arguments;
pub mod diff;
pub mod existing;
pub mod ports;
pub mod requirements;

use futures::future::join;
use serde_json::Value;

use crate::access::rights::RbacCommand;
use crate::cli::{CreateArgs, DryRun, GlobalArgs};
use crate::cluster::Cluster;
use crate::cluster::Clusters;
use crate::cluster::api::{apply, groups};
use crate::error::explain;
use crate::model::{Carrier, Invalid};
use crate::output::streams::Streams;
use crate::output::terminal::say;
use crate::problem::{Exit, Problem};
use crate::resource::annotations::POLICY;
use crate::resource::{Kind, NewGroup, Record, policy};
use crate::view::object;
use crate::view::object::ObjectFormat;
use existing::ExistingObjects;

pub async fn run(flags: &GlobalArgs, args: &CreateArgs) -> anyhow::Result<Exit> {
    arguments::check(flags, args)?;
    let cluster = super::connect(RbacCommand::Create, flags, &args.remotes).await?;
    let made = match &args.adopt {
        Some(name) => adopt::adopt(&cluster, name, args).await?,
        None => make(&cluster, args).await?,
    };
    report(&cluster, args, made).await?;
    Ok(Exit::Done)
}

/// A group, and what has become of its object.
pub struct Made {
    kind: &'static dyn Kind,
    group: NewGroup,
    outcome: CreateOutcome,
}

enum CreateOutcome {
    /// Made, or under a dry run, what would be made.
    Created(Value),
    /// A group from now on or, under a dry run, what it would be.
    Adopted(Value),
    /// There already.
    Unchanged,
}

/// Checks and writes. What is there already is looked at first: a job that runs again has to succeed even while a
/// fallback's service is gone.
async fn make(cluster: &Clusters, args: &CreateArgs) -> Result<Made, Problem> {
    let mut group = arguments::group(args, &cluster.namespace);
    let (standing, services) = join(
        existing::read(cluster, &group.namespace),
        requirements::read(cluster, &group),
    )
    .await;
    let standing = standing?;
    let kinds = arguments::kinds(args);
    let kind = standing.choose(cluster, &kinds, args, &group.namespace)?;
    if kinds
        .first()
        .is_some_and(|first| first.info() != kind.info())
    {
        let info = kind.info();
        say(&format!(
            "{} is not served here: {} is meant",
            kinds[0].info().full_name(),
            info.full_name()
        ));
    }
    if let Some(record) = standing.find(kind, &group.name) {
        diff::agree(cluster, record, &group)?;
        if let Ok(services) = &services {
            warn(&requirements::unknowable(cluster, &group, services).await);
        }
        return Ok(Made {
            kind,
            group,
            outcome: CreateOutcome::Unchanged,
        });
    }
    let services = services.map_err(|error| explain(cluster, &error))?;
    let carrier = kind.info().carrier;
    let warnings =
        requirements::check(cluster, &group, carrier, &services, args.allow_missing).await?;
    if carrier == Carrier::Route {
        group.port = Some(ports::of_route(&group, &services)?);
    }
    let record = read(kind, &kind.manifest(&group))?;
    check(cluster, &standing, &services, &record, &group)?;
    warn(&warnings);
    let outcome = match args.dry_run {
        DryRun::Client => CreateOutcome::Created(kind.manifest(&group)),
        mode => write(cluster, kind, &group, mode == DryRun::Server).await?,
    };
    Ok(Made {
        kind,
        group,
        outcome,
    })
}

fn warn(warnings: &[String]) {
    warnings
        .iter()
        .for_each(|warning| say(&format!("warning: {warning}")));
}

fn read(kind: &'static dyn Kind, object: &Value) -> Result<Record, Problem> {
    let raw = serde_json::value::to_raw_value(object).and_then(|raw| kind.read(&raw));
    raw.map_err(|cause| Problem::new(format!("the object cannot be read: {cause}")))
}

/// What must hold of every group: it is a valid one, its services have the ports, and its apex is free.
fn check(
    cluster: &Cluster,
    standing: &ExistingObjects,
    services: &requirements::RequiredServices,
    record: &Record,
    group: &NewGroup,
) -> Result<(), Problem> {
    if let Err(Invalid { reason, mend, .. }) = &record.group {
        let name = object::full_name(record.kind.info(), &group.name);
        let problem = Problem::new(format!(
            "{name} in {} can be no group: {reason}",
            place(cluster, group)
        ));
        return Err(problem.next(format!("to mend it, {mend}")));
    }
    let needed = ports::needed(group, record, services);
    ports::check(
        group,
        record.kind.info().carrier,
        &needed,
        services,
        &place(cluster, group),
    )?;
    existing::apex_is_free(cluster, standing, record, group)?;
    warn(&existing::obstacles(standing, record));
    for info in standing.hidden() {
        let (kind, of, apex) = (info.kind, info.group(), &group.apex);
        say(&format!(
            "warning: whether a {kind} of {of} has {apex} already is not known: they may not be read"
        ));
    }
    Ok(())
}

/// Where another process was faster, the outcome is as if its object had been there from the start.
async fn write(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    group: &NewGroup,
    trial: bool,
) -> Result<CreateOutcome, Problem> {
    let refused = match apply::create(cluster, kind, group, trial).await {
        Ok(object) => return Ok(CreateOutcome::Created(object)),
        Err(error) => error,
    };
    if refused.is_conflict() {
        let record = groups::get(cluster, kind, &group.namespace, &group.name).await;
        if let Some(record) = record.map_err(|error| explain(cluster, &error))? {
            return diff::agree(cluster, &record, group).map(|()| CreateOutcome::Unchanged);
        }
    }
    Err(explain(cluster, &refused))
}

/// With a format, the object alone goes to standard output.
async fn report(cluster: &Cluster, args: &CreateArgs, made: Made) -> anyhow::Result<()> {
    let line = summary(&made, args.dry_run);
    let Made {
        kind,
        group,
        outcome,
    } = made;
    let Some(format) = args.output else {
        Streams::process().print(&line)?;
        if !matches!(outcome, CreateOutcome::Unchanged) && args.dry_run == DryRun::None {
            what_next(cluster, kind.info().carrier, &group)
                .iter()
                .for_each(|line| say(line));
        }
        return Ok(());
    };
    let object = match outcome {
        CreateOutcome::Created(object) | CreateOutcome::Adopted(object) => object,
        CreateOutcome::Unchanged => {
            say(&line);
            match args.dry_run {
                DryRun::Client => kind.manifest(&group),
                _ => standing_object(cluster, kind, &group, format).await?,
            }
        }
    };
    let text = object::print(&object, kind.info(), &group.name, format)?;
    Streams::process().write(&text)
}

/// The object that is there; a name needs no reading.
async fn standing_object(
    cluster: &Cluster,
    kind: &'static dyn Kind,
    group: &NewGroup,
    format: ObjectFormat,
) -> Result<Value, Problem> {
    if format == ObjectFormat::Name {
        return Ok(Value::Null);
    }
    let path = groups::endpoint(kind).object(&group.namespace, &group.name);
    cluster
        .get(&path)
        .await
        .map_err(|error| explain(cluster, &error))
}

/// In kubectl's words.
fn summary(made: &Made, dry_run: DryRun) -> String {
    let what = match made.outcome {
        CreateOutcome::Created(_) => "created",
        CreateOutcome::Adopted(_) => "adopted",
        CreateOutcome::Unchanged => "unchanged",
    };
    let mode = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    format!(
        "{} {what}{mode}",
        object::full_name(made.kind.info(), &made.group.name)
    )
}

/// Linkerd's own controller acts on splits alone, and knows no policies.
fn what_next(cluster: &Cluster, carrier: Carrier, group: &NewGroup) -> Vec<String> {
    let NewGroup {
        namespace,
        controlled_by,
        settings,
        ..
    } = group;
    let upstream = match carrier {
        Carrier::Split if settings.is_empty() => format!(
            ", or have Linkerd's own failover controller run it (where that selects controlled-by={controlled_by})"
        ),
        _ => String::new(),
    };
    let watch = format!(
        "next: run `kubectl failover watch {}`{upstream}",
        cluster.reach.for_plugin(namespace)
    );
    let is_shared = settings
        .get(POLICY)
        .is_some_and(|policy| policy == policy::ACTIVE_ACTIVE);
    let shares = is_shared.then(|| {
        format!(
            "until then {} has all the traffic: the loop shares it out among those that are ready",
            group.primary
        )
    });
    std::iter::once(watch).chain(shares).collect()
}

/// Where the group is, for messages.
fn place(cluster: &Cluster, asked: &NewGroup) -> String {
    format!(
        "namespace {} of context {}",
        asked.namespace, cluster.context
    )
}

/// The start of a kubectl command line that reaches the group's namespace.
fn kubectl(cluster: &Cluster, asked: &NewGroup) -> String {
    format!("kubectl {}", cluster.reach.within(&asked.namespace))
}
