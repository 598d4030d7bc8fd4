//! Evacuations of whole clusters, over namespaces and contexts.

use std::collections::BTreeMap;

use futures::future::join_all;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::PostParams;
use serde_json::{Value, json};

use super::{away_group, entries, home_group, mirror, order, weights};
use crate::support::{
    Output, Side, TestNamespace, add_gone, documented, kubeconfig_with, plugin, rule,
};

/// Lets a user read everything in the cluster of this side.
async fn may_read(side: &Side, user: &str) {
    let kinds = ["trafficsplits", "httproutes", "grpcroutes"];
    let rules = [
        rule("split.smi-spec.io", &kinds, &["get", "list"]),
        rule("gateway.networking.k8s.io", &kinds, &["get", "list"]),
        rule("policy.linkerd.io", &kinds, &["get", "list"]),
        rule("discovery.k8s.io", &["endpointslices"], &["list"]),
        rule("", &["services"], &["get", "list"]),
        rule("coordination.k8s.io", &["leases"], &["list"]),
        rule("linkerd.io", &["serviceprofiles"], &["list"]),
    ];
    let metadata = json!({"name": user});
    let role: ClusterRole =
        serde_json::from_value(json!({"metadata": metadata, "rules": rules})).unwrap();
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": metadata,
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "ClusterRole", "name": user, "apiGroup": "rbac.authorization.k8s.io"},
    }))
    .unwrap();
    let params = PostParams::default();
    side.cluster_api().create(&params, &role).await.unwrap();
    side.cluster_api().create(&params, &binding).await.unwrap();
}

/// Lets a user change the groups of a namespace.
async fn may_change(side: &Side, user: &str) {
    let rules = [
        rule("split.smi-spec.io", &["trafficsplits"], &["patch"]),
        rule("events.k8s.io", &["events"], &["create"]),
    ];
    side.create::<Role>(json!({"metadata": {"name": user}, "rules": rules}))
        .await;
    side.create::<RoleBinding>(json!({
        "metadata": {"name": user},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}],
        "roleRef": {"kind": "Role", "name": user, "apiGroup": "rbac.authorization.k8s.io"},
    }))
    .await;
}

