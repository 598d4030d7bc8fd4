//! What `status` says of one group: what is wrong, since when, and the command to type next. What other
//! groups may share is apart from what they cannot.

use jiff::{SignedDuration, Timestamp};

use super::evacuated;
use super::exposed;
use super::next_step::{NextStep, ailments, next_steps};
use super::note_line::{Note, NoteLine};
use super::table::ClusterStatuses;
use crate::model::moves::carriers;
use crate::model::roles::Roles;
use crate::model::{
    ExpiredOrder, LastMove, Override, OverrideStatus, Runner, State, Status, Wait, WeightsOrigin,
};
use crate::text::{clean, shorten};
use crate::view::age::age;
use crate::view::command_for_all::{OneCommand, pattern};

const MAX_NOTE_CHARS: usize = 400;

/// What is said of one group, before it is known of which others the same is said.
pub struct Cause<'a> {
    pub status: &'a Status,
    pub roles: Roles,
    /// Why it is not at home, and what holds; empty if nothing has to be said but warnings.
    pub words: String,
    /// The backends that its traffic keeps off.
    avoid: String,
    /// What may be said again for each group: the reason alone.
    reason: String,
    /// When a delay ends that keeps the traffic.
    pub wait: String,
    pub warnings: Vec<String>,
    pub next: Vec<NextStep>,
}

impl<'a> Cause<'a> {
    /// Returns none for a group that is at home and has no warnings.
    pub fn of(status: &'a Status, groups: ClusterStatuses) -> Option<Self> {
        let next = if exposed::is_noted(status) && status.forgotten_home.is_none() {
            Vec::new()
        } else {
            next_steps(status, groups.connection)
        };
        let warnings = status.warnings.iter();
        let warnings: Vec<String> = warnings
            .map(|text| format!("warning: {}.", said(text)))
            .collect();
        let is_home = matches!(status.state, State::Primary | State::Active);
        let (reason, words) = if is_home && status.order.is_none() {
            let unknown = unknown_words(status).map(|words| said(&words));
            (String::new(), unknown.unwrap_or_default())
        } else if evacuated::is_at_rest(status) {
            (String::new(), circumstances(status))
        } else {
            (format!("{}.", said(&status.reason)), circumstances(status))
        };
        // The lines above the table say it for all groups.
        let is_said = is_home && evacuated::is_in_banner(status);
        let avoid = if is_said {
            String::new()
        } else {
            evacuated::sentences(status, &reason, None)
        };
        let is_empty = [&reason, &words, &avoid].iter().all(|text| text.is_empty());
        (!is_empty || !warnings.is_empty() || !next.is_empty()).then(|| Self {
            status,
            roles: Roles::of_status(status),
            words,
            avoid,
            reason,
            wait: waiting(status, groups.now).unwrap_or_default(),
            warnings,
            next,
        })
    }

    /// What is the same for groups that share a note.
    pub fn key(&self) -> (usize, String, Vec<(&'static str, Option<String>)>) {
        let text = [self.text(), self.warnings.join("\n")].join("\n");
        let step = |step: &NextStep| {
            let one = OneCommand {
                id: &self.status.id,
                roles: &self.roles,
                command: &step.command,
            };
            (step.label, pattern(&one))
        };
        let steps = self.next.iter().map(step).collect();
        let rank = self.status.state.urgency_rank();
        (rank, self.roles.apply(&text), steps)
    }

    /// The reason and the circumstances.
    pub fn text(&self) -> String {
        let text = match evacuated::is_at_rest(self.status) {
            true => format!("{}{}", self.avoid, self.words),
            false => format!("{} {}{}", self.reason, self.words, self.avoid),
        };
        text.trim().to_owned()
    }

    pub fn note(&self, name: &str, groups: ClusterStatuses) -> Note {
        let name = said(name);
        let status = self.status;
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|warning| NoteLine::plain(format!("{name}: {warning}")));
        let avoid = if self.avoid.is_empty() {
            String::new()
        } else {
            evacuated::sentences(status, &self.reason, Some(groups.now))
        };
        let text = if evacuated::is_at_rest(status) {
            let changed = match evacuated::is_last_move(status) {
                true => String::new(),
                false => changed(status, groups.now),
            };
            format!("{avoid}{}{changed}", self.words)
        } else if self.reason.is_empty() {
            let words = self.words.trim_end();
            format!("{words} {avoid}").trim_start().to_owned()
        } else {
            let first = self.next.first().map(|step| step.command.as_str());
            let ailments = ailments(status, groups.connection, first);
            let changed = changed(status, groups.now);
            let wait = if self.wait.is_empty() {
                String::new()
            } else {
                format!("{} ", self.wait)
            };
            let words = &self.words;
            format!("{}{ailments} {words}{avoid}{wait}{changed}", self.reason)
        };
        let line = NoteLine::plain(format!("{name}: {}", text.trim_end())).of_state(status.state);
        let lines = Some(line).filter(|_| !text.is_empty());
        Note {
            lines: lines.into_iter().chain(warnings).collect(),
            next: self.next.clone(),
        }
    }
}

