//! What the live view needs besides its screen: the clusters that it follows, and the command that
//! runs.

use std::io::IsTerminal as _;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use tokio::time::Instant;

use super::feed::FeedEvent;
use super::orders::{CommandEvent, RunningCommand};
use crate::cluster::Clusters;
use crate::commands::args::absent::flags_of;
use crate::commands::env::CommandEnv;
use crate::commands::status::lines::changes;
use crate::commands::status::print::{Printed, StatusPage};
use crate::observe::Snapshot;
use crate::observe::heartbeat::Heartbeat;
use crate::output::streams::Streams;
use crate::problem::Problem;
use crate::text::connection_flags::NO_FLAGS;
use crate::text::{clean, place};
use crate::view::status::clusters::{self, ClusterSnapshot};
use crate::view::status::live::app::{GroupKey, Key, Link, LiveApp, LiveCluster, Request};

pub struct Session<'a> {
    page: &'a StatusPage,
    app: LiveApp,
    clusters: Vec<Followed<'a>>,
    command: Option<(GroupKey, RunningCommand)>,
    /// Whether a cluster could be read at some time.
    was_read: bool,
    /// Text for standard error, when the screen does not cover it.
    warnings: String,
}

/// A cluster, as far as it is connected.
struct Followed<'a> {
    env: &'a CommandEnv,
    cluster: Option<(Clusters, Heartbeat)>,
    lost: Option<Instant>,
    problem: Option<Problem>,
}

impl<'a> Session<'a> {
    pub fn of_one(env: &'a CommandEnv, cluster: &Clusters, page: &'a StatusPage) -> Self {
        let mut session = Self::of_several(std::slice::from_ref(env), String::new(), page);
        session.connected(0, cluster.clone());
        session
    }

    /// `contexts` are the flags by which a suggested command reaches the same contexts.
    pub fn of_several(envs: &'a [CommandEnv], contexts: String, page: &'a StatusPage) -> Self {
        let clusters = envs.iter().map(|env| LiveCluster {
            context: env.flags.context.clone().unwrap_or_default(),
            place: String::new(),
            connection: NO_FLAGS.clone(),
            scope: String::new(),
            statuses: Vec::new(),
            absent: Vec::new(),
            link: Link::Waiting,
            silent: std::time::Duration::ZERO,
            now: Timestamp::now(),
        });
        let followed = envs.iter().map(|env| Followed {
            env,
            cluster: None,
            lost: None,
            problem: None,
        });
        let mut app = LiveApp::new(clusters.collect(), page.style());
        app.contexts = contexts;
        app.has_keys = std::io::stdin().is_terminal();
        Self {
            page,
            app,
            clusters: followed.collect(),
            command: None,
            was_read: false,
            warnings: String::new(),
        }
    }

    pub fn streams(&self) -> &Streams {
        &self.page.streams
    }

    /// Whether keys can be read.
    pub fn has_keys(&self) -> bool {
        self.app.has_keys
    }

    pub fn has_several(&self) -> bool {
        self.clusters.len() > 1
    }

    /// Whether something is known of each cluster.
    pub fn is_complete(&self) -> bool {
        let mut clusters = self.app.clusters.iter();
        clusters.all(|cluster| cluster.link != Link::Waiting)
    }

