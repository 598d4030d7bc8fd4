//! Why a group is not changed, and what to do about it.

use clap::ValueEnum;

use crate::model::Group;
use crate::text::nearest::nearest;

/// Why a group is not changed.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The value of `--allow` that overrides the refusal, if one does.
    pub allow: Option<String>,
    /// Waiting may help: endpoints may become ready.
    pub may_pass: bool,
    pub reason: String,
    /// What to do next: a way out in each line.
    pub next: Vec<String>,
}

impl Refusal {
    /// Returns a refusal that neither `--allow` nor waiting can overcome.
    pub fn new(reason: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            allow: None,
            may_pass: false,
            reason: reason.into(),
            next: vec![next.into()],
        }
    }

    /// Names another way out.
    #[must_use]
    pub fn or_next(mut self, line: impl Into<String>) -> Self {
        self.next.push(line.into());
        self
    }

    /// Lets `--allow` with this value override the refusal.
    ///
    /// # Errors
    /// The refusal, unless the danger is allowed.
    pub fn unless_allowed<D: ValueEnum + PartialEq>(
        mut self,
        danger: D,
        allowed: &[D],
    ) -> Result<(), Self> {
        let value = danger.to_possible_value();
        self.allow = value.map(|value| value.get_name().to_owned());
        if allowed.contains(&danger) {
            Ok(())
        } else {
            Err(self)
        }
    }

    /// The group has no backend of the name that was given with `flag`.
    pub fn no_backend(group: &Group, typed: &str, flag: &str) -> Self {
        let names = group.backend_names();
        let meant = nearest(typed, names.iter().copied())
            .map(|name| format!("did you mean {name}? "))
            .unwrap_or_default();
        Self::new(
            format!("{typed} is not a backend of this group"),
            format!("{meant}name a backend with {flag}: {}", names.join(", ")),
        )
    }
}
