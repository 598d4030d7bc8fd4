//! `status --by-cluster`: a row for each cluster that backends are in, and the same as JSON or YAML.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::GroupId;
use crate::model::by_cluster::{ClusterSummary, Evacuation, GatewayState};
use crate::model::cluster_name::fits;
use crate::model::fold::name_some;
use crate::text::{clean, fitted, shorten};
use crate::view::age::age;
use crate::view::columns::{Cell, Colour, Columns};
use crate::view::context_outcome::{ContextItem, ContextOutcome};
use crate::view::formats::API_VERSION;

const MAX_NOTE_CHARS: usize = 400;

/// A backend whose cluster is unknown.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnplacedBackend<'a> {
    pub context: &'a str,
    pub namespace: &'a str,
    /// Kind of the group's object, such as `trafficsplit`.
    pub object: &'static str,
    pub name: &'a str,
    pub backend: &'a str,
    pub why: String,
}

/// What `status --by-cluster` shows.
#[derive(Debug)]
pub struct ByCluster<'a> {
    pub contexts: Vec<ContextOutcome<'a>>,
    pub clusters: Vec<ClusterSummary<'a>>,
    pub unplaced: Vec<UnplacedBackend<'a>>,
    /// The number of groups that are Invalid, so that their backends are unknown.
    pub invalid: usize,
    pub exit_code: u8,
    /// By the clock of a cluster.
    pub now: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterDocument<'a> {
    api_version: &'static str,
    kind: &'static str,
    contexts: Vec<ContextItem<'a>>,
    items: Vec<ClusterItem<'a>>,
    #[serde(skip_serializing_if = "<[UnplacedBackend]>::is_empty")]
    unplaced: &'a [UnplacedBackend<'a>],
    invalid: usize,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterItem<'a> {
    cluster: &'a str,
    contexts: &'a [&'a str],
    /// Its own groups could not be read: the numbers are the least.
    partial: bool,
    /// The number of groups with a backend there.
    groups: usize,
    carries: usize,
    could_carry: usize,
    backends: BackendsItem,
    gateways: Vec<GatewayItem<'a>>,
    evacuations: Vec<EvacuationItem<'a>>,
    members: Vec<MemberItem<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackendsItem {
    ready: usize,
    not_ready: usize,
    unknown: usize,
}

#[derive(Debug, Serialize)]
struct GatewayItem<'a> {
    /// The context whose mirrors use it.
    context: &'a str,
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct EvacuationItem<'a> {
    id: &'a str,
    by: &'a str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    reason: Option<&'a str>,
    groups: usize,
    expired: bool,
    returning: bool,
}

#[derive(Debug, Serialize)]
struct MemberItem<'a> {
    context: &'a str,
    namespace: &'a str,
    object: &'a str,
    name: &'a str,
    carries: bool,
    ready: Option<bool>,
}

