//! What the report of `evacuate` and `return` warns of: what keeps an evacuation from lasting or from
//! ending, and traffic that nothing brings back.

use super::campaign::Campaign;
use super::gather::UnreadContext;
use crate::changes::batches::BatchResult;
use crate::commands::args::{contexts, members};
use crate::model::cluster_name::fits;
use crate::model::fold::name_some;
use crate::model::{Runner, State, Status};
use crate::text::{clean, word};
use crate::view::evacuation::{EvacuationReport, EvacuationRow};

/// A group, and its status after the command.
type ReadBack<'a> = (&'a EvacuationRow, &'a Status);

impl Campaign<'_> {
    pub(super) fn warnings(&self, rows: &[EvacuationRow], result: &BatchResult) -> Vec<String> {
        let outcomes = self.outcomes(result);
        let read_back = rows.iter().filter_map(|row| {
            let outcome = outcomes.get(&(row.context.as_str(), &row.id))?;
            Some((row, outcome.now.as_ref()?.as_ref().ok()?))
        });
        let read_back: Vec<ReadBack> = read_back.collect();
        if self.command() == "return" {
            self.return_warnings(&read_back)
        } else {
            self.evacuate_warnings(&read_back, result)
        }
    }

    fn return_warnings(&self, read_back: &[ReadBack]) -> Vec<String> {
        let wait = self.wait.as_ref().filter(|wait| wait.has_timed_out());
        let timed_out = wait.map(|wait| {
            let limit = wait.limit.unwrap_or_default().as_secs();
            format!("timed out after {limit}s waiting for groups to be ready")
        });
        let rows = |why| {
            let rows = read_back.iter().filter(move |it| why_away(it) == Some(why));
            rows.map(|(row, _)| *row).collect::<Vec<_>>()
        };
        let manual = rows(WhyAway::ManualFailback);
        let manual = (!manual.is_empty()).then(|| {
            format!(
                "warning: {} until someone fails back, since failback is manual: {}",
                stays_where_it_is(&manual),
                self.fail_back(&manual)
            )
        });
        let unattended = rows(WhyAway::Unattended);
        let unattended = (!unattended.is_empty()).then(|| {
            format!(
                "warning: {} until a watch runs there, or someone fails back: {}",
                stays_where_it_is(&unattended),
                self.on_all("watch", &self.watch_flags())
            )
        });
        let warnings = [timed_out, manual, unattended];
        warnings.into_iter().flatten().collect()
    }

    fn evacuate_warnings(&self, read_back: &[ReadBack], result: &BatchResult) -> Vec<String> {
        let run_by = |runner: Runner| {
            let rows = read_back.iter().filter(|(_, now)| now.runner == runner);
            let rows: Vec<&EvacuationRow> = rows.map(|(row, _)| *row).collect();
            (!rows.is_empty()).then(|| format!("{} of these groups ({})", rows.len(), names(&rows)))
        };
        let upstream = run_by(Runner::Upstream).map(|groups| {
            format!(
                "warning: Linkerd's failover controller runs {groups}. It knows nothing of \
                 evacuations, and may move their traffic back"
            )
        });
        let unattended = run_by(Runner::Unattended).filter(|_| self.until.is_some());
        // The line below it has the command.
        let unattended = unattended.map(|groups| {
            format!(
                "warning: no watch is running for {groups}, so there the evacuation does not \
                 expire by itself, and has to be ended by hand"
            )
        });
        let nobody = self.concerns_nobody(result);
        let warnings = [nobody, upstream, unattended];
        warnings.into_iter().flatten().collect()
    }

    /// Names what was not read: contexts, and the groups in the cluster itself.
    pub(super) fn unread(&self, report: &EvacuationReport) -> Vec<String> {
        let mut lines = report.unread();
        if self.command() != "return" {
            lines.extend(self.unread_cluster());
        }
        lines
    }

    /// Warns if the groups in the cluster itself, which send their traffic there, were not read.
    fn unread_cluster(&self) -> Option<String> {
        let Self { env, cluster, .. } = self;
        if self.members.iter().any(|it| it.own.name == *cluster) {
            return None;
        }
        if self.gathered.unread.iter().any(|it| self.is_own(it)) {
            return Some(format!(
                "warning: the groups in {} itself were not read, and their traffic stays there",
                clean(cluster)
            ));
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

    /// Whether a context that was not read is of the cluster itself, by `--local-name` or its name.
    fn is_own(&self, unread: &UnreadContext) -> bool {
        let mut given = self.many.local_names.local_name.iter();
        match given.find(|it| it.context.as_ref() == Some(&unread.context)) {
            Some(given) => given.name == self.cluster,
            None => fits(&unread.context, self.cluster),
        }
    }

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

    /// Returns a command on all groups that were read.
    fn on_all(&self, command: &str, flags: &str) -> String {
        let everywhere = match self.env.flags.namespace {
            Some(_) => "",
            None => "-A ",
        };
        let command = format!("kubectl failover {command} {everywhere}{flags}");
        command.trim_end().to_owned()
    }

    /// Returns the flags by which `watch`, which has no `--all-contexts`, reaches the same contexts.
    fn watch_flags(&self) -> String {
        if !self.many.contexts.all {
            return self.gathered.flags.clone();
        }
        let read = self.gathered.contexts.iter();
        let names: Vec<String> = read.map(|it| it.cluster.context.clone()).collect();
        contexts::flags(self.env, Some(&names))
    }

    /// Returns the command that fails these groups back or, if they are not of one namespace, the
    /// one that names it for each of them.
    fn fail_back(&self, rows: &[&EvacuationRow]) -> String {
        let place = |row: &EvacuationRow| (row.context.clone(), row.id.namespace.clone());
        let first = rows.first().map(|row| place(row));
        let mut contexts = self.gathered.contexts.iter();
        let only = first.filter(|first| rows.iter().all(|row| place(row) == *first));
        let only = only.and_then(|(context, namespace)| {
            let context = contexts.find(|it| it.cluster.context == context)?;
            Some(context.cluster.reach.for_plugin(&namespace))
        });
        let Some(place) = only else {
            return self.on_all("status", &self.gathered.flags);
        };
        let names = rows.iter().map(|row| word(&row.id.short_name()));
        let names: Vec<String> = names.collect();
        format!("kubectl failover failback {} {place}", names.join(" "))
    }
}

/// Why the traffic of a group stays away after its return, although no evacuation keeps it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhyAway {
    /// `failback: manual`.
    ManualFailback,
    /// No watch is running to fail back when the primary is ready.
    Unattended,
}

