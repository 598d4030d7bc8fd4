//! Faults of the API server and of the network: no change is lost or made twice.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Fault, FaultProxy, Running, TestNamespace, end, eventually, plugin, started};

const WEB: &str = "/trafficsplits/web";

/// A group in a namespace of its own, and a watch that sees the cluster through a proxy.
struct Scene {
    ns: TestNamespace,
    proxy: FaultProxy,
    watch: Running,
}

impl Scene {
    async fn new(purpose: &str, args: &[&str]) -> Self {
        let ns = TestNamespace::new(purpose).await;
        ns.west
            .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
            .await;
        let proxy = FaultProxy::before(&ns.west).await;
        let watch = plugin()
            .args(["watch"])
            .args(args.to_vec())
            .on(&ns.west)
            .kubeconfig(proxy.kubeconfig());
        let watch = started(watch).await;
        // From here on the watch may write, and receives changes.
        proxy
            .until_seen(Method::GET, "endpointslices?watch", 1)
            .await;
        proxy.until_seen(Method::POST, "/leases", 1).await;
        Self { ns, proxy, watch }
    }

    fn on_write(&self, times: usize, fault: Fault) {
        self.proxy.inject(Method::PATCH, WEB, times, fault);
    }

    async fn fail_over(&mut self) {
        self.ns.west.ready("web", 0).await;
        self.ns.west.until_weights("web", &[0, 1]).await;
        self.watch.line_containing("web: web -> web-east").await;
    }

    /// The time from the first write to the second one.
    fn pause(&self) -> Duration {
        let writes = self.proxy.seen(&Method::PATCH, WEB);
        assert_eq!(writes.len(), 2, "{writes:?}");
        writes[1].at.duration_since(writes[0].at)
    }
}

#[tokio::test]
async fn a_change_between_read_and_write_leads_to_a_new_decision() {
    let mut scene = Scene::new("conflict", &[]).await;
    let gate = Arc::new(Notify::new());
    scene.on_write(1, Fault::Wait(Arc::clone(&gate)));
    scene.ns.west.ready("web", 0).await;
    scene.proxy.until_seen(Method::PATCH, WEB, 1).await;
    scene
        .ns
        .west
        .edit_split(
            "web",
            json!({"metadata": {"annotations": {"note": "kept"}}}),
        )
        .await;
    gate.notify_one();
    scene.fail_over().await;
    assert!(
        scene.pause() < Duration::from_secs(1),
        "{:?}",
        scene.pause()
    );
    assert_eq!(
        scene.ns.west.split("web").await["metadata"]["annotations"]["note"],
        "kept"
    );
    let rest = end(scene.watch).await;
    assert!(
        rest.stdout.is_empty() && rest.complaints("not moved") == 0,
        "{rest:?}"
    );
}

/// The patch names a removed backend, so the server answers 422, not 409.
#[tokio::test]
async fn a_backend_removed_between_read_and_write_is_retried() {
    let ns = TestNamespace::new("shrunk").await;
    ns.west
        .group(
            "web",
            &[("web", 1, 1), ("web-east", 0, 1), ("web-north", 0, 0)],
        )
        .await;
    let proxy = FaultProxy::before(&ns.west).await;
    let watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;
    let gate = Arc::new(Notify::new());
    proxy.inject(Method::PATCH, WEB, 1, Fault::Wait(Arc::clone(&gate)));
    ns.west.ready("web", 0).await;
    proxy.until_seen(Method::PATCH, WEB, 1).await;
    ns.west
        .set_weights("web", &[("web", 1), ("web-east", 0)])
        .await;
    gate.notify_one();
    ns.west.until_weights("web", &[0, 1]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("not moved"), 0, "{rest:?}");
}

#[tokio::test]
async fn retry_after_is_respected() {
    let mut scene = Scene::new("retry-after", &[]).await;
    scene.on_write(1, Fault::Answer(429, Some(1)));
    scene.fail_over().await;
    let pause = scene.pause();
    assert!(
        pause >= Duration::from_secs(1) && pause < Duration::from_secs(4),
        "{pause:?}"
    );
    end(scene.watch).await;
}

