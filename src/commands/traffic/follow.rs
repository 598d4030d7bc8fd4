//! `force --wait --traffic` and `failback --wait --traffic`: after the weights stand, waits until the
//! requests go where the weights send them.

use std::time::Duration;

use tokio::time::Instant;

use super::measure::{MeterOptions, TrafficMeter};
use super::workloads;
use crate::changes::execute::Executed;
use crate::changes::order::{ChangeOutcome, DEFAULT_WAIT, FollowedTraffic, Order};
use crate::changes::write::place_of;
use crate::cli::TrafficWaitArgs;
use crate::cluster::Cluster;
use crate::commands::status::waiting::Waiting;
use crate::model::traffic::{TrafficReport, TrafficRow};
use crate::model::traffic_findings::{TrafficFault, count, findings, seconds};
use crate::model::{GroupId, Status};
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::resource::Record;
use crate::text::{clean, word};
use crate::traffic::clients::ClientSelection;
use crate::traffic::proxies::MIN_WINDOW;
use crate::view::traffic::{Ending, TrafficDocument, TrafficOrigin};

/// How long `--wait --traffic` waits by default.
const DEFAULT_FOLLOW_TIMEOUT: Duration = Duration::from_secs(120);
/// The length of a window.
const FOLLOW_WINDOW: Duration = Duration::from_secs(5);
/// How many client pods are asked.
const MAX_FOLLOWED_PODS: usize = 50;
/// The share of the requests that must go where the weights send them.
const MIN_FOLLOWING_SHARE: f64 = 0.95;

/// How long to wait without `--timeout`.
pub fn default_wait(args: &TrafficWaitArgs) -> Duration {
    if args.traffic {
        DEFAULT_FOLLOW_TIMEOUT
    } else {
        DEFAULT_WAIT
    }
}

/// A wait for the traffic of groups. It begins before anything is changed.
#[derive(Debug)]
pub struct TrafficWait {
    meter: TrafficMeter,
    streams: Streams,
}

/// Where the traffic of a group should go.
struct Expected {
    id: GroupId,
    /// The backend that must get requests.
    to: String,
    /// The backends that together must get almost all.
    active: Vec<String>,
}

impl TrafficWait {
    /// Finds the clients of the groups and scrapes them. So a missing right, and clients that do not
    /// answer, show before anything is changed. Returns None without `--traffic`, or if no group is
    /// valid: then the command changes nothing.
    ///
    /// # Errors
    /// If the clients cannot be asked.
    pub async fn begin(
        cluster: &Cluster,
        streams: &Streams,
        records: &[Record],
        args: &TrafficWaitArgs,
    ) -> anyhow::Result<Option<Self>> {
        let valid = records.iter().filter(|record| record.group.is_ok());
        let valid: Vec<Record> = valid.cloned().collect();
        if !args.traffic || valid.is_empty() {
            return Ok(None);
        }
        let options = MeterOptions {
            selection: ClientSelection {
                workloads: workloads(&args.clients.from)?,
                ..ClientSelection::default()
            },
            from_namespace: args.clients.from_namespace.clone(),
            max_pods: MAX_FOLLOWED_PODS,
            window: FOLLOW_WINDOW,
        };
        let unchanged = |error: anyhow::Error| Problem::of(&error).next("nothing was changed");
        let meter = TrafficMeter::start(cluster, valid, options).await;
        let mut meter = meter.map_err(unchanged)?;
        let spinner = Spinner::new(streams);
        spinner.show(&format!("asking {}", meter.pods()));
        let first = meter.over(Duration::ZERO).await.map_err(unchanged)?;
        spinner.clear();
        if let Some(report) = first.first().filter(|it| it.clients.answered() == 0) {
            return Err(nobody_to_ask(report).into());
        }
        Ok(Some(Self {
            meter,
            streams: streams.clone(),
        }))
    }

