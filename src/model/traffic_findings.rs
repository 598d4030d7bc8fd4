//! What is wrong with the traffic of a group, in words, and what to do about it.

use super::ids::GroupId;
use super::traffic::{TrafficReport, TrafficRow};

/// The reason of a finding, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficFault {
    /// No request was counted.
    NoTraffic,
    /// The route has no effect.
    NotAccepted,
    /// The shares are not those of the weights.
    NotByWeight,
    /// Clients call a backend itself.
    DirectCalls,
    /// The proxies refuse requests.
    Refused,
    /// A backend fails although it has ready endpoints.
    Failing,
    /// A backend fails more often than the primary.
    WorseThanPrimary,
    /// A backend fails more often than the one that had the traffic before it.
    WorseThanBefore,
    /// Pods without a proxy.
    Unmeshed,
    /// Pods that did not answer.
    Silent,
    /// Proxies that restarted.
    Restarted,
}

impl TrafficFault {
    /// Whether requests fail.
    pub fn is_of_success(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Failing | Self::WorseThanPrimary | Self::WorseThanBefore
        )
    }

    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoTraffic => "noTraffic",
            Self::NotAccepted => "notAccepted",
            Self::NotByWeight => "notByWeight",
            Self::DirectCalls => "directCalls",
            Self::Refused => "refused",
            Self::Failing => "failing",
            Self::WorseThanPrimary => "worseThanPrimary",
            Self::WorseThanBefore => "worseThanBefore",
            Self::Unmeshed => "unmeshed",
            Self::Silent => "silent",
            Self::Restarted => "restarted",
        }
    }
}

/// Something that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficFinding {
    /// What it is about.
    pub fault: TrafficFault,
    /// What was seen.
    pub message: String,
    /// What to do about it, or where to look.
    pub next: Option<String>,
}

/// With fewer responses, shares and rates say little.
const MIN_RESPONSES: f64 = 20.0;
/// A share may differ this much from the one that the weights ask for.
const SHARE_TOLERANCE: f64 = 0.05;
/// Chance alone makes larger differences than this many standard deviations very rarely.
const MAX_DEVIATIONS: f64 = 4.0;
/// A backend with a lower success rate is reported.
const LOW_SUCCESS: f64 = 0.90;
/// A success rate this much lower than the primary's is reported.
const SUCCESS_DIFFERENCE: f64 = 0.02;
/// So many silent pods are named.
const MAX_NAMED_PODS: usize = 3;

/// Returns the findings, the most important ones first. `flags` are those of suggested commands.
pub fn findings(report: &TrafficReport, flags: &str) -> Vec<TrafficFinding> {
    let findings = [
        not_accepted(report, flags),
        no_traffic(report),
        refused(report, flags),
        not_by_weight(report, flags),
        direct_calls(report),
    ];
    let mut findings: Vec<TrafficFinding> = findings.into_iter().flatten().collect();
    findings.extend(report.rows.iter().filter_map(failing));
    findings.extend(worse_than_primary(report));
    findings.extend(worse_than_before(report, flags));
    findings.extend(
        [unmeshed(report), silent(report), restarted(report)]
            .into_iter()
            .flatten(),
    );
    findings
}

/// A finding, and the groups that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFinding<'a> {
    /// Empty: it does not depend on the group, or there is only one.
    pub groups: Vec<&'a GroupId>,
    /// The finding.
    pub finding: TrafficFinding,
}

/// Returns the findings of several groups. What is found in more than one of them is there once.
/// `flags` returns the flags of suggested commands for a namespace.
pub fn findings_of_all(
    reports: &[TrafficReport],
    flags: impl Fn(&str) -> String,
) -> Vec<SharedFinding<'_>> {
    let mut all: Vec<SharedFinding<'_>> = Vec::new();
    for report in reports {
        for finding in findings(report, &flags(&report.id.namespace)) {
            // The pods are the same for all groups.
            let is_of_pods = matches!(
                finding.fault,
                TrafficFault::Unmeshed | TrafficFault::Silent | TrafficFault::Restarted
            );
            let has_group = reports.len() > 1 && !is_of_pods;
            let same = all.iter_mut().find(|known| {
                let fault = known.finding.fault;
                fault == finding.fault
                    && (fault == TrafficFault::NoTraffic || known.finding == finding)
            });
            match same {
                Some(known) if has_group => {
                    if finding.fault == TrafficFault::NoTraffic {
                        known.finding = no_traffic_to_any(report);
                    }
                    known.groups.push(&report.id);
                }
                Some(_) => {}
                None => all.push(SharedFinding {
                    groups: has_group.then_some(&report.id).into_iter().collect(),
                    finding,
                }),
            }
        }
    }
    all
}

