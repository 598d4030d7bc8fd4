//! Text in a cluster must not be able to control the terminals of its readers.

use k8s_openapi::api::core::v1::Service;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Output, Pty, Side, TestNamespace, harmless, kubeconfig_with, plugin};

const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}\u{2028}";

/// A group with as much harmful text as an API server accepts.
async fn hostile_group(side: &Side) -> Value {
    side.group("web", &[("web", 0, 0), ("web-east", 1, 1)])
        .await;
    hostile_notes(side).await
}

async fn hostile_notes(side: &Side) -> Value {
    let long = format!("{EVIL}{}", "lang ".repeat(2000));
    let last = json!({
        "from": format!("web=1,{EVIL}=0"), "to": "web=0,web-east=1", "at": "2026-01-01T00:00:00Z",
        "by": long, "why": long,
    });
    let order = json!({"to": "web-east", "home": "web", "by": long, "at": "2026-01-01T00:00:00Z", "reason": long});
    let pause = json!({"by": long, "at": "2026-01-01T00:00:00Z", "reason": long});
    let notes = json!({
        "failover.linkerd.io/last-move": last.to_string(),
        "failover.linkerd.io/override": order.to_string(),
        "failover.linkerd.io/paused": pause.to_string(),
    });
    side.edit_split("web", json!({"metadata": {"annotations": notes}}))
        .await;
    last
}

#[tokio::test]
async fn annotations_of_an_object() {
    let ns = TestNamespace::new("notes").await;
    let last = hostile_group(&ns.west).await;
    for format in ["table", "wide", "json", "yaml", "name"] {
        let output = harmless(status(&ns.west, format).await);
        let limit = if matches!(format, "json" | "yaml") {
            usize::MAX
        } else {
            2500
        };
        assert!(
            output.stdout.len() < limit,
            "{} bytes as {format}",
            output.stdout.len()
        );
    }
    let lossless = status(&ns.west, "json").await.json()["items"][0]["changed"].clone();
    assert_eq!(
        (&lossless["by"], &lossless["why"]),
        (&last["by"], &last["why"])
    );
    let table = status(&ns.west, "wide").await.stdout;
    assert_eq!(
        table
            .lines()
            .filter(|line| line.starts_with("web "))
            .count(),
        1,
        "{table}"
    );
}

#[tokio::test]
async fn reasons_why_an_object_is_invalid() {
    let ns = TestNamespace::new("reasons").await;
    let long = format!("{EVIL}{}", "x".repeat(10_000));
    let annotated = |key: &str| json!({"metadata": {"annotations": {format!("failover.linkerd.io/{key}"): long}}});
    let invalid = [
        annotated("primary-service"),
        json!({"spec": {"service": long}}),
    ];
    for (number, change) in invalid.iter().enumerate() {
        let name = format!("web-{number}");
        ns.west
            .group(&name, &[(&name, 1, 0), (&format!("{name}-east"), 0, 1)])
            .await;
        ns.west.edit_split(&name, change.clone()).await;
    }
    ns.west
        .group("mail", &[("mail", 1, 0), ("mail-east", 0, 1)])
        .await;
    for key in [
        "policy",
        "weights",
        "min-ready",
        "failover-delay",
        "failback-delay",
        "failback",
    ] {
        ns.west.edit_split("mail", annotated(key)).await;
    }
    for format in ["table", "wide", "yaml", "name"] {
        harmless(status(&ns.west, format).await);
    }
    let items = harmless(status(&ns.west, "json").await).json()["items"].clone();
    let lossless = items
        .as_array()
        .unwrap()
        .iter()
        .any(|item| item["apex"] == long);
    assert!(
        lossless && items[1]["state"] == "Invalid" && items[2]["state"] == "Invalid",
        "{items}"
    );
    let unset = "set mail --unset policy,weights,min-ready,failover-delay,failback-delay,failback --context west";
    assert!(
        items[0]["next"].as_str().unwrap().contains(unset),
        "{items}"
    );
    let keys = "policy,weights,min-ready,failover-delay,failback-delay,failback";
    let mended = plugin()
        .args(["set", "mail", "--unset", keys, "--dry-run=client"])
        .on(&ns.west)
        .run()
        .await;
    harmless(mended.success());
    let table = status(&ns.west, "table").await;
    assert!(table.stdout.len() < 5000, "{} bytes", table.stdout.len());
    for format in ["text", "json"] {
        let watch = plugin()
            .args(["watch", "--once", "--dry-run", "-o", format])
            .on(&ns.west);
        harmless(
            watch
                .run()
                .await
                .code(1)
                .stderr_contains("is invalid, its traffic is left alone"),
        );
    }
    let create = plugin()
        .args(["create", "web", "--fallback", "web-east", "--name", "web-0"])
        .on(&ns.west);
    harmless(
        create
            .run()
            .await
            .code(1)
            .stderr_contains("not a valid group"),
    );
    harmless(
        plugin()
            .args(["status", "webb"])
            .on(&ns.west)
            .run()
            .await
            .code(1),
    );
    let offered = plugin().args([
        "__complete",
        "--context",
        "west",
        "-n",
        &ns.name,
        "status",
        "web",
    ]);
    harmless(offered.run().await.success());
}

