//! Failover and failback of each kind of route.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::{
    GRPC, HOME, HTTP, Kind, LINKERD, add_namespaces, group, read, rule, run, services, spec,
    status, take_weights, until_weights, version,
};
use crate::support::{Side, TestNamespace, documented, end, eventually, plugin, watching};

#[tokio::test]
async fn an_http_route() {
    story(HTTP).await;
}

#[tokio::test]
async fn a_grpc_route() {
    story(GRPC).await;
}

#[tokio::test]
async fn an_http_route_of_linkerds() {
    story(LINKERD).await;
}

async fn story(kind: Kind) {
    let ns = TestNamespace::new("route").await;
    let side = &ns.west;
    services(side).await;
    group(side, kind, "web-route", spec("web", &[rule(HOME)])).await;
    let name = format!("{}/web-route", kind.name);
    let mut before = read(side, kind, "web-route").await;
    add_namespaces(&mut before, 0);

    let mut watch = watching(side, &[]).await;
    side.ready("web", 0).await;
    until_weights(side, kind, "web-route", &[&[0, 1]]).await;
    let line = watch.line().await;
    assert!(
        line.contains(&format!(
            "{}/{name}: web -> web-east: web has no ready",
            ns.name
        )),
        "{line}"
    );
    assert_eq!(bare(&read(side, kind, "web-route").await), bare(&before));
    let away = status(side, &name).await;
    let shown = json!([
        away["object"],
        away["name"],
        away["apex"],
        away["state"],
        away["active"]
    ]);
    assert_eq!(
        shown,
        json!([kind.name, "web-route", "web", "Failover", ["web-east"]])
    );
    assert_eq!(away["changed"]["how"], "moved");

    side.ready("web", 1).await;
    until_weights(side, kind, "web-route", &[&[1, 0]]).await;
    watch
        .line_containing("web-east -> web: web has recovered (1 of 2 endpoints ready)")
        .await;
    until_events(side, kind, 2).await;

    // Forces and pauses while the watch runs. It keeps the force, and leaves a paused group alone.
    run(side, "force web --yes")
        .await
        .success()
        .stdout_contains("traffic is on web-east");
    until_weights(side, kind, "web-route", &[&[0, 1]]).await;
    assert_eq!(status(side, "web").await["state"], "Overridden");
    run(side, "failback web-route --yes")
        .await
        .success()
        .stdout_contains("traffic is on web");
    until_weights(side, kind, "web-route", &[&[1, 0]]).await;
    run(side, &format!("pause {name}")).await.success();
    let paused = version(side, kind, "web-route").await;
    side.ready("web", 0).await;
    side.group("mark", &[("mark", 1, 0), ("mark-east", 0, 1)])
        .await;
    side.until_weights("mark", &[0, 1]).await;
    assert_eq!(version(side, kind, "web-route").await, paused);
    run(side, &format!("resume {name}")).await.success();
    until_weights(side, kind, "web-route", &[&[0, 1]]).await;
    end(watch).await;

    let history = run(side, &format!("history {name} -o json"))
        .await
        .success()
        .json();
    // The server's time has whole seconds, so the order of the command's and the watch's moves is
    // not certain.
    let mut moves: Vec<String> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| !it["to"].is_null())
        .map(|it| json!([it["object"], it["to"]]).to_string())
        .collect();
    moves.sort();
    let [there, back] =
        ["web=0,web-east=1", "web=1,web-east=0"].map(|to| json!([kind.name, to]).to_string());
    assert_eq!(
        moves.iter().collect::<Vec<_>>(),
        [&there, &there, &there, &back, &back]
    );
    documented(&run(side, "status -o json").await.json());
    plugin()
        .args(["status", "--for=Failover", &name])
        .on(side)
        .run()
        .await
        .success();
}

/// A route without the fields that a move may change.
fn bare(route: &Value) -> Value {
    let mut route = route.clone();
    take_weights(&mut route);
    let metadata = route["metadata"].as_object_mut().unwrap();
    for field in ["resourceVersion", "generation", "managedFields"] {
        metadata.remove(field);
    }
    metadata["annotations"]
        .as_object_mut()
        .unwrap()
        .remove("failover.linkerd.io/last-move");
    route
}

async fn until_events(side: &Side, kind: Kind, count: usize) {
    eventually(
        &format!("there are {count} Events on the route"),
        async || {
            let mut events = side
                .api::<Event>()
                .list(&ListParams::default())
                .await
                .unwrap()
                .items;
            let version = format!("{}/{}", kind.group, kind.version);
            events.retain(|event| {
                event
                    .regarding
                    .as_ref()
                    .is_some_and(|it| it.api_version.as_ref() == Some(&version))
            });
            if events.len() == count {
                Ok(())
            } else {
                Err(format!("{events:?}"))
            }
        },
    )
    .await;
}