/// What [`no_traffic`] finds in more than one group.
fn no_traffic_to_any(report: &TrafficReport) -> TrafficFinding {
    let answered = report.clients.answered();
    TrafficFinding {
        fault: TrafficFault::NoTraffic,
        message: format!(
            "no requests within {} from {}.",
            seconds(report.seconds),
            count(answered, "client pod")
        ),
        next: Some(
            "name the clients with --from deploy/NAME, and their namespace with --from-namespace; \
             only meshed pods are counted"
                .to_owned(),
        ),
    }
}

/// Without effect, a route has no weights that traffic could follow.
fn not_accepted(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let why = report.unaccepted.as_ref()?;
    let mut letters = why.chars();
    let first = letters.next()?.to_uppercase();
    Some(TrafficFinding {
        fault: TrafficFault::NotAccepted,
        message: format!("{first}{}.", letters.as_str()),
        next: Some(format!(
            "see whether Linkerd's policy controller runs: kubectl failover check {flags}"
        )),
    })
}

fn no_traffic(report: &TrafficReport) -> Option<TrafficFinding> {
    let total = report.total();
    let answered = report.clients.answered();
    if answered > 0 && report.unaccepted.is_some() {
        return None;
    }
    if total.responses() > 0.0 || total.refused > 0.0 || total.waiting > 0.0 {
        return None;
    }
    let apex = &report.apex;
    let message = if report.clients.asked == 0 {
        "There are no meshed client pods to ask, so no requests could be counted.".to_owned()
    } else if answered == 0 {
        "No client pod answered, so no requests could be counted.".to_owned()
    } else {
        format!(
            "No requests to {apex} within {} from {}.",
            seconds(report.seconds),
            count(answered, "client pod")
        )
    };
    Some(TrafficFinding {
        fault: TrafficFault::NoTraffic,
        message,
        next: Some(format!(
            "name the clients with --from deploy/NAME, and their namespace with --from-namespace; \
             only meshed pods that call {apex} are counted"
        )),
    })
}

fn refused(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let refused = report.total().refused;
    let backends = report.rows.iter().filter(|row| row.traffic.refused > 0.0);
    let names: Vec<&str> = backends.map(|row| row.name.as_str()).collect();
    let whose = if names.is_empty() {
        String::new()
    } else {
        format!(" for {}", names.join(" and "))
    };
    // A backend without any weight that could answer.
    let idle = report.rows.iter().find(|row| {
        let has_ready = row.traffic.ready.is_some_and(|(fewest, _)| fewest > 0);
        row.weight == 0 && has_ready
    });
    let status = format!("see what is ready: kubectl failover status {flags}");
    let next = idle.map_or(status, |idle| {
        format!(
            "{} has ready endpoints and no weight; to move the traffic there: kubectl failover \
             force {} --to {} {flags}",
            idle.name,
            report.id.short_name(),
            idle.name
        )
    });
    (refused > 0.0).then(|| TrafficFinding {
        fault: TrafficFault::Refused,
        message: format!(
            "The proxies refused {}{whose}: no endpoint was ready in time. SUCCESS does not count \
             them.",
            requests(refused)
        ),
        next: Some(next),
    })
}

/// Whether the traffic goes where the weights send it, as far as the requests show it.
pub fn follows_weights(report: &TrafficReport) -> bool {
    not_by_weight(report, "").is_none()
}