#[tokio::test]
async fn server_errors_are_retried_and_reported_once() {
    let mut scene = Scene::new("server-faults", &[]).await;
    scene.on_write(3, Fault::Answer(500, None));
    scene.on_write(3, Fault::Answer(503, None));
    scene.on_write(2, Fault::CutBefore);
    scene.fail_over().await;
    assert_eq!(scene.proxy.writes(), 9);
    let rest = end(scene.watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    assert_eq!(rest.complaints("(HTTP 500)"), 1, "{rest:?}");
    assert_eq!(rest.complaints("(HTTP 503)"), 1, "{rest:?}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_reported_once_and_not_repeated() {
    let mut scene = Scene::new("cut-after", &[]).await;
    let before = generation(&scene.ns.west.split("web").await);
    scene.on_write(1, Fault::CutAfter);
    scene.fail_over().await;
    eventually("there is an Event of the move", async || {
        let events = scene
            .ns
            .west
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        let is_move = |event: &&Event| event.reason.as_deref() == Some("TrafficMoved");
        if events.iter().filter(is_move).count() == 1 {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    })
    .await;
    assert_eq!(generation(&scene.ns.west.split("web").await), before + 1);
    let rest = end(scene.watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn a_hanging_write_times_out_and_is_repeated() {
    let mut scene = Scene::new("hang", &["--request-timeout", "1s"]).await;
    scene.on_write(1, Fault::Hang);
    scene.fail_over().await;
    let pause = scene.pause();
    // The first write reaches the proxy a little after its time limit has begun.
    assert!(
        pause >= Duration::from_millis(900) && pause < Duration::from_secs(5),
        "{pause:?}"
    );
    let rest = end(scene.watch).await;
    assert_eq!(
        rest.complaints("no answer within 1 s; retrying"),
        1,
        "{rest:?}"
    );
}

#[tokio::test]
async fn a_watch_that_never_starts_times_out_whatever_the_flag() {
    const SLICES: &str = "endpointslices?watch";
    let mut scene = Scene::new("no-limit", &["--request-timeout", "0"]).await;
    let opened = scene.proxy.seen(&Method::GET, SLICES).len();
    scene.proxy.inject(Method::GET, SLICES, 1, Fault::Hang);
    scene.proxy.cut_streams();
    scene
        .proxy
        .until_seen(Method::GET, SLICES, opened + 2)
        .await;
    scene.fail_over().await;
    end(scene.watch).await;
}

#[tokio::test]
async fn hanging_events_delay_no_move() {
    let mut scene = Scene::new("slow-events", &[]).await;
    scene
        .proxy
        .inject(Method::POST, "/events", 100, Fault::Hang);
    scene.fail_over().await;
    scene.ns.west.ready("web", 1).await;
    scene.watch.line_containing("web: web-east -> web").await;
    end(scene.watch).await;
}

#[tokio::test]
async fn watches_that_keep_breaking_lose_nothing() {
    let mut scene = Scene::new("cut-watches", &[]).await;
    for flip in 0..8 {
        let (ready, weights, line) = match flip % 2 {
            0 => (0, [0, 1], "web: web -> web-east"),
            _ => (1, [1, 0], "web: web-east -> web"),
        };
        scene.ns.west.ready("web", ready).await;
        let cutting = async {
            loop {
                scene.proxy.cut_streams();
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::select! {
            () = scene.ns.west.until_weights("web", &weights) => {}
            () = cutting => {}
        }
        scene.watch.line_containing(line).await;
    }
    let rest = end(scene.watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn an_expired_resource_version_causes_a_new_list() {
    for (purpose, fault) in [
        ("expired", Fault::Expired),
        ("gone", Fault::Answer(410, None)),
    ] {
        let mut scene = Scene::new(purpose, &[]).await;
        let lists = || {
            scene
                .proxy
                .seen(&Method::GET, "endpointslices?*limit=")
                .len()
        };
        let before = lists();
        scene
            .proxy
            .inject(Method::GET, "endpointslices?watch", 1, fault);
        scene.proxy.cut_streams();
        scene
            .proxy
            .until_seen(Method::GET, "endpointslices?*limit=", before + 1)
            .await;
        scene.fail_over().await;
        end(scene.watch).await;
    }
}

#[tokio::test]
async fn failed_lists_at_the_start_are_repeated_before_any_move() {
    let ns = TestNamespace::new("late-lists").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    ns.west
        .group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.inject(Method::GET, "trafficsplits?", 2, Fault::Answer(503, None));
    proxy.inject(Method::GET, "endpointslices?", 3, Fault::Answer(500, None));
    let mut watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    watch.stderr_line_containing("trafficsplits").await;
    watch.line_containing("mark -> mark-east").await;
    let rest = end(watch).await;
    assert!(rest.stdout.is_empty(), "{rest:?}");
    ns.west.until_weights("web", &[1, 0]).await;
}

fn generation(object: &Value) -> u64 {
    object["metadata"]["generation"].as_u64().unwrap()
}
