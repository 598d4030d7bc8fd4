//! The commands that go on with an evacuation or a return, and that undo it, ready to paste.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::ValueEnum as _;
use jiff::Timestamp;

use super::gather::Gathered;
use crate::cli::{Danger, EVACUATE_DANGERS, EvacuateArgs, ManyArgs, RETURN_DANGERS, ReturnArgs};
use crate::model::AvoidEntry;
use crate::text::{evacuation_command, word};
use crate::view::evacuation::EvacuationRow;

/// What the user called.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    Evacuate {
        args: &'a EvacuateArgs,
        /// An evacuation with the identifier stood before, perhaps with another end.
        stood_before: bool,
    },
    Return {
        args: &'a ReturnArgs,
        /// What it ends, if that is known.
        ended: Option<&'a AvoidEntry>,
        now: Option<Timestamp>,
    },
}

/// The commands to suggest after a call.
pub struct Commands<'a> {
    call: Call<'a>,
    cluster: &'a str,
    id: &'a str,
    /// The flags that reach the contexts.
    flags: String,
}

impl<'a> Commands<'a> {
    pub fn new(gathered: &Gathered, call: Call<'a>, cluster: &'a str, id: &'a str) -> Self {
        let many = call.many();
        let mut flags = gathered.flags.clone();
        for (name, context) in &many.remotes.remote {
            flags += &format!(" --remote {}", word(&format!("{name}={context}")));
        }
        if many.remotes.remote_from_links {
            flags += " --remote-from-links";
        }
        for local in &many.local_names.local_name {
            let context = local.context.as_ref().map(|it| format!("={it}"));
            let text = format!("{}{}", local.name, context.unwrap_or_default());
            flags += &format!(" --local-name {}", word(&text));
        }
        Self {
            call,
            cluster,
            id,
            flags,
        }
    }

    /// Starts a command on an evacuation of the cluster.
    fn on(&self, command: &str, id: &str) -> String {
        evacuation_command(command, self.cluster, id, &self.flags)
    }

    /// Returns the command that goes on after this came of the groups.
    pub fn go_on(&self, rows: &[EvacuationRow]) -> String {
        self.again(rows, Vec::new())
    }

    /// Returns the one that also changes the groups that were refused; none if no `--allow` does.
    pub fn go_on_anyway(&self, rows: &[EvacuationRow]) -> Option<String> {
        let refused = rows.iter().filter_map(|row| row.allow.clone());
        let refused: Vec<String> = refused.collect();
        (!refused.is_empty()).then(|| self.again(rows, refused))
    }

    fn again(&self, rows: &[EvacuationRow], refused: Vec<String>) -> String {
        let command = match self.call {
            Call::Evacuate { args, stood_before } => {
                // Without the duration, the end stays what it is on the groups that have the order.
                let keeps_end = !stood_before && rows.iter().any(EvacuationRow::is_as_ordered);
                let duration = args.duration.filter(|_| !keeps_end);
                self.evacuate(duration, args.reason.as_deref())
            }
            Call::Return { args, .. } => {
                let wait = if args.when_ready { " --when-ready" } else { "" };
                format!("{}{wait}", self.bring_back())
            }
        };
        let many = self.call.many();
        let batches = many
            .batch
            .map(|batch| format!(" --batch {batch} --pause {}", spelled(many.pause)));
        let allowed = self.call.allow().iter().filter_map(name);
        let allow = allow(allowed.chain(refused));
        command + &batches.unwrap_or_default() + &allow
    }

    /// Returns the command that undoes what came of the groups.
    pub fn undo(&self, rows: &[EvacuationRow]) -> String {
        let allowed = self.call.allow().iter();
        let Call::Return { ended, now, .. } = self.call else {
            let allowed = allowed.filter(|it| RETURN_DANGERS.contains(it));
            return self.bring_back() + &allow(allowed.filter_map(name));
        };
        let allowed = allowed.filter(|it| EVACUATE_DANGERS.contains(it));
        let is_forced = rows.iter().any(|row| row.is_forced_by_others);
        let others = is_forced.then_some(&Danger::Others);
        let until = ended.and_then(|entry| entry.until).zip(now);
        let left = until.and_then(|(until, now)| Duration::try_from(until - now).ok());
        // The groups that were not returned keep the end.
        let is_whole = rows.iter().all(|row| row.result == "changed");
        let duration = left.filter(|left| is_whole && left.as_secs() > 0);
        let reason = ended.and_then(|entry| entry.reason.as_deref());
        self.evacuate(duration, reason) + &allow(allowed.chain(others).filter_map(name))
    }

    /// Returns the command that ends the evacuation, at any time.
    pub fn bring_back(&self) -> String {
        self.bring_back_from(self.id)
    }

    /// The same for another evacuation of the cluster.
    pub fn bring_back_from(&self, id: &str) -> String {
        self.on("return", id)
    }

    fn evacuate(&self, duration: Option<Duration>, reason: Option<&str>) -> String {
        let mut command = self.on("evacuate", self.id);
        if let Some(duration) = duration {
            command += &format!(" --duration {}", spelled(duration));
        }
        if let Some(reason) = reason {
            command += &format!(" --reason {}", word(reason));
        }
        command
    }
}

impl<'a> Call<'a> {
    pub fn of_return(args: &'a ReturnArgs) -> Self {
        Self::Return {
            args,
            ended: None,
            now: None,
        }
    }

