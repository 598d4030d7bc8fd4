//! The changes to a group's object: weights, label and annotations, collected by a builder.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::annotations::{
    AVOID, CONTROLLED_BY, HELD, LAST_MOVE, LAST_RETURN, LinkerdAnnotations, OVERRIDE, PAUSED,
    PRIMARY_SERVICE,
};
use super::backend_list::BackendListChange;
use super::record::Record;
use crate::model::avoidance::AvoidPlan;
use crate::model::moves::MoveCommand;
use crate::model::{AvoidEntry, Decision, Group, LastMove, LastReturn, Override, Pause, Weights};

/// A change to a group's object. [`patch`](super::patch()) turns it into a JSON patch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Value of the label that makes an object a group; none leaves the label unchanged.
    pub controlled_by: Option<String>,
    /// One weight for each backend, those of standbys included; none leaves the weights unchanged.
    pub weights: Option<Vec<u64>>,
    /// Where the traffic goes, without standbys; none if it does not move.
    pub moves_to: Option<Vec<u64>>,
    /// Annotations by key, without the prefix; none as the value removes the annotation.
    pub annotations: BTreeMap<&'static str, Option<String>>,
    /// Linkerd's own annotations.
    pub linkerds: LinkerdAnnotations,
    /// Backends that the object gets or loses. Their weights are part of this.
    pub backends: BackendListChange,
    /// The annotation of the move, if traffic moves.
    pub last_move: Option<LastMove>,
}

/// A move of traffic, and who makes it.
#[derive(Debug, Clone, Copy)]
pub struct TrafficMove<'a> {
    /// The group as it is before the move.
    pub group: &'a Group,
    /// Where the traffic goes; [`Weights::Hold`] moves nothing.
    pub weights: &'a Weights,
    /// The weights to write: see [`Decision::written`].
    pub written: Option<&'a [u64]>,
    /// It is unknown whether the new backends are ready.
    pub unverified: bool,
    /// See [`Decision::home_ready`].
    pub home_ready: Option<u32>,
    /// User and host.
    pub by: &'a str,
    /// The reason, in words.
    pub why: &'a str,
    /// The API server's time.
    pub at: Timestamp,
}

/// Collects the parts of a [`Change`], in any order.
#[derive(Debug, Default)]
#[must_use]
pub struct ChangeBuilder<'a> {
    controlled_by: Option<&'a str>,
    annotations: BTreeMap<&'static str, Option<String>>,
    linkerds: LinkerdAnnotations,
    force: Option<&'a Override>,
    pause: Option<&'a Pause>,
    avoid: Option<&'a [AvoidEntry]>,
    command: Option<MoveCommand>,
    traffic: Option<TrafficMove<'a>>,
}

impl Change {
    /// Returns a builder of a change that changes nothing yet.
    pub fn builder<'a>() -> ChangeBuilder<'a> {
        ChangeBuilder::default()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the same change without the note of the move, if it has one.
    pub fn without_last_move(&self) -> Option<Self> {
        let mut change = self.clone();
        change.annotations.remove(LAST_MOVE)?;
        Some(change)
    }

    /// Returns what an object that was read after the change does not have, if anything.
    pub fn missing_in(&self, after: &Record) -> Option<&'static str> {
        let group = after.group.as_ref().ok();
        let weights = self.weights.as_ref().zip(group);
        if weights.is_some_and(|(weights, group)| !group.has_on_object(weights)) {
            return Some("the weights");
        }
        let names = group.map(Group::backend_names);
        if !self.backends.is_empty() && names.is_none_or(|names| names != self.backends.names) {
            return Some("the backends");
        }
        let lacks_label = self
            .controlled_by
            .as_deref()
            .is_some_and(|value| after.meta.labels.get(CONTROLLED_BY) != Some(value));
        if lacks_label {
            return Some("the label");
        }
        let mut annotations = self.annotations.iter();
        let differs = |(key, value): (&&str, &Option<String>)| {
            after.meta.annotations.get(key) != value.as_deref()
        };
        // Traffic moves without the note of the move.
        annotations
            .any(|entry| *entry.0 != LAST_MOVE && differs(entry))
            .then_some("the annotations")
    }

