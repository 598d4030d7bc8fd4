//! The vectors in `tests/fixtures/decide.json`, `standby.json` and `avoid.json`. The executable
//! reference of the rules made them: states of two and of three backends, with the answer to each.
//!
//! Settings with the same answers are listed together. Their `answers` have one letter for each
//! state: weights first, then the readiness of each backend, in the order in which both are listed.
//! The last one changes fastest.

use std::collections::BTreeMap;
use std::time::Duration;

use kubectl_failover::model::standby::set_standbys_apart;
use kubectl_failover::model::weights::reduced;
use kubectl_failover::model::{
    Avoid, AvoidEntry, Backend, Carrier, Failback, Group, GroupId, LastMove, MinReady, Policy,
    PolicyKind, Readiness, Rule, ServiceRef, State, Timers, Weights, WhyUnknown, decide,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Space<Answer> {
    backends: usize,
    weights: Vec<Vec<u64>>,
    readiness: Vec<Option<(u32, u32)>>,
    answers: BTreeMap<char, Answer>,
    groups: Vec<Alike>,
}

#[derive(Debug, Deserialize)]
struct Decided {
    rule: u8,
    /// None: hold.
    weights: Option<Vec<u64>>,
    unverified: bool,
    waiting: bool,
}

/// Of a group that has standbys.
#[derive(Debug, Deserialize)]
struct Written {
    /// The weights to write. None: the object has them.
    weights: Option<Vec<u64>>,
}

/// The letter of a state that cannot be: a Service that does not exist has endpoints.
const IMPOSSIBLE: char = '.';

#[derive(Deserialize)]
struct Alike {
    settings: Vec<Settings>,
    answers: String,
}

/// In the order in which they are listed.
#[derive(Debug, Clone, Deserialize)]
struct Settings {
    policy: String,
    /// None: 1 each.
    shares: Vec<u64>,
    min_ready: serde_json::Value,
    failover_delay: Fate,
    failback_delay: Fate,
    failback: String,
    failback_ready: Option<serde_json::Value>,
    /// The primary's ready endpoints when traffic left it; 0 if that is not known.
    left: u32,
    /// An override is in force, and this is its home. Its target is the primary.
    home: Option<usize>,
    /// The weights are those of a blind move.
    unverified: bool,
    kind: String,
    /// With standbys: whether the last backend's Service does not exist.
    #[serde(default)]
    missing: Option<bool>,
    /// The backends to avoid.
    #[serde(default)]
    avoided: Vec<usize>,
    /// Of the answers with every set of one or two backends to avoid; with three backends, to every
    /// 13th state.
    #[serde(default)]
    digest: String,
}

/// The state of a delay.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    None,
    Running,
    /// The rules treat it like no delay.
    Elapsed,
}

const SPENT: Duration = Duration::from_secs(60);

impl Fate {
    /// A delay that has reached this state after `SPENT`.
    fn delay(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Running => SPENT * 2,
            Self::Elapsed => SPENT,
        }
    }

    fn elapsed(self) -> Self {
        if self == Self::None {
            Self::Elapsed
        } else {
            self
        }
    }
}

impl Settings {
    /// A group whose primary is the first backend, all without traffic.
    fn group(&self, backends: usize) -> Group {
        let service = |index: usize| ServiceRef::new("ns", format!("svc-{index}"));
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "svc-failover".into(),
        };
        let carrier = if self.kind == "route" {
            Carrier::Route
        } else {
            Carrier::Split
        };
        let listed = (0..backends)
            .map(|index| Backend::new("ns", service(index), 0))
            .collect();
        let ordinary = Policy::of(backends);
        Group {
            overridden: self.home.is_some(),
            home: self.home,
            policy: Policy {
                kind: match self.policy.as_str() {
                    "spread" => PolicyKind::Spread,
                    "ordered" => PolicyKind::Ordered,
                    "active-active" => PolicyKind::ActiveActive,
                    other => panic!("no such policy: {other}"),
                },
                shares: if self.shares.is_empty() {
                    ordinary.shares
                } else {
                    self.shares.clone()
                },
                min_ready: threshold(&self.min_ready),
                failback_ready: self.failback_ready.as_ref().map(threshold),
                failover_delay: self.failover_delay.delay(),
                failback_delay: self.failback_delay.delay(),
                failback: if self.failback == "manual" {
                    Failback::Manual
                } else {
                    Failback::Auto
                },
                standby: self.missing.is_some(),
            },
            avoid: avoiding(&self.avoided),
            ..Group::ordinary(id, carrier, "svc-0".into(), listed, 0)
        }
    }

    fn elapsed(&self) -> Self {
        let (failover_delay, failback_delay) =
            (self.failover_delay.elapsed(), self.failback_delay.elapsed());
        Self {
            failover_delay,
            failback_delay,
            ..self.clone()
        }
    }
}

fn avoiding(backends: &[usize]) -> Avoid {
    let entry = AvoidEntry {
        backends: backends
            .iter()
            .map(|index| format!("svc-{index}"))
            .collect(),
        id: "CHG-77".into(),
        ..AvoidEntry::default()
    };
    Avoid {
        entries: vec![entry],
        broken: None,
    }
}