#[tokio::test]
async fn moves() {
    let ns = TestNamespace::new("moves").await;
    let last = hostile_group(&ns.west).await;
    let resume = json!({"metadata": {"annotations": {
        "failover.linkerd.io/paused": null, "failover.linkerd.io/override": null,
    }}});
    ns.west.edit_split("web", resume).await;
    ns.west.ready("web", 1).await;
    let watch = async |format: &str| {
        let watch = plugin()
            .args(["watch", "--once", "--dry-run", "-o", format])
            .on(&ns.west);
        harmless(watch.run().await.success())
    };
    watch("text").await.stdout_contains("web-east -> web");
    let line: Value = serde_json::from_str(watch("json").await.stdout.trim()).unwrap();
    assert_eq!(line["kind"], "Transition");
    assert!(last["by"].as_str().unwrap().contains(EVIL));
}

/// No line for people is longer than a terminal can show, whatever the annotations contain.
fn short(output: Output) -> Output {
    let lines = || output.stdout.lines().chain(output.stderr.lines());
    let longest = lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or_default();
    assert!(longest < 1100, "a line of {longest} characters: {output}");
    output
}

#[tokio::test]
async fn commands_on_a_hostile_group() {
    let ns = TestNamespace::new("orders").await;
    hostile_group(&ns.west).await;
    let long = format!("{EVIL}{}", "lang ".repeat(200));
    let order = async |args: &[&str], json: bool| {
        let format = if json { "json" } else { "text" };
        let output = plugin()
            .args(args.to_vec())
            .args(["-o", format])
            .on(&ns.west)
            .run()
            .await;
        if json {
            harmless(output)
        } else {
            short(harmless(output))
        }
    };
    for json in [true, false] {
        for args in [
            &["force", "web", "--to", EVIL, "--yes"] as &[&str],
            &["set", "web", "--primary", EVIL, "--yes"],
        ] {
            order(args, json).await.code(4);
        }
        for args in [
            &["failback", "web", "--reason", &long, "--yes"] as &[&str],
            &[
                "force",
                "web",
                "--to",
                "web",
                "--allow=unready",
                "--reason",
                &long,
                "--yes",
            ],
            &["pause", "web", "--reason", &long, "--duration", "1h"],
            &["set", "web", "--min-ready", "1", "--dry-run=client"],
            &["resume", "web"],
            &[
                "failback",
                "web",
                "--allow=unready",
                "--reason",
                &long,
                "--yes",
            ],
        ] {
            order(args, json).await.success();
        }
        hostile_notes(&ns.west).await;
    }
}

