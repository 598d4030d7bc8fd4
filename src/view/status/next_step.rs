//! The commands that `status` suggests for a group that needs attention.

use crate::model::{
    BackendStatus, ExpiredOrder, Exposure, OverrideStatus, RemoteService, Runner, State, Status,
    WhyUnknown,
};
use crate::text::{ConnectionFlags, clean, word};
use crate::view::command_line::{command_on, describe_service, kubectl_command, return_command};

/// A command to paste, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    pub label: &'static str,
    pub command: String,
}

/// Returns what to type next, the most urgent command first. Empty if nothing should be done.
pub fn next_steps(status: &Status, connection: &ConnectionFlags) -> Vec<NextStep> {
    if status.state == State::Down {
        return ways_out(status, connection);
    }
    let next = next_step(status, connection).map(|command| NextStep {
        label: "next",
        command,
    });
    let is_away = matches!(status.state, State::Failover | State::Overridden);
    let mut watch = (is_away && status.flags.unattended).then(|| start_watch(status, connection));
    if let (None, Some(watch)) = (&next, &mut watch) {
        watch.label = match connection.installed_watch(&status.id.namespace) {
            Some(_) => "next",
            None => "to stay covered",
        };
    }
    next.into_iter().chain(watch).collect()
}

/// Starts a watch, after what to do first.
fn start_watch(status: &Status, connection: &ConnectionFlags) -> NextStep {
    let namespace = &status.id.namespace;
    NextStep {
        label: match connection.installed_watch(namespace) {
            Some(installed) if installed.has_pods => {
                "and see why the installed watch does not run it"
            }
            Some(_) => "and give the installed watch pods",
            None => "and stay covered",
        },
        command: connection.watch_command(namespace),
    }
}

/// Returns the command that moves the traffic of a group that is Down, and the one that has it moved
/// the next time.
fn ways_out(status: &Status, connection: &ConnectionFlags) -> Vec<NextStep> {
    let ours = connection.for_plugin(&status.id.namespace);
    let mut steps = Vec::new();
    if let Some((label, command, flags)) = by_hand(status) {
        let command = command_on(command, &status.id, &format!("{flags}{ours}"));
        steps.push(NextStep { label, command });
    }
    if status.flags.unattended {
        let mut watch = start_watch(status, connection);
        if steps.is_empty() {
            watch.label = "next";
        }
        steps.push(watch);
    }
    steps
}

/// Returns the label, the command and the flags that move the traffic to a ready backend. None: a
/// ready backend has traffic, but the proxies do not take the weights.
fn by_hand(status: &Status) -> Option<(&'static str, &'static str, String)> {
    let is_ready = |name: &str| {
        let mut backends = status.backends.iter();
        backends.any(|backend| backend.name == name && backend.readiness.is_ready())
    };
    let carrying = status.backends.iter().filter(|backend| backend.weight > 0);
    if carrying.clone().any(|backend| backend.readiness.is_ready()) {
        return None;
    }
    let home = match &status.order {
        Some(OverrideStatus::InForce(order)) => Some(order.home.as_str()),
        None => status.primary.as_deref().filter(|_| !status.flags.short),
        Some(_) => None,
    };
    if home.is_some_and(is_ready) {
        return Some(("fail back now", "failback", String::new()));
    }
    let mut backends = status.backends.iter();
    let target = backends.find(|backend| backend.weight == 0 && backend.readiness.is_ready())?;
    let flags = format!("--to {} ", word(&target.name));
    Some(("fail over now", "force", flags))
}