    /// # Errors
    /// The error of the only cluster, or of the last one if none could ever be read.
    pub fn handle(&mut self, index: usize, event: FeedEvent) -> anyhow::Result<()> {
        match event {
            FeedEvent::Connected(cluster) => self.connected(index, *cluster),
            FeedEvent::Snapshot {
                snapshot,
                lost,
                warnings,
            } => {
                self.warnings.push_str(&warnings);
                self.update(index, snapshot, lost);
            }
            FeedEvent::Failed(error) => {
                let problem = Problem::of(&error);
                let link = &mut self.app.clusters[index].link;
                *link = Link::Failed(problem.message.clone());
                self.clusters[index].problem = Some(problem);
                let is_failed = |cluster: &LiveCluster| matches!(cluster.link, Link::Failed(_));
                let all_failed = self.app.clusters.iter().all(is_failed);
                if all_failed && !(self.has_several() && self.was_read) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn connected(&mut self, index: usize, cluster: Clusters) {
        let env = self.clusters[index].env;
        let namespace = env.namespace(&cluster);
        let shown = &mut self.app.clusters[index];
        shown.context.clone_from(&cluster.context);
        shown.place = clean(&place(namespace.as_deref()));
        shown.connection = cluster.reach.clone();
        shown.scope = flags_of(&cluster, namespace.as_deref());
        shown.now = cluster.clock().now();
        let heartbeat = Heartbeat::start(&cluster);
        self.clusters[index].cluster = Some((cluster, heartbeat));
    }

    fn update(&mut self, index: usize, snapshot: Snapshot, lost: Option<Instant>) {
        self.tick();
        self.was_read = true;
        let Snapshot {
            statuses,
            absent,
            lost: loss,
        } = snapshot;
        let cluster = &mut self.app.clusters[index];
        let is_first = cluster.link == Link::Waiting;
        let before = std::mem::replace(&mut cluster.statuses, statuses);
        cluster.absent = absent.iter().map(|one| one.name.to_string()).collect();
        cluster.link = loss.map_or(Link::Live, |lost| Link::Lost(lost.why));
        self.clusters[index].lost = lost;
        self.clusters[index].problem = None;
        if is_first {
            return;
        }
        let changed = changes(Some(&before), &self.app.clusters[index].statuses);
        for change in changed.iter().filter(|change| change.is_transition()) {
            self.app.change(index, change);
        }
    }

    /// Brings the ages up to date.
    pub fn tick(&mut self) {
        for (shown, followed) in self.app.clusters.iter_mut().zip(&self.clusters) {
            if let Some((cluster, heartbeat)) = &followed.cluster {
                shown.now = cluster.clock().now();
                let lost = followed.lost.map(|since| since.elapsed());
                shown.silent = heartbeat.silence().max(lost.unwrap_or_default());
            }
        }
    }

    pub fn draw(&mut self, buffer: &mut Buffer) {
        self.app.draw(buffer);
    }

    pub fn key(&mut self, key: Key) -> Option<Request> {
        self.app.key(key)
    }

    /// Does what a key asked for.
    pub fn start(&mut self, request: Request) {
        match request {
            Request::History(group) => self.run(group, &["history"]),
            Request::Force { group, to } => self.run(group, &["force", "--to", &to]),
            Request::Failback(group) => self.run(group, &["failback"]),
            Request::Answer(true) => {
                if let Some((_, command)) = &mut self.command {
                    command.confirm();
                }
            }
            Request::Answer(false) => self.command = None,
            Request::Quit | Request::Suspend => {}
        }
    }

    fn run(&mut self, group: GroupKey, words: &[&str]) {
        let followed = &self.clusters[group.cluster];
        if let Some((cluster, _)) = &followed.cluster {
            let command = RunningCommand::start(followed.env, cluster, &group.id, words);
            self.command = Some((group, command));
        }
    }

    /// Returns when the command has asked or ended, and shows that. Cancel safe.
    pub async fn command_event(&mut self) {
        let Some((group, command)) = &mut self.command else {
            return std::future::pending().await;
        };
        match command.next().await {
            CommandEvent::Asked(question) => self.app.ask(question),
            CommandEvent::Ended(text) => {
                self.app.ended(group, text);
                self.command = None;
            }
        }
    }

    /// Writes what the screen would have covered.
    pub fn say_warnings(&mut self) {
        for line in std::mem::take(&mut self.warnings).lines() {
            self.page.streams.say(line);
        }
    }

    /// Prints the changes and the last table.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn print(&mut self) -> anyhow::Result<()> {
        self.tick();
        let changes = self.app.changes();
        if !changes.is_empty() {
            let lines: String = changes.iter().map(|line| format!("{line}\n")).collect();
            self.page.streams.write(&format!("Changes:\n{lines}\n"))?;
        }
        let statuses = self.app.clusters.iter().flat_map(|it| &it.statuses);
        let evacuations = self.app.evacuations(statuses).concat();
        if !evacuations.is_empty() {
            let lines = evacuations.iter().map(|line| format!("{line}\n"));
            let text: String = lines.collect();
            self.page.streams.write(&format!("{text}\n"))?;
        }
        self.print_table()?;
        if let Some((group, command)) = &self.command
            && command.is_confirmed()
        {
            let name = self.app.name_of(group);
            self.page.streams.say(&format!(
                "warning: the order on {name} was still being carried out; see: kubectl failover \
                 status"
            ));
        }
        Ok(())
    }

    fn print_table(&self) -> anyhow::Result<()> {
        if let ([one], [shown]) = (self.clusters.as_slice(), self.app.clusters.as_slice())
            && let Some((cluster, _)) = &one.cluster
        {
            let printed = Printed {
                statuses: &shown.statuses,
                exit: None,
                missing: None,
            };
            return self.page.print(cluster, &printed);
        }
        let both = self.app.clusters.iter().zip(&self.clusters);
        let snapshots = both.map(|(shown, followed)| ClusterSnapshot {
            groups: shown.groups(&shown.statuses),
            server: None,
            error: followed.problem.as_ref(),
        });
        let snapshots: Vec<ClusterSnapshot> = snapshots.collect();
        let mut style = self.page.style();
        style.clusters = true;
        let text = clusters::render(&snapshots, style, self.page.columns());
        self.page.streams.write(&text)
    }
}
