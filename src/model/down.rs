//! The state Down: all that carries traffic is dead, another backend is ready, and nobody is about
//! to move the traffic.

use super::readiness::Readiness;
use super::runner::{LateWatch, Runner};
use super::situation::{Candidate, Situation};

/// Whether the group is Down unless somebody is about to move its traffic. A ready backend that
/// stands by gets the traffic from Linkerd's proxies, if those take the weights.
pub(crate) fn is_down_unless_moved(situation: &Situation) -> bool {
    let group = situation.group;
    if !situation.any(Candidate::is_ready) {
        return false;
    }
    if group.trouble_with_weights().is_some() {
        return true;
    }
    let carrying = situation.select(Candidate::carries);
    let mut backends = group.backends.iter().zip(&situation.backends);
    let has_stepped_in =
        backends.any(|(backend, candidate)| backend.is_standby() && candidate.is_ready());
    !carrying.is_empty() && carrying.iter().all(|it| it.readiness.is_dead()) && !has_stepped_in
}

/// Says where the traffic goes, which backend is ready, and why nobody moves the traffic there.
pub(crate) fn reason(situation: &Situation, runner: &Runner) -> String {
    let facts = facts(situation);
    let (infinitive, participle) = if situation.group.trouble_with_weights().is_some() {
        ("scale them down", "scaled them down")
    } else if situation.primary.is_ready() {
        ("fail back", "failed back")
    } else {
        ("fail over", "failed over")
    };
    format!("{facts}, {}", why_not(runner, infinitive, participle))
}

/// Says where the traffic goes, and which backend is ready.
pub(crate) fn facts(situation: &Situation) -> String {
    let group = situation.group;
    if let Some(trouble) = group.trouble_with_weights() {
        return trouble;
    }
    let names = |candidates: &[Candidate]| {
        let names = candidates.iter();
        let names: Vec<&str> = names
            .map(|candidate| group.backend_name(candidate.index))
            .collect();
        names.join(", ")
    };
    let dead = situation.select(Candidate::carries);
    let ready = situation.select(Candidate::is_ready);
    let which = match dead.as_slice() {
        [one] if *one.readiness == Readiness::Missing => "which does not exist",
        [_] => "which has no ready endpoints",
        _ => "which have no ready endpoints",
    };
    let are = if ready.len() == 1 { "is" } else { "are" };
    format!(
        "all traffic still goes to {}, {which}; {} {are} ready",
        names(&dead),
        names(&ready),
    )
}

/// Says why nobody does what is due.
fn why_not(runner: &Runner, infinitive: &str, participle: &str) -> String {
    match runner {
        Runner::Unattended => format!("but no watch is running to {infinitive}"),
        Runner::Watch(holder) => {
            format!("but the watch {holder} has not {participle} (its output says why)")
        }
        Runner::Late(LateWatch {
            holder,
            successor: None,
            ..
        }) => format!("but the watch {holder} has stopped renewing its Lease"),
        Runner::Late(LateWatch {
            holder,
            successor: Some(successor),
            ..
        }) => format!(
            "but the watch {holder} has stopped renewing its Lease, and {successor} has not taken \
             over yet"
        ),
        Runner::Upstream => format!("but Linkerd's failover controller has not {participle}"),
        Runner::Unknown => format!(
            "but nothing has {participle} (can't tell whether a watch is running: cannot read \
             Leases)"
        ),
    }
}