    /// Returns the change for a decision, signed by `by` at `now`, the API server's time.
    ///
    /// # Errors
    /// If an annotation cannot be written as JSON.
    pub fn of(
        group: &Group,
        decision: &Decision,
        by: &str,
        now: Timestamp,
    ) -> serde_json::Result<Self> {
        let why = decision.why_moved(&decision.recorded_reason);
        Self::decided(group, decision, by, &why, now).build()
    }

    /// Returns the change of an `evacuate` or a `return`, signed by `by` at `now`, the API server's
    /// time.
    ///
    /// # Errors
    /// If an annotation cannot be written as JSON.
    pub fn avoiding(
        group: &Group,
        plan: &AvoidPlan,
        by: &str,
        now: Timestamp,
    ) -> serde_json::Result<Self> {
        let change = Self::decided(group, &plan.decision, by, &plan.recorded_why, now);
        let mut change = change.by_command(plan.command).build()?;
        match plan.command {
            MoveCommand::Evacuate => {
                change.annotations.insert(LAST_RETURN, None);
            }
            MoveCommand::Return => {
                let last_return = LastReturn {
                    id: plan.id.clone(),
                    by: by.to_owned(),
                    at: now,
                };
                change.set_json(LAST_RETURN, &last_return)?;
            }
        }
        Ok(change)
    }

    fn decided<'a>(
        group: &'a Group,
        decision: &'a Decision,
        by: &'a str,
        why: &'a str,
        now: Timestamp,
    ) -> ChangeBuilder<'a> {
        let notes = &decision.notes;
        let mut builder = Self::builder().hold(notes.held, now);
        if let Some(home) = &notes.end_override {
            builder = builder.end_override(Some(home));
        }
        if notes.end_pause {
            builder = builder.resume();
        }
        if let Some(change) = &notes.avoid {
            builder = builder.avoid(&change.entries);
        }
        let traffic = TrafficMove {
            group,
            weights: &decision.weights,
            written: decision.written.as_deref(),
            unverified: decision.unverified,
            home_ready: decision.home_ready,
            by,
            why,
            at: now,
        };
        builder.move_traffic(traffic)
    }
}

impl<'a> ChangeBuilder<'a> {
    /// Sets the label that makes the object a group.
    pub fn adopt(mut self, controlled_by: &'a str) -> Self {
        self.controlled_by = Some(controlled_by);
        self
    }

