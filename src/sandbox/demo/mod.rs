//! `sandbox demo`: plays a failover and a failback on two clusters, and checks each step on the
//! objects.

mod actor;
mod checks;
mod objects;
mod observer;
mod route;

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use self::actor::Actor;
use self::objects::{APEX, NAMESPACE};
use self::observer::DemoObserver;
use super::control_plane::access;
use super::control_plane::access::limited;
use super::control_plane::install::deployments;
use super::host::state_dir::StateDir;
use super::supervisor::session::Session;
use crate::cli::SandboxDemoArgs;
use crate::model::Carrier;
use crate::output::streams::Streams;
use crate::problem::{Exit, Problem};
use crate::process::signals::Interrupts;
use crate::resource::linkerd::EXPORTED;
use crate::resource::{Kind, TrafficSplit, kinds_called};

/// Starts the clusters, plays the demo, and stops everything, even after an error.
pub async fn run(streams: &Streams, args: &SandboxDemoArgs) -> anyhow::Result<Exit> {
    let [home, away, ..] = args.up.clusters.as_slice() else {
        return Err(Problem::usage("the demo needs two clusters").into());
    };
    let kinds = kinds_called(&args.kind);
    let Some(kind) = kinds.first() else {
        return Err(Problem::usage(format!("unknown kind {:?}", args.kind)).into());
    };
    let mut interrupts = Interrupts::listen()?;
    let session =
        Session::start(streams, StateDir::temporary()?, &args.up, &mut interrupts).await?;
    let demo = async {
        let kubeconfig = session.state_dir.kubeconfig();
        let story = Story {
            streams: streams.clone(),
            kind: *kind,
            flat: args.flat,
            home_client: access::client(&kubeconfig, home).await?,
            away_client: access::client(&kubeconfig, away).await?,
            actor: Actor {
                streams: streams.clone(),
                kubeconfig,
                context: home.to_owned(),
            },
            remote: format!("{away}={away}"),
            away: away.to_owned(),
            fallback: format!("{APEX}-{away}"),
        };
        story.play().await
    };
    let outcome = interrupts.or(demo).await;
    session.stop().await?;
    outcome.map(|()| Exit::Done)
}

/// One run of the demo.
struct Story {
    streams: Streams,
    kind: &'static dyn Kind,
    flat: bool,
    home_client: Client,
    away_client: Client,
    actor: Actor,
    /// The other cluster and its context, as a value of `--remote`.
    remote: String,
    away: String,
    fallback: String,
}

impl Story {
    async fn play(&self) -> anyhow::Result<()> {
        step(1, self.export().await)?;
        step(2, self.create().await)?;
        let mut observer = step(
            3,
            DemoObserver::start(&self.home_client, self.kind, &self.fallback).await,
        )?;
        self.streams.print(&format!(
            "\n3. Watch, and remove all of {APEX}'s pods in {}",
            self.actor.context
        ))?;
        let watch = step(
            3,
            self.actor.start_watch(&self.with_remote(&["watch"])).await,
        )?;
        step(3, self.actor.run(&self.with_remote(&["status"])).await)?;
        self.streams
            .print("The traffic is a simulation: no proxies run, and no requests are sent.")?;
        step(3, self.traffic(APEX).await)?;
        let over = step(3, self.switch(&mut observer, 0).await)?;
        self.streams
            .print("\n4. Status and traffic during the failover")?;
        step(4, self.actor.run(&self.with_remote(&["status"])).await)?;
        step(4, self.traffic(&self.fallback).await)?;
        self.streams
            .print(&format!("\n5. Bring {APEX}'s pods back"))?;
        let back = step(5, self.switch(&mut observer, 1).await)?;
        step(5, self.actor.run(&self.with_remote(&["status"])).await)?;
        step(5, self.traffic(APEX).await)?;
        step(5, watch.end().await)?;
        self.streams.print(&format!(
            "\n6. {APEX} failed over to {} in {} and back in {}, measured by an independent watch.",
            self.fallback,
            in_words(over),
            in_words(back)
        ))?;
        Ok(())
    }

