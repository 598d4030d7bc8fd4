//! The journal of a watch: a ConfigMap that outlives Events, written after failovers alone.

use http::Method;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Fault, FaultProxy, Side, TestNamespace, end, eventually, operator_rights_without, plugin,
    started, watching, watching_as,
};

const GROUP: &[(&str, u32, u8)] = &[("web", 1, 1), ("web-east", 0, 1)];
const NAME: &str = "kubectl-failover-journal";
const KEY: &str = "events.jsonl";

#[tokio::test]
async fn the_history_outlives_events() {
    let ns = TestNamespace::new("journal").await;
    ns.west.group("web", GROUP).await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    until_events(&ns.west, &["moved"]).await;
    ns.west.ready("web", 1).await;
    watch.line_containing("web-east -> web").await;
    until_events(&ns.west, &["moved", "moved"]).await;
    end(watch).await;

    let events = ns.west.api::<Event>();
    let (params, all) = (DeleteParams::default(), ListParams::default());
    let deleted = events.delete_collection(&params, &all).await;
    deleted.expect("the Events are deleted");
    let history = plugin().args(["history", "-o", "json"]).on(&ns.west);
    let list = history.run().await.success().json();
    let told: Vec<Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!([item["to"], item["sources"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["web=1,web-east=0", ["last-move", "journal"]]),
            json!(["web=0,web-east=1", ["journal"]]),
        ]
    );
}

/// It is written after a failover, in one piece, and not while nothing happens.
#[tokio::test]
async fn a_watch_that_idles_writes_nothing() {
    let ns = TestNamespace::new("journal-idle").await;
    let groups = ["web", "mail", "chat"];
    for name in groups {
        let east = format!("{name}-east");
        ns.west.group(name, &[(name, 1, 1), (&east, 0, 1)]).await;
    }
    let proxy = FaultProxy::before(&ns.west).await;
    let mut watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    watch.stderr_line_containing("watching 3 groups").await;
    let renewals = || proxy.seen(&Method::PUT, "/leases/").len();
    let journal = || {
        let requests = [Method::GET, Method::POST, Method::PUT];
        requests.map(|method| proxy.seen(&method, "/configmaps").len())
    };
    until_more(renewals).await;
    assert_eq!(journal(), [0, 0, 0]);
    for name in groups {
        ns.west.ready(name, 0).await;
    }
    until_events(&ns.west, &["moved", "moved", "moved"]).await;
    let written = journal();
    assert_eq!(written[1], 1, "{written:?}");
    until_more(renewals).await;
    assert_eq!(journal(), written);
    end(watch).await;
}

#[tokio::test]
async fn two_writers_of_one_journal_lose_nothing() {
    let ns = TestNamespace::new("journal-conflict").await;
    let mut watches = Vec::new();
    for name in ["web", "mail"] {
        let east = format!("{name}-east");
        ns.west.group(name, &[(name, 1, 1), (&east, 0, 1)]).await;
        let label = json!({"metadata": {"labels": {"team": name}}});
        ns.west.edit_split(name, label).await;
        let watch = plugin().args(["watch", "-l", &format!("team={name}")]);
        watches.push(started(watch.on(&ns.west)).await);
    }
    for ready in [0, 1, 0] {
        ns.west.ready("web", ready).await;
        ns.west.ready("mail", ready).await;
        for watch in &mut watches {
            watch.line_containing(" -> ").await;
        }
    }
    until_events(&ns.west, &["moved"; 6]).await;
    for watch in watches {
        end(watch).await;
    }
}

