//! The output of `status` for a group.

use serde_json::{Value, json};

use crate::support::{Output, Side, TestNamespace, documented, plugin};

#[tokio::test]
async fn before_during_and_after_a_failover() {
    let ns = TestNamespace::new("phases").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let once = async || {
        plugin()
            .args(["watch", "--once"])
            .on(&ns.west)
            .run()
            .await
            .success()
    };
    let output = status(&ns.west, &[]).await;
    assert_eq!(output.stdout.lines().count(), 5, "{output}");
    let output = output
        .stdout_contains("web: no watch is running: if web fails, nothing will fail over.\n")
        .stdout_contains("  next: kubectl failover watch --context west -n ");
    let output =
        output.stdout_contains("NAME  APEX  STATE    ACTIVE  BACKENDS              SINCE  WATCH");
    output.stdout_contains("web   web   Primary  web     web:1/2 web-east:1/2");

    ns.west.ready("web", 0).await;
    let output = status(&ns.west, &[]).await;
    let output = output
        .stdout_contains("Down")
        .stdout_contains("web: all traffic still goes to web, which has no ready endpoints; ")
        .stdout_contains("web-east is ready, but no watch is running to fail over.\n");
    let place = format!("--context west -n {}", ns.name);
    output
        .stdout_contains(&format!(
            "  fail over now: kubectl failover force web --to web-east {place}\n"
        ))
        .stdout_contains(&format!(
            "  and stay covered: kubectl failover watch {place}\n"
        ));

    once().await;
    let output = status(&ns.west, &[])
        .await
        .stdout_contains("Failover")
        .stdout_contains("web-east  web:0/1 ");
    let output = output
        .stdout_contains(" ago, from web to web-east, by ")
        .stdout_contains(": web has no ready endpoints (0 of 1).");
    output.stdout_contains(&format!(
        "  next: kubectl --context west -n {} describe service web",
        ns.name
    ));
    let output = status(&ns.west, &["-o", "wide"]).await;
    let output = output
        .stdout_contains("FLAGS")
        .stdout_contains("short,unattended");
    output
        .stdout_contains("web:0/1(w0) web-east:1/2(w1)")
        .stdout_contains("web has no ready endpoints (0 of 1)");

    ns.west.ready("web", 1).await;
    once().await;
    let output = status(&ns.west, &["-o", "wide"]).await;
    output
        .stdout_contains("Primary")
        .stdout_contains("web has recovered (1 of 2 endpoints ready)");
}