    /// Sets annotations, by key without the prefix; none as the value removes the annotation.
    pub fn annotate(
        mut self,
        annotations: impl IntoIterator<Item = (&'static str, Option<String>)>,
    ) -> Self {
        self.annotations.extend(annotations);
        self
    }

    /// Sets or removes annotations of Linkerd's own.
    pub fn annotate_for_linkerd(mut self, annotations: LinkerdAnnotations) -> Self {
        self.linkerds.extend(annotations);
        self
    }

    /// Sets or removes the annotation `held`; none leaves it unchanged.
    pub fn hold(self, held: Option<bool>, now: Timestamp) -> Self {
        let value = |held: bool| (HELD, held.then(|| format!("{now:.0}")));
        self.annotate(held.map(value))
    }

    /// Sets the override and makes its target the primary.
    pub fn force(mut self, order: &'a Override) -> Self {
        self.force = Some(order);
        self
    }

    /// Removes the override and, if `home` is given, makes it the primary again.
    pub fn end_override(self, home: Option<&str>) -> Self {
        let primary = home.map(|home| (PRIMARY_SERVICE, Some(home.to_owned())));
        self.annotate([(OVERRIDE, None)].into_iter().chain(primary))
    }

    /// Sets the pause, which keeps `watch` from changing the group.
    pub fn pause(mut self, pause: &'a Pause) -> Self {
        self.pause = Some(pause);
        self
    }

    /// Sets the orders to keep traffic off backends; without any, removes the annotation.
    pub fn avoid(mut self, entries: &'a [AvoidEntry]) -> Self {
        self.avoid = Some(entries);
        self
    }

    /// Records the command that moves traffic.
    fn by_command(mut self, command: MoveCommand) -> Self {
        self.command = Some(command);
        self
    }

    /// Removes the pause.
    pub fn resume(self) -> Self {
        self.annotate([(PAUSED, None)])
    }

    /// Moves traffic, and records who moved it and why.
    pub fn move_traffic(mut self, traffic: TrafficMove<'a>) -> Self {
        self.traffic = Some(traffic);
        self
    }

    /// Builds the change. The annotation `last-move` of a force also names the force's home.
    ///
    /// # Errors
    /// If an annotation cannot be written as JSON.
    pub fn build(self) -> serde_json::Result<Change> {
        let mut change = Change {
            controlled_by: self.controlled_by.map(str::to_owned),
            annotations: self.annotations,
            linkerds: self.linkerds,
            ..Change::default()
        };
        if let Some(order) = self.force {
            change.set_json(OVERRIDE, order)?;
            let target = Some(order.to.clone());
            change.annotations.insert(PRIMARY_SERVICE, target);
        }
        if let Some(pause) = self.pause {
            change.set_json(PAUSED, pause)?;
        }
        match self.avoid {
            Some([]) => {
                change.annotations.insert(AVOID, None);
            }
            Some(entries) => change.set_json(AVOID, &entries)?,
            None => {}
        }
        if let Some(traffic) = self.traffic {
            change.weights = traffic.written.map(<[u64]>::to_vec);
        }
        if let Some(traffic) = self.traffic
            && let Weights::Set(weights) = traffic.weights
        {
            let home = self.force.map(|order| order.home.clone());
            let last_move = LastMove {
                command: self.command,
                ..traffic.last_move(weights, home.filter(|home| !home.is_empty()))
            };
            change.set_json(LAST_MOVE, &last_move)?;
            change.moves_to = Some(weights.clone());
            change.last_move = Some(last_move);
        }
        Ok(change)
    }
}

impl Change {
    /// Records a move, or what the last one is with other backends.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn note_move(&mut self, last_move: &LastMove) -> serde_json::Result<()> {
        self.set_json(LAST_MOVE, last_move)
    }

    fn set_json(
        &mut self,
        key: &'static str,
        value: &impl serde::Serialize,
    ) -> serde_json::Result<()> {
        let text = serde_json::to_string(value)?;
        self.annotations.insert(key, Some(text));
        Ok(())
    }
}

