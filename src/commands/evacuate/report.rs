//! Reports what `evacuate` and `return` did: the exit code, the warnings, and the commands to go on
//! or to undo it.

use super::campaign::Campaign;
use crate::changes::batches::{BatchResult, Stop};
use crate::cli::{DryRun, ManyFormat};
use crate::commands::args::contexts;
use crate::commands::args::members;
use crate::model::cluster_name::fits;
use crate::model::{GroupId, Runner, State};
use crate::problem::Exit;
use crate::text::{clean, word};
use crate::view::context_outcome::ContextOutcome;
use crate::view::evacuation::{EvacuationReport, EvacuationRow, Stopped, fitted};
use crate::view::formats::{json, yaml};

impl Campaign<'_> {
    pub(super) fn report(
        &self,
        rows: &[EvacuationRow],
        result: &BatchResult,
    ) -> anyhow::Result<Exit> {
        let Self { env, many, .. } = self;
        let streams = &env.streams;
        let exit = exit(rows, result, !self.gathered.unread.is_empty());
        let stopped = self.stopped(result);
        let warnings = self.warnings(result);
        let mut report = self.of(rows, stopped, warnings, exit);
        let is_whole = exit == Exit::Done;
        let is_dry = many.dry_run != DryRun::None;
        if rows.iter().any(EvacuationRow::is_as_ordered) || !is_whole && !is_dry {
            report.next = self.next(&report, result);
        }
        if matches!(many.output, ManyFormat::Json | ManyFormat::Yaml) {
            // The text has them in the plan.
            let unread = report.unread();
            report
                .warnings
                .splice(0..0, self.doubts.iter().cloned().chain(unread));
        }
        match many.output {
            ManyFormat::Json => streams.print_if_read(json(&report.document())?.trim_end())?,
            ManyFormat::Yaml => streams.print_if_read(yaml(&report.document())?.trim_end())?,
            ManyFormat::Table | ManyFormat::Wide => self.print(&report)?,
        }
        Ok(exit)
    }

    fn print(&self, report: &EvacuationReport) -> anyhow::Result<()> {
        let streams = &self.env.streams;
        if self.many.dry_run == DryRun::Client && !report.rows.is_empty() {
            let columns = (self.many.output == ManyFormat::Table && streams.out_is_terminal())
                .then(|| streams.terminal_size().0);
            for line in report.plan(self.many.output == ManyFormat::Wide, columns) {
                streams.print_if_read(&line)?;
            }
            streams.print_if_read("")?;
        }
        let mut lines = report.surprises();
        lines.extend(report.stopped.iter().flat_map(Stopped::lines));
        self.say_fitted(lines);
        streams.print_if_read(&report.summary())?;
        let has_shown_plan = self.many.dry_run != DryRun::Client && !report.rows.is_empty();
        let mut lines = Vec::new();
        if !has_shown_plan {
            lines.extend(report.unread());
        }
        lines.extend(report.warnings.iter().chain(&report.next).cloned());
        self.say_fitted(lines);
        Ok(())
    }

    pub(super) fn say_fitted(&self, lines: Vec<String>) {
        let streams = &self.env.streams;
        let columns = streams.err_is_terminal();
        let columns = columns.then(|| streams.terminal_size().0);
        for line in fitted(lines, columns) {
            streams.say(&line);
        }
    }

    pub(super) fn of<'b>(
        &'b self,
        rows: &'b [EvacuationRow],
        stopped: Option<Stopped>,
        warnings: Vec<String>,
        exit: Exit,
    ) -> EvacuationReport<'b> {
        let read = self.gathered.contexts.iter().zip(self.members);
        let read = read.map(|(context, members)| ContextOutcome {
            context: &context.cluster.context,
            server: Some(&context.cluster.server),
            cluster: Ok(&members.own),
        });
        let unread = self.gathered.unread.iter().map(|it| ContextOutcome {
            context: &it.context,
            server: None,
            cluster: Err(&it.problem),
        });
        EvacuationReport {
            command: self.command(),
            cluster: self.cluster,
            id: self.id,
            until: self.until,
            reason: self.reason,
            dry_run: self.many.dry_run != DryRun::None,
            notes: &self.notes,
            contexts: read.chain(unread).collect(),
            rows,
            stopped,
            warnings,
            next: Vec::new(),
            exit_code: exit.code(),
        }
    }

    fn stopped(&self, result: &BatchResult) -> Option<Stopped> {
        let left = match result.left.len() {
            0 => None,
            1 => Some("1 group not reached".to_owned()),
            left => Some(format!("{left} groups not reached")),
        };
        Some(match result.stop.as_ref()? {
            Stop::Interrupted(signal) => Stopped {
                why: "interrupted",
                words: match left {
                    Some(left) => format!("stopped by {}; {left}", signal.cause()),
                    None => format!("stopped by {}", signal.cause()),
                },
                groups: Vec::new(),
            },
            Stop::Worse(groups) => {
                let groups = groups.iter().map(|it| {
                    let context = self.gathered.contexts.get(it.context);
                    let context = context.map_or("", |it| it.cluster.context.as_str());
                    format!("{context} {} is {}", it.id, it.why)
                });
                let groups: Vec<String> = groups.collect();
                let worse = match groups.len() {
                    1 => "a group is worse off after its traffic moved".to_owned(),
                    count => format!("{count} groups are worse off after their traffic moved"),
                };
                Stopped {
                    why: "worse",
                    words: match left {
                        Some(left) => format!("stopped, since {worse} ({left})"),
                        None => worse,
                    },
                    groups,
                }
            }
        })
    }

    fn next(&self, report: &EvacuationReport, result: &BatchResult) -> Vec<String> {
        if result.stop.is_some() || report.exit_code != 0 {
            return self.ways_on();
        }
        if self.command() == "return" {
            return Vec::new();
        }
        vec![format!("to bring the traffic back: {}", self.undo)]
    }

    pub(super) fn ways_on(&self) -> Vec<String> {
        vec![
            format!("to go on: {}", self.go_on),
            format!("to undo it: {}", self.undo),
        ]
    }

    /// Warns if no context is of the cluster itself, whose own groups send their traffic there.
    pub(super) fn unread_cluster(&self) -> Option<String> {
        let Self { env, cluster, .. } = self;
        let mut read = self.members.iter();
        let mut unread = self.gathered.unread.iter();
        if read.any(|it| it.own.name == *cluster) || unread.any(|it| fits(&it.context, cluster)) {
            return None;
        }
        let cluster = clean(cluster);
        let contexts = self.gathered.contexts.iter();
        let mut names: Vec<String> = contexts.map(|it| it.cluster.context.clone()).collect();
        let mut known = contexts::names(env).into_iter();
        let how = match known.find(|it| fits(it, &cluster) && !names.contains(it)) {
            Some(context) => {
                names.push(context);
                format!("add --contexts {}", word(&names.join(",")))
            }
            None => format!(
                "add its context with --contexts, and --local-name {}",
                word(&format!("{cluster}=CONTEXT"))
            ),
        };
        Some(format!(
            "warning: no context that was read is of cluster {cluster}: the groups in {cluster} \
             itself were not read, and their traffic stays there; {how}"
        ))
    }

    /// What may keep the order from lasting, or from ending.
    fn warnings(&self, result: &BatchResult) -> Vec<String> {
        let statuses = result.outcomes.iter().flatten();
        let statuses = statuses.filter_map(|it| it.now.as_ref()?.as_ref().ok());
        let (mut upstream, mut unattended) = (0, 0);
        let mut unattended_away = Vec::new();
        for status in statuses {
            let stays = status.state == State::Failover && !status.flags.avoiding;
            if status.runner == Runner::Unattended && stays {
                unattended_away.push(&status.id);
            }
            match status.runner {
                Runner::Upstream => upstream += 1,
                Runner::Unattended => unattended += 1,
                _ => {}
            }
        }
        let mut warnings = Vec::new();
        if let Some(wait) = self.wait.as_ref().filter(|wait| wait.has_timed_out()) {
            let limit = wait.limit.unwrap_or_default().as_secs();
            warnings.push(format!(
                "timed out after {limit}s waiting for groups to be ready"
            ));
        }
        if self.command() == "return" {
            warnings.extend(self.left_away(unattended_away));
            return warnings;
        }
        warnings.extend(self.concerns_nobody(result));
        warnings.extend(self.unread_cluster());
        if upstream > 0 {
            warnings.push(format!(
                "warning: Linkerd's failover controller runs {upstream} of these groups. It knows \
                 nothing of evacuations, and may move their traffic back"
            ));
        }
        if unattended > 0 && self.until.is_some() {
            warnings.push(format!(
                "warning: no watch is running for {unattended} of these groups, so there the \
                 evacuation does not expire by itself. To end it then: {}",
                self.undo
            ));
        }
        warnings
    }
}

