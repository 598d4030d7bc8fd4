//! Reports how the creation of many groups ended.

use serde_json::Value;

use super::plan::print;
use super::said;
use super::write::{BulkResult, Ended};
use crate::changes::write::place_of;
use crate::cli::{CreateArgs, DryRun};
use crate::cluster::Cluster;
use crate::cluster::queries::installed_watch::InstalledWatches;
use crate::commands::create::installed::next_with;
use crate::commands::env::CommandEnv;
use crate::model::GroupId;
use crate::model::fold::{FoldedText, GroupText, MAX_SINGLE_GROUPS, fold_texts};
use crate::output::streams::Streams;
use crate::problem::Exit;
use crate::text::{MAX_LINE_CHARS, clean, shorten};
use crate::view::manifest::{self, ObjectFormat};

/// Prints a line for each group, or for many of which the same is true. With a format, the objects
/// go to standard output, and all else to standard error.
pub async fn report(
    env: &CommandEnv,
    cluster: &Cluster,
    args: &CreateArgs,
    ended: &[Ended],
) -> anyhow::Result<Exit> {
    let streams = &env.streams;
    say_lines(streams, args, ended)?;
    if let Some(format) = args.output {
        print_objects(streams, ended, format)?;
    }
    say_counts(streams, args, ended);
    let created: Vec<&GroupId> = of(ended, BulkResult::Created).map(|it| &it.id).collect();
    if args.dry_run.mode == DryRun::None && args.output.is_none() && !created.is_empty() {
        let place = place_of(cluster, &created);
        let namespaces: Vec<&str> = created.iter().map(|it| it.namespace.as_str()).collect();
        let installed = InstalledWatches::read(cluster).await;
        streams.say(
            &match installed.of_new_groups(&cluster.reach, &namespaces) {
                Some(installed) => next_with(installed, &place),
                None => format!("next: run `kubectl failover watch {place}`"),
            },
        );
    }
    Ok(exit(ended))
}

fn of(ended: &[Ended], result: BulkResult) -> impl Iterator<Item = &Ended> {
    ended.iter().filter(move |it| it.result == result)
}

fn say_lines(streams: &Streams, args: &CreateArgs, ended: &[Ended]) -> anyhow::Result<()> {
    let mode = args.dry_run.mode.suffix();
    let created = of(ended, BulkResult::Created).map(|it| (it.id.clone(), &it.makeup));
    let created = said::lines(created, Some(&format!("created{mode}")));
    let unchanged = folded(ended, BulkResult::Unchanged, &format!("unchanged{mode}"));
    for line in created.into_iter().chain(unchanged.iter().map(print)) {
        match args.output {
            None => streams.print_if_read(&line)?,
            Some(_) => streams.say(&line),
        }
    }
    for line in folded(ended, BulkResult::Skipped, "") {
        streams.say(&format!("skipped: {}", print(&line)));
    }
    for line in folded(ended, BulkResult::Failed, "") {
        streams.say(&format!("error: {}", print(&line)));
        let first = of(ended, BulkResult::Failed).find(|it| line.text == it.text);
        for next in first.iter().flat_map(|it| &it.next) {
            streams.say(&format!("  {}", shorten(&clean(next), MAX_LINE_CHARS)));
        }
    }
    Ok(())
}

/// Folds what is said of the groups with this result: `done`, or else their own texts.
fn folded(ended: &[Ended], result: BulkResult, done: &str) -> Vec<FoldedText> {
    let texts = of(ended, result).map(|it| GroupText {
        id: it.id.clone(),
        roles: it.roles.clone(),
        text: match done {
            "" => it.text.clone(),
            done => done.to_owned(),
        },
    });
    fold_texts(texts, MAX_SINGLE_GROUPS)
}

fn say_counts(streams: &Streams, args: &CreateArgs, ended: &[Ended]) {
    let counts = [
        (BulkResult::Created, "created"),
        (BulkResult::Unchanged, "unchanged"),
        (BulkResult::Skipped, "skipped"),
        (BulkResult::Failed, "failed"),
    ];
    let counts = counts.iter().filter_map(|(result, what)| {
        let count = of(ended, *result).count();
        (count > 0).then(|| format!("{count} {what}"))
    });
    let counts: Vec<String> = counts.collect();
    match ended.len() {
        0 => streams.say("no groups to create"),
        1 => {}
        many => {
            let mode = args.dry_run.mode.suffix();
            streams.say(&format!("{many} groups: {}{mode}", counts.join(", ")));
        }
    }
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