/// The plan and the result of each group, by context, namespace and name.
fn results(output: &Output) -> BTreeMap<String, (String, String)> {
    let document = output.json();
    let items = document["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items
        .map(|item| {
            let place = ["context", "namespace", "name"].map(|key| text(&item[key]));
            (
                place.join(" "),
                (text(&item["plan"]), text(&item["result"])),
            )
        })
        .collect()
}

#[tokio::test]
async fn twenty_five_groups_leave_a_cluster_and_return() {
    let spaces = join_all(
        ["evac-a", "evac-b", "evac-c", "evac-locked"]
            .map(async |name| TestNamespace::new(name).await),
    )
    .await;
    let [a, b, c, locked] = spaces.as_slice() else {
        panic!("four namespaces");
    };
    let cluster = format!("north-{}", a.name);
    let carol = format!("carol-{}", a.name);
    for side in [&a.west, &a.east] {
        may_read(side, &carol).await;
    }
    for space in [a, b, c] {
        may_change(&space.west, &carol).await;
        may_change(&space.east, &carol).await;
    }
    let moving: Vec<(&Side, String)> = [a, b, c]
        .iter()
        .flat_map(|space| [&space.west, &space.east])
        .flat_map(|side| (0..3).map(move |number| (side, format!("web{number}"))))
        .collect();
    join_all(
        moving
            .iter()
            .map(|(side, name)| away_group(side, name, &cluster, 1)),
    )
    .await;
    let quiet = [(&a.west, "quiet"), (&b.east, "quiet"), (&c.west, "quiet")];
    for (side, name) in quiet {
        home_group(side, name, &cluster).await;
    }
    away_group(&a.west, "netless", &cluster, 0).await;
    home_group(&b.west, "forced", &cluster).await;
    let force = order(&b.west, "force forced --to forced-north --id CHG-70");
    force.run().await.success();
    away_group(&locked.west, "locked", &cluster, 1).await;
    away_group(&locked.east, "locked", &cluster, 1).await;
    assert_eq!(moving.len() + quiet.len() + 4, 25);

    let command =
        format!("evacuate {cluster} --contexts west,east --id CHG-77 --as {carol} --yes -o json");
    let run = async |command: &str| plugin().args(command.split(' ')).run().await;
    for (round, done) in [(0, "changed"), (1, "unchanged")] {
        let output = run(&command).await.code(1);
        documented(&output.json());
        let results = results(&output);
        assert_eq!(results.len(), 25, "{output}");
        let of = |side: &Side, name: &str| {
            let place = format!("{} {} {name}", side.context, side.namespace);
            let (plan, result) = &results[&place];
            format!("{plan} {result}")
        };
        let plan = |plan: &str| {
            let plan = if round == 0 { plan } else { "unchanged" };
            format!("{plan} {done}")
        };
        for (side, name) in &moving {
            assert_eq!(of(side, name), plan("moves"), "{output}");
            assert_eq!(weights(side, name).await, [0, 1]);
        }
        for (side, name) in quiet {
            assert_eq!(of(side, name), plan("avoids"), "{output}");
            assert_eq!(entries(side, name).await.len(), 1);
        }
        assert_eq!(of(&a.west, "netless"), format!("stays {done}"));
        assert_eq!(of(&b.west, "forced"), "left refused");
        for side in [&locked.west, &locked.east] {
            assert_eq!(of(side, "locked"), "left refused");
            assert_eq!(weights(side, "locked").await, [1, 0]);
            assert!(entries(side, "locked").await.is_empty());
        }
        assert_eq!(weights(&a.west, "netless").await, [1, 0]);
        assert_eq!(weights(&b.west, "forced").await, [0, 1]);
        assert!(entries(&b.west, "forced").await.is_empty());
        let document = output.json().to_string();
        for reason in [
            "no other backend is known to be ready: netless (0 of 1 ready)",
            "forced to forced-north by",
            "--allow=others",
            "Forbidden: cannot patch trafficsplits",
        ] {
            assert!(document.contains(reason), "{reason}: {output}");
        }
    }

    let output = run(&format!(
        "return {cluster} --contexts west,east --id CHG-77 --as {carol} --yes -o json"
    ))
    .await
    .success();
    assert_eq!(results(&output).len(), moving.len() + quiet.len() + 1);
    for (side, name) in &moving {
        assert_eq!(weights(side, name).await, [1, 0]);
        assert!(entries(side, name).await.is_empty());
    }
    for (side, name) in quiet.into_iter().chain([(&a.west, "netless")]) {
        assert!(entries(side, name).await.is_empty());
    }
    assert_eq!(weights(&b.west, "forced").await, [0, 1]);
}

#[tokio::test]
async fn a_force_is_left_standing_unless_told() {
    let ns = TestNamespace::new("evac-others").await;
    let side = &ns.west;
    home_group(side, "web", &ns.name).await;
    order(side, "force web --to web-north")
        .run()
        .await
        .success();
    let mut force: Value = serde_json::from_str(
        side.split("web").await["metadata"]["annotations"]["failover.linkerd.io/override"]
            .as_str()
            .unwrap(),
    )
    .unwrap();
    force["by"] = json!("bob@laptop");
    let note = json!({"failover.linkerd.io/override": force.to_string()});
    side.edit_split("web", json!({"metadata": {"annotations": note}}))
        .await;
    let command = format!("evacuate {} --id CHG-1", ns.name);
    order(side, &command)
        .run()
        .await
        .code(4)
        .stderr_contains("forced to web-north by bob@laptop")
        .stderr_contains("--allow=others");
    assert_eq!(weights(side, "web").await, [0, 1]);
    let command = format!("{command} --allow=others");
    order(side, &command).run().await.success();
    assert_eq!(weights(side, "web").await, [1, 0]);
    // The force has the traffic again afterwards.
    let command = format!("return {} --id CHG-1", ns.name);
    order(side, &command).run().await.success();
    assert_eq!(weights(side, "web").await, [0, 1]);
}

/// The local backends of the groups in the cluster itself.
#[tokio::test]
async fn in_the_cluster_itself_the_local_backends_are_avoided() {
    let ns = TestNamespace::new("evac-own").await;
    let side = &ns.west;
    home_group(side, "web", &ns.name).await;
    let output = order(side, "evacuate west --duration 1h --reason maintenance")
        .run()
        .await
        .success();
    output
        .stdout_contains("Evacuation of west (west-20")
        .stdout_contains("1 moved")
        .stderr_contains("no watch is running for 1 of these groups")
        .stderr_contains("to bring the traffic back: kubectl failover return west --id west-20");
    assert_eq!(weights(side, "web").await, [0, 1]);
    let entry = entries(side, "web").await[0].clone();
    assert_eq!(entry["backends"], json!(["web"]));
    assert_eq!(entry["reason"], "maintenance");
    // Suggested commands end the evacuation: `failback` would be refused.
    for command in ["delete web", "set web --remove-fallback web-north"] {
        let refused = order(side, command).run().await.code(4);
        refused
            .stderr_contains(
                "end that first, for all its groups in this context: kubectl failover return west --id west-20",
            )
            .stderr_lacks("failback");
    }
    // Without an identifier, it goes on with the same evacuation.
    let again = order(side, "evacuate west").run().await.success();
    again.stderr_contains("going on with evacuation west-20");
    assert_eq!(entries(side, "web").await.len(), 1);

    order(side, "return west --id CHG-1")
        .run()
        .await
        .code(1)
        .stderr_contains("no group is evacuated by CHG-1")
        .stderr_contains("available evacuations: west-20");
    let id = entry["id"].as_str().unwrap();
    order(side, "return west")
        .run()
        .await
        .code(2)
        .stderr_contains(&format!(
            "(1 group: maintenance): kubectl failover return west --id {id}"
        ));
    order(side, &format!("return {} --id {id}", ns.name))
        .run()
        .await
        .code(2)
        .stderr_contains("is an evacuation of")
        .stderr_contains(&format!(
            "to return it: kubectl failover return west --id {id}"
        ));
    order(side, &format!("evacuate {} --id {id}", ns.name))
        .run()
        .await
        .code(2)
        .stderr_contains("is an evacuation of another cluster");

    side.ready("web", 0).await;
    let command = format!("return west --id {id}");
    order(side, &command)
        .run()
        .await
        .code(4)
        .stderr_contains("web has 0 of 1 endpoints ready, 1 needed")
        .stderr_contains("--when-ready");
    order(side, &format!("{command} --when-ready --timeout 1s"))
        .run()
        .await
        .code(3)
        .stderr_contains("timed out after 1s waiting for groups to be ready")
        .stderr_contains("to wait longer, raise --timeout");
    assert_eq!(weights(side, "web").await, [0, 1]);
    let mut waiting = order(side, &format!("{command} --when-ready")).spawn();
    // The plan comes before the wait.
    waiting
        .stderr_line_containing("--when-ready waits for it")
        .await;
    waiting.stderr_line_containing("waiting: ").await;
    side.ready("web", 1).await;
    assert!(waiting.wait().await.success());
    assert_eq!(weights(side, "web").await, [1, 0]);
    order(side, &command)
        .run()
        .await
        .success()
        .stderr_contains("nothing to return");

    let broken = json!({"metadata": {"annotations": {"failover.linkerd.io/avoid": "[{"}}});
    side.edit_split("web", broken).await;
    order(side, "evacuate west --dry-run")
        .run()
        .await
        .success()
        .stdout_contains("/web cannot be read: earlier evacuations in it, if any, are lost");
}

#[tokio::test]
async fn a_context_whose_api_is_down_is_named() {
    let ns = TestNamespace::new("evac-gone").await;
    away_group(&ns.west, "web", "gone", 1).await;
    let kubeconfig = kubeconfig_with(add_gone);
    let command = "evacuate gone --contexts gone,west --id CHG-5 --yes";
    let output = plugin()
        .args(command.split(' '))
        .kubeconfig(kubeconfig.path())
        .namespace(&ns.name)
        .run()
        .await
        .code(1)
        .stdout_contains("(CHG-5): 1 moved")
        .stderr_contains("warning: context gone cannot be read: ");
    let own = "the groups in gone itself were not read, and their traffic stays there\n";
    assert_eq!(output.stderr.matches(own).count(), 1, "{output}");
    assert_eq!(weights(&ns.west, "web").await, [0, 1]);
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let ns = TestNamespace::new("evac-dry").await;
    let side = &ns.west;
    away_group(side, "web", &ns.name, 1).await;
    home_group(side, "mail", &ns.name).await;
    mirror(side, "lone", &ns.name).await;
    side.traffic_split("lone", "lone", &[("lone", 1)]).await;
    let versions = [side.version("web").await, side.version("mail").await];
    let command = format!("evacuate {} --id CHG-3", ns.name);
    for flag in ["--dry-run", "--dry-run=server"] {
        let output = order(side, &format!("{command} {flag}"))
            .run()
            .await
            .code(1);
        output.stdout_contains("1 would move, 1 without traffic there, 1 would stay behind");
    }
    let output = order(side, &format!("{command} --dry-run")).run().await;
    output
        .stdout_contains(&format!(
            "CONTEXT  NAMESPACE{:w$}NAME  FROM       TO",
            "",
            w = ns.name.len() - 7
        ))
        .stdout_contains("web-north  web")
        .stdout_contains("it has no backend outside")
        .stderr_contains(&format!(
            "warning: no context that was read is of cluster {}",
            ns.name
        ));
    let prompt = plugin()
        .args(command.split(' '))
        .on(side)
        .run()
        .await
        .code(4);
    prompt.stderr_contains("evacuate asks for confirmation");
    assert_eq!(
        [side.version("web").await, side.version("mail").await],
        versions
    );
}

#[tokio::test]
async fn status_and_check_name_an_evacuation_and_what_it_has_missed() {
    let ns = TestNamespace::new("evac-late").await;
    let side = &ns.west;
    away_group(side, "web", &ns.name, 1).await;
    let command = format!("evacuate {} --id CHG-4", ns.name);
    let first = plugin().args(command.split(' ')).on(side);
    let first = first.args(["--yes", "--reason", "game day"]).run().await;
    first.success();
    away_group(side, "late", &ns.name, 1).await;
    let status = plugin().args(["status"]).on(side).run().await.success();
    status
        .stdout_contains(&format!("{} is evacuated (CHG-4: game day) by ", ns.name))
        .stdout_contains(" ago: 1 group of context west avoids it.")
        .stdout_contains(&format!("not evacuated: {}/late", ns.name))
        .stdout_contains(&format!(
            "to end it in context west: kubectl failover return {0} --id CHG-4 --context west\n",
            ns.name
        ))
        .stdout_contains("to evacuate the rest: ");
    // `evacuate` would leave a paused group alone.
    order(side, "pause late").run().await.success();
    let paused = plugin().args(["status"]).on(side).run().await.success();
    let paused = paused.stdout_contains("/late (paused)\n");
    assert!(!paused.stdout.contains("to evacuate the rest"), "{paused}");
    order(side, "resume late").run().await.success();
    mirror(side, "new-north", &ns.name).await;
    side.bare_service("new").await;
    let new = "create new --fallback new-north --dry-run=client";
    let new = plugin().args(new.split(' ')).on(side).run().await.success();
    new.stderr_contains(&format!(
        "{0}, where new-north is, is evacuated by ",
        ns.name
    ))
    .stderr_contains(&format!(
        "(CHG-4: game day), and this group is not; to evacuate it too: kubectl failover evacuate \
         {0} --id CHG-4 --context west -n {0}",
        ns.name
    ));
    // So does `set`, of a new fallback there.
    home_group(side, "mail", &format!("not-{}", ns.name)).await;
    let set = "set mail --add-fallback new-north --dry-run";
    let set = plugin().args(set.split(' ')).on(side).run().await;
    set.success().stderr_contains(&format!(
        "(CHG-4: game day), and this fallback is not; to evacuate it too: kubectl failover \
         evacuate {0} --id CHG-4 --context west -n {0}",
        ns.name
    ));
    let check = plugin().args(["check"]).on(side).run().await;
    check
        .stdout_contains(&format!(
            "to evacuate it too: kubectl failover evacuate {0} --id CHG-4 --context west -n {0}",
            ns.name
        ))
        .stdout_contains(&format!(
            "    hint: to end it: kubectl failover return {} --id CHG-4 --context west",
            ns.name
        ));
    // The reason stays, and so does whose evacuation it is.
    let mut entry = entries(side, "web").await[0].clone();
    entry["by"] = json!("bob@laptop");
    let entry = json!({"failover.linkerd.io/avoid": json!([entry]).to_string()});
    side.edit_split("web", json!({"metadata": {"annotations": entry}}))
        .await;
    let again = order(side, &command).run().await.success();
    again.stderr_contains("CHG-4 is an evacuation by bob@laptop: this goes on with it");
    assert_eq!(entries(side, "web").await[0]["by"], "bob@laptop");
    for name in ["web", "late"] {
        assert_eq!(entries(side, name).await[0]["reason"], "game day");
        assert_eq!(weights(side, name).await, [0, 1]);
    }
    let status = plugin().args(["status"]).on(side).run().await.success();
    status.stdout_contains(": 2 groups of context west avoid it.");
    // A return that one group holds up.
    order(side, "pause late").run().await.success();
    let back = format!("return {} --id CHG-4", ns.name);
    order(side, &back).run().await.code(1);
    let status = plugin().args(["status"]).on(side).run().await.success();
    let status = status
        .stdout_contains(&format!(
            "{} is being returned (CHG-4: game day), last by ",
            ns.name
        ))
        .stdout_contains(" ago: 1 group of context west still avoids it.\n")
        .stdout_contains("  to go on in context west: kubectl failover return ");
    assert!(
        !status.stdout.contains("kubectl failover evacuate"),
        "{status}"
    );
}

#[tokio::test]
async fn without_an_identifier_it_goes_on_with_the_users_own_evacuation() {
    let ns = TestNamespace::new("evac-goes-on").await;
    let side = &ns.west;
    away_group(side, "web", &ns.name, 1).await;
    let first = order(side, &format!("evacuate {} --id K1 --reason kk", ns.name));
    first.run().await.success().stderr_contains(&format!(
        "the groups in {0} itself were not read, and their traffic stays there; \
         add its context with --contexts, and --local-name {0}=CONTEXT",
        ns.name
    ));
    away_group(side, "late", &ns.name, 1).await;
    let again = order(side, &format!("evacuate {}", ns.name)).run().await;
    again
        .success()
        .stderr_contains("going on with evacuation K1");
    for name in ["web", "late"] {
        let entries = entries(side, name).await;
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["id"], "K1");
        assert_eq!(entries[0]["cluster"], ns.name);
    }
    let status = plugin().args(["status", "-o", "json"]).on(side).run().await;
    // Nobody wants the return yet.
    let status = status.success().json();
    let next = format!("kubectl failover watch --context west -n {}", ns.name);
    assert_eq!(status["items"][0]["next"], next, "{status}");
    let check = plugin().args(["check"]).on(side).run().await;
    assert!(!check.to_string().contains("return CLUSTER"), "{check}");
    // Every namespace is read, as `evacuate` does.
    let by_cluster = ["status", "--by-cluster", "--context", "west", "-o", "json"];
    let by_cluster = plugin().args(by_cluster).run().await.json();
    let clusters = by_cluster["items"].as_array().unwrap().iter();
    let mut names = clusters.map(|it| it["cluster"].as_str().unwrap_or_default());
    assert!(names.any(|name| name == ns.name), "{by_cluster}");
}