/// Compares the shares with those that the weights ask for. A backend that has no endpoints for the
/// proxies, and requests that were sent to a backend itself, do not count.
fn not_by_weight(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    if report.has_moved || report.unaccepted.is_some() {
        return None;
    }
    let can_serve = |row: &&TrafficRow| row.traffic.ready.is_none_or(|(_, most)| most > 0);
    let all = report.routed();
    #[allow(clippy::cast_precision_loss, reason = "weights are small")]
    let weight = |row: &TrafficRow| row.weight as f64;
    let weights: f64 = report.rows.iter().filter(can_serve).map(weight).sum();
    if all < MIN_RESPONSES || weights <= 0.0 {
        return None;
    }
    let differs = |row: &&TrafficRow| {
        let wanted = if can_serve(row) {
            weight(row) / weights
        } else {
            0.0
        };
        let chance = MAX_DEVIATIONS * (wanted * (1.0 - wanted) / all).sqrt();
        (row.routed() / all - wanted).abs() > chance.max(SHARE_TOLERANCE)
    };
    let row = report.rows.iter().filter(can_serve).find(differs)?;
    let mut message = format!(
        "Traffic does not follow the weights: {} has {} of the weight and {} of the traffic.",
        row.name,
        percent(weight(row) / weights),
        percent(row.routed() / all)
    );
    for conflict in &report.conflicts {
        message += &format!(" {conflict}.");
    }
    let older = report.clients.older_than_group;
    if older > 0 {
        message += &format!(
            " {} started before {}.",
            count(older, "client pod"),
            report.id.short_name()
        );
    }
    let mut next = match report.conflicts.as_slice() {
        [] => format!(
            "look for a ServiceProfile or another route that takes precedence: kubectl failover \
             check {flags}"
        ),
        _ => format!(
            "keep one of the objects that route {}; to see them: kubectl failover status {0} \
             {flags}",
            report.apex
        ),
    };
    if older > 0 {
        next += "; restart the client pods that are older";
    }
    Some(TrafficFinding {
        fault: TrafficFault::NotByWeight,
        message,
        next: Some(next),
    })
}