#[tokio::test]
async fn a_conflict_is_read_and_written_again() {
    let ns = TestNamespace::new("journal-409").await;
    ns.west.group("web", GROUP).await;
    let proxy = FaultProxy::before(&ns.west).await;
    let mut watch = plugin()
        .args(["watch"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    watch.stderr_line_containing("watching 1 group").await;
    proxy.inject(Method::POST, "/configmaps", 2, Fault::Answer(409, None));
    ns.west.ready("web", 0).await;
    until_events(&ns.west, &["moved"]).await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("write the journal"), 0, "{rest:?}");
}

#[tokio::test]
async fn without_the_right_moves_go_on_and_that_is_reported_once() {
    let ns = TestNamespace::new("journal-403").await;
    ns.west.group("web", GROUP).await;
    let rights = operator_rights_without("configmaps");
    let mut watch = watching_as(&ns.west, &rights, &[]).await;
    for (ready, moved) in [(0, "web -> web-east"), (1, "web-east -> web")] {
        ns.west.ready("web", ready).await;
        watch.line_containing(moved).await;
    }
    watch.stderr_line_containing("no journal is kept").await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    let rest = end(watch).await;
    assert_eq!(rest.complaints("no journal is kept"), 1, "{rest:?}");
}

#[tokio::test]
async fn it_keeps_200_entries() {
    let ns = TestNamespace::new("journal-200").await;
    ns.west.group("web", GROUP).await;
    let entry = |second: i64| {
        let at = jiff::Timestamp::from_second(second).unwrap();
        json!({"at": at, "event": "moved", "object": "trafficsplit", "namespace": ns.name,
            "name": "web", "why": "long ago"})
    };
    let lines: String = (0..200).map(|it| format!("{}\n", entry(it))).collect();
    let map = json!({"metadata": {"name": NAME, "labels": {"mine": "yes"}}, "data": {KEY: lines}});
    ns.west.create::<ConfigMap>(map).await;
    let mut watch = watching(&ns.west, &[]).await;
    ns.west.ready("web", 0).await;
    watch.line_containing("web -> web-east").await;
    eventually("the move is in the journal", async || {
        match entries(&ns.west).await.last() {
            Some(last) if last["to"] == "web=0,web-east=1" => Ok(()),
            last => Err(format!("{last:?}")),
        }
    })
    .await;
    let kept = entries(&ns.west).await;
    assert_eq!(kept.len(), 200);
    assert_eq!(kept[0]["at"], "1970-01-01T00:00:01Z");
    let map = ns.west.api::<ConfigMap>().get(NAME).await.unwrap();
    assert_eq!(map.metadata.labels.unwrap()["mine"], "yes");
    end(watch).await;
}

/// It reports the outage again, and the journal has it once.
#[tokio::test]
async fn a_restarted_watch_does_not_repeat_itself() {
    let ns = TestNamespace::new("journal-again").await;
    ns.west.group("web", GROUP).await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    ns.west.ready("web-east", 0).await;
    ns.west.ready("web", 0).await;
    watch.stderr_line_containing("Unavailable").await;
    until_events(&ns.west, &["unavailable"]).await;
    end(watch).await;
    let mut watch = started(plugin().args(["watch"]).on(&ns.west)).await;
    watch.stderr_line_containing("Unavailable").await;
    ns.west.ready("web-east", 1).await;
    watch.line_containing("web -> web-east").await;
    until_events(&ns.west, &["unavailable", "recovered", "moved"]).await;
    end(watch).await;
    let history = plugin().args(["history", "-o", "csv"]).on(&ns.west);
    let list = history.run().await.success().stdout;
    assert_eq!(list.matches(",unavailable,").count(), 1, "{list}");
}

#[tokio::test]
async fn a_standby_records_nothing() {
    let ns = TestNamespace::new("journal-standby").await;
    ns.west.group("web", GROUP).await;
    let mut first = started(plugin().args(["watch"]).on(&ns.west)).await;
    eventually("the Lease is held", async || {
        let lease = ns.west.api::<Lease>().get_opt("kubectl-failover").await;
        let spec = lease.unwrap().and_then(|lease| lease.spec);
        match spec.and_then(|spec| spec.holder_identity) {
            Some(_) => Ok(()),
            None => Err("nobody holds it".to_owned()),
        }
    })
    .await;
    let mut second = plugin().args(["watch", "-o", "json"]).on(&ns.west).spawn();
    second.stderr_line_containing("standing by").await;
    ns.west.ready("web", 0).await;
    first.line_containing("web -> web-east").await;
    let force = ["force", "web", "--to", "web", "--yes", "--allow=unready"];
    plugin().args(force).on(&ns.west).run().await.success();
    let pause = ["pause", "web"];
    plugin().args(pause).on(&ns.west).run().await.success();
    until_events(&ns.west, &["moved", "forced", "paused"]).await;
    let (status, stdout, _) = second.end_and_collect(Signal::INT).await;
    assert!(status.success() && stdout.is_empty(), "{stdout:?}");
    end(first).await;
}

/// Waits until the journal has exactly these events.
async fn until_events(side: &Side, expected: &[&str]) {
    eventually("the journal is written", async || {
        let entries = entries(side).await;
        let kinds: Vec<&str> = entries
            .iter()
            .map(|entry| entry["event"].as_str().unwrap())
            .collect();
        if kinds == expected {
            Ok(())
        } else {
            Err(format!("{entries:?}"))
        }
    })
    .await;
}

async fn entries(side: &Side) -> Vec<Value> {
    let map = side.api::<ConfigMap>().get_opt(NAME).await.unwrap();
    let data = map.and_then(|map| map.data).unwrap_or_default();
    let text = data.get(KEY).cloned().unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn until_more(count: impl Fn() -> usize) {
    let before = count();
    eventually("time has passed", async || match count() {
        now if now > before => Ok(()),
        now => Err(now.to_string()),
    })
    .await;
}
