//! The conditions of `status --for` and `watch --until`: parsing, and whether a group meets one.

use std::fmt;
use std::str::FromStr;

use super::runner::Runner;
use super::state::{Flags, State};
use super::status::Status;

/// Alternatives, one of which must hold: `Failover,Unavailable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    alternatives: Vec<Alternative>,
}

/// One alternative: `Failover`, `!redundant`, `active=web-svc-east`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alternative {
    negated: bool,
    predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Predicate {
    State(State),
    Flag(&'static str),
    /// This backend carries traffic.
    Active(String),
}

/// The text is not a condition. `Display` lists the valid conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCondition {
    text: String,
}

impl std::error::Error for BadCondition {}

impl Condition {
    /// Whether the group meets one of the alternatives.
    pub fn holds(&self, status: &Status) -> bool {
        self.alternatives
            .iter()
            .any(|alternative| alternative.holds(status))
    }
}

impl Alternative {
    fn holds(&self, status: &Status) -> bool {
        if self.depends_on_runner(status) && status.runner == Runner::Unknown {
            // Neither the flag nor its negation is known to hold.
            return false;
        }
        let is_so = match &self.predicate {
            Predicate::State(state) => status.state == *state,
            Predicate::Flag(name) => status.flags.names().contains(name),
            Predicate::Active(backend) => status.active().contains(&backend.as_str()),
        };
        is_so != self.negated
    }

    fn depends_on_runner(&self, status: &Status) -> bool {
        match self.predicate {
            Predicate::Flag("unattended") => true,
            Predicate::Flag("exposed") => status.exposure_if(true) != status.exposure_if(false),
            _ => false,
        }
    }
}

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let alternatives = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }
}

impl FromStr for Alternative {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let text = text.trim();
        let (negated, word) = match text.strip_prefix('!') {
            Some(word) => (true, word.trim_start()),
            None => (false, text),
        };
        match parse_predicate(word) {
            Some(predicate) => Ok(Self { negated, predicate }),
            None => Err(BadCondition {
                text: text.to_owned(),
            }),
        }
    }
}

/// `overridden` names a state and a flag: it means the flag, which every group in that state has.
fn parse_predicate(text: &str) -> Option<Predicate> {
    if let Some((word, backend)) = text.split_once('=') {
        let is_name = |name: &str| {
            name.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-./".contains(letter))
        };
        let named = word.eq_ignore_ascii_case("active") && !backend.is_empty() && is_name(backend);
        return named.then(|| Predicate::Active(backend.to_owned()));
    }
    let flag = Flags::NAMES
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(text))
        .map(Predicate::Flag);
    let state = || {
        State::ALL
            .into_iter()
            .find(|state| state.to_string().eq_ignore_ascii_case(text))
    };
    flag.or_else(|| state().map(Predicate::State))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives: Vec<String> = self
            .alternatives
            .iter()
            .map(Alternative::to_string)
            .collect();
        f.write_str(&alternatives.join(","))
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "!" } else { "" })?;
        match &self.predicate {
            Predicate::State(state) => write!(f, "{state}"),
            Predicate::Flag(name) => f.write_str(name),
            Predicate::Active(backend) => write!(f, "active={backend}"),
        }
    }
}