/// Names the clients that call a backend itself.
fn direct_callers(report: &TrafficReport) -> String {
    let callers = &report.clients.direct_callers;
    let named = callers.iter().take(MAX_NAMED_PODS).cloned();
    let mut named: Vec<String> = named.collect();
    match callers.len().saturating_sub(MAX_NAMED_PODS) {
        0 => {}
        more => named.push(format!("{more} more")),
    }
    match named.as_slice() {
        [] => "Clients".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn direct_calls(report: &TrafficReport) -> Option<TrafficFinding> {
    let apex = &report.apex;
    let called = |row: &&TrafficRow| row.name != *apex && row.traffic.direct > 0.0;
    let row = report.rows.iter().find(called);
    let direct = row.map(|row| (row.traffic.direct, format!("{} itself", row.name)));
    let row = report.rows.iter().find(|row| row.traffic.to_pods > 0.0);
    let to_pods = row.map(|row| {
        (
            row.traffic.to_pods,
            format!("pods of {} by their own addresses or names", row.name),
        )
    });
    let (count, whom) = direct.or(to_pods)?;
    Some(TrafficFinding {
        fault: TrafficFault::DirectCalls,
        message: format!(
            "{} sent {} to {whom}, not to {apex}: the weights do not apply to them, and SHARE does \
             not count them.",
            direct_callers(report),
            requests(count)
        ),
        next: Some(format!("have these clients call {apex}")),
    })
}

fn failing(row: &TrafficRow) -> Option<TrafficFinding> {
    let rate = row.traffic.success_rate()?;
    if row.traffic.responses() < MIN_RESPONSES || rate >= LOW_SUCCESS {
        return None;
    }
    let ready = match row.traffic.ready {
        Some((fewest, _)) if fewest > 0 => " although it has ready endpoints",
        _ => "",
    };
    Some(TrafficFinding {
        fault: TrafficFault::Failing,
        message: format!(
            "{} answers only {} of its requests with success{ready}.",
            row.name,
            percent(rate)
        ),
        next: Some(format!(
            "readiness does not show this: look at the logs of {}, or force traffic to another \
             backend",
            row.name
        )),
    })
}

fn worse_than_primary(report: &TrafficReport) -> Vec<TrafficFinding> {
    let enough = |row: &&TrafficRow| row.traffic.responses() >= MIN_RESPONSES;
    let primary = report.primary.and_then(|primary| report.rows.get(primary));
    let Some(primary) = primary.filter(enough) else {
        return Vec::new();
    };
    let Some(normal) = primary.traffic.success_rate() else {
        return Vec::new();
    };
    let worse = report.rows.iter().filter(enough).filter_map(|row| {
        let rate = row.traffic.success_rate()?;
        // A lower rate is a finding of its own.
        (rate >= LOW_SUCCESS && normal - rate > SUCCESS_DIFFERENCE).then(|| TrafficFinding {
            fault: TrafficFault::WorseThanPrimary,
            message: format!(
                "{} fails more often than {}: {} of its responses are a success, and {} of {1}'s.",
                row.name,
                primary.name,
                percent(rate),
                percent(normal)
            ),
            next: Some(format!("look at the logs of {}", row.name)),
        })
    });
    worse.collect()
}

/// Compares the backends that have the traffic with those that had it before it moved. Those that had
/// it then may get no requests any more.
fn worse_than_before(report: &TrafficReport, flags: &str) -> Option<TrafficFinding> {
    let before = report.before.as_ref()?;
    let normal = before.success / before.responses;
    if before.responses < MIN_RESPONSES {
        return None;
    }
    let is_new = |row: &&TrafficRow| row.weight > 0 && !before.backends.contains(&row.name);
    let mut rows = report.rows.iter().filter(is_new);
    let (row, rate) = rows.find_map(|row| {
        let rate = row.traffic.success_rate()?;
        let is_worse = row.traffic.responses() >= MIN_RESPONSES
            && rate >= LOW_SUCCESS
            && normal - rate > SUCCESS_DIFFERENCE;
        is_worse.then_some((row, rate))
    })?;
    Some(TrafficFinding {
        fault: TrafficFault::WorseThanBefore,
        message: format!(
            "{} answers {} with success. Before the traffic moved, {} answered {}.",
            row.name,
            percent(rate),
            before.backends.join(" and "),
            percent(normal)
        ),
        next: Some(format!(
            "look at the logs of {}; to move the traffic back: kubectl failover failback {} {flags}",
            row.name,
            report.id.short_name()
        )),
    })
}

fn unmeshed(report: &TrafficReport) -> Option<TrafficFinding> {
    let unmeshed = report.clients.unmeshed;
    // A namespace has pods that call nobody: without traffic, or if named, they may be the clients.
    let is_told = report.clients.are_named || report.total().responses() <= 0.0;
    (unmeshed > 0 && is_told).then(|| {
        TrafficFinding {
        fault: TrafficFault::Unmeshed,
        message: format!(
            "{} without Linkerd's proxy. The weights do not apply to the requests of such pods, and \
             nothing counts them.",
            are(unmeshed, "pod")
        ),
        next: Some(
            "inject the proxy: annotate the workload with linkerd.io/inject=enabled, and restart it"
                .to_owned(),
        ),
    }
    })
}

fn silent(report: &TrafficReport) -> Option<TrafficFinding> {
    let silent = &report.clients.silent;
    let named = silent.iter().take(MAX_NAMED_PODS);
    let mut named: Vec<String> = named
        .map(|client| format!("{} ({})", client.pod, client.why))
        .collect();
    if silent.len() > MAX_NAMED_PODS {
        named.push(format!("{} more", silent.len() - MAX_NAMED_PODS));
    }
    (!silent.is_empty()).then(|| TrafficFinding {
        fault: TrafficFault::Silent,
        message: format!(
            "{} of {} did not answer: {}.",
            silent.len(),
            count(report.clients.asked, "pod"),
            named.join(", ")
        ),
        next: None,
    })
}

fn restarted(report: &TrafficReport) -> Option<TrafficFinding> {
    let pods = &report.clients.restarted;
    let named: Vec<&str> = pods
        .iter()
        .take(MAX_NAMED_PODS)
        .map(String::as_str)
        .collect();
    (!pods.is_empty()).then(|| TrafficFinding {
        fault: TrafficFault::Restarted,
        message: format!(
            "The proxy of {} restarted ({}): its requests before that are not counted.",
            count(pods.len(), "pod"),
            named.join(", ")
        ),
        next: None,
    })
}

/// Such as `10s`.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.0}s")
}

/// Such as `1 pod`, `2 pods`.
pub fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn are(number: usize, what: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, what))
}

