//! `history`: the known moves.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::support::{
    Output, Side, TestNamespace, add_gone, documented, endpoint, eventually, kubeconfig_with,
    plugin, restricted_kubeconfig, rule,
};

const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];

#[tokio::test]
async fn each_move_appears_once_and_the_newest_first() {
    let ns = TestNamespace::new("moves").await;
    ns.west.group("web", GROUP).await;
    history(&ns.west, &[])
        .await
        .success()
        .stdout_is("")
        .stderr_contains("No failovers recorded.");
    let fresh = history(&ns.west, &["-o", "json"]).await.success().json();
    assert_eq!(fresh["items"], json!([]));

    there_and_back(&ns.west).await;
    let list = history(&ns.west, &["-o", "json"]).await.success().json();
    assert_eq!(
        keys(&list),
        ["apiVersion", "context", "items", "kind", "server"]
    );
    assert_eq!(list["kind"], "HistoryList");
    documented(&list);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{list:#}");
    let expected = [
        "apex",
        "at",
        "by",
        "context",
        "event",
        "from",
        "hint",
        "lastedSeconds",
        "name",
        "namespace",
        "object",
        "ongoing",
        "sources",
        "to",
        "unverified",
        "why",
    ];
    assert_eq!(keys(&items[0]), expected);
    let plain = |item: &Value| {
        json!([
            item["from"],
            item["to"],
            cause(item),
            item["sources"],
            item["hint"]
        ])
    };
    let back = "web has recovered (1 of 2 endpoints ready)";
    let out = "web has no ready endpoints (0 of 1)";
    let (home, away) = ("web=1,web-east=0", "web=0,web-east=1");
    assert_eq!(
        plain(&items[0]),
        json!([away, home, back, ["last-move", "event", "journal"], false])
    );
    assert_eq!(
        plain(&items[1]),
        json!([home, away, out, ["event", "journal"], false])
    );

    let table = history(&ns.west, &["web"]).await.success();
    let rows: Vec<&str> = table.stdout.lines().collect();
    assert!(
        rows[0].starts_with("AGE  NAME  EVENT  FROM      TO        FOR"),
        "{table}"
    );
    assert!(
        rows[1].contains("web   moved  web-east  web ") && rows[1].contains(back),
        "{table}"
    );
    assert!(
        rows[2].contains("web   moved  web       web-east ") && rows[2].contains(out),
        "{table}"
    );
    table.stderr_contains("Based on Events from the last ");
    history(&ns.west, &["-o", "wide"])
        .await
        .success()
        .stdout_contains("last-move,event,journal")
        .stdout_contains(home);
    let yaml = history(&ns.west, &["-o", "yaml"]).await.success();
    let from_yaml: Value = serde_yaml::from_str(&yaml.stdout).unwrap();
    // The state after the newer move still lasts.
    assert_eq!(from_yaml["items"][1], list["items"][1]);
}

#[tokio::test]
async fn deleted_groups_keep_their_events() {
    let ns = TestNamespace::new("past").await;
    ns.west.group("web", GROUP).await;
    there_and_back(&ns.west).await;
    ns.west
        .traffic_splits()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    let list = history(&ns.west, &["web", "-o", "json"])
        .await
        .success()
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["items"][0]["apex"], Value::Null);
    let labelled = history(&ns.west, &["-l", "team=web", "-o", "json"])
        .await
        .success()
        .json();
    assert_eq!(labelled["items"], json!([]), "what is gone has no labels");
    history(&ns.west, &["mail"])
        .await
        .code(1)
        .stderr_contains("there is no group \"mail\"");
}

#[tokio::test]
async fn without_the_right_to_events_the_rest_is_shown() {
    let ns = TestNamespace::new("noevents").await;
    ns.west.group("web", GROUP).await;
    there_and_back(&ns.west).await;
    let rights = [rule("split.smi-spec.io", &["trafficsplits"], &["list"])];
    let kubeconfig = restricted_kubeconfig(&ns.west, "reader", &rights).await;
    let output = plugin()
        .args(["history", "-o", "json"])
        .on(&ns.west)
        .kubeconfig(kubeconfig.path())
        .run()
        .await;
    let output = output
        .success()
        .stderr_contains("Cannot read Events: ")
        .stderr_contains("Cannot read the journal: ")
        .stderr_contains("events");
    let list = output
        .stderr_contains("only each group's most recent move is known")
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["sources"], json!(["last-move"]));
}