impl<'a> ByCluster<'a> {
    /// Returns the value of JSON and YAML.
    pub fn document(&'a self) -> impl Serialize + 'a {
        let contexts = self.contexts.iter();
        ClusterDocument {
            api_version: API_VERSION,
            kind: "ClusterSummaryList",
            contexts: contexts.map(ContextOutcome::item_with_source).collect(),
            items: self.clusters.iter().map(|it| self.item(it)).collect(),
            unplaced: &self.unplaced,
            invalid: self.invalid,
            exit_code: self.exit_code,
        }
    }

    fn item(&'a self, cluster: &'a ClusterSummary<'a>) -> ClusterItem<'a> {
        let gateways = cluster.gateways.iter();
        let members = cluster.groups.iter();
        let evacuations = cluster.evacuations.iter();
        ClusterItem {
            cluster: cluster.name,
            contexts: &cluster.contexts,
            partial: self.is_partial(cluster),
            groups: cluster.groups.len(),
            carries: cluster.carrying().count(),
            could_carry: cluster.spare().count(),
            backends: BackendsItem {
                ready: cluster.backends.ready,
                not_ready: cluster.backends.dead,
                unknown: cluster.backends.unknown,
            },
            gateways: gateways
                .map(|(context, state)| GatewayItem {
                    context,
                    state: state.name(),
                })
                .collect(),
            evacuations: evacuations
                .map(|it| EvacuationItem {
                    id: it.id,
                    by: it.by,
                    since: it.since,
                    until: it.until,
                    reason: it.reason,
                    groups: it.groups,
                    expired: it.has_expired,
                    returning: it.is_returning,
                })
                .collect(),
            members: members
                .map(|it| {
                    let GroupId {
                        namespace,
                        kind,
                        name,
                    } = it.id;
                    MemberItem {
                        context: it.context,
                        namespace,
                        object: kind,
                        name,
                        carries: it.carries,
                        ready: it.is_ready,
                    }
                })
                .collect(),
        }
    }

    /// Returns the names of the clusters, one on a line.
    pub fn names(&self) -> String {
        let names = self.clusters.iter();
        names.map(|it| format!("{}\n", clean(it.name))).collect()
    }

    /// Returns the table, and notes below it. `columns` is the width of the terminal, if there is
    /// one. In a narrow one, lines below the table have the texts of its last columns.
    pub fn table(&self, wide: bool, coloured: bool, columns: Option<u16>) -> String {
        let whole = self.columns(TextColumn::of(wide), coloured);
        let mut notes = self.notes();
        let table = match columns {
            Some(columns) if whole.width() > columns.into() => {
                notes.splice(0..0, self.texts(TextColumn::of(wide)));
                self.columns(&[], coloured).cut_to(columns)
            }
            _ => whole,
        };
        let mut lines = Vec::new();
        if !self.clusters.is_empty() {
            lines = table.lines();
            lines.extend((!notes.is_empty()).then(String::new));
        }
        lines.extend(fitted(notes, columns));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Returns a line for each text that a cluster has.
    fn texts(&self, texts: &[TextColumn]) -> Vec<String> {
        let clusters = self.clusters.iter();
        let lines = clusters.flat_map(|cluster| {
            texts.iter().filter_map(|column| {
                let text = column.text(cluster, self.now);
                let line = format!("{} {}: {text}", cluster.name, column.verb());
                (!text.is_empty()).then(|| shorten(&clean(&line), MAX_NOTE_CHARS))
            })
        });
        lines.collect()
    }

    /// Whether the groups of the cluster itself may be among those that could not be read.
    fn is_partial(&self, cluster: &ClusterSummary) -> bool {
        let unread = |it: &ContextOutcome| it.cluster.is_err();
        let mut contexts = self.contexts.iter().filter(|it| unread(it));
        let may_be = |it: &ContextOutcome| {
            let mut others = self.clusters.iter().filter(|it| it.name != cluster.name);
            !others.any(|other| fits(it.context, other.name))
        };
        cluster.contexts.is_empty()
            && contexts.any(|it| fits(it.context, cluster.name) || may_be(it))
    }

    fn columns(&self, texts: &[TextColumn], coloured: bool) -> Columns {
        let mut heading = vec![
            "CLUSTER",
            "CONTEXT",
            "GROUPS",
            "CARRIES",
            "COULD-CARRY",
            "READY",
            "GATEWAY",
        ];
        heading.extend(texts.iter().map(|column| column.heading()));
        let rows = self.clusters.iter().map(|cluster| {
            let plus = if self.is_partial(cluster) { "+" } else { "" };
            let count = |count: usize| Cell::new(&format!("{count}{plus}"));
            let mut row = vec![
                Cell::new(cluster.name),
                Cell::new(&or_dash(cluster.contexts.join(","))),
                count(cluster.groups.len()),
                count(cluster.carrying().count()),
                count(cluster.spare().count()),
                ready(cluster, coloured),
                gateway(cluster, coloured),
            ];
            let texts = texts.iter().map(|it| it.text(cluster, self.now));
            row.extend(texts.map(|text| Cell::new(&or_dash(text))));
            row
        });
        Columns::new(&heading, rows)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for ContextOutcome {
            context, cluster, ..
        } in &self.contexts
        {
            if let Err(problem) = cluster {
                let lines = problem.lines("error");
                notes.extend(lines.iter().map(|line| format!("{context}: {line}")));
            }
        }
        if !self.unplaced.is_empty() {
            let backends = self.unplaced.iter();
            let names =
                backends.map(|it| format!("{} of {}/{}", it.backend, it.namespace, it.name));
            let why = self.unplaced.first().map_or("", |it| &it.why);
            notes.push(format!(
                "warning: can't tell which cluster {} is in: {why}",
                name_some(names)
            ));
        }
        match self.invalid {
            0 => {}
            1 => notes.push("1 group is Invalid and not counted".to_owned()),
            many => notes.push(format!("{many} groups are Invalid and not counted")),
        }
        let notes = notes.into_iter();
        notes
            .map(|note| shorten(&clean(&note), MAX_NOTE_CHARS))
            .collect()
    }
}

/// The ready backends of a cluster and all of them.
fn ready(cluster: &ClusterSummary, coloured: bool) -> Cell {
    let counts = cluster.backends;
    if counts.all() == 0 {
        return Cell::new("-");
    }
    let unknown = match counts.unknown {
        0 => String::new(),
        unknown => format!(" ({unknown} unknown)"),
    };
    let cell = Cell::new(&format!("{}/{}{unknown}", counts.ready, counts.all()));
    let colour = if counts.ready == counts.all() {
        Colour::Green
    } else if counts.dead == counts.all() {
        Colour::Red
    } else {
        Colour::Yellow
    };
    if coloured {
        cell.coloured(colour)
    } else {
        cell
    }
}

/// The gateway of a cluster; with the contexts that see it otherwise than others.
fn gateway(cluster: &ClusterSummary, coloured: bool) -> Cell {
    let seen = |state: GatewayState| {
        let contexts = cluster.gateways.iter();
        let contexts = contexts.filter(|(_, seen)| **seen == state);
        contexts.map(|(context, _)| *context).collect::<Vec<_>>()
    };
    let states = [
        (GatewayState::Down, Colour::Red),
        (GatewayState::Unknown, Colour::Yellow),
        (GatewayState::Ready, Colour::Green),
    ];
    for (state, colour) in states {
        let contexts = seen(state);
        if contexts.is_empty() {
            continue;
        }
        let mut text = state.name().to_owned();
        if contexts.len() < cluster.gateways.len() {
            text += &format!(" from {}", contexts.join(","));
        }
        let cell = Cell::new(&text);
        return if coloured {
            cell.coloured(colour)
        } else {
            cell
        };
    }
    Cell::new("-")
}

/// A column of texts of any length.
#[derive(Debug, Clone, Copy)]
enum TextColumn {
    Evacuated {
        wide: bool,
    },
    /// The groups whose traffic is there.
    Carried,
}

impl TextColumn {
    fn of(wide: bool) -> &'static [Self] {
        if wide {
            &[Self::Evacuated { wide: true }, Self::Carried]
        } else {
            &[Self::Evacuated { wide: false }]
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Evacuated { .. } => "EVACUATED",
            Self::Carried => "CARRIED",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Evacuated { .. } => "evacuated",
            Self::Carried => "carries",
        }
    }

    fn text(self, cluster: &ClusterSummary, now: Timestamp) -> String {
        match self {
            Self::Evacuated { wide } => evacuated(cluster, now, wide),
            Self::Carried => name_some(cluster.carrying().map(|it| it.id.to_string())),
        }
    }
}

/// By whom the cluster is evacuated, and for how long.
fn evacuated(cluster: &ClusterSummary, now: Timestamp, wide: bool) -> String {
    let one = |it: &Evacuation| {
        let id = if it.id.is_empty() { "-" } else { it.id };
        let mut text = format!("{id} by {}", it.by);
        if let Some(since) = it.since {
            text += &format!(", {} ago", age(since, now));
        }
        if it.is_returning {
            text += ", being returned";
        }
        let until = it.until.filter(|_| wide);
        text += &match (it.has_expired, until) {
            (true, Some(until)) => format!(", expired at {until:.0}"),
            (true, None) => ", expired".to_owned(),
            (false, Some(until)) => format!(", until {until:.0}"),
            (false, None) => String::new(),
        };
        if wide {
            text.extend(it.reason.map(|reason| format!(" ({reason})")));
        }
        text
    };
    let all = cluster.evacuations.iter();
    all.map(one).collect::<Vec<_>>().join("; ")
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::by_cluster::{BackendCounts, GroupThere};
    use crate::problem::Problem;

    #[test]
    fn a_row_counts_and_a_gateway_that_is_down_names_who_sees_it() {
        let id = GroupId {
            namespace: "shop".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let there = GroupThere {
            context: "west",
            id: &id,
            carries: true,
            is_ready: Some(true),
        };
        let gateways =
            BTreeMap::from([("north", GatewayState::Down), ("west", GatewayState::Ready)]);
        let east = ClusterSummary {
            name: "east",
            contexts: vec!["gke_shop_east"],
            groups: vec![there],
            backends: BackendCounts {
                ready: 1,
                dead: 0,
                unknown: 1,
            },
            gateways,
            evacuations: vec![Evacuation {
                id: "CHG-77",
                by: "ops@vm",
                since: Some(Timestamp::UNIX_EPOCH),
                until: None,
                reason: Some("patching"),
                groups: 1,
                has_expired: false,
                is_returning: true,
            }],
        };
        let shown = ByCluster {
            contexts: Vec::new(),
            clusters: vec![east],
            unplaced: Vec::new(),
            invalid: 2,
            exit_code: 0,
            now: Timestamp::from_second(60).unwrap(),
        };
        let expected = "\
CLUSTER  CONTEXT        GROUPS  CARRIES  COULD-CARRY  READY            GATEWAY          EVACUATED                                             CARRIED
east     gke_shop_east  1       1        0            1/2 (1 unknown)  down from north  CHG-77 by ops@vm, 60s ago, being returned (patching)  shop/web

2 groups are Invalid and not counted
";
        assert_eq!(shown.table(true, false, None), expected);
        assert_eq!(shown.names(), "east\n");
        let narrow = "\
CLUSTER  CONTEXT        GROUPS  CARRIES  COULD-CARRY  READY            GATEWAY
east     gke_shop_east  1       1        0            1/2 (1 unknown)  down from north

east evacuated: CHG-77 by ops@vm, 60s ago, being returned (patching)
east carries: shop/web
2 groups are Invalid and not counted
";
        assert_eq!(shown.table(true, false, Some(90)), narrow);
    }

    #[test]
    fn numbers_without_the_clusters_own_groups_and_expired_evacuations_are_marked() {
        let problem = Problem::new("no answer");
        let row = |context| {
            let east = ClusterSummary {
                name: "east",
                contexts: Vec::new(),
                groups: Vec::new(),
                backends: BackendCounts::default(),
                gateways: BTreeMap::new(),
                evacuations: vec![Evacuation {
                    id: "EXP",
                    by: "ops@vm",
                    since: None,
                    until: None,
                    reason: None,
                    groups: 1,
                    has_expired: true,
                    is_returning: false,
                }],
            };
            let west = ClusterSummary {
                name: "west",
                evacuations: Vec::new(),
                ..east.clone()
            };
            let unread = ContextOutcome {
                context,
                server: None,
                cluster: Err(&problem),
            };
            let shown = ByCluster {
                contexts: vec![unread],
                clusters: vec![east, west],
                unplaced: Vec::new(),
                invalid: 0,
                exit_code: 1,
                now: Timestamp::UNIX_EPOCH,
            };
            let json = serde_json::to_value(shown.document()).unwrap();
            let table = shown.table(false, false, None);
            let row = table.lines().nth(1).unwrap().split_whitespace();
            let row = row.collect::<Vec<_>>().join(" ");
            (row, json["items"][0]["partial"] == true)
        };
        let all = |counts: &str| format!("east - {counts} - - EXP by ops@vm, expired");
        assert_eq!(row("gke_shop_east"), (all("0+ 0+ 0+"), true));
        // It may be of any of the clusters.
        assert_eq!(row("blue"), (all("0+ 0+ 0+"), true));
        assert_eq!(row("gke_shop_west"), (all("0 0 0"), false));
    }
}
