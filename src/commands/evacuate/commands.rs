//! The commands that go on with an evacuation, and that undo it, ready to paste.

use std::time::Duration;

use clap::ValueEnum as _;

use super::gather::Gathered;
use crate::cli::{Danger, ManyArgs};
use crate::text::word;

/// What the suggested commands have in common.
pub struct Commands<'a> {
    many: &'a ManyArgs,
    allow: &'a [Danger],
    /// The cluster, the identifier, and the flags that reach the contexts.
    target: String,
}

impl<'a> Commands<'a> {
    pub fn new(
        gathered: &Gathered,
        many: &'a ManyArgs,
        allow: &'a [Danger],
        cluster: &str,
        id: &str,
    ) -> Self {
        let mut target = format!("{} --id {} {}", word(cluster), word(id), gathered.flags);
        for (name, context) in &many.remotes.remote {
            target += &format!(" --remote {}", word(&format!("{name}={context}")));
        }
        if many.remotes.remote_from_links {
            target += " --remote-from-links";
        }
        for local in &many.local_names.local_name {
            let context = local.context.as_ref().map(|it| format!("={it}"));
            let text = format!("{}{}", local.name, context.unwrap_or_default());
            target += &format!(" --local-name {}", word(&text));
        }
        Self {
            many,
            allow,
            target: target.trim_end().to_owned(),
        }
    }

    /// Returns the same `evacuate`.
    pub fn evacuate(&self, duration: Option<Duration>, reason: Option<&str>) -> String {
        let mut command = format!("kubectl failover evacuate {}", self.target);
        if let Some(duration) = duration {
            command += &format!(" --duration {}", spelled(duration));
        }
        if let Some(reason) = reason {
            command += &format!(" --reason {}", word(reason));
        }
        command + &self.how()
    }

    /// Returns the `return` from it.
    pub fn bring_back(&self) -> String {
        format!("kubectl failover return {}", self.target)
    }

    /// Returns the same `return`.
    pub fn same_return(&self, when_ready: bool) -> String {
        let wait = if when_ready { " --when-ready" } else { "" };
        format!("{}{wait}{}", self.bring_back(), self.how())
    }

    fn how(&self) -> String {
        let mut flags = String::new();
        if let Some(batch) = self.many.batch {
            flags += &format!(" --batch {batch} --pause {}", spelled(self.many.pause));
        }
        let allowed = self.allow.iter().filter_map(|danger| {
            let value = danger.to_possible_value()?;
            Some(value.get_name().to_owned())
        });
        let allowed: Vec<String> = allowed.collect();
        if !allowed.is_empty() {
            flags += &format!(" --allow {}", allowed.join(","));
        }
        flags
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
    use super::*;

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