    fn many(self) -> &'a ManyArgs {
        match self {
            Self::Evacuate { args, .. } => &args.many,
            Self::Return { args, .. } => &args.many,
        }
    }

    fn allow(self) -> &'a [Danger] {
        match self {
            Self::Evacuate { args, .. } => &args.allow,
            Self::Return { args, .. } => &args.allow,
        }
    }
}

fn name(danger: &Danger) -> Option<String> {
    let value = danger.to_possible_value()?;
    Some(value.get_name().to_owned())
}

fn allow(names: impl Iterator<Item = String>) -> String {
    let names: BTreeSet<String> = names.collect();
    match Vec::from_iter(names).join(",") {
        none if none.is_empty() => none,
        names => format!(" --allow={names}"),
    }
}

/// Returns a duration in the largest unit that fits, as people type it.
fn spelled(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::model::GroupId;
    use crate::view::evacuation::PlannedEffect;

    #[derive(Parser)]
    struct Evacuate {
        #[command(flatten)]
        args: EvacuateArgs,
    }

    #[derive(Parser)]
    struct Return {
        #[command(flatten)]
        args: ReturnArgs,
    }

    fn row(result: &'static str, allow: Option<&str>) -> EvacuationRow {
        EvacuationRow {
            context: "west".into(),
            id: GroupId {
                namespace: "shop".into(),
                kind: "trafficsplit",
                name: "web".into(),
            },
            backends: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            plan: PlannedEffect::Moves,
            is_forced_there: false,
            is_forced_by_others: false,
            kept_by: Vec::new(),
            stays_away: false,
            is_back: false,
            result,
            message: String::new(),
            allow: allow.map(str::to_owned),
            next: Vec::new(),
            state: None,
        }
    }

    fn commands(call: Call) -> Commands {
        let gathered = Gathered {
            contexts: Vec::new(),
            unread: Vec::new(),
            flags: "-n shop".into(),
        };
        Commands::new(&gathered, call, "east", "A")
    }

    #[test]
    fn going_on_keeps_the_end_that_stands_and_what_was_allowed() {
        let typed = "evacuate east --duration 4h --batch 5 --allow paused,others";
        let args = Evacuate::parse_from(typed.split(' ')).args;
        let call = |stood_before| Call::Evacuate {
            args: &args,
            stood_before,
        };
        let go_on = |stood_before, results: &[&'static str]| {
            let rows = results.iter().map(|result| row(result, None));
            commands(call(stood_before)).go_on(&Vec::from_iter(rows))
        };
        let how = "--batch 5 --pause 30s --allow=others,paused";
        let evacuate = "kubectl failover evacuate east --id A -n shop";
        let anew = format!("{evacuate} --duration 4h {how}");
        assert_eq!(
            go_on(false, &["changed", "notReached"]),
            format!("{evacuate} {how}")
        );
        // No group has the end, or some may have an earlier one.
        assert_eq!(go_on(false, &["failed", "refused"]), anew);
        assert_eq!(go_on(true, &["changed", "notReached"]), anew);

        let anyway = |rows: &[EvacuationRow]| commands(call(false)).go_on_anyway(rows);
        assert_eq!(anyway(&[row("refused", None)]), None);
        assert_eq!(
            anyway(&[row("changed", None), row("refused", Some("gitops"))]).unwrap(),
            format!("{evacuate} --batch 5 --pause 30s --allow=gitops,others,paused")
        );
        let undo = commands(call(false)).undo(&[row("changed", None)]);
        assert_eq!(
            undo,
            "kubectl failover return east --id A -n shop --allow=paused"
        );
    }

    #[test]
    fn undoing_a_return_evacuates_until_the_same_end() {
        let args = Return::parse_from("return east --id A --allow unready,gitops".split(' ')).args;
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let entry = AvoidEntry {
            until: time("2026-11-27T11:00:00Z"),
            reason: Some("disks".into()),
            ..AvoidEntry::default()
        };
        let undo = |rows: &[EvacuationRow], now| {
            let ended = Some(&entry);
            let now = time(now);
            let args = &args;
            commands(Call::Return { args, ended, now }).undo(rows)
        };
        let evacuate = "kubectl failover evacuate east --id A -n shop";
        let mut changed = row("changed", None);
        assert_eq!(
            undo(&[changed.clone()], "2026-11-27T10:30:00Z"),
            format!("{evacuate} --duration 30m --reason disks --allow=gitops")
        );
        changed.is_forced_by_others = true;
        // One that keeps the order has the end.
        for (rows, now) in [
            (&[changed.clone()][..], "2026-11-27T12:00:00Z"),
            (
                &[changed.clone(), row("refused", None)],
                "2026-11-27T10:30:00Z",
            ),
        ] {
            let expected = format!("{evacuate} --reason disks --allow=gitops,others");
            assert_eq!(undo(rows, now), expected);
        }
    }

    #[test]
    fn durations_are_spelled_as_people_type_them() {
        let durations = [
            (14_400, "4h"),
            (1_800, "30m"),
            (5_400, "90m"),
            (61, "61s"),
            (0, "0s"),
        ];
        for (seconds, expected) in durations {
            assert_eq!(spelled(Duration::from_secs(seconds)), expected);
        }
    }
}
