//! `create`: creates a group's object, or turns an existing object into a group.

pub mod adopt;
pub mod arguments;
pub mod breaker;
pub mod bulk;
pub mod context;
pub mod diff;
pub mod existing;
pub mod file;
pub mod installed;
pub mod mirrored;
pub mod new;
pub mod ports;
pub mod printed;
pub mod requirements;
pub mod standby;
pub mod validate;

use std::time::Duration;

use context::{CreateContext, CreateOutcome, Created};
use futures::future::join;
use installed::next_with;
use printed::{apex_name, existing_object};
use tokio::time::sleep;

use super::env::CommandEnv;
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::Cluster;
use crate::cluster::api::groups;
use crate::cluster::queries::installed_watch::InstalledWatches;
use crate::cluster::queries::runners::Runners;
use crate::model::{Carrier, Runner};
use crate::problem::Exit;
use crate::resource::annotations::{POLICY, STANDBY};
use crate::resource::{Kind, NewGroup, policy};
use crate::text::{InstalledWatch, word};
use crate::view::manifest;

const ROUTE_INSTEAD: &str = "TrafficSplits (SMI) are deprecated in Linkerd, and have no retries or \
                             circuit breakers; to create a route instead: --kind httproute";

/// A watch acquires the Lease of a namespace when its first group is there.
const FIRST_LEASE_WAIT: Duration = Duration::from_millis(300);

pub async fn run(env: &CommandEnv, args: &CreateArgs) -> anyhow::Result<Exit> {
    if args.all || args.filename.is_some() {
        return bulk::run(env, args).await;
    }
    arguments::check(&env.flags, args)?;
    let cluster = env.connect(&args.remotes).await?;
    let context = CreateContext {
        cluster: &cluster,
        args,
        streams: &env.streams,
        said: None,
    };
    let created = match &args.adopt {
        Some(name) => adopt::adopt(context, name).await?,
        None => new::create(context).await?,
    };
    report(context, created).await?;
    Ok(Exit::Done)
}

/// Reports the result. With a format, only the object goes to standard output.
async fn report(context: CreateContext<'_>, created: Created) -> anyhow::Result<()> {
    let CreateContext {
        cluster,
        args,
        streams,
        ..
    } = context;
    let line = summary(&created, args.dry_run.mode);
    let apex_line = apex_summary(&created, args.dry_run.mode);
    let Created {
        kind,
        group,
        outcome,
        apex,
        could_be_route,
    } = created;
    let retries = args.resilience.retries_for(kind.info());
    if let Some(retries) = retries.filter(|_| !group.linkerds.is_empty()) {
        streams.say(&retries.in_words(kind.info(), args.resilience.retry_limit()));
    }
    let Some(format) = args.output else {
        streams.print(&line)?;
        if let Some(line) = apex_line {
            streams.print(&line)?;
        }
        if !matches!(outcome, CreateOutcome::Unchanged) && args.dry_run.mode == DryRun::None {
            let runner = runner_of(cluster, kind, &group).await;
            let installed = match runner {
                Runner::Unattended | Runner::Unknown => {
                    let installed = InstalledWatches::read(cluster).await;
                    installed.of_new_groups(&cluster.reach, &[&group.namespace])
                }
                _ => None,
            };
            let next = what_next(cluster, kind.info().carrier, &group, &runner, installed);
            for line in next {
                streams.say(&line);
            }
            if could_be_route {
                streams.say(ROUTE_INSTEAD);
            }
        }
        return Ok(());
    };
    let object = match outcome {
        CreateOutcome::Created(object) | CreateOutcome::Adopted(object) => object,
        CreateOutcome::Unchanged => {
            streams.say(&line);
            match args.dry_run.mode {
                DryRun::Client => groups::manifest(cluster, kind, &group),
                _ => existing_object(cluster, kind, &group, format).await?,
            }
        }
    };
    let name = manifest::full_name(kind.info(), &group.name);
    let mut objects = vec![(name, object)];
    objects.extend(apex.map(|apex| (apex_name(&group), apex.object)));
    streams.write(&manifest::print(&objects, format)?)
}

/// Returns a second line of the summary: `service/web annotated`.
fn apex_summary(created: &Created, dry_run: DryRun) -> Option<String> {
    let apex = created.apex.as_ref()?;
    let what = if apex.is_changed {
        "annotated"
    } else {
        "unchanged"
    };
    Some(format!(
        "{} {what}{}",
        apex_name(&created.group),
        dry_run.suffix()
    ))
}

/// Returns a summary as kubectl prints it: `trafficsplit.split.smi-spec.io/web-failover created`.
fn summary(created: &Created, dry_run: DryRun) -> String {
    let what = match created.outcome {
        CreateOutcome::Created(_) => "created",
        CreateOutcome::Adopted(_) => "adopted",
        CreateOutcome::Unchanged => "unchanged",
    };
    let name = manifest::full_name(created.kind.info(), &created.group.name);
    format!("{name} {what}{}", dry_run.suffix())
}

/// Returns who runs the group. Unknown if that or the group cannot be read.
async fn runner_of(cluster: &Cluster, kind: &'static dyn Kind, group: &NewGroup) -> Runner {
    let mut runner = Runner::Unknown;
    for wait in [Duration::ZERO, FIRST_LEASE_WAIT] {
        sleep(wait).await;
        let read = groups::get(cluster, kind, &group.namespace, &group.name);
        let (read, runners) = join(read, Runners::read(cluster, &[&group.namespace])).await;
        if let Ok(Some(record)) = read {
            runner = runners.of(&record, cluster.clock().now());
        }
        if runner != Runner::Unattended {
            break;
        }
    }
    runner
}

/// Suggests what to do next. Linkerd's own controller manages only TrafficSplits, and ignores
/// policies.
fn what_next(
    cluster: &Cluster,
    carrier: Carrier,
    group: &NewGroup,
    runner: &Runner,
    installed: Option<InstalledWatch>,
) -> Vec<String> {
    let NewGroup {
        name,
        namespace,
        controlled_by,
        settings,
        ..
    } = group;
    let place = cluster.reach.for_plugin(namespace);
    let mut watch = format!("next: run `kubectl failover watch {place}`");
    if let Runner::Watch(holder) = runner {
        watch = format!("the running watch ({holder}) covers the group: nothing more to do");
    } else if let Some(installed) = installed {
        watch = next_with(installed, &format!("{} {place}", word(name)));
    } else if carrier == Carrier::Split && settings.is_empty() {
        watch += &format!(
            ", or let Linkerd's failover controller manage it (if that selects \
             controlled-by={controlled_by})"
        );
    }
    let is_active_active = settings.get(POLICY).map(String::as_str) == Some(policy::ACTIVE_ACTIVE);
    let primary = &group.primary;
    let is_run = matches!(runner, Runner::Watch(_));
    let shares = (is_active_active && !is_run).then(|| {
        format!(
            "until then {primary} has all the traffic; watch shares it among the ready backends"
        )
    });
    let has_standby = settings.get(STANDBY).map(String::as_str) == Some("on");
    let standby = has_standby.then(|| {
        "even without a watch, Linkerd's proxies fail over about 3s after the last endpoint is \
         gone, and back"
            .to_owned()
    });
    std::iter::once(watch)
        .chain(shares)
        .chain(standby)
        .collect()
}