impl Campaign<'_> {
    /// Says which clusters the backends are in, if none of them is in this one.
    fn concerns_nobody(&self, result: &BatchResult) -> Option<String> {
        if result.outcomes.iter().any(|it| !it.is_empty()) {
            return None;
        }
        let known = members::backend_clusters(self.members);
        let known: Vec<String> = known.into_iter().map(clean).collect();
        let cluster = clean(self.cluster);
        Some(match known.as_slice() {
            [] => "there are no groups in the contexts that were read".to_owned(),
            known => {
                let known = known.join(", ");
                format!("no group has a backend in {cluster}: their backends are in {known}")
            }
        })
    }

    /// Says that the traffic of groups stays away: nothing fails it back when the backends are ready.
    fn left_away(&self, away: Vec<&GroupId>) -> Option<String> {
        let count = match away.len() {
            0 => return None,
            1 => "1 group stays where it is".to_owned(),
            many => format!("{many} groups stay where they are"),
        };
        let flags = &self.gathered.flags;
        let everywhere = match self.env.flags.namespace {
            Some(_) => "",
            None => "-A ",
        };
        let watch = format!("kubectl failover watch {everywhere}{flags}");
        Some(format!(
            "warning: the traffic of {count} until a watch runs there, or someone fails back: {}",
            watch.trim_end()
        ))
    }
}

/// 0 if all is as ordered, 4 if every group was refused, 3 if some were not ready in time, else 1.
fn exit(rows: &[EvacuationRow], result: &BatchResult, is_partial: bool) -> Exit {
    match &result.stop {
        Some(Stop::Interrupted(signal)) => return Exit::Passed(signal.code()),
        Some(Stop::Worse(_)) => return Exit::Failed,
        None => {}
    }
    let count = |results: &[&str]| {
        rows.iter()
            .filter(|row| results.contains(&row.result))
            .count()
    };
    let refused = count(&["refused", "left"]);
    let late = count(&["notMet"]);
    let stays = rows.iter().filter(|row| row.plan.has_no_way()).count();
    if count(&["failed", "notReached"]) > 0 || is_partial {
        return Exit::Failed;
    }
    match (refused, late, stays) {
        (0, 0, 0) => Exit::Done,
        (_, 1.., _) => Exit::NotMet,
        (refused, ..) if refused == rows.len() => Exit::Refused,
        _ => Exit::Failed,
    }
}
