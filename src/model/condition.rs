//! What `status --for` can ask of a group.

use std::fmt;
use std::str::FromStr;

use super::report::{Flags, State};
use super::status::{Runner, Status};

/// Claims of which one must hold: `Failover,Unavailable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    claims: Vec<Claim>,
}

/// One claim: `Failover`, `!redundant`, `active=web-svc-east`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim {
    negated: bool,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    State(State),
    Flag(&'static str),
    /// This backend carries traffic.
    Active(String),
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCondition {
    claim: String,
}

impl std::error::Error for BadCondition {}

impl Condition {
    /// Whether one of the claims is true of the group.
    pub fn holds(&self, status: &Status) -> bool {
        self.claims.iter().any(|claim| claim.holds(status))
    }
}

impl Claim {
    fn holds(&self, status: &Status) -> bool {
        if self.what == What::Flag("unattended") && status.runner == Runner::Unknown {
            // Neither it nor its contrary is known.
            return false;
        }
        let is_so = match &self.what {
            What::State(state) => status.state == *state,
            What::Flag(name) => status.flags.names().contains(name),
            What::Active(backend) => status.active().contains(&backend.as_str()),
        };
        is_so != self.negated
    }
}

impl FromStr for Condition {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let claims: Result<Vec<Claim>, BadCondition> = text.split(',').map(str::parse).collect();
        Ok(Self { claims: claims? })
    }
}

impl FromStr for Claim {
    type Err = BadCondition;

    fn from_str(text: &str) -> Result<Self, BadCondition> {
        let text = text.trim();
        let (negated, what) = match text.strip_prefix('!') {
            Some(what) => (true, what.trim_start()),
            None => (false, text),
        };
        match read_what(what) {
            Some(what) => Ok(Self { negated, what }),
            None => Err(BadCondition {
                claim: text.to_owned(),
            }),
        }
    }
}

/// `overridden` names a state and a flag: it is taken as the flag, which every group in that state has.
fn read_what(text: &str) -> Option<What> {
    if let Some((word, backend)) = text.split_once('=') {
        let is_name = |name: &str| {
            name.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-./".contains(letter))
        };
        let named = word.eq_ignore_ascii_case("active") && !backend.is_empty() && is_name(backend);
        return named.then(|| What::Active(backend.to_owned()));
    }
    let flag = Flags::NAMES
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(text))
        .map(What::Flag);
    let state = || {
        State::ALL
            .into_iter()
            .find(|state| state.to_string().eq_ignore_ascii_case(text))
    };
    flag.or_else(|| state().map(What::State))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Vec<String> = self.claims.iter().map(Claim::to_string).collect();
        f.write_str(&claims.join(","))
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "!" } else { "" })?;
        match &self.what {
            What::State(state) => write!(f, "{state}"),
            What::Flag(name) => f.write_str(name),
            What::Active(backend) => write!(f, "active={backend}"),
        }
    }
}

impl fmt::Display for BadCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<String> = State::ALL.iter().map(State::to_string).collect();
        write!(
            f,
            "{:?} is none\n  states:  {}\n  flags:   {}\n  backend: active=BACKEND\n\
             ! before one of them negates it, and a comma between two means \"or\"",
            self.claim,
            states.join(", "),
            Flags::NAMES.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{BackendStatus, Changed, GroupId, Readiness};

    fn status(state: State, flags: Flags, weights: &[(&str, u64)]) -> Status {
        let backend = |(name, weight): &(&str, u64)| BackendStatus {
            name: (*name).to_owned(),
            weight: *weight,
            readiness: Readiness::Missing,
        };
        Status {
            forgotten_home: None,
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
            paused: None,
            changed: Changed::Created(None),
            runner: Runner::Nobody,
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
    fn who_is_not_known_to_run_a_group_proves_nothing() {
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
    fn what_is_none_lists_what_can_be_said() {
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
    fn every_flag_has_its_name_among_those_that_can_be_asked_for() {
        let all = Flags {
            overridden: true,
            broken: true,
            unverified: true,
            held: true,
            short: true,
            redundant: true,
            contested: true,
            unattended: true,
        };
        assert_eq!(all.names(), Flags::NAMES);
    }

    fn claim() -> impl Strategy<Value = Claim> {
        let what = prop_oneof![
            prop::sample::select(&State::ALL[..])
                .prop_filter("the flag's name", |state| *state != State::Overridden)
                .prop_map(What::State),
            prop::sample::select(&Flags::NAMES[..]).prop_map(What::Flag),
            "[a-z]([-a-z0-9]{0,61}[a-z0-9])?".prop_map(What::Active),
        ];
        (any::<bool>(), what).prop_map(|(negated, what)| Claim { negated, what })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,40}|[!,= a-z]{0,20}") {
            if let Ok(condition) = text.parse::<Condition>() {
                prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
            }
        }

        #[test]
        fn what_is_shown_reads_as_the_same(claims in prop::collection::vec(claim(), 1..4)) {
            let condition = Condition { claims };
            prop_assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
        }
    }
}