fn threshold(value: &serde_json::Value) -> MinReady {
    match value {
        serde_json::Value::String(percent) => {
            MinReady::Percent(percent.trim_end_matches('%').parse().unwrap())
        }
        count => MinReady::Count(count.as_u64().unwrap().try_into().unwrap()),
    }
}

/// The group with these weights, which a blind move may have set. `left`: the primary's ready
/// endpoints when traffic left it.
fn carrying(mut group: Group, weights: &[u64], blind: bool, left: u32) -> Group {
    for (backend, weight) in group.backends.iter_mut().zip(weights) {
        (backend.weight, backend.weight_on_object) = (*weight, *weight);
    }
    if group.policy.standby {
        set_standbys_apart(&mut group.backends);
    }
    if (blind && weights.iter().any(|&weight| weight > 0)) || left > 0 {
        group.last_move = Some(LastMove {
            from: String::new(),
            to: group.write_weights(weights),
            at: jiff::Timestamp::UNIX_EPOCH,
            by: "reference".into(),
            why: "tried".into(),
            unverified: blind,
            ready: (left > 0).then_some(left),
            home: None,
            command: None,
        });
    }
    group
}

impl<Answer: DeserializeOwned> Space<Answer> {
    fn read(fixture: &str) -> Vec<Self> {
        serde_json::from_str(fixture).unwrap()
    }

    /// Every combination of the readiness of each backend. That of the last one changes fastest.
    fn all_readiness(&self) -> Vec<Vec<Readiness>> {
        let known = |counts: &Option<(u32, u32)>| match *counts {
            Some((ready, total)) => Readiness::Known { ready, total },
            None => Readiness::Unknown {
                why: WhyUnknown::NotListed,
            },
        };
        let each: Vec<Readiness> = self.readiness.iter().map(known).collect();
        (0..self.backends).fold(vec![Vec::new()], |begun, _| {
            let longer = |some: &Vec<Readiness>| {
                let some = some.clone();
                each.iter()
                    .map(move |next| [&some[..], std::slice::from_ref(next)].concat())
            };
            begun.iter().flat_map(longer).collect()
        })
    }

    /// Compares the answers to every state of a group. Returns their number.
    fn agrees(
        &self,
        settings: &Settings,
        answers: &str,
        compare: impl Fn(&Group, &[Readiness], &Timers, &Answer),
    ) -> usize {
        let group = settings.group(self.backends);
        let timers = Timers(vec![Some(SPENT); self.backends]);
        let all_readiness = self.all_readiness();
        let mut answers = answers.chars();
        let mut states = 0;
        for weights in &self.weights {
            let group = carrying(group.clone(), weights, settings.unverified, settings.left);
            for readiness in &all_readiness {
                let answer = answers.next().unwrap();
                if answer == IMPOSSIBLE {
                    continue;
                }
                let mut readiness = readiness.clone();
                if settings.missing == Some(true) {
                    *readiness.last_mut().unwrap() = Readiness::Missing;
                }
                compare(&group, &readiness, &timers, &self.answers[&answer]);
                states += 1;
            }
        }
        assert_eq!(
            answers.next(),
            None,
            "the states are fewer than the answers"
        );
        states
    }
}

const DECIDE: &str = include_str!("../fixtures/decide.json");
const AVOID: &str = include_str!("../fixtures/avoid.json");
const STANDBY: &str = include_str!("../fixtures/standby.json");

fn compare(group: &Group, readiness: &[Readiness], timers: &Timers, answer: &Decided) {
    let decision = decide(group, readiness, timers, jiff::Timestamp::UNIX_EPOCH);
    let weights = answer.weights.clone().map_or(Weights::Hold, Weights::Set);
    // The result of a blind move stays marked until it is known to be good.
    let on_trial = group.placed_unverified()
        && (0..readiness.len()).any(|index| group.carries(index) && readiness[index].is_unknown());
    let agrees = decision.rule as u8 == answer.rule
        && decision.weights == weights
        && decision.unverified == answer.unverified
        && decision.flags.unverified == (answer.unverified || on_trial)
        && decision.waiting == answer.waiting
        && match group.policy.failback_ready {
            // It may wait for nothing but endpoints.
            Some(_) => answer.waiting || decision.look_again.is_none(),
            None => decision.look_again.is_some() == answer.waiting,
        }
        && (decision.state != State::Waiting || answer.waiting);
    assert!(
        agrees,
        "{answer:?} is expected, not {decision:#?} of {readiness:?} in {group:#?}"
    );
}

#[test]
fn every_state_of_the_reference_agrees() {
    let mut states = 0;
    for space in Space::read(DECIDE) {
        for Alike { settings, answers } in &space.groups {
            for settings in settings {
                states += space.agrees(settings, answers, compare);
            }
        }
    }
    assert_eq!(states, 300_288);
}