fn next_step(status: &Status, connection: &ConnectionFlags) -> Option<String> {
    let namespace = &status.id.namespace;
    let (place, ours) = (
        connection.within(namespace),
        connection.for_plugin(namespace),
    );
    let plain = |command| Some(command_on(command, &status.id, &ours));
    let with =
        |command: &str, flags: String| command_on(command, &status.id, &format!("{flags} {ours}"));
    let fail_back = || {
        Some(command_on(
            "failback",
            &status.id,
            &format!("{}{ours}", if_ready(status)),
        ))
    };
    if let Some(mend) = &status.mend {
        let command = if status.bad_settings.is_empty() {
            let (kind, name) = (status.id.kind, word(&status.id.name));
            format!("kubectl {place} edit {kind} {name}")
        } else {
            with("set", format!("--unset {}", status.bad_settings.join(",")))
        };
        return Some(clean(&format!("{mend}: {command}")));
    }
    match &status.order {
        Some(OverrideStatus::WithoutHome(_)) => {
            return Some(with("failback", "--home BACKEND".to_owned()));
        }
        Some(OverrideStatus::Broken { .. }) => return plain("failback"),
        _ => {}
    }
    match status.state {
        State::Paused => plain("resume"),
        State::Overridden => fail_back(),
        State::Active | State::Primary => {
            if let Some(home) = &status.forgotten_home {
                return Some(with("set", format!("--primary {}", word(home))));
            }
            cover(status, connection).map(|step| step.command)
        }
        State::Down | State::Invalid => None,
        State::OutOfSync if status.flags.unattended && status.expired_order().is_some() => {
            match status.expired_order()? {
                ExpiredOrder::Override => fail_back(),
                ExpiredOrder::Avoid => Some(return_command(status.expired_avoid()?, connection)),
                ExpiredOrder::Pause => plain("resume"),
            }
        }
        State::OutOfSync | State::Waiting if status.flags.unattended => {
            Some(connection.watch_command(namespace))
        }
        // Linkerd's controller ends neither an override nor a pause.
        State::OutOfSync if status.runner == Runner::Upstream => match status.expired_order()? {
            ExpiredOrder::Override => fail_back(),
            ExpiredOrder::Avoid => Some(return_command(status.expired_avoid()?, connection)),
            ExpiredOrder::Pause => plain("resume"),
        },
        State::OutOfSync | State::Waiting => None,
        State::Unknown => Some(match unnamed_remote(status) {
            Some(cluster) => {
                let links = if connection.has_links() {
                    ""
                } else {
                    ", or --remote-from-links"
                };
                with("status", format!("--remote {}=CONTEXT", word(cluster))) + links
            }
            None => unknown_next(status, &place, with),
        }),
        State::Unavailable => {
            let looks = looks(status, &place).into_iter().next();
            Some(looks.unwrap_or_else(|| format!("kubectl {place} get service,deployment,pod")))
        }
        State::Failover if status.flags.held => fail_back(),
        State::Failover => {
            let primary = status.primary.as_deref().unwrap_or_default();
            match status.avoids_primary() {
                // It is where it should be; the line above the table says how to end that.
                Some(entry) if entry.cluster.is_some() => None,
                Some(entry) => Some(return_command(entry, connection)),
                None => Some(look_at_backend(status, primary, &place)),
            }
        }
    }
}

/// Returns the flag with which `failback` waits for the home, unless all of its endpoints are ready:
/// without it, `failback` refuses a home that is not ready.
fn if_ready(status: &Status) -> &'static str {
    let home = match &status.order {
        Some(OverrideStatus::InForce(order) | OverrideStatus::Expired(order)) => Some(&order.home),
        _ => status.primary.as_ref(),
    };
    let mut backends = status.backends.iter();
    let home = backends.find(|backend| Some(&backend.name) == home);
    match home.and_then(|home| home.readiness.counts()) {
        Some((ready, total)) if ready < total || ready == 0 => "--when-ready ",
        _ => "",
    }
}

/// Returns the commands that show more of what ails the backends' pods, the primary's first.
fn looks(status: &Status, place: &str) -> Vec<String> {
    let mut backends: Vec<&BackendStatus> = status.backends.iter().collect();
    backends.sort_by_key(|backend| Some(&backend.name) != status.primary.as_ref());
    let command = |backend: &&BackendStatus| {
        let look = &backend.ailment.as_ref()?.look;
        Some(kubectl_command(
            &format!("kubectl {place}"),
            &backend.name,
            look,
        ))
    };
    backends.iter().filter_map(command).collect()
}

/// Says what ails the pods behind the backends, and how to see more unless the next step shows it.
pub fn ailments(status: &Status, connection: &ConnectionFlags, next: Option<&str>) -> String {
    let kubectl = format!("kubectl {}", connection.within(&status.id.namespace));
    let sentence = |backend: &BackendStatus| {
        let ailment = backend.ailment.as_ref()?;
        let words = clean(ailment.words.as_ref()?);
        let look = kubectl_command(&kubectl, &backend.name, &ailment.look);
        let look = if next == Some(&look) {
            String::new()
        } else {
            format!(" ({look})")
        };
        let name = clean(&backend.name);
        Some(format!(" Behind {name}: {words}{look}."))
    };
    status.backends.iter().filter_map(sentence).collect()
}

/// Returns what to type so that something takes the place of the primary if it fails.
pub fn cover(status: &Status, connection: &ConnectionFlags) -> Option<NextStep> {
    let namespace = &status.id.namespace;
    let command = match status.exposure()? {
        Exposure::NoWatch => connection.watch_command(namespace),
        Exposure::NoFallback => {
            let place = connection.within(namespace);
            look_at_backend(status, first_fallback(status)?, &place)
        }
    };
    Some(NextStep {
        label: "next",
        command,
    })
}

fn first_fallback(status: &Status) -> Option<&str> {
    let mut names = status.backends.iter().map(|backend| backend.name.as_str());
    names.find(|name| Some(*name) != status.primary.as_deref())
}