    /// Waits until the traffic of all groups that are as ordered has followed, and adds to their
    /// outcomes how it flows.
    ///
    /// # Errors
    /// If a signal ends the wait.
    pub async fn run(mut self, executed: &mut Executed, order: &dyn Order) -> anyhow::Result<()> {
        let outcomes = executed.outcomes.iter();
        let expected: Vec<Expected> = outcomes.filter_map(|it| expected(it, order)).collect();
        let (Some(limit), false) = (order.spec().wait, expected.is_empty()) else {
            return Ok(());
        };
        let ids: Vec<GroupId> = expected.iter().map(|it| it.id.clone()).collect();
        let place = place_of(&self.meter.cluster, &ids);
        let deadline = executed.written + limit;
        let followed = tokio::select! {
            followed = self.wait(&expected, limit, deadline) => followed,
            interrupted = executed.interrupts.next() => {
                let names: Vec<String> = ids.iter().map(|id| word(&id.short_name())).collect();
                return Err(interrupted
                    .problem()
                    .next(format!(
                        "the weights are as ordered; to see the traffic: kubectl failover traffic {} \
                         {place}",
                        names.join(" ")
                    ))
                    .into());
            }
        };
        for (id, traffic) in ids.iter().zip(followed) {
            let outcome = executed.outcomes.iter_mut().find(|it| it.id == *id);
            if let Some(outcome) = outcome {
                outcome.traffic = Some(traffic);
            }
        }
        Ok(())
    }

    /// Counts window after window until the traffic of all groups follows in one of them.
    async fn wait(
        &mut self,
        expected: &[Expected],
        limit: Duration,
        deadline: Instant,
    ) -> Vec<FollowedTraffic> {
        let asked = match expected {
            [only] => format!(
                "the requests to go to {}",
                clean(&only.active.join(" and "))
            ),
            many => format!("the requests of {} to follow", count(many.len(), "group")),
        };
        let waiting = Waiting::start(&self.streams, asked, limit);
        self.meter.leave_out_lost();
        // What flowed before the weights stood does not count.
        let mut counted = self.meter.over(Duration::ZERO).await.map(|_| Vec::new());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let has_counted = counted.as_ref().is_ok_and(|reports| !reports.is_empty());
            if has_counted && left < MIN_WINDOW {
                break;
            }
            let window = FOLLOW_WINDOW.min(left).max(MIN_WINDOW);
            let say = |line: &str| waiting.say(&[line.to_owned()]);
            counted = self.meter.again_over(window, Some(deadline), say).await;
            let Ok(reports) = &counted else {
                break;
            };
            let late = expected.iter().filter_map(|it| it.late(reports));
            let late: Vec<String> = late.collect();
            if late.is_empty() {
                break;
            }
            waiting.say(&late);
        }
        waiting.end();
        let reports = match counted {
            Ok(reports) => reports,
            Err(error) => {
                let problem = Problem::of(&error);
                let uncounted = |_| FollowedTraffic::uncounted(&problem);
                return expected.iter().map(uncounted).collect();
            }
        };
        let followed = expected.iter();
        followed
            .map(|it| self.followed(it, &reports, limit, expected.len()))
            .collect()
    }

    /// Returns how the traffic of a group flows in the last window.
    fn followed(
        &self,
        expected: &Expected,
        reports: &[TrafficReport],
        limit: Duration,
        groups: usize,
    ) -> FollowedTraffic {
        let Some(report) = expected.report(reports) else {
            return FollowedTraffic::uncounted(&Problem::new("the group is not what it was"));
        };
        let cluster = &self.meter.cluster;
        let late = expected.late(reports);
        let reach = &cluster.reach;
        let origin = TrafficOrigin {
            context: &cluster.context,
            server: &cluster.server,
            source: self.meter.source.name(),
            at: cluster.clock().now(),
            reach,
        };
        let exit = if late.is_some() {
            Exit::NotMet
        } else {
            Exit::Done
        };
        let ending = Ending {
            exit_code: exit.code(),
            missing: late
                .is_some()
                .then(|| expected.goal())
                .into_iter()
                .collect(),
        };
        let document = TrafficDocument::new(report, origin).ending(Some(ending));
        let words = match (&late, groups) {
            (Some(late), _) => late.clone(),
            // The same words for many groups, so that they can share a line.
            (None, 2..) => "the requests follow".to_owned(),
            (None, _) => expected.shares(report),
        };
        let is_met = late.is_none();
        let late = late.map(|_| {
            format!(
                "timed out after {} s waiting for the traffic to follow the weights",
                limit.as_secs_f64()
            )
        });
        let flags = reach.for_plugin(&report.id.namespace);
        let found = findings(report, &flags).into_iter();
        // What does not concern the move is left to `traffic`.
        let found = found.filter(|finding| !is_met || finding.fault.is_of_success());
        let found = found.filter_map(|finding| match finding.fault {
            // The result says it already.
            TrafficFault::NoTraffic => finding.next.map(|next| clean(&next)),
            _ => Some(clean(&finding.message)),
        });
        FollowedTraffic {
            is_met,
            words,
            next: late.into_iter().chain(found).collect(),
            document: serde_json::to_value(&document).ok(),
        }
    }
}