#[tokio::test]
async fn the_confirmation_prompt() {
    let ns = TestNamespace::new("question").await;
    hostile_group(&ns.west).await;
    for words in [
        ["force", "web", "--to", "web-east"],
        ["failback", "web", "--allow", "unready"],
    ] {
        let command = plugin()
            .args(words)
            .args(["--reason", EVIL])
            .on(&ns.west)
            .command();
        let mut terminal = Pty::start(command, 200, 50);
        terminal.answer("Continue? [y/N] ", "n").await;
        let (code, shown) = terminal.wait().await;
        let harmful = |letter: char| {
            (letter.is_control() && !"\r\n".contains(letter)) || letter == '\u{202e}'
        };
        assert!(code == Some(4) && !shown.contains(harmful), "{shown:?}");
        assert!(
            shown.lines().all(|line| line.chars().count() < 1100),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn conditions_and_changes() {
    let ns = TestNamespace::new("conditions").await;
    hostile_group(&ns.west).await;
    let invalid =
        json!({"failover.linkerd.io/primary-service": format!("{EVIL}{}", "x".repeat(10_000))});
    for annotations in [json!({}), invalid] {
        ns.west
            .edit_split("web", json!({"metadata": {"annotations": annotations}}))
            .await;
        let unmet = ["status", "web", "--for", "Active", "--timeout", "0s"];
        short(harmless(
            plugin().args(unmet).on(&ns.west).run().await.code(3),
        ));
        let mut watch = plugin().args(["status", "-w"]).on(&ns.west).spawn();
        let line = watch.line().await;
        assert!(
            line.chars().count() <= 1000 && !line.contains(char::is_control),
            "{line:?}"
        );
        watch.end_with(Signal::INT).await;
    }
}

/// A kubeconfig may come from someone else, too.
#[tokio::test]
async fn names_in_a_kubeconfig() {
    let ns = TestNamespace::new("contexts").await;
    ns.west
        .group("web", &[("web", 1, 0), ("web-east", 0, 1)])
        .await;
    let name = format!("west{EVIL}");
    let kubeconfig = kubeconfig_with(|config| {
        for entry in config
            .contexts
            .iter_mut()
            .filter(|entry| entry.name == "west")
        {
            entry.name.clone_from(&name);
        }
    });
    let run = async |args: &[&str]| {
        let plugin = plugin()
            .args(args.to_vec())
            .namespace(&ns.name)
            .kubeconfig(kubeconfig.path());
        harmless(plugin.run().await)
    };
    for format in ["table", "wide", "yaml", "name"] {
        run(&["status", "-o", format, "--context", &name])
            .await
            .success();
    }
    let list = run(&["status", "-o", "json", "--context", &name])
        .await
        .success()
        .json();
    assert_eq!(list["context"], name);
    run(&["watch", "--once", "--dry-run", "--context", &name])
        .await
        .success();
    run(&["create", "web", "--fallback", "gone", "--context", &name])
        .await
        .code(1);
    run(&[
        "create",
        "mail",
        "--fallback",
        "web",
        "--allow-missing",
        "--context",
        &name,
    ])
    .await
    .success();
    run(&["status", "no-such-group", "--context", &name])
        .await
        .code(1);
    run(&["status", "--token", "bad", "--context", &name])
        .await
        .code(1);
    run(&["status", "--as", "bob", "--context", &name])
        .await
        .code(1);
    run(&["status", "--context", &format!("east{EVIL}")])
        .await
        .code(1)
        .stderr_contains("available contexts: west");
    let offered = plugin()
        .args(["__complete", "--context", ""])
        .kubeconfig(kubeconfig.path());
    offered.run().await.success().stdout_is("east\n:4\n");
}

async fn status(side: &Side, format: &str) -> Output {
    plugin()
        .args(["status", "-o", format])
        .on(side)
        .run()
        .await
        .success()
}

/// A mirror's name for its cluster ends up in suggested commands and in names of secrets.
#[tokio::test]
async fn names_of_clusters() {
    let ns = TestNamespace::new("clusters").await;
    ns.west.group("web", &[("web", 1, 1)]).await;
    for (number, cluster) in ["x;touch${IFS}/tmp/pwned;#", "../../../y", "Ea st", "b@c"]
        .iter()
        .enumerate()
    {
        let name = format!("mail-{number}");
        let labels = json!({"mirror.linkerd.io/mirrored-service": "true"});
        let annotations =
            json!({"multicluster.linkerd.io/remote-discovery": format!("mail@{cluster}")});
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
        let spec = json!({"ports": [{"port": 80}]});
        ns.west
            .create::<Service>(json!({"metadata": metadata, "spec": spec}))
            .await;
        ns.west
            .traffic_split(&name, &name, &[(&name, 1), ("web", 0)])
            .await;
    }
    for args in [
        &["status"] as &[&str],
        &["status", "--remote-from-links"],
        &["check", "--remote-from-links"],
    ] {
        let output = plugin().args(args.to_vec()).on(&ns.west).run().await;
        let shown = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(
            shown.matches("contain an invalid name").count(),
            4,
            "{shown}"
        );
        for harm in ["touch", "../y", "Ea st", "b@c", "cluster-credentials"] {
            assert!(!shown.contains(harm), "{harm}: {shown}");
        }
    }
}
