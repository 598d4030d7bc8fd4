//! The table of `status`: its columns, and a row for each group.

use jiff::Timestamp;

use crate::model::{
    BackendStatus, LateWatch, MirrorSide, OverrideStatus, Readiness, Runner, State, Status,
    WeightsOrigin,
};
use crate::text::ConnectionFlags;
use crate::view::age::age;
use crate::view::columns::{Cell, Colour, Columns};

/// How to draw a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct TableStyle {
    /// Also show the weights, who moved the traffic, and why.
    pub wide: bool,
    pub namespaces: bool,
    pub clusters: bool,
    pub colour: bool,
    /// The groups are all of their namespaces.
    pub are_all: bool,
}

/// The groups of one cluster.
#[derive(Debug, Clone, Copy)]
pub struct ClusterStatuses<'a> {
    pub context: &'a str,
    /// The flags of suggested commands.
    pub connection: &'a ConnectionFlags,
    pub statuses: &'a [Status],
    /// The labels that chose them.
    pub selector: Option<&'a str>,
    /// By the clock of the cluster.
    pub now: Timestamp,
}

/// Returns a row for each group of each cluster. Never cuts a row, so that names can be copied.
pub fn rows(clusters: &[ClusterStatuses], style: TableStyle) -> String {
    let table = columns(&StatusColumn::of(style), clusters, style);
    table.lines().join("\n") + "\n"
}

/// A row for each group with these columns.
pub fn columns(
    columns: &[StatusColumn],
    clusters: &[ClusterStatuses],
    style: TableStyle,
) -> Columns {
    let row = |groups: &ClusterStatuses, status: &Status| {
        columns
            .iter()
            .map(|column| column.cell(groups, status, style))
            .collect()
    };
    let rows = clusters.iter().flat_map(|groups| {
        groups
            .statuses
            .iter()
            .map(move |status| row(groups, status))
    });
    let heading: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    Columns::new(&heading, rows)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusColumn {
    Cluster,
    Namespace,
    Name,
    Apex,
    State,
    Active,
    Backends,
    Since,
    Watch,
    Flags,
    Moved,
    By,
    Why,
}

impl StatusColumn {
    pub fn of(style: TableStyle) -> Vec<Self> {
        use StatusColumn::{
            Active, Apex, Backends, By, Cluster, Flags, Moved, Name, Namespace, Since, State,
            Watch, Why,
        };
        let mut columns = vec![Name, Apex, State, Active, Backends, Since, Watch];
        if style.namespaces {
            columns.insert(0, Namespace);
        }
        if style.clusters {
            columns.insert(0, Cluster);
        }
        if style.wide {
            columns.extend([Flags, Moved, By, Why]);
        }
        columns
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cluster => "CLUSTER",
            Self::Namespace => "NAMESPACE",
            Self::Name => "NAME",
            Self::Apex => "APEX",
            Self::State => "STATE",
            Self::Active => "ACTIVE",
            Self::Backends => "BACKENDS",
            Self::Since => "SINCE",
            Self::Watch => "WATCH",
            Self::Flags => "FLAGS",
            Self::Moved => "MOVED",
            Self::By => "BY",
            Self::Why => "WHY",
        }
    }

    fn cell(self, groups: &ClusterStatuses, status: &Status, style: TableStyle) -> Cell {
        let (at, by, why) = change(&status.changed);
        let age_cell =
            |at: Option<Timestamp>| Cell::new(&at.map_or("-".to_owned(), |at| age(at, groups.now)));
        match self {
            Self::Cluster => Cell::new(groups.context),
            Self::Namespace => Cell::new(&status.id.namespace),
            Self::Name => Cell::new(&status.id.short_name()),
            Self::Apex => Cell::new(&status.apex),
            Self::State if style.colour => {
                Cell::new(&status.state.to_string()).coloured(colour_of(status))
            }
            Self::State => Cell::new(&status.state.to_string()),
            Self::Active => Cell::new(&or_dash(status.active().join(","))),
            Self::Backends => backends(status, style),
            Self::Since => age_cell(status.since),
            Self::Watch => Cell::new(match &status.runner {
                Runner::Watch(holder) | Runner::Late(LateWatch { holder, .. }) => holder,
                Runner::Upstream => "linkerd-failover",
                Runner::Unattended => "none",
                Runner::Unknown => "unknown",
            }),
            Self::Flags => Cell::new(&or_dash(status.flags.names().join(","))),
            Self::Moved => age_cell(at),
            Self::By => Cell::new(&or_dash(by.to_owned())),
            Self::Why if status.mend.is_some() => Cell::new(&status.reason),
            Self::Why => Cell::new(&or_dash(why.to_owned())),
        }
    }
}