#[test]
fn an_elapsed_delay_is_like_none() {
    for space in Space::read(DECIDE) {
        for Alike { settings, answers } in &space.groups {
            let with_none =
                |it: &&Settings| [it.failover_delay, it.failback_delay].contains(&Fate::None);
            for settings in settings.iter().filter(with_none) {
                space.agrees(&settings.elapsed(), answers, compare);
            }
        }
    }
}

#[test]
fn the_reference_tries_every_rule_on_splits_and_on_routes() {
    for kind in ["split", "route"] {
        let mut rules = std::collections::BTreeSet::new();
        for space in Space::<Decided>::read(DECIDE) {
            for Alike { settings, answers } in &space.groups {
                if settings.iter().any(|settings| settings.kind == kind) {
                    rules.extend(answers.chars().map(|answer| space.answers[&answer].rule));
                }
            }
        }
        assert!(
            rules
                .into_iter()
                .eq(Rule::NoneReady as u8..=Rule::Unverified as u8),
            "{kind}"
        );
    }
}

/// The rules see no standby, the weights to write have those that the reference has, the proxies
/// take them, and once they are written nothing is left to write.
fn compare_written(group: &Group, readiness: &[Readiness], timers: &Timers, answer: &Written) {
    let decision = decide(group, readiness, timers, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(
        decision.written, answer.weights,
        "{decision:#?} of {readiness:?} in {group:#?}"
    );
    let Some(written) = &decision.written else {
        return;
    };
    assert!(group.carrier.takes(written), "{written:?}");
    let unverified = decision.unverified;
    let after = carrying(group.clone(), written, unverified, 0);
    if let Weights::Set(weights) = &decision.weights {
        assert!(after.has_weights(weights), "{written:?} of {weights:?}");
    }
    let again = decide(&after, readiness, timers, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(again.written, None, "{decision:#?}, then {again:#?}");
    assert_eq!(again.flags.standby, after.has_standby());
}

#[test]
fn every_standby_of_the_reference_agrees() {
    let mut states = 0;
    for space in Space::read(STANDBY) {
        for Alike { settings, answers } in &space.groups {
            for settings in settings {
                states += space.agrees(settings, answers, compare_written);
            }
        }
    }
    assert_eq!(states, 224_000);
}

/// The weights that are to stand on the object, as the smallest numbers. None: it has them.
fn wanted(group: &Group, readiness: &[Readiness], timers: &Timers) -> Option<Vec<u64>> {
    match decide(group, readiness, timers, jiff::Timestamp::UNIX_EPOCH).weights {
        Weights::Set(weights) => Some(reduced(&weights)),
        Weights::Hold => None,
    }
}

fn compare_avoiding(group: &Group, readiness: &[Readiness], timers: &Timers, answer: &Written) {
    assert_eq!(
        wanted(group, readiness, timers),
        answer.weights,
        "of {readiness:?} in {group:#?}"
    );
}

#[test]
fn every_sampled_state_with_backends_to_avoid_agrees() {
    let mut states = 0;
    for space in Space::read(AVOID) {
        for Alike { settings, answers } in &space.groups {
            for settings in settings {
                states += space.agrees(settings, answers, compare_avoiding);
            }
        }
    }
    assert_eq!(states, 300_288);
}

/// All sets of one or two backends, in the order of the reference.
fn sets_to_avoid(backends: usize) -> Vec<Vec<usize>> {
    let one = (0..backends).map(|it| vec![it]);
    let two = (0..backends).flat_map(|it| (it + 1..backends).map(move |other| vec![it, other]));
    one.chain(two).collect()
}

/// FNV-1a.
fn digest(hash: u64, text: &str) -> u64 {
    text.bytes().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn states_with_every_set_of_backends_to_avoid_have_the_digest_of_the_reference() {
    let mut states = 0;
    for space in Space::<Written>::read(AVOID) {
        let timers = Timers(vec![Some(SPENT); space.backends]);
        let all_readiness = space.all_readiness();
        let stride = if space.backends == 2 { 1 } else { 13 };
        for settings in space.groups.iter().flat_map(|alike| &alike.settings) {
            let mut count = 0;
            let mut hash = 0xcbf2_9ce4_8422_2325;
            for avoided in sets_to_avoid(space.backends) {
                let mut group = settings.group(space.backends);
                group.avoid = avoiding(&avoided);
                for weights in &space.weights {
                    let group =
                        carrying(group.clone(), weights, settings.unverified, settings.left);
                    for readiness in &all_readiness {
                        count += 1;
                        if count % stride != 0 {
                            continue;
                        }
                        let answer = match wanted(&group, readiness, &timers) {
                            Some(weights) => weights
                                .iter()
                                .map(u64::to_string)
                                .collect::<Vec<_>>()
                                .join(","),
                            None => "-".to_owned(),
                        };
                        hash = digest(hash, &format!("{answer};"));
                        states += 1;
                    }
                }
            }
            assert_eq!(format!("{hash:016x}"), settings.digest, "{settings:?}");
        }
    }
    assert_eq!(states, 237_864);
}
