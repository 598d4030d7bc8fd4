use jiff::{SignedDuration, Timestamp};
use json_patch::jsonptr::PointerBuf;

use super::annotations::{CONTROLLED_BY, LAST_MOVE};
use super::kind::Kind;
use super::meta::{ManagedFields, Meta};
use super::routing::Routing;
use crate::model::history::{Move, MoveSource};
use crate::model::{ApexClaim, Changed, Group, GroupId, Invalid, LastMove, ServiceRef};

/// The name under which the API server knows our writes.
pub const FIELD_MANAGER: &str = "kubectl-failover";

/// An object as it was last seen, and the group that it carries.
#[derive(Clone)]
pub struct Record {
    pub kind: &'static dyn Kind,
    pub meta: Meta,
    /// The service that clients call; empty where the object names none.
    pub apex: String,
    /// The port of the apex whose traffic it shares out; none: all.
    pub port: Option<u16>,
    /// The ports of its backends that a route sends to; a split leaves the port as it is.
    pub backend_ports: Vec<(ServiceRef, u16)>,
    pub group: Result<Group, Invalid>,
    /// JSON pointers to the weights of each backend; a route may have several rules.
    pub weight_paths: Vec<Vec<PointerBuf>>,
    /// JSON pointers to the namespaces of backends that a route leaves out, which Linkerd's parts do not all read alike.
    pub bare_backends: Vec<PointerBuf>,
    /// Why the object may have no effect, or not on all the traffic.
    pub warnings: Vec<String>,
    /// Which requests a route takes on; none where the object is no route.
    pub routing: Option<Routing>,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id())
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Record {
    pub fn id(&self) -> GroupId {
        let Meta {
            namespace, name, ..
        } = &self.meta;
        GroupId {
            namespace: namespace.clone(),
            kind: self.kind.info().name,
            name: name.clone(),
        }
    }

    /// The group's claim to the traffic of its apex.
    pub fn claim(&self) -> ApexClaim<'_> {
        ApexClaim {
            namespace: &self.meta.namespace,
            kind: self.kind.info().name,
            name: &self.meta.name,
            apex: &self.apex,
            port: self.port,
            created: self.meta.creation_timestamp,
        }
    }

    /// Whether both share out the same traffic.
    pub fn is_rival_of(&self, other: &Self) -> bool {
        self.claim().overlaps(&other.claim())
    }

    /// Whether the object has the label that makes it a group.
    pub fn is_controlled(&self) -> bool {
        self.meta.labels.contains_key(CONTROLLED_BY)
    }

    /// The last move that is noted, whether the weights are still those or not.
    fn noted_move(&self) -> Option<Move> {
        let last = self.meta.last_move()?;
        Some(Move {
            from: Some(last.from),
            to: Some(last.to),
            unverified: last.unverified,
            ..self.moved(last.at, last.by, last.why, MoveSource::LastMove)
        })
    }

    /// What the object itself tells of its moves.
    pub fn moves(&self) -> Vec<Move> {
        let edited = match self.changed() {
            Changed::Edited { by, at } => Some(self.moved(
                at,
                by,
                "the backends were edited, perhaps the weights (a hint)".to_owned(),
                MoveSource::ManagedFields,
            )),
            Changed::Moved(_) | Changed::Created(_) => None,
        };
        self.noted_move().into_iter().chain(edited).collect()
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

    /// Who else than this tool has edited the backends: what it writes it notes as a move, and the time of its entry
    /// is that of any annotation it wrote since.
    fn editors(&self) -> impl Iterator<Item = &ManagedFields> {
        self.meta
            .managed_fields
            .iter()
            .filter(|entry| entry.owned.backends && entry.manager != FIELD_MANAGER)
    }

    /// The field manager that last edited the backends; a hint.
    pub fn last_editor(&self) -> Option<&str> {
        self.editors()
            .max_by_key(|entry| entry.time)
            .map(|entry| entry.manager.as_str())
    }

    /// Who else than this tool last wrote the override or the primary; a hint.
    pub fn order_editor(&self) -> Option<&str> {
        let owns = |entry: &&ManagedFields| entry.owned.orders && entry.manager != FIELD_MANAGER;
        let owners = self.meta.managed_fields.iter().filter(owns);
        owners
            .max_by_key(|entry| entry.time)
            .map(|entry| entry.manager.as_str())
    }

    /// Whether someone else has changed the weights soon after they were last moved. Times of editors are whole
    /// seconds, so that one who came later can seem to have come earlier.
    pub fn is_contested(&self) -> bool {
        const SOON: SignedDuration = SignedDuration::from_mins(10);
        let Some(last) = self.meta.last_move() else {
            return false;
        };
        matches!(self.changed(), Changed::Edited { at, .. }
            if at.duration_since(last.at).abs() < SOON)
    }

    /// How the weights came to be what they are, as far as the object tells.
    pub fn changed(&self) -> Changed {
        if let Some(last) = self.group.as_ref().ok().and_then(Group::fitting_move) {
            return Changed::Moved(last.clone());
        }
        match self
            .editors()
            .filter_map(|entry| Some((entry.time?, &entry.manager)))
            .max()
        {
            Some((at, by)) if self.meta.creation_timestamp != Some(at) => {
                Changed::Edited { by: by.clone(), at }
            }
            _ => Changed::Created(self.meta.creation_timestamp),
        }
    }
}

impl Meta {
    /// The GitOps tool that owns the object, by its field manager or its tracking marks.
    pub fn gitops_owner(&self) -> Option<&'static str> {
        const TOOLS: [(&str, &[&str], &[&str]); 3] = [
            (
                "Argo CD",
                &[
                    "argocd-controller",
                    "argocd-application-controller",
                    "argocd",
                ],
                &[],
            ),
            (
                "Flux",
                &["kustomize-controller", "helm-controller"],
                &[
                    "kustomize.toolkit.fluxcd.io/name",
                    "helm.toolkit.fluxcd.io/name",
                ],
            ),
            ("Helm", &["helm"], &[]),
        ];
        let managed = |manager: &&str| {
            self.managed_fields
                .iter()
                .any(|entry| entry.manager == **manager)
        };
        let labelled = |label: &&str| self.labels.contains_key(label);
        let by_tool = TOOLS.iter().find(|(_, managers, labels)| {
            managers.iter().any(managed) || labels.iter().any(labelled)
        });
        by_tool
            .map(|(tool, ..)| *tool)
            .or(self.annotations.tracked_by)
    }

    /// The last move, where the annotation can be read.
    pub fn last_move(&self) -> Option<LastMove> {
        serde_json::from_str(self.annotations.get(LAST_MOVE)?).ok()
    }
}