#[tokio::test]
async fn return_leaves_what_its_evacuation_did_not_move_to_manual_failback() {
    let ns = TestNamespace::new("evac-manual").await;
    let side = &ns.west;
    let manual = json!({"metadata": {"annotations": {"failover.linkerd.io/failback": "manual"}}});
    for (name, local, there) in [("moved", 1, 0), ("away", 0, 1)] {
        home_group(side, name, &ns.name).await;
        side.edit_split(name, manual.clone()).await;
        let north = format!("{name}-north");
        let backends = json!([
            {"service": name, "weight": local},
            {"service": north, "weight": there},
        ]);
        side.edit_split(name, json!({"spec": {"backends": backends}}))
            .await;
    }
    // The second time, it still knows what it moved.
    for _ in 0..2 {
        order(side, "evacuate west --id FM").run().await.success();
    }
    for name in ["moved", "away"] {
        assert_eq!(weights(side, name).await, [0, 1]);
        assert_eq!(entries(side, name).await.len(), 1);
    }
    let back = order(side, "return west --id FM").run().await.success();
    back.stderr_contains(&format!(
        "warning: the traffic of west {0}/away stays where it is until someone fails back, since \
         failback is manual: kubectl failover failback away --context west -n {0}\n",
        ns.name
    ))
    .stderr_lacks("until a watch runs")
    .stdout_contains("Return of west (FM): 1 moved, 1 stayed away\n");
    assert_eq!(weights(side, "moved").await, [1, 0]);
    assert_eq!(weights(side, "away").await, [0, 1]);
}