/// Programs read this: a change here breaks them.
#[tokio::test]
async fn the_shape_of_the_json() {
    let ns = TestNamespace::new("shape").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let list = status(&ns.west, &["-o", "json"]).await.json();
    assert_eq!(
        keys(&list),
        ["apiVersion", "context", "items", "kind", "server"]
    );
    assert_eq!(list["apiVersion"], "cli.failover.linkerd.io/v1");
    assert_eq!(list["kind"], "StatusList");
    documented(&list);
    assert!(
        list["server"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:"),
        "{list}"
    );
    let item = &list["items"][0];
    let expected = [
        "active",
        "apex",
        "backends",
        "changed",
        "flags",
        "name",
        "namespace",
        "next",
        "object",
        "primary",
        "reason",
        "runner",
        "since",
        "state",
        "then",
    ];
    assert_eq!(keys(item), expected);
    let plain = json!([
        item["object"],
        item["name"],
        item["apex"],
        item["primary"],
        item["state"],
        item["active"]
    ]);
    assert_eq!(
        plain,
        json!([
            "trafficsplit",
            "web",
            "web",
            "web",
            "Failover",
            ["web-east"]
        ])
    );
    let backend = |name: &str, weight: u32, ready: u32, total: u32| json!({"name": name, "weight": weight, "ready": ready, "total": total, "exists": true});
    let mut dead = backend("web", 0, 0, 1);
    dead["since"] = item["backends"][0]["since"].clone();
    assert!(dead["since"].is_string(), "{item}");
    assert_eq!(
        item["backends"],
        json!([dead, backend("web-east", 1, 1, 2)])
    );
    assert_eq!(
        keys(&item["changed"]),
        ["at", "by", "from", "how", "to", "why"]
    );
    assert_eq!(item["changed"]["how"], "moved");
    assert_eq!(item["changed"]["to"], "web=0,web-east=1");
    assert_eq!(item["runner"], json!({"kind": "nobody", "holder": null}));

    let yaml = status(&ns.west, &["-o", "yaml"]).await;
    let from_yaml: Value = serde_yaml::from_str(&yaml.stdout).unwrap();
    assert_eq!(from_yaml["items"], list["items"]);
}

#[tokio::test]
async fn without_the_annotation_the_first_backend_is_the_primary() {
    let ns = TestNamespace::new("first").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let backends = json!([{"service": "web-east", "weight": 1}, {"service": "web", "weight": 0}]);
    let bare = json!({"metadata": {"annotations": null}, "spec": {"backends": backends}});
    ns.west.edit_split("web", bare).await;
    let item = status(&ns.west, &["-o", "json"]).await.json()["items"][0].clone();
    assert_eq!(item["primary"], "web-east", "{item}");
    assert_eq!(item["state"], "Primary", "{item}");
    // The watch must be able to record its move on an object without annotations.
    ns.west.ready("web-east", 0).await;
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    ns.west.until_weights("web", &[0, 1]).await;
    assert_eq!(ns.west.last_move("web").await["to"], "web-east=0,web=1");
}

#[tokio::test]
async fn weights_changed_by_others_come_with_a_hint() {
    let ns = TestNamespace::new("hint").await;
    ns.west
        .group("web", &[("web", 1, 1), ("web-east", 0, 1)])
        .await;
    let created = status(&ns.west, &["-o", "json"]).await.json()["items"][0]["changed"].clone();
    assert_eq!(created["how"], "created", "{created}");
    // Edit times are whole seconds. An edit in the second of the creation would show nothing.
    let made: jiff::Timestamp = created["at"].as_str().unwrap().parse().unwrap();
    crate::support::eventually("another second has begun", async || {
        let past = jiff::Timestamp::now().duration_since(made).as_secs();
        if past >= 2 {
            Ok(())
        } else {
            Err(format!("{past} s have passed"))
        }
    })
    .await;
    ns.west
        .set_weights("web", &[("web", 3), ("web-east", 7)])
        .await;
    let item = status(&ns.west, &["-o", "json"]).await.json()["items"][0].clone();
    assert_eq!(item["changed"]["how"], "edited", "{item}");
    assert_eq!(item["changed"]["by"], "kubectl-edit", "{item}");
    status(&ns.west, &[])
        .await
        .stdout_contains("Backends last edited by kubectl-edit, ");
}

/// Annotations must not be able to control the terminals of their readers.
#[tokio::test]
async fn control_characters_from_a_cluster_are_not_printed() {
    let ns = TestNamespace::new("escapes").await;
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}";
    for name in ["web", "mail"] {
        let backends = [(name.to_owned(), 0, 0), (format!("{name}-east"), 1, 1)];
        let backends: Vec<(&str, u32, u8)> = backends
            .iter()
            .map(|(service, weight, ready)| (service.as_str(), *weight, *ready))
            .collect();
        ns.west.group(name, &backends).await;
    }
    let last = json!({
        "from": format!("web=1,{evil}=0"), "to": "web=0,web-east=1", "at": "2026-01-01T00:00:00Z",
        "by": format!("me{evil}"), "why": format!("because{evil}"),
    });
    let note = json!({"failover.linkerd.io/last-move": last.to_string()});
    ns.west
        .edit_split("web", json!({"metadata": {"annotations": note}}))
        .await;
    let primary = json!({"failover.linkerd.io/primary-service": format!("mail{evil}")});
    ns.west
        .edit_split("mail", json!({"metadata": {"annotations": primary}}))
        .await;

    for format in ["table", "wide", "json", "yaml", "name"] {
        let output = status(&ns.west, &["-o", format]).await;
        assert_harmless(&output);
    }
    let output = status(&ns.west, &["-o", "wide"])
        .await
        .stdout_contains("because")
        .stdout_contains("Invalid");
    assert_eq!(
        output
            .stdout
            .lines()
            .filter(|line| line.starts_with("web "))
            .count(),
        1,
        "{output}"
    );
    let item = status(&ns.west, &["-o", "json", "web"]).await.json()["items"][0].clone();
    assert_eq!(
        item["changed"]["by"],
        format!("me{evil}"),
        "programs get what is there"
    );
    let watch = plugin()
        .args(["watch", "--once", "--dry-run"])
        .on(&ns.west)
        .run()
        .await
        .code(1);
    assert_harmless(&watch.stderr_contains("is not among the backends"));
}

#[track_caller]
fn assert_harmless(output: &Output) {
    let harmful = |character: char| {
        (character.is_control() && character != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&character)
    };
    assert!(!output.stdout.contains(harmful), "{:?}", output.stdout);
    assert!(!output.stderr.contains(harmful), "{:?}", output.stderr);
}

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

async fn status(side: &Side, args: &[&str]) -> Output {
    plugin()
        .args(["status"])
        .args(args.to_vec())
        .on(side)
        .run()
        .await
        .success()
}