fn backends(status: &Status, style: TableStyle) -> Cell {
    if status.backends.is_empty() {
        return Cell::new("-");
    }
    let rest = |backend: &BackendStatus| {
        let short = backend
            .readiness
            .side()
            .filter(|_| !backend.readiness.is_ready())
            .and_then(MirrorSide::short);
        let short = short.map_or(String::new(), |side| format!(",{side}"));
        if style.wide {
            format!("(w{}{short})", backend.weight_on_object)
        } else {
            String::new()
        }
    };
    let mut parts = Vec::new();
    for (index, backend) in status.backends.iter().enumerate() {
        let gap = if index > 0 { " " } else { "" };
        let colour = style.colour.then(|| readiness_colour(&backend.readiness));
        parts.push((format!("{gap}{}:", backend.name), None));
        parts.push((counts(backend), colour));
        parts.push((rest(backend), None));
    }
    Cell::of_parts(parts.iter().map(|(text, colour)| (text.as_str(), *colour)))
}

/// The colour of a backend's counts.
pub fn readiness_colour(readiness: &Readiness) -> Colour {
    if readiness.is_ready() {
        Colour::Green
    } else if readiness.is_dead() {
        Colour::Red
    } else {
        Colour::Yellow
    }
}

/// The ready endpoints of a backend and all of them.
pub fn counts(backend: &BackendStatus) -> String {
    match &backend.readiness {
        Readiness::Known { ready, total } | Readiness::Mirrored { ready, total, .. } => {
            format!("{ready}/{total}")
        }
        Readiness::Missing => "missing".to_owned(),
        Readiness::NoPort { total, .. } => format!("0/{total}"),
        Readiness::Unknown { .. } => "?".to_owned(),
    }
}

/// Returns when the weights were changed, by whom, and why.
fn change(changed: &WeightsOrigin) -> (Option<Timestamp>, &str, &str) {
    match changed {
        WeightsOrigin::Moved(last) => (Some(last.at), &last.by, &last.why),
        WeightsOrigin::Edited { by, at } => (Some(*at), by, "backends last edited"),
        WeightsOrigin::Created(at) => (*at, "", "as created"),
    }
}

/// The colour of a state.
pub fn colour(state: State) -> Colour {
    match state {
        State::Primary | State::Active => Colour::Green,
        State::Down | State::Invalid | State::Unavailable => Colour::Red,
        State::Failover | State::Overridden | State::OutOfSync | State::Unknown => Colour::Yellow,
        State::Waiting | State::Paused => Colour::Cyan,
    }
}

/// The colour of a group's state. One without a net is not green.
fn colour_of(status: &Status) -> Colour {
    match colour(status.state) {
        Colour::Green if status.flags.exposed || has_lost_override(status) => Colour::Yellow,
        other => other,
    }
}

/// An override without effect is not what its author expects.
fn has_lost_override(status: &Status) -> bool {
    let order = status.order.as_ref();
    order.is_some_and(|order| {
        matches!(
            order,
            OverrideStatus::Broken { .. } | OverrideStatus::Expired(_)
        )
    })
}

/// Returns the groups, those that need attention most urgently first.
pub fn worst_first(statuses: &[Status]) -> Vec<Status> {
    let mut sorted = statuses.to_vec();
    sorted.sort_by_key(|status| (status.state.urgency_rank(), !status.flags.exposed));
    sorted
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
