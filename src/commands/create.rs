//! `create`: makes a group.

mod arguments;
mod requirements;
mod standing;

use std::io::Write as _;

use futures::future::join;
use serde_json::Value;

use crate::cli::{CreateArgs, DryRun, GlobalArgs, ObjectFormat};
use crate::cluster::{Cluster, apply, groups};
use crate::error::{Exit, Problem, explain};
use crate::resource::{Kind, NewGroup, TrafficSplit};
use crate::view::object;
use crate::view::terminal::say;

/// The kind of object that is made.
static KIND: &dyn Kind = &TrafficSplit;

pub async fn run(flags: &GlobalArgs, args: &CreateArgs) -> anyhow::Result<Exit> {
    arguments::check(flags, args)?;
    let cluster = Cluster::connect(flags).await?;
    let asked = arguments::group(args, &cluster.namespace);
    let outcome = make(&cluster, &asked, args).await?;
    report(&cluster, &asked, args, outcome).await?;
    Ok(Exit::Done)
}

enum Outcome {
    /// Made, or under a dry run, what would be made.
    Created(Value),
    /// There already.
    Unchanged,
}

/// Checks and writes. What is there already is looked at first: a job that runs again has to succeed even while a
/// fallback's service is gone.
async fn make(cluster: &Cluster, asked: &NewGroup, args: &CreateArgs) -> Result<Outcome, Problem> {
    let records = standing::read(cluster, KIND, &asked.namespace);
    let (records, services) = join(records, requirements::read(cluster, asked)).await;
    let records = records?;
    if let Some(record) = records.iter().find(|record| record.meta.name == asked.name) {
        return standing::agree(cluster, record, asked).map(|()| Outcome::Unchanged);
    }
    let services = services.map_err(|error| explain(cluster, &error))?;
    let warnings = requirements::check(cluster, asked, &services, args.allow_missing).await?;
    standing::apex_is_free(cluster, &records, asked)?;
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    match args.dry_run {
        DryRun::Client => Ok(Outcome::Created(KIND.manifest(asked))),
        mode => write(cluster, asked, mode == DryRun::Server).await,
    }
}

/// Where another process was faster, the outcome is as if its object had been there from the start.
async fn write(cluster: &Cluster, asked: &NewGroup, trial: bool) -> Result<Outcome, Problem> {
    let refused = match apply::create(cluster, KIND, asked, trial).await {
        Ok(object) => return Ok(Outcome::Created(object)),
        Err(error) => error,
    };
    if refused.is_conflict() {
        let record = groups::get(cluster, KIND, &asked.namespace, &asked.name).await;
        if let Some(record) = record.map_err(|error| explain(cluster, &error))? {
            return standing::agree(cluster, &record, asked).map(|()| Outcome::Unchanged);
        }
    }
    Err(explain(cluster, &refused))
}

/// With a format, the object alone goes to standard output.
async fn report(
    cluster: &Cluster,
    asked: &NewGroup,
    args: &CreateArgs,
    outcome: Outcome,
) -> anyhow::Result<()> {
    let line = summary(asked, &outcome, args.dry_run);
    let Some(format) = args.output else {
        writeln!(std::io::stdout(), "{line}")?;
        if matches!(outcome, Outcome::Created(_)) && args.dry_run == DryRun::None {
            say(&what_next(cluster, asked));
        }
        return Ok(());
    };
    let object = match outcome {
        Outcome::Created(object) => object,
        Outcome::Unchanged => {
            say(&line);
            standing_object(cluster, asked, format).await?
        }
    };
    let text = object::print(&object, KIND.info(), &asked.name, format)?;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// The object that is there; a name needs no reading.
async fn standing_object(
    cluster: &Cluster,
    asked: &NewGroup,
    format: ObjectFormat,
) -> Result<Value, Problem> {
    if format == ObjectFormat::Name {
        return Ok(Value::Null);
    }
    let path = groups::endpoint(KIND).object(&asked.namespace, &asked.name);
    cluster.get(&path).await.map_err(|error| explain(cluster, &error))
}

/// In kubectl's words.
fn summary(asked: &NewGroup, outcome: &Outcome, dry_run: DryRun) -> String {
    let what = match outcome {
        Outcome::Created(_) => "created",
        Outcome::Unchanged => "unchanged",
    };
    let mode = match dry_run {
        DryRun::None => "",
        DryRun::Client => " (dry run)",
        DryRun::Server => " (server dry run)",
    };
    format!("{} {what}{mode}", object::full_name(KIND.info(), &asked.name))
}

fn what_next(cluster: &Cluster, asked: &NewGroup) -> String {
    let NewGroup { namespace, controlled_by, .. } = asked;
    format!(
        "next: run `kubectl failover watch --context {} -n {namespace}`, or have Linkerd's own failover controller \
         run it (where that selects controlled-by={controlled_by})",
        cluster.context
    )
}

/// Where the group is, for messages.
fn place(cluster: &Cluster, asked: &NewGroup) -> String {
    format!("namespace {} of context {}", asked.namespace, cluster.context)
}

/// The start of a kubectl command line that reaches the group's namespace.
fn kubectl(cluster: &Cluster, asked: &NewGroup) -> String {
    format!("kubectl --context {} -n {}", cluster.context, asked.namespace)
}