/// Returns where the traffic of a group should go, if its weights stand.
fn expected(outcome: &ChangeOutcome, order: &dyn Order) -> Option<Expected> {
    let status: &Status = outcome.now.as_ref()?.as_ref().ok()?;
    if !outcome.is_as_ordered() || !order.is_met(status) {
        return None;
    }
    Some(Expected {
        id: outcome.id.clone(),
        to: status.primary.clone()?,
        active: status.active().into_iter().map(str::to_owned).collect(),
    })
}

impl Expected {
    fn report<'a>(&self, reports: &'a [TrafficReport]) -> Option<&'a TrafficReport> {
        reports.iter().find(|report| report.id == self.id)
    }

    /// Returns the condition, as `traffic --for` writes it.
    fn goal(&self) -> String {
        let percent = MIN_FOLLOWING_SHARE * 100.0;
        format!("share({})>={percent}%", self.active.join("+"))
    }

    /// Says how the traffic flows, unless it follows.
    fn late(&self, reports: &[TrafficReport]) -> Option<String> {
        let Some(report) = self.report(reports) else {
            return Some("a group is not what it was".to_owned());
        };
        let routed = |name: &str| report.row(name).map_or(0.0, TrafficRow::routed);
        let all = report.routed();
        if report.clients.answered() == 0 {
            return Some("no client pod answers, so nothing shows where they go".to_owned());
        }
        if all <= 0.0 {
            return Some(format!(
                "no requests to {} from {} within {}, so nothing shows where they go",
                clean(&report.apex),
                count(report.clients.answered(), "client pod"),
                seconds(report.seconds)
            ));
        }
        let following: f64 = self.active.iter().map(|name| routed(name)).sum();
        let follows = following / all >= MIN_FOLLOWING_SHARE && routed(&self.to) > 0.0;
        (!follows).then(|| self.shares(report))
    }

    /// Says which backends the requests go to.
    fn shares(&self, report: &TrafficReport) -> String {
        let all = report.routed();
        let used = report.rows.iter().filter(|row| row.routed() > 0.0);
        let used = used.map(|row| {
            let share = row.routed() / all * 100.0;
            format!("{} gets {share:.0}%", clean(&row.name))
        });
        let used: Vec<String> = used.collect();
        let seconds = seconds(report.seconds);
        format!("{} of {all:.0} requests in {seconds}", used.join(" and "))
    }
}

/// Says why no request can be counted, before anything is changed.
fn nobody_to_ask(report: &TrafficReport) -> Problem {
    let silent = report.clients.silent.first();
    let why = match silent {
        Some(silent) => format!(
            "none of {} answers: {} ({})",
            count(report.clients.asked, "client pod"),
            clean(&silent.pod),
            clean(&silent.why)
        ),
        None => "there are no meshed client pods to ask".to_owned(),
    };
    Problem::new(format!("--traffic cannot count requests: {why}"))
        .next("nothing was changed")
        .next(
            "name the clients with --from deploy/NAME, and their namespace with --from-namespace; or \
             leave --traffic out",
        )
}
