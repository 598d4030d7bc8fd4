//! Groups in bulk: created for all mirrors or from a file, deleted, given other fallbacks, and counted
//! by cluster.

use std::io::Write as _;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use crate::support::{Output, Side, TestNamespace, documented, plugin};

/// A cluster whose name the sandbox's own mirrors do not have. Those remove services that have their
/// name and are not exported.
const FAR: &str = "far";

async fn run(side: &Side, command: &str) -> Output {
    let words: Vec<&str> = command.split(' ').collect();
    plugin().args(words).on(side).run().await
}

/// A mirror through a gateway, which is ready.
async fn mirror(side: &Side, cluster: &str, name: &str, origin: &str) {
    let metadata = json!({
        "name": name,
        "labels": {
            "mirror.linkerd.io/mirrored-service": "true",
            "mirror.linkerd.io/cluster-name": cluster,
        },
        "annotations": {
            "mirror.linkerd.io/remote-svc-fq-name": format!("{origin}.{}.svc.cluster.local", side.namespace),
        },
    });
    let spec = json!({"ports": [{"name": "http", "port": 80}]});
    side.create::<Service>(json!({"metadata": metadata, "spec": spec}))
        .await;
    side.ready(name, 1).await;
}

/// A service with a ready endpoint, and its mirror of the cluster far.
async fn mirrored(side: &Side, name: &str) {
    side.bare_service(name).await;
    side.ready(name, 1).await;
    mirror(side, FAR, &format!("{name}-far"), name).await;
}

async fn exists(side: &Side, name: &str) -> bool {
    side.traffic_splits().get_opt(name).await.unwrap().is_some()
}

async fn backends(side: &Side, name: &str) -> Vec<(String, Value)> {
    side.weights(name).await
}

#[tokio::test]
async fn every_service_with_a_mirror_gets_a_group_once() {
    let ns = TestNamespace::new("bulk-all").await;
    let side = &ns.west;
    for name in ["api", "web"] {
        mirrored(side, name).await;
    }
    side.bare_service("alone").await;
    mirror(side, FAR, "gone-far", "gone").await;
    side.bare_service("own").await;
    mirror(side, FAR, "own-far", "own").await;
    side.traffic_split("own", "own", &[("own", 1), ("own-far", 0)])
        .await;

    let unknown = run(side, "create --all --fallback-cluster fra --yes").await;
    unknown.code(1).stderr_contains("did you mean far?");
    let unasked = run(side, "create --all --fallback-cluster far").await;
    unasked
        .code(4)
        .stderr_contains("add --yes to skip the prompt");
    let dry = run(
        side,
        "create --all --fallback-cluster far --dry-run=client -o json",
    )
    .await;
    let list = dry.success().json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2, "{list}");
    assert!(!exists(side, "web-failover").await);
    let labelled = "create --all --fallback-cluster far -l team=web --dry-run=client";
    let labelled = run(side, labelled).await.success();
    labelled.stderr_contains("no groups to create");

    let made = run(
        side,
        "create --all --fallback-cluster far --min-ready 2 --yes",
    )
    .await;
    made.success()
        .stdout_contains("/api-failover: created: api, fallback api-far")
        .stdout_contains("/web-failover: created: web, fallback web-far")
        .stderr_contains("/own: it has a group already")
        .stderr_contains("/gone: there is a mirror, but no service of this name")
        .stderr_contains("2 groups: 2 created");
    for name in ["api", "web"] {
        let split = side.split(&format!("{name}-failover")).await;
        let annotations = &split["metadata"]["annotations"];
        assert_eq!(annotations["failover.linkerd.io/min-ready"], "2");
    }
    let again = run(side, "create --all --fallback-cluster far --yes").await;
    again.success().stderr_contains("no groups to create");
}

#[tokio::test]
async fn a_file_lists_groups_and_is_applied_again() {
    let ns = TestNamespace::new("bulk-file").await;
    let side = &ns.west;
    for name in ["api", "web"] {
        mirrored(side, name).await;
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = "\
groups:
  - service: web
    fallbacks: [web-far]
    policy: ordered
  - service: api
    fallbacks: [api-far]
    kind: httproute
    port: 80
  - service: nope
    fallbacks: [nope-far]
";
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().display().to_string();
    let made = run(side, &format!("create -f {path} --yes")).await.code(1);
    made.stdout_contains("/web-failover: created: web, fallback web-far")
        .stdout_contains("/httproute/api-failover: created: api, fallback api-far")
        .stderr_contains("line 9: services nope, nope-far do not exist")
        .stderr_contains("3 groups: 2 created, 1 failed");
    let split = side.split("web-failover").await;
    assert_eq!(
        split["metadata"]["annotations"]["failover.linkerd.io/policy"],
        "ordered"
    );
    let again = run(side, &format!("create -f {path} --yes")).await.code(1);
    again
        .stdout_contains("/web-failover: unchanged")
        .stdout_contains("/httproute/api-failover: unchanged");

    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), text.replace("[web-far]", "[web-far, api]")).unwrap();
    let differs = format!("create -f {} --yes", other.path().display());
    let differs = run(side, &differs).await.code(1);
    differs
        .stderr_contains("backends: web, web-far → web, web-far, api")
        .stderr_contains("to change it: kubectl failover set web-failover --add-fallback api")
        .stderr_lacks(" edit ");

    file.write_all(b"    fallback: x\n").unwrap();
    let refused = run(side, &format!("create -f {path} --yes")).await.code(2);
    refused.stderr_contains("line 11: unknown key \"fallback\"");
}