#[tokio::test]
async fn moves_of_upstream_and_edits_are_shown_as_such() {
    let ns = TestNamespace::new("others").await;
    ns.west.group("web", GROUP).await;
    let split = ns.west.split("web").await;
    ns.west
        .create::<Event>(json!({
            "metadata": {"name": "web.1"},
            "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "linkerd-failover",
            "reportingInstance": "linkerd-failover-0",
            "action": "Failover", "reason": "Failover", "type": "Normal",
            "note": "Traffic\u{1b}[2J routed to fallbacks",
            "regarding": {"apiVersion": "split.smi-spec.io/v1alpha2", "kind": "TrafficSplit",
                "namespace": ns.name, "name": "web", "uid": split["metadata"]["uid"]},
        }))
        .await;
    let created: jiff::Timestamp = split["metadata"]["creationTimestamp"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    eventually(
        "an edit would have another time than the creation",
        async || {
            let age = jiff::Timestamp::now().duration_since(created);
            if age.as_secs() >= 2 {
                Ok(())
            } else {
                Err(format!("{age:?}"))
            }
        },
    )
    .await;
    ns.west
        .set_weights("web", &[("web", 0), ("web-east", 1)])
        .await;
    let list = history(&ns.west, &["-o", "json"]).await.success().json();
    let told: Vec<Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["by"], item["sources"], item["hint"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["kubectl-edit", ["managed-fields"], true]),
            json!(["linkerd-failover", ["upstream-event"], false])
        ]
    );
    for format in ["table", "wide", "json", "yaml"] {
        let output = history(&ns.west, &["-o", format]).await.success();
        assert!(
            !output
                .stdout
                .contains(|letter: char| letter.is_control() && letter != '\n'),
            "{output}"
        );
    }
}

/// One Event for each move would keep the API server as busy as the moves themselves.
#[tokio::test]
async fn many_moves_at_once_share_few_events() {
    const GROUPS: usize = 30;
    let ns = TestNamespace::new("many-moves").await;
    for number in 0..GROUPS {
        let (name, fallback) = (format!("g{number}"), format!("g{number}-east"));
        ns.west
            .group(&name, &[(&name, 1, 0), (&fallback, 0, 1)])
            .await;
    }
    plugin()
        .args(["watch", "--once"])
        .on(&ns.west)
        .run()
        .await
        .success();
    let mut events = ns
        .west
        .api::<Event>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    events.retain(|event| event.action.as_deref() == Some("MoveTraffic"));
    assert!(events.len() < GROUPS / 2, "{events:#?}");
    let together = events
        .iter()
        .find(|event| event.regarding.as_ref().unwrap().kind.as_deref() == Some("Lease"));
    let note = together
        .expect("one tells of many")
        .note
        .as_deref()
        .unwrap();
    assert!(
        note.starts_with("traffic of ") && note.ends_with(" more"),
        "{note}"
    );

    // The objects' own annotations are gone with them.
    ns.west
        .traffic_splits()
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .unwrap();
    let list = history(&ns.west, &["-o", "json"]).await.success().json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), GROUPS, "{list:#}");
    for item in items {
        let name = item["name"].as_str().unwrap();
        assert_eq!(item["to"], format!("{name}=0,{name}-east=1"));
        assert_eq!(
            cause(item),
            format!("{name} has no ready endpoints (0 of 1)")
        );
    }
}

/// Nobody watches: people force, fail back, edit and pause, and the page tells it all.
#[tokio::test]
async fn a_post_mortem_is_written_from_history_alone() {
    let ns = TestNamespace::new("post-mortem").await;
    let side = &ns.west;
    side.group("web", GROUP).await;
    let run = async |line: &str| {
        let words = line.split(' ').map(str::to_owned);
        plugin().args(words).on(side).run().await.success()
    };
    side.ready("web", 0).await;
    let now = run("history -o csv").await.stdout;
    let is_outage = now.lines().nth(1).is_some_and(|it| it.contains(",down,"));
    assert!(is_outage, "before anybody has done anything: {now}");
    run("force web --to web-east --reason INC-7 --yes").await;
    recovered(side, "web").await;
    run("failback web --reason over --yes").await;
    let moved = side.last_move("web").await;
    let moved: jiff::Timestamp = moved["at"].as_str().unwrap().parse().unwrap();
    eventually("the edit has another time", async || {
        let age = jiff::Timestamp::now().duration_since(moved);
        if age.as_secs() >= 2 {
            Ok(())
        } else {
            Err(format!("{age:?}"))
        }
    })
    .await;
    side.set_weights("web", &[("web", 1), ("web-east", 1)])
        .await;
    run("pause web --reason looking").await;

    let page = run("history -o markdown").await.stdout;
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| 2"))
        .collect();
    let has = |index: usize, words: &[&str]| {
        let row = rows.get(index).copied().unwrap_or_default();
        let lacks = words.iter().find(|word| !row.contains(**word));
        assert_eq!(lacks, None, "{index}: {page}");
    };
    has(
        0,
        &[
            "| down |",
            "all traffic still goes to web, which has no ready endpoints",
            "web-east is ready, but nothing has failed over",
        ],
    );
    has(1, &["| forced |", "web → web-east", "INC-7", "@"]);
    has(
        2,
        &["| recovered |", "web has ready endpoints again (1 of 1)"],
    );
    has(3, &["| failback |", "web-east → web", "over", "@"]);
    has(
        4,
        &[
            "| edited |",
            "web → web,web-east",
            "kubectl-edit",
            "outside this tool",
        ],
    );
    has(5, &["| paused |", "looking", "so far", "@"]);
    assert_eq!(rows.len(), 6, "{page}");
    assert!(page.contains("/web: on the fallback for "), "{page}");
    let csv = run("history -o csv --limit 2").await.stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(
        run("history -o csv --until 1h")
            .await
            .stdout
            .lines()
            .count()
            == 1
    );
}