fn said(text: &str) -> String {
    shorten(&clean(text), MAX_NOTE_CHARS)
}

/// Says what holds for a group that is not at home, apart from its reason and its last move.
fn circumstances(status: &Status) -> String {
    let mut text = String::new();
    match status.state {
        State::OutOfSync => text.push_str(&unwritten(status)),
        State::Down if status.expired_order() == Some(ExpiredOrder::Pause) => {
            text.push_str("The pause has expired. ");
        }
        State::Waiting => text.push_str(&proxies_step_in(status).unwrap_or_default()),
        _ => {}
    }
    if let Some(words) = unknown_words(status) {
        text.push_str(&format!("{} ", said(&words)));
    }
    if status.flags.unverified {
        text.push_str(if status.state == State::OutOfSync {
            "Nothing confirms that anything is ready there (unverified). "
        } else {
            "The traffic was sent there without confirming that anything is ready (unverified). "
        });
    }
    if let Some(order) = &status.order {
        text.push_str(&format!("{}. ", said(&order_words(order, status))));
        text.push_str(&home_unready(order, status).unwrap_or_default());
    }
    if let Some(words) = exposed::sentence(status) {
        text.push_str(&format!("{} ", said(&words)));
    }
    text
}

/// Says when the weights were changed last.
fn changed(status: &Status, now: Timestamp) -> String {
    match &status.changed {
        WeightsOrigin::Moved(last) => said(&last_move(last, status, now)),
        WeightsOrigin::Edited { by, at } => format!(
            "Backends last edited by {}, {} ago.",
            said(by),
            age(*at, now)
        ),
        WeightsOrigin::Created(_) => String::new(),
    }
}

/// Says that the proxies send the traffic elsewhere until the change is made.
fn proxies_step_in(status: &Status) -> Option<String> {
    let stepped_in = status.stepped_in().join(", ");
    let until = match status.runner {
        Runner::Unattended => "No watch is running, but ",
        _ => "Meanwhile ",
    };
    let dead = status.active().join(", ");
    (!stepped_in.is_empty()).then(|| {
        format!(
            "{until}Linkerd's proxies send the traffic to {stepped_in} by themselves until {dead} \
             has ready endpoints again. "
        )
    })
}

/// Such as `Last move: 12m ago, back to web-svc, by bob@vm: web-svc has recovered.`
fn last_move(last: &LastMove, status: &Status, now: Timestamp) -> String {
    let (from, to) = (carriers(&last.from), carriers(&last.to));
    let primary = status.primary.as_deref();
    let is_return = matches!(to[..], [to] if Some(to) == primary && !from.contains(&to))
        && status.order.is_none();
    let way = match (from.join(", "), to.join(", ")) {
        (_, to) if is_return => format!("back to {to}"),
        (from, to) if from == to || from.is_empty() => format!("to {to}"),
        (from, to) => format!("from {from} to {to}"),
    };
    let why = if last.why == status.reason || last.why.is_empty() {
        String::new()
    } else {
        format!(": {}", last.why)
    };
    format!(
        "Last move: {} ago, {way}, by {}{why}.",
        age(last.at, now),
        last.by
    )
}