    /// Shows the traffic, once all of it goes to a backend.
    async fn traffic(&self, backend: &str) -> anyhow::Result<()> {
        let goal = format!("share({backend})>=95%");
        let command = [
            "traffic",
            APEX,
            "--from",
            "deploy/vote-bot",
            "--for",
            &goal,
            "--window",
            "2s",
        ];
        self.actor.run(&command).await
    }

    async fn export(&self) -> anyhow::Result<()> {
        self.streams
            .print(&format!("1. Export {APEX} from {}", self.away))?;
        let mode = if self.flat {
            "remote-discovery"
        } else {
            "true"
        };
        self.streams.print(&format!(
            "$ kubectl --context={} -n {NAMESPACE} label service {APEX} {EXPORTED}={mode}",
            self.away
        ))?;
        let services: Api<Service> = Api::namespaced(self.away_client.clone(), NAMESPACE);
        let patch = Patch::Merge(json!({"metadata": {"labels": {EXPORTED: mode}}}));
        limited(services.patch(APEX, &PatchParams::default(), &patch)).await?;
        checks::mirror_appears(&self.home_client, &self.fallback, self.flat).await?;
        let endpoints = if self.flat {
            format!("; its endpoints are in {}", self.away)
        } else {
            ", with a ready endpoint".to_owned()
        };
        self.streams.print(&format!(
            "{} appeared in {}{endpoints}.",
            self.fallback, self.actor.context
        ))?;
        Ok(())
    }

    async fn create(&self) -> anyhow::Result<()> {
        self.streams.print(&format!(
            "\n2. Make {} the fallback of {APEX}",
            self.fallback
        ))?;
        let info = self.kind.info();
        let mut create = vec!["create", APEX, "--fallback", self.fallback.as_str()];
        if info.kind != TrafficSplit.info().kind {
            create.extend(["--kind", info.name]);
        }
        self.actor.run(&self.with_remote(&create)).await?;
        checks::only_this_group(&self.home_client, self.kind, &self.fallback).await?;
        self.streams.print(&format!(
            "{} {APEX}-failover is as expected, and the only one.",
            info.kind
        ))?;
        if info.carrier == Carrier::Route {
            route::until_accepted(&self.home_client, self.kind).await?;
            self.streams
                .print("The sandbox accepts the route, as Linkerd's policy controller would.")?;
        }
        Ok(())
    }

    /// On a flat network, the readiness of mirrors is read in the other cluster.
    fn with_remote<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let remote: &[&str] = if self.flat {
            &["--remote", &self.remote]
        } else {
            &[]
        };
        [command, remote].concat()
    }

    /// Scales the Deployment and waits for the weights to follow. Returns the time between the two.
    async fn switch(&self, observer: &mut DemoObserver, replicas: u32) -> anyhow::Result<Duration> {
        let context = &self.actor.context;
        self.streams.print(&format!(
            "$ kubectl --context={context} -n {NAMESPACE} scale deploy/web --replicas={replicas}"
        ))?;
        let deployments = deployments(&self.home_client, NAMESPACE);
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let params = PatchParams::default();
        let scale = limited(deployments.patch("web", &params, &patch));
        let ready = replicas > 0;
        // Concurrently: an event that precedes the response must not wait for it, or the measured
        // time would be too short.
        let (_, took) = futures::try_join!(scale, observer.switch(ready))?;
        let [primary, fallback] = observer::weights(ready);
        self.streams.print(&format!(
            "The weights are {APEX} {primary} and {} {fallback}.",
            self.fallback
        ))?;
        Ok(took)
    }
}

fn step<T>(number: u32, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    outcome.map_err(|cause| cause.context(format!("step {number} failed")))
}

fn in_words(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..10_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