/// Shows why a backend is not ready. A mirror's endpoints are in the cluster that it mirrors.
fn look_at_backend(status: &Status, name: &str, place: &str) -> String {
    let mut backends = status.backends.iter();
    let backend = backends.find(|backend| backend.name == name);
    match backend.and_then(|backend| backend.readiness.side()?.remote()) {
        Some(RemoteService { cluster, service }) => {
            let (cluster, namespace) = (clean(cluster), word(&service.namespace));
            let kubectl = format!("in cluster {cluster}: kubectl -n {namespace}");
            describe_service(&kubectl, &service.name)
        }
        None => {
            let kubectl = format!("kubectl {place}");
            match backend.and_then(|backend| backend.ailment.as_ref()) {
                Some(ailment) => kubectl_command(&kubectl, name, &ailment.look),
                None => describe_service(&kubectl, name),
            }
        }
    }
}

/// Suggests to force traffic to a ready backend, or else how to find out about an unknown one.
fn unknown_next(status: &Status, place: &str, with: impl Fn(&str, String) -> String) -> String {
    let idle = |backend: &&BackendStatus| backend.weight == 0 && backend.readiness.is_ready();
    if let Some(ready) = status.backends.iter().find(idle) {
        return with("force", format!("--to {}", word(&ready.name)));
    }
    let unknown = status
        .backends
        .iter()
        .filter_map(|backend| Some((backend.name.as_str(), backend.readiness.why_unknown()?)));
    let unknown: Vec<(&str, &WhyUnknown)> = unknown.collect();
    clean(&match unknown.first() {
        Some((backend, WhyUnknown::Remote { cluster, .. })) => {
            let force = with("force", format!("--to {} --allow=unknown", word(backend)));
            format!("check that cluster {cluster} is reachable; to try {backend} anyway: {force}")
        }
        _ => {
            let names: Vec<String> = unknown.iter().map(|(name, _)| word(name)).collect();
            let names = names.join(" ");
            format!("kubectl {place} get service {names} --show-labels")
        }
    })
}

/// Returns the cluster to name with --remote, if that would make an unknown readiness known.
fn unnamed_remote(status: &Status) -> Option<&str> {
    status
        .backends
        .iter()
        .find_map(|backend| backend.readiness.why_unknown()?.cluster_without_remote())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupId, Invalid, Override, Readiness, WeightsOrigin};
    use crate::text::InstalledWatch;

    /// A group that is forced away from a home with this many ready endpoints of 2.
    fn forced(state: State, order: fn(Override) -> OverrideStatus, ready: u32) -> Status {
        let backend = |name: &str, weight, ready| BackendStatus {
            name: name.to_owned(),
            weight,
            weight_on_object: weight,
            readiness: Readiness::Known { ready, total: 2 },
            since: None,
            ailment: None,
        };
        let id = GroupId {
            namespace: "shop".to_owned(),
            kind: "trafficsplit",
            name: "web".to_owned(),
        };
        let invalid = Invalid::new("", "");
        let origin = WeightsOrigin::Created(None);
        let mut status = Status::invalid(id, "web".to_owned(), invalid, origin, Runner::Unattended);
        status.mend = None;
        status.state = state;
        status.flags.unattended = true;
        status.primary = Some("web-east".to_owned());
        status.backends = vec![backend("web", 0, ready), backend("web-east", 1, 2)];
        let text = r#"{"to": "web-east", "home": "web"}"#;
        status.order = Some(order(serde_json::from_str(text).unwrap()));
        status
    }

    #[test]
    fn a_group_that_is_away_from_home_without_a_watch_can_be_covered() {
        let mut status = forced(State::Overridden, OverrideStatus::InForce, 0);
        let flags = ConnectionFlags::default();
        let labels = |status: &Status| {
            let steps = next_steps(status, &flags).into_iter();
            steps.map(|step| step.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(&status), ["next", "and stay covered"]);
        for (has_pods, label, command) in [
            (
                true,
                "and see why the installed watch does not run it",
                "kubectl -n linkerd-failover logs",
            ),
            (
                false,
                "and give the installed watch pods",
                "kubectl -n linkerd-failover scale",
            ),
        ] {
            let installed = InstalledWatch {
                has_pods,
                command: command.to_owned(),
            };
            let installed = [("shop".to_owned(), installed)];
            let installed = ConnectionFlags::default().with_watch_logs(installed.into());
            let steps = next_steps(&status, &installed);
            let second = steps.last().map(|it| (it.label, it.command.as_str()));
            assert_eq!(second, Some((label, command)));
        }
        status.flags.unattended = false;
        assert_eq!(labels(&status), ["next"]);
    }

    #[test]
    fn a_failback_is_suggested_so_that_it_is_not_refused() {
        for (state, order) in [
            (
                State::Overridden,
                OverrideStatus::InForce as fn(Override) -> OverrideStatus,
            ),
            (State::OutOfSync, OverrideStatus::Expired),
        ] {
            for (ready, flag) in [(2, ""), (1, "--when-ready "), (0, "--when-ready ")] {
                let steps = next_steps(&forced(state, order, ready), &ConnectionFlags::default());
                let first = steps.first().map(|it| it.command.as_str());
                let expected = format!("kubectl failover failback web {flag}-n shop");
                assert_eq!(first, Some(&*expected), "{state}, {ready} of 2");
            }
        }
    }
}
