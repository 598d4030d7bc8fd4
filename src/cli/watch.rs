//! The arguments of `watch`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::spec::CommandSpec;
use super::values::{
    CommandWords, parse_address, parse_command, parse_duration, parse_event, parse_max_moves,
};
use super::{RemoteArgs, StreamFormat};
use crate::access::rights::RbacCommand;
use crate::model::{Condition, EventKind, MaxMoves};
use crate::output::logging::LogFormat;

pub const SPEC: CommandSpec = CommandSpec::new(
    "\
Examples:
  kubectl failover watch
  kubectl failover watch --all-namespaces --output json
  kubectl failover watch --dry-run
  kubectl failover watch --once --selector team=web --timeout 5m
  kubectl failover watch --until failover --until active=web-svc-east --timeout 10m
  kubectl failover watch --run-for 30m --max-moves 20/1m
  kubectl failover watch --remote east=east-context --remote north=north-context
  kubectl failover watch --remote-from-links
  kubectl failover watch --contexts west,east --all-namespaces
  kubectl failover watch --namespaces emojivoto,shop
  kubectl failover watch --on-transition '/usr/local/bin/notify --channel \"on call\"'
  kubectl failover watch --on-transition examples/slack.sh --hook-events moved,forced,down,unavailable
  kubectl failover watch --journal /var/log/failover.jsonl
  kubectl failover watch --metrics 9090 --log-format json",
)
.needs(RbacCommand::Watch);

/// What the metrics tell of groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MetricsDetail {
    #[default]
    Groups,
    Counts,
}

#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Only groups with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Watch the groups of each of these contexts of the kubeconfig, such as west,east
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub contexts: Vec<String>,
    /// Watch the groups of each of these namespaces, such as emojivoto,shop
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        conflicts_with_all = ["contexts", "namespace", "all_namespaces", "until"]
    )]
    pub namespaces: Vec<String>,
    /// Bring every group up to date, then exit
    #[arg(long, group = "end")]
    pub once: bool,
    /// Exit once every group meets this condition, as with `status --for`; if repeated, all must hold
    #[arg(
        long,
        value_name = "CONDITION",
        group = "end",
        conflicts_with = "contexts"
    )]
    pub until: Vec<Condition>,
    /// Time limit for --once or --until; exits with 3 when it is exceeded
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, requires = "end")]
    pub timeout: Option<Duration>,
    /// Exit cleanly after this long, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true, conflicts_with = "end")]
    pub run_for: Option<Duration>,
    /// Run this program after each event of a group: failovers and failbacks, and what others do. It is
    /// split at blanks outside quotes and run without a shell, unless it names one. It gets the event
    /// in environment variables (FAILOVER_EVENT, FAILOVER_GROUP …), and as JSON on standard input
    #[arg(long, alias = "on-event", value_name = "COMMAND", value_parser = parse_command)]
    pub on_transition: Option<CommandWords>,
    /// Run it only for these events, such as moved,down,unavailable [default: all]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = parse_event, requires = "on_transition")]
    pub hook_events: Vec<EventKind>,
    /// Append the events to this file instead of the ConfigMap kubectl-failover-journal; it is renamed
    /// to FILE.1 when it has 10 MiB
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Serve /metrics for Prometheus, /healthz and /readyz on this port of localhost, or on IP:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub metrics: Option<SocketAddr>,
    /// The series in /metrics: of each group, or only how many groups there are in each state
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "DETAIL",
        requires = "metrics"
    )]
    pub metrics_detail: MetricsDetail,
    /// Format of standard error; with json, one object per line, and moves as text are nowhere else
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Print what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Move at most this many groups in this time, such as 20/1m; the others wait
    #[arg(long, value_name = "N/DURATION", value_parser = parse_max_moves)]
    pub max_moves: Option<MaxMoves>,
    /// Also manage groups that Linkerd's failover controller manages, where both reach the same decision
    #[arg(long)]
    pub alongside_upstream: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: StreamFormat,
    #[command(flatten)]
    pub remotes: RemoteArgs,
}