/// Returns none for a group whose traffic is back, or whose primary was not returned.
fn why_away((row, now): &ReadBack) -> Option<WhyAway> {
    let primary = now.primary.as_ref()?;
    let is_away = matches!(now.state, State::Failover | State::Waiting)
        && !now.active().contains(&primary.as_str());
    let mut entries = now.avoid.iter();
    let is_evacuated = entries.any(|it| it.stands() && it.entry.names(primary));
    if !is_away || is_evacuated || !row.backends.contains(primary) {
        return None;
    }
    if now.flags.held {
        return Some(WhyAway::ManualFailback);
    }
    (now.runner == Runner::Unattended).then_some(WhyAway::Unattended)
}

fn stays_where_it_is(rows: &[&EvacuationRow]) -> String {
    let groups = match rows {
        [only] => clean(&only.place()),
        rows => format!("{} groups ({})", rows.len(), names(rows)),
    };
    format!("the traffic of {groups} stays where it is")
}

fn names(rows: &[&EvacuationRow]) -> String {
    clean(&name_some(rows.iter().map(|row| row.place())))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{
        AvoidEntry, Backend, Carrier, Failback, Group, GroupId, Readiness, ServiceRef,
        WeightsOrigin,
    };
    use crate::view::evacuation::PlannedEffect;

    /// A group with the primary web, whose traffic is on web-west, after a return.
    fn group() -> Group {
        let id = GroupId {
            namespace: "shop".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backends = [("web", 0), ("web-west", 1)];
        let backends = backends
            .map(|(name, weight)| Backend::new("shop", ServiceRef::new("shop", name), weight));
        Group::ordinary(id, Carrier::Split, "web".into(), backends.into(), 0)
    }

    /// Why its traffic is away after a return of this backend, if web has so many ready endpoints.
    fn why(group: &Group, returned: &str, ready: u32, runner: Runner) -> Option<WhyAway> {
        let readiness = [
            Readiness::Known { ready, total: 1 },
            Readiness::Known { ready: 1, total: 1 },
        ];
        let origin = WeightsOrigin::Created(None);
        let now = Status::of(group, &readiness, origin, runner, Timestamp::UNIX_EPOCH);
        let row = EvacuationRow {
            context: "east".into(),
            id: group.id.clone(),
            backends: vec![returned.into()],
            from: Vec::new(),
            to: Vec::new(),
            plan: PlannedEffect::Quiet,
            is_forced_there: false,
            is_forced_by_others: false,
            kept_by: Vec::new(),
            stays_away: false,
            is_back: false,
            result: "changed",
            message: String::new(),
            allow: None,
            next: Vec::new(),
            state: None,
        };
        why_away(&(&row, &now))
    }

    #[test]
    fn traffic_that_nothing_brings_back_is_warned_of_with_the_true_reason() {
        let group = group();
        let unattended = Some(WhyAway::Unattended);
        assert_eq!(why(&group, "web", 0, Runner::Unattended), unattended);
        assert_eq!(why(&group, "web", 0, Runner::Unknown), None);
        // The return did not concern the primary.
        assert_eq!(why(&group, "web-west", 0, Runner::Unattended), None);

        let mut manual = group.clone();
        manual.policy.failback = Failback::Manual;
        for runner in [Runner::Unattended, Runner::Unknown] {
            assert_eq!(
                why(&manual, "web", 1, runner),
                Some(WhyAway::ManualFailback)
            );
        }
        // The delay holds if the traffic was away before the evacuation.
        let mut delayed = group.clone();
        delayed.policy.failback_delay = std::time::Duration::from_secs(60);
        assert_eq!(why(&delayed, "web", 1, Runner::Unattended), unattended);

        let mut evacuated = group;
        evacuated.avoid.entries = vec![AvoidEntry {
            id: "A2".into(),
            backends: vec!["web".into()],
            ..AvoidEntry::default()
        }];
        assert_eq!(why(&evacuated, "web", 1, Runner::Unattended), None);
    }
}