fn requests(count: f64) -> String {
    let plural = if count.round() == 1.0 { "" } else { "s" };
    format!("{count:.0} request{plural}")
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{GroupId, ServiceRef};
    use crate::model::traffic::{BackendTraffic, Clients, EarlierTraffic, SilentClient};

    fn row(name: &str, weight: u64, success: f64, failure: f64) -> TrafficRow {
        TrafficRow {
            name: name.to_owned(),
            service: ServiceRef::new("ns", name),
            weight,
            meshed: None,
            traffic: BackendTraffic {
                success,
                failure,
                ready: Some((1, 1)),
                ..BackendTraffic::default()
            },
        }
    }

    fn report(rows: &[TrafficRow]) -> TrafficReport {
        TrafficReport {
            id: GroupId {
                namespace: "ns".to_owned(),
                kind: "httproute",
                name: "web".to_owned(),
            },
            apex: "web".to_owned(),
            primary: Some(0),
            rows: rows.to_vec(),
            refused: 0.0,
            seconds: 10.0,
            clients: Clients {
                pods: 3,
                asked: 3,
                senders: 1,
                ..Clients::default()
            },
            has_moved: false,
            conflicts: Vec::new(),
            before: None,
            counted_by: None,
            unaccepted: None,
        }
    }

    fn messages(report: &TrafficReport) -> Vec<String> {
        findings(report, "-n ns")
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn a_route_without_effect_is_told_instead_of_what_follows_from_it() {
        let why = "Linkerd has not accepted the route yet, so it has no effect";
        for sent in [0.0, 1000.0] {
            let rows = [row("web", 0, sent, 0.0), row("web-east", 1, 0.0, 0.0)];
            let report = TrafficReport {
                unaccepted: Some(why.to_owned()),
                ..report(&rows)
            };
            assert_eq!(messages(&report), [format!("{why}.")]);
        }
    }

    #[test]
    fn pods_without_a_proxy_are_told_if_they_were_named() {
        let rows = [row("web", 1, 1000.0, 0.0), row("web-east", 0, 0.0, 0.0)];
        let mut report = report(&rows);
        report.clients.unmeshed = 2;
        assert_eq!(messages(&report), [""; 0]);
        report.clients.are_named = true;
        let told = messages(&report);
        assert!(told[0].starts_with("2 pods are without"), "{told:?}");
    }

    #[test]
    fn traffic_by_weight_is_well() {
        for rows in [
            [row("web", 1, 1000.0, 2.0), row("web-east", 0, 0.0, 0.0)],
            [row("web", 1, 480.0, 0.0), row("web-east", 1, 520.0, 0.0)],
            // Few requests say little.
            [row("web", 1, 3.0, 0.0), row("web-east", 1, 12.0, 0.0)],
            // A standby.
            [
                row("web", 400_000, 5000.0, 0.0),
                row("web-east", 1, 0.0, 0.0),
            ],
        ] {
            assert_eq!(messages(&report(&rows)), [""; 0], "{rows:?}");
        }
    }

    #[test]
    fn traffic_that_does_not_follow_the_weights_is_found() {
        let mut astray = report(&[row("web", 0, 90.0, 0.0), row("web-east", 1, 10.0, 0.0)]);
        astray.clients.older_than_group = 2;
        assert_eq!(
            messages(&astray),
            [
                "Traffic does not follow the weights: web has 0% of the weight and 90% of the \
              traffic. 2 client pods started before httproute/web."
            ]
        );
        astray.conflicts = vec!["TrafficSplit web routes the same service".to_owned()];
        let [found] = &findings(&astray, "-n ns")[..] else {
            panic!("{astray:?}")
        };
        let routes = ". TrafficSplit web routes the same service. 2 client pods";
        assert!(found.message.contains(routes), "{found:?}");
        assert_eq!(
            found.next.as_deref().unwrap(),
            "keep one of the objects that route web; to see them: kubectl failover status web -n \
             ns; restart the client pods that are older"
        );
        astray.has_moved = true;
        assert_eq!(messages(&astray), [""; 0]);
        // The proxies skip what has no endpoints.
        let mut skipped = report(&[row("web", 1, 0.0, 0.0), row("web-east", 1, 100.0, 0.0)]);
        skipped.rows[0].traffic.ready = Some((0, 0));
        assert_eq!(messages(&skipped), [""; 0]);
    }

    #[test]
    fn calls_of_a_backend_itself_do_not_count_as_astray() {
        let mut direct = report(&[row("web", 1, 100.0, 0.0), row("web-east", 0, 50.0, 0.0)]);
        direct.rows[1].traffic.direct = 50.0;
        assert_eq!(direct.share(&direct.rows[0]), Some(1.0));
        direct
            .clients
            .direct_callers
            .insert("deploy/bot".to_owned());
        assert_eq!(
            messages(&direct),
            [
                "deploy/bot sent 50 requests to web-east itself, not to web: the weights do not apply \
                 to them, and SHARE does not count them."
            ]
        );
    }

    #[test]
    fn calls_of_pods_themselves_are_found() {
        let mut headless = report(&[row("web", 1, 100.0, 0.0), row("web-east", 0, 0.0, 0.0)]);
        headless.rows[0].traffic.to_pods = 1.0;
        assert_eq!(
            messages(&headless),
            [
                "Clients sent 1 request to pods of web by their own addresses or names, not to web: \
                 the weights do not apply to them, and SHARE does not count them."
            ]
        );
    }

    #[test]
    fn failures_and_refusals_are_found() {
        let mut failing = report(&[row("web", 0, 0.0, 0.0), row("web-east", 1, 10.0, 90.0)]);
        failing.rows[0].traffic.refused = 2.0;
        assert_eq!(
            messages(&failing),
            [
                "The proxies refused 2 requests for web: no endpoint was ready in time. SUCCESS \
                 does not count them.",
                "web-east answers only 10% of its requests with success although it has ready \
                 endpoints.",
            ]
        );
        let worse = report(&[row("web", 1, 100.0, 0.0), row("web-east", 1, 95.0, 5.0)]);
        assert_eq!(
            messages(&worse),
            [
                "web-east fails more often than web: 95% of its responses are a success, and 100% \
                 of web's."
            ]
        );
    }

    #[test]
    fn a_target_that_fails_more_often_than_the_source_did_is_found() {
        let mut moved = report(&[row("web", 0, 0.0, 0.0), row("web-east", 1, 95.0, 5.0)]);
        let mut before = EarlierTraffic::default();
        before.add("web", &row("web", 1, 99.0, 1.0).traffic);
        moved.before = Some(before.clone());
        assert_eq!(
            messages(&moved),
            ["web-east answers 95% with success. Before the traffic moved, web answered 99%."]
        );
        // Few requests say little, and a source that failed as often is no reason to go back.
        moved.before = Some(EarlierTraffic {
            success: 10.0,
            responses: 10.0,
            ..before.clone()
        });
        assert_eq!(messages(&moved), [""; 0]);
        moved.before = Some(EarlierTraffic {
            success: 94.0,
            ..before
        });
        assert_eq!(messages(&moved), [""; 0]);
    }

    #[test]
    fn without_traffic_the_clients_are_in_question() {
        let mut nothing = report(&[row("web", 1, 0.0, 0.0), row("web-east", 0, 0.0, 0.0)]);
        nothing.clients.unmeshed = 1;
        nothing.clients.silent = vec![SilentClient {
            pod: "a".to_owned(),
            why: "it is gone".to_owned(),
        }];
        assert_eq!(
            messages(&nothing),
            [
                "No requests to web within 10s from 2 client pods.",
                "1 pod is without Linkerd's proxy. The weights do not apply to the requests of such \
                 pods, and nothing counts them.",
                "1 of 3 pods did not answer: a (it is gone).",
            ]
        );
        nothing.clients = Clients::default();
        assert_eq!(
            messages(&nothing),
            ["There are no meshed client pods to ask, so no requests could be counted."]
        );
    }
}