/// Says how long a delay still keeps traffic from moving.
fn waiting(status: &Status, now: Timestamp) -> Option<String> {
    let Wait { setting, delay } = status.wait?;
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    if status.runner == Runner::Unattended {
        return Some(format!(
            "No watch is running: one would move the traffic after {setting} ({delay:#})."
        ));
    }
    let left = status.wait_ends().map(|end| end.duration_since(now));
    let left = left.filter(|left| left.is_positive());
    let when = match left {
        Some(left) => format!(
            "in about {:#}",
            SignedDuration::from_secs(left.as_secs() + 1)
        ),
        None => format!("in up to {delay:#}"),
    };
    Some(format!(
        "Traffic moves {when} ({setting} {delay:#}), unless that changes before."
    ))
}

/// Says why a change that is due has not been made.
fn unwritten(status: &Status) -> String {
    let why = match (&status.runner, status.expired_order()) {
        (Runner::Unattended, Some(ExpiredOrder::Pause)) => {
            "The pause has expired, but no watch is running to end it. "
        }
        (Runner::Unattended, _) if !status.stepped_in().is_empty() => {
            return proxies_step_in(status).unwrap_or_default();
        }
        (Runner::Unattended, _) => "No watch is running, so nothing will apply this. ",
        (Runner::Upstream, Some(ExpiredOrder::Pause)) => {
            "The pause has expired, but Linkerd's controller does not end it. "
        }
        // The text about the order already says it.
        (Runner::Upstream, Some(ExpiredOrder::Override | ExpiredOrder::Avoid)) => "",
        (Runner::Watch(_), _) => {
            "The running watch has not applied this yet; if this lasts, its output says why. "
        }
        // A line of its own says it.
        (Runner::Late(_), _) => "",
        _ => "This has not been applied yet. ",
    };
    why.to_owned()
}

/// Says why the readiness of backends is unknown, unless the reason already does.
fn unknown_words(status: &Status) -> Option<String> {
    let words = status.backends.iter().filter_map(|backend| {
        let why = backend.readiness.why_unknown()?.to_string();
        let what = if backend.readiness.is_unknown() {
            "is ready"
        } else {
            "has more endpoints"
        };
        (!status.reason.contains(&why))
            .then(|| format!("Can't tell whether {} {what}: {why}.", backend.name))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Says that the home of an override in force is not ready.
fn home_unready(order: &OverrideStatus, status: &Status) -> Option<String> {
    let OverrideStatus::InForce(Override { to, home, .. }) = order else {
        return None;
    };
    let mut backends = status.backends.iter();
    let backend = backends.find(|it| it.name == *home && home != to)?;
    let (ready, total) = backend
        .readiness
        .counts()
        .filter(|(ready, _)| *ready == 0)?;
    let name = clean(home);
    Some(format!(
        "Its home, {name}, has {ready} of {total} endpoints ready. "
    ))
}

/// Says who forced the traffic to which backend, and whether the override is in force.
fn order_words(order: &OverrideStatus, status: &Status) -> String {
    let asked = |order: &Override| {
        let (by, purpose) = (order.author(), order.purpose());
        format!("Forced to {} by {by}{purpose}", order.to)
    };
    let end = |order: &Override| {
        order
            .until
            .map(|until| format!("{until:.0}"))
            .unwrap_or_default()
    };
    match order {
        OverrideStatus::InForce(order) => {
            let until = order.until.map(|_| format!(" until {}", end(order)));
            // The force has the traffic again after that.
            let is_evacuated = status.avoids(&order.to).is_some();
            let rests = is_evacuated.then(|| format!(", but {} is evacuated", order.to));
            [Some(asked(order)), until, rests]
                .into_iter()
                .flatten()
                .collect()
        }
        OverrideStatus::Expired(order) => {
            let yet = match status.runner {
                Runner::Unattended => "no watch is running to end it",
                Runner::Upstream => "Linkerd's controller does not end it",
                Runner::Watch(_) | Runner::Late(_) | Runner::Unknown => "it has not been ended yet",
            };
            format!("{}, expired at {}: {yet}", asked(order), end(order))
        }
        OverrideStatus::WithoutHome(order) => {
            format!(
                "{}, without an expiry: the override does not say which backend is home",
                asked(order)
            )
        }
        OverrideStatus::Broken {
            why,
            order,
            edited_by,
        } => {
            let asked = order
                .as_ref()
                .map(|order| format!(". {}", asked(order)))
                .unwrap_or_default();
            let by = edited_by
                .as_ref()
                .map(|by| format!("; last edited by {by}"));
            format!(
                "The override is broken: {why}{asked}{}",
                by.unwrap_or_default()
            )
        }
    }
}