/// The only pod of a Service becomes ready: then its slice tells since when it is.
async fn recovered(side: &Side, service: &str) {
    let endpoint = endpoint("10.0.0.1", true, false);
    side.slice(service, service, "IPv4", json!([endpoint]))
        .await;
    let now = format!("{:.0}", jiff::Timestamp::now());
    let note = json!({"metadata": {"annotations": {
        "endpoints.kubernetes.io/last-change-trigger-time": now,
    }}});
    let (params, note) = (PatchParams::default(), Patch::Merge(note));
    let slices = side.api::<EndpointSlice>();
    let patched = slices.patch(service, &params, &note).await;
    patched.expect("the slice is patched");
}

/// Returns why a group moved, without how long that took.
fn cause(item: &Value) -> String {
    let why = item["why"].as_str().unwrap();
    let why = why.split(", written in ").next().unwrap();
    why.split(", after ").next().unwrap().to_owned()
}

#[tokio::test]
async fn new_events_are_printed_as_they_become_known() {
    let ns = TestNamespace::new("follow").await;
    ns.west.group("web", GROUP).await;
    let mut history = plugin().args(["history", "-w", "-o", "csv"]);
    history = history.on(&ns.west);
    let mut follow = history.spawn();
    follow.line_containing("event,").await;
    let run = async |line: &str| {
        let words = line.split(' ').map(str::to_owned);
        plugin().args(words).on(&ns.west).run().await.success()
    };
    run("force web --to web-east --yes").await;
    follow.line_containing(",forced,").await;
    run("failback web --yes").await;
    let line = follow.line_containing(",failback,").await;
    assert!(line.contains(&ns.name), "{line}");
    assert!(
        !follow
            .end_with(rustix::process::Signal::TERM)
            .await
            .success()
    );
}

#[tokio::test]
async fn several_contexts_are_one_history() {
    let ns = TestNamespace::new("both").await;
    for side in [&ns.west, &ns.east] {
        side.group("web", GROUP).await;
        let force = ["force", "web", "--to", "web-east", "--yes"];
        plugin().args(force).on(side).run().await.success();
    }
    let history = |format: &'static str| {
        let words = ["history", "--contexts", "west,east", "-o", format];
        plugin().args(words).namespace(&ns.name).run()
    };
    let list = history("json").await.success().json();
    let told: Vec<Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["context"], item["event"]]))
        .collect();
    assert_eq!(
        told,
        [json!(["east", "forced"]), json!(["west", "forced"])],
        "the newest first"
    );
    for format in ["table", "wide", "csv", "markdown"] {
        let page = history(format).await.success().stdout;
        assert!(page.contains("east") && page.contains("west"), "{page}");
    }
    let kubeconfig = kubeconfig_with(add_gone);
    let all = plugin()
        .args(["history", "--all-contexts"])
        .kubeconfig(kubeconfig.path())
        .namespace(&ns.name);
    let all = all.run().await.code(1);
    all.stdout_contains("west")
        .stdout_contains("east")
        .stderr_contains("error: gone: ")
        .stderr_contains("west: ");
}

/// Two moves by a watch, with their Events.
async fn there_and_back(side: &Side) {
    for (ready, moves) in [(0, 1), (1, 2)] {
        side.ready("web", ready).await;
        plugin()
            .args(["watch", "--once"])
            .on(side)
            .run()
            .await
            .success();
        eventually(&format!("there are {moves} Events"), async || {
            let mut events = side
                .api::<Event>()
                .list(&ListParams::default())
                .await
                .unwrap()
                .items;
            events.retain(|event| event.action.as_deref() == Some("MoveTraffic"));
            if events.len() == moves {
                Ok(())
            } else {
                Err(format!("{events:?}"))
            }
        })
        .await;
    }
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

async fn history(side: &Side, args: &[&str]) -> Output {
    plugin()
        .args(["history"])
        .args(args.to_vec())
        .on(side)
        .run()
        .await
}