impl fmt::Display for BadCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<String> = State::ALL.iter().map(State::to_string).collect();
        write!(
            f,
            "unknown condition {:?}\n  states:  {}\n  flags:   {}\n  backend: active=BACKEND\n\
             ! before one of them negates it, and a comma between two means \"or\"",
            self.text,
            states.join(", "),
            Flags::NAMES.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{BackendStatus, GroupId, Readiness, WeightsOrigin};

    fn status(state: State, flags: Flags, weights: &[(&str, u64)]) -> Status {
        let backend = |(name, weight): &(&str, u64)| BackendStatus {
            weight_on_object: *weight,
            name: (*name).to_owned(),
            weight: *weight,
            readiness: Readiness::Missing,
            since: None,
            ailment: None,
        };
        Status {
            forgotten_home: None,
            since: None,
            due: None,
            wait: None,
            warnings: Vec::new(),
            id: GroupId {
                namespace: "ns".to_owned(),
                kind: "trafficsplit",
                name: "web".to_owned(),
            },
            apex: "web".to_owned(),
            state,
            flags,
            reason: String::new(),
            mend: None,
            bad_settings: Vec::new(),
            primary: None,
            backends: weights.iter().map(backend).collect(),
            order: None,
            avoid: Vec::new(),
            last_return: None,
            paused: None,
            changed: WeightsOrigin::Created(None),
            runner: Runner::Unattended,
        }
    }

    fn holds(text: &str, status: &Status) -> bool {
        text.parse::<Condition>().unwrap().holds(status)
    }

    #[test]
    fn states_in_any_case_and_alternatives() {
        let failover = status(State::Failover, Flags::default(), &[]);
        for text in [
            "Failover",
            "failover",
            "FAILOVER",
            "primary,failover",
            "!Primary",
            "primary, ! active",
        ] {
            assert!(holds(text, &failover), "{text}");
        }
        for text in ["Primary", "!failover", "outofsync,waiting"] {
            assert!(!holds(text, &failover), "{text}");
        }
    }

    #[test]
    fn flags_and_backends() {
        let flags = Flags {
            short: true,
            overridden: true,
            ..Flags::default()
        };
        let moved = status(State::Failover, flags, &[("web", 0), ("web-east", 1)]);
        for text in [
            "short",
            "overridden",
            "!redundant",
            "active=web-east",
            "!active=web",
            "active=web,short",
        ] {
            assert!(holds(text, &moved), "{text}");
        }
        for text in [
            "redundant",
            "!short",
            "active=web",
            "active=other",
            "Active",
        ] {
            assert!(!holds(text, &moved), "{text}");
        }
    }

    #[test]
    fn an_unknown_runner_meets_neither_unattended_nor_its_negation() {
        let unattended = Flags {
            unattended: true,
            ..Flags::default()
        };
        let nobody = status(State::Primary, unattended, &[]);
        assert!(holds("unattended", &nobody) && !holds("!unattended", &nobody));
        let unknown = Status {
            runner: Runner::Unknown,
            ..status(State::Primary, Flags::default(), &[])
        };
        assert!(!holds("unattended", &unknown) && !holds("!unattended", &unknown));
        assert!(holds("!unattended,Primary", &unknown));
    }

    #[test]
    fn an_unknown_condition_lists_the_known_ones() {
        for text in [
            "",
            "fail",
            "active=",
            "active=a b",
            "!!primary",
            "primary,",
            "up=web",
            "active=a=b",
        ] {
            let said = text.parse::<Condition>().unwrap_err().to_string();
            for word in ["Failover", "OutOfSync", "unattended", "active=BACKEND"] {
                assert!(said.contains(word), "{text}: {said}");
            }
        }
    }

    #[test]
    fn every_flag_is_a_condition() {
        let all = Flags {
            overridden: true,
            broken: true,
            unverified: true,
            held: true,
            avoiding: true,
            short: true,
            redundant: true,
            standby: true,
            contested: true,
            unattended: true,
            exposed: true,
        };
        assert_eq!(all.names(), Flags::NAMES);
    }

    fn alternative() -> impl Strategy<Value = Alternative> {
        let predicate = prop_oneof![
            prop::sample::select(&State::ALL[..])
                .prop_filter("the flag's name", |state| *state != State::Overridden)
                .prop_map(Predicate::State),
            prop::sample::select(&Flags::NAMES[..]).prop_map(Predicate::Flag),
            "[a-z]([-a-z0-9]{0,61}[a-z0-9])?".prop_map(Predicate::Active),
        ];
        (any::<bool>(), predicate)
            .prop_map(|(negated, predicate)| Alternative { negated, predicate })
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,40}|[!,= a-z]{0,20}") {
            if let Ok(condition) = text.parse::<Condition>() {
                prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
            }
        }

        #[test]
        fn a_printed_condition_parses_to_the_same_condition(alternatives in prop::collection::vec(alternative(), 1..4)) {
            let condition = Condition { alternatives };
            prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
        }
    }
}