#[tokio::test]
async fn a_group_is_deleted_unless_its_traffic_would_move() {
    let ns = TestNamespace::new("bulk-delete").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.group("api", &[("api", 0, 1), ("api-east", 1, 1)])
        .await;
    let unasked = run(side, "delete web").await.code(4);
    unasked.stderr_contains("nothing was changed");
    let dry = run(side, "delete web --dry-run=server").await.success();
    dry.stdout_contains("without failover (server dry run)");
    assert!(exists(side, "web").await);

    let mixed = run(side, "delete --all --yes -o json").await.code(1).json();
    documented(&mixed);
    let results: Vec<&str> = ["api", "web"]
        .into_iter()
        .map(|name| {
            let items = mixed["items"].as_array().unwrap();
            let item = items.iter().find(|item| item["name"] == name).unwrap();
            item["result"].as_str().unwrap()
        })
        .collect();
    assert_eq!(results, ["refused", "changed"], "{mixed}");
    assert!(!exists(side, "web").await && exists(side, "api").await);

    let refused = run(side, "delete api --yes").await.code(4);
    refused
        .stderr_contains("its traffic is on api-east, and would move to api at once")
        .stderr_contains("add --allow=move");
    run(side, "delete api --yes --allow=move").await.success();
    assert!(!exists(side, "api").await);
    let history = run(side, "history web").await.success();
    history.stdout_contains("deleted; all traffic goes to web, without failover");
}

#[tokio::test]
async fn a_deleted_object_that_a_finalizer_keeps_is_reported() {
    let ns = TestNamespace::new("bulk-finalizer").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    side.edit_split("web", finalizers(json!(["example.org/x"])))
        .await;
    let deleted = run(side, "delete web --yes").await.success();
    deleted.stdout_contains("a finalizer keeps the object");
    let again = run(side, "delete web --yes").await.success();
    again.stdout_contains("deleted already");
    side.edit_split("web", finalizers(Value::Null)).await;
    assert!(!exists(side, "web").await);
}

#[tokio::test]
async fn fallbacks_come_and_go_but_never_with_the_traffic() {
    let ns = TestNamespace::new("bulk-fallbacks").await;
    let side = &ns.west;
    side.group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    side.bare_service("web-north").await;
    side.ready("web-north", 1).await;
    run(side, "force web --yes").await.success();
    run(side, "failback web --yes").await.success();

    let missing = run(side, "set web --add-fallback web-south").await.code(4);
    missing.stderr_contains("service web-south does not exist");
    let added = run(side, "set web --add-fallback web-north")
        .await
        .success();
    added.stdout_contains("fallback web-north added");
    let names: Vec<String> = backends(side, "web")
        .await
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(names, ["web", "web-east", "web-north"]);
    side.until_weights("web", &[1, 0, 0]).await;
    let to = side.last_move("web").await["to"].clone();
    assert_eq!(to, "web=1,web-east=0,web-north=0", "it fits the weights");
    let again = run(side, "set web --add-fallback web-north")
        .await
        .success();
    again.stdout_contains("already set");

    let primary = run(side, "set web --remove-fallback web --yes")
        .await
        .code(4);
    primary.stderr_contains("web is the primary");
    side.set_weights("web", &[("web", 0), ("web-east", 1), ("web-north", 0)])
        .await;
    let carrying = run(side, "set web --remove-fallback web-east --yes").await;
    carrying
        .code(4)
        .stderr_contains("the traffic is on web-east, and no other backend");
    side.set_weights("web", &[("web", 1), ("web-east", 1), ("web-north", 0)])
        .await;
    let shared = run(side, "set web --remove-fallback web-east --yes").await;
    shared
        .success()
        .stdout_contains("fallback web-east removed");
    side.until_weights("web", &[1, 0]).await;
    assert_eq!(side.last_move("web").await["to"], "web=1,web-north=0");
    let last = run(side, "set web --remove-fallback web-north --yes").await;
    last.code(4).stderr_contains("without a fallback");
}

#[tokio::test]
async fn each_cluster_is_a_row_over_two_contexts() {
    let ns = TestNamespace::new("bulk-rows").await;
    for (side, cluster) in [(&ns.west, "xeast"), (&ns.east, "xwest")] {
        side.bare_service("web").await;
        side.ready("web", 1).await;
        mirror(side, cluster, "web-other", "web").await;
        side.traffic_split("web", "web", &[("web", 1), ("web-other", 0)])
            .await;
    }
    ns.east
        .set_weights("web", &[("web", 0), ("web-other", 1)])
        .await;
    let both = |args: &str| {
        let line = format!(
            "status --by-cluster --contexts west,east -n {} {args}",
            ns.name
        );
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        plugin().args(words).run()
    };
    let names = "--local-name xwest=west --local-name xeast=east";
    let rows = both(&format!("{names} -o json")).await.success().json();
    documented(&rows);
    let row = |name: &str| {
        let items = rows["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["cluster"] == name);
        let item = item.unwrap_or_else(|| panic!("no {name}: {rows}"));
        json!([
            item["contexts"],
            item["groups"],
            item["carries"],
            item["couldCarry"]
        ])
    };
    assert_eq!(row("xwest"), json!([["west"], 2, 2, 0]));
    assert_eq!(row("xeast"), json!([["east"], 2, 0, 2]));
    assert_eq!(rows["items"].as_array().unwrap().len(), 2);
    assert_eq!(rows["contexts"][0]["namedBy"], "flag");
    let table = both(names).await.success();
    table.stdout_contains("xeast    east     2       0        2            2/2    ready    -");

    // Nothing but the flag tells that xeast is the cluster of context east.
    let unnamed = both("-o name").await.success();
    unnamed.stdout_is("east\nwest\nxeast\nxwest\n");
    let typo = both("--local-name xwest=wset").await.code(2);
    typo.stderr_contains("did you mean west?");
}
