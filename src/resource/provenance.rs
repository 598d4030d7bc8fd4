//! Who set the weights of an object, and when: by the annotation `last-move` and the managed
//! fields.

use jiff::{SignedDuration, Timestamp};

use super::meta::ManagedFields;
use super::record::Record;
use crate::model::history::{Move, MoveSource};
use crate::model::{Group, WeightsOrigin};

/// The field manager of this tool's writes, see
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers>.
pub const FIELD_MANAGER: &str = "kubectl-failover";

/// An edit within this time of a move may have reverted it.
const CONTEST_WINDOW: SignedDuration = SignedDuration::from_mins(10);

impl Record {
    /// Returns what set the weights, according to the object.
    pub fn weights_origin(&self) -> WeightsOrigin {
        if let Some(last) = self.group.as_ref().ok().and_then(Group::fitting_move) {
            return WeightsOrigin::Moved(last.clone());
        }
        let edit = self
            .foreign_fields()
            .filter(|entry| entry.owned.backends)
            .filter_map(|entry| Some((entry.time?, &entry.manager)))
            .max();
        match edit {
            Some((at, by)) if self.meta.creation_timestamp != Some(at) => {
                WeightsOrigin::Edited { by: by.clone(), at }
            }
            _ => WeightsOrigin::Created(self.meta.creation_timestamp),
        }
    }

    /// Returns when the object was last written, its status aside.
    pub fn last_edit(&self) -> Option<Timestamp> {
        let entries = self.meta.managed_fields.iter();
        let entries = entries.filter(|entry| entry.subresource.is_empty());
        let edits = entries.filter_map(|entry| entry.time);
        edits.max().or(self.meta.creation_timestamp)
    }

    /// Returns the moves that the object itself records.
    pub fn moves(&self) -> Vec<Move> {
        let edited = match self.weights_origin() {
            WeightsOrigin::Edited { by, at } => {
                let why = "backends changed outside this tool".to_owned();
                Some(self.moved(at, by, why, MoveSource::ManagedFields))
            }
            WeightsOrigin::Moved(_) | WeightsOrigin::Created(_) => None,
        };
        self.recorded_move().into_iter().chain(edited).collect()
    }

    /// Whether someone else changed the weights soon after they were moved. Edit times are whole
    /// seconds, so that a later edit can seem to precede the move.
    pub fn is_contested(&self) -> bool {
        let Some(last) = self.meta.last_move() else {
            return false;
        };
        matches!(self.weights_origin(), WeightsOrigin::Edited { at, .. }
            if at.duration_since(last.at).abs() < CONTEST_WINDOW)
    }

    /// Returns the field manager, other than this tool's, that last wrote the backends: a hint.
    pub fn last_editor(&self) -> Option<&str> {
        self.latest_manager(|entry| entry.owned.backends)
    }

    /// Returns the field manager, other than this tool's, that last wrote the override or the
    /// primary: a hint.
    pub fn order_editor(&self) -> Option<&str> {
        self.latest_manager(|entry| entry.owned.orders)
    }

    /// Returns the field manager, other than this tool's, that edited the object since then: a hint.
    pub fn editor_since(&self, then: Timestamp) -> Option<&str> {
        self.latest_manager(|entry| entry.time.is_some_and(|time| time >= then))
    }

    fn latest_manager(&self, owns: impl Fn(&ManagedFields) -> bool) -> Option<&str> {
        self.foreign_fields()
            .filter(|entry| owns(entry))
            .max_by_key(|entry| entry.time)
            .map(|entry| entry.manager.as_str())
    }

    /// Leaves out this tool's own fields. The tool records its moves in an annotation, and the time
    /// of its entry may be that of a later annotation.
    fn foreign_fields(&self) -> impl Iterator<Item = &ManagedFields> {
        self.meta
            .managed_fields
            .iter()
            .filter(|entry| entry.manager != FIELD_MANAGER)
    }

    /// Returns the move in the annotation, whether the weights still match it or not.
    fn recorded_move(&self) -> Option<Move> {
        let last = self.meta.last_move()?;
        Some(Move {
            from: Some(last.from),
            to: Some(last.to),
            unverified: last.unverified,
            ..self.moved(last.at, last.by, last.why, MoveSource::LastMove)
        })
    }

    fn moved(&self, at: Timestamp, by: String, why: String, source: MoveSource) -> Move {
        Move {
            group: self.id(),
            apex: Some(self.apex.clone()),
            at,
            from: None,
            to: None,
            by,
            why,
            unverified: false,
            sources: vec![source],
        }
    }
}