impl TrafficMove<'_> {
    /// Returns the home's ready endpoints from before traffic left it, while it is away.
    fn ready_before(&self, after: &[u64]) -> Option<u32> {
        let home = self.group.home_index();
        match (self.group.carries(home), after.get(home)) {
            (_, Some(1..)) | (_, None) => None,
            (true, Some(0)) => self.home_ready.filter(|ready| *ready > 0),
            (false, Some(0)) => self.group.last_move.as_ref()?.ready,
        }
    }

    fn last_move(&self, weights: &[u64], home: Option<String>) -> LastMove {
        LastMove {
            from: self.group.write_weights(&self.group.weights()),
            to: self.group.write_weights(weights),
            at: self.at,
            by: self.by.to_owned(),
            why: self.why.to_owned(),
            unverified: self.unverified,
            ready: self.ready_before(weights),
            home,
            command: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Backend, Carrier, GroupId, Readiness, ReadinessSource, ServiceRef, Timers, WhyUnknown,
        decide,
    };

    /// Others read the object and its Events.
    #[test]
    fn what_a_plugin_or_a_server_said_is_not_written_to_the_object() {
        const SAID: &str = "plugin aws-iam failed: User arn:aws:iam::1:user/ops is unknown";
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backend = |name: &str, weight| Backend::new("ns", ServiceRef::new("ns", name), weight);
        let backends = vec![backend("web", 0), backend("web-ev", 1)];
        let group = Group::ordinary(id, Carrier::Split, "web".into(), backends, 0);
        let causes = [
            WhyUnknown::NoAccess(SAID.into()),
            WhyUnknown::Failing(ReadinessSource::Slices, SAID.into()),
        ];
        let mut all: Vec<WhyUnknown> = causes.to_vec();
        all.extend(causes.map(|why| why.in_cluster("ev")));
        for why in all {
            let readiness = [Readiness::Unknown { why }, Readiness::Missing];
            let now = Timestamp::UNIX_EPOCH;
            let decision = decide(&group, &readiness, &Timers::none(), now);
            assert!(decision.reason.contains(SAID), "{decision:?}");
            let change = Change::of(&group, &decision, "me", now).unwrap();
            let last = change.last_move.as_ref().unwrap();
            assert!(
                last.why.contains("the readiness of web is unknown"),
                "{last:?}"
            );
            assert!(!format!("{change:?}").contains("arn:aws"), "{change:?}");
        }
    }

    #[test]
    fn what_an_admission_webhook_undoes_is_missing() {
        let read = |weights: [u64; 2], annotations: serde_json::Value| {
            let object = serde_json::json!({
                "metadata": {"name": "web", "namespace": "ns", "annotations": annotations},
                "spec": {"service": "web", "backends": [
                    {"service": "web", "weight": weights[0]},
                    {"service": "web-east", "weight": weights[1]},
                ]},
            });
            let raw = serde_json::value::to_raw_value(&object).unwrap();
            crate::resource::KINDS[0].read(&raw).unwrap()
        };
        let change = Change {
            weights: Some(vec![0, 1]),
            ..Change::builder()
                .annotate([("failback", Some("manual".to_owned())), (HELD, None)])
                .build()
                .unwrap()
        };
        let kept = serde_json::json!({"failover.linkerd.io/failback": "manual"});
        assert_eq!(change.missing_in(&read([0, 1], kept.clone())), None);
        assert_eq!(change.missing_in(&read([1, 0], kept)), Some("the weights"));
        for annotations in [
            serde_json::json!({}),
            serde_json::json!({"failover.linkerd.io/failback": "auto"}),
            serde_json::json!({"failover.linkerd.io/failback": "manual", "failover.linkerd.io/held": "x"}),
        ] {
            let after = read([0, 1], annotations);
            assert_eq!(change.missing_in(&after), Some("the annotations"));
        }
    }

    #[test]
    fn the_order_of_calls_does_not_matter() {
        let backend = |name: &str, weight| Backend::new("ns", ServiceRef::new("ns", name), weight);
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backends = vec![backend("web", 1), backend("web-east", 0)];
        let group = Group::ordinary(id, Carrier::Split, "web".into(), backends, 0);
        let now = Timestamp::UNIX_EPOCH;
        let order = Override {
            to: "web-east".into(),
            home: "web".into(),
            by: "me".into(),
            at: Some(now),
            until: None,
            reason: None,
            id: None,
        };
        let traffic = TrafficMove {
            group: &group,
            weights: &Weights::Set(vec![0, 1]),
            written: Some(&[0, 1]),
            unverified: false,
            home_ready: None,
            by: "me",
            why: "forced",
            at: now,
        };
        let forced_first = Change::builder()
            .force(&order)
            .hold(Some(false), now)
            .move_traffic(traffic);
        let forced_last = Change::builder()
            .move_traffic(traffic)
            .hold(Some(false), now)
            .force(&order);
        let change = forced_last.build().unwrap();
        assert_eq!(change, forced_first.build().unwrap());
        assert_eq!(change.last_move.unwrap().home.as_deref(), Some("web"));
        assert!(
            change.annotations[LAST_MOVE]
                .as_ref()
                .unwrap()
                .contains(r#""home":"web""#)
        );
    }
}
