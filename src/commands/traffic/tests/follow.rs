//! `force --wait --traffic` and `failback --wait --traffic`.

use std::time::Duration;

use futures::future::join;
use serde_json::Value;
use tokio::time::sleep;

use super::fake_cluster::{FakeCluster, Proxy};
use super::problem;
use crate::cli::Command;
use crate::commands::env::CommandEnv;
use crate::commands::{failback, force};
use crate::problem::Exit;

/// Runs `force` or `failback`. Returns how it ended, and its two streams.
async fn run(cluster: &FakeCluster, line: &str) -> (anyhow::Result<Exit>, String, String) {
    let server = format!("--server {} --token token -n emojivoto", cluster.url);
    let line = format!("{line} --yes --wait --traffic {server}");
    let (env, command, captured) = CommandEnv::of_test(&line);
    let ended = match &command {
        Command::Force(args) => force::run(&env, args).await,
        Command::Failback(args) => failback::run(&env, args).await,
        other => panic!("{other:?}"),
    };
    (ended, captured.out(), captured.err())
}

#[tokio::test]
async fn force_waits_until_the_requests_go_to_the_backend() {
    let cluster = FakeCluster::start(&[("a", Proxy::Follows)]).await.at_home();
    let (ended, out, err) = run(&cluster, "force web-svc").await;
    assert_eq!(ended.unwrap(), Exit::Done, "{err}");
    assert_eq!(
        out,
        "emojivoto/web-svc-failover: forced to web-svc-east; traffic is on web-svc-east \
         (Overridden); web-svc-east gets 100% of 100 requests in 5s\n"
    );
    assert_eq!(cluster.seen().weights("web-svc"), [0, 1]);
    assert_eq!(cluster.count("portforward"), 1);
}

#[tokio::test]
async fn traffic_that_does_not_follow_is_reported_with_the_last_numbers() {
    let cluster = FakeCluster::start(&[("a", Proxy::Strays)]).await.at_home();
    let (ended, out, err) = run(&cluster, "force web-svc -o json --timeout 3s").await;
    assert_eq!(ended.unwrap(), Exit::NotMet, "{err}");
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list["exitCode"], 3);
    let item = &list["items"][0];
    assert_eq!(item["result"], "changed");
    let message = item["message"].as_str().unwrap();
    assert!(
        message.contains("web-svc gets 100% of 100 requests"),
        "{message}"
    );
    let next = item["next"][0].as_str().unwrap();
    assert_eq!(
        next,
        "timed out after 3 s waiting for the traffic to follow the weights"
    );
    assert_eq!(item["traffic"]["kind"], "Traffic");
    assert_eq!(item["traffic"]["exitCode"], 3);
    assert_eq!(item["traffic"]["missing"][0], "share(web-svc-east)>=95%");
    assert_eq!(item["traffic"]["backends"][0]["share"], 1.0);
}

/// The target has ready endpoints and answers, but worse than the source did.
#[tokio::test]
async fn a_target_that_fails_more_often_is_reported() {
    let cluster = FakeCluster::start(&[("a", Proxy::FollowsToFailures)])
        .await
        .at_home();
    let (ended, _, err) = run(&cluster, "force web-svc").await;
    assert_eq!(ended.unwrap(), Exit::Done, "the traffic follows");
    assert!(
        err.contains(
            "web-svc-east answers 90% with success. Before the traffic moved, web-svc answered \
             100%."
        ),
        "{err}"
    );
}

#[tokio::test]
async fn without_any_requests_nothing_shows_where_they_go() {
    let cluster = FakeCluster::start(&[("a", Proxy::Idle)]).await.at_home();
    let (ended, out, err) = run(&cluster, "force web-svc --timeout 5s").await;
    assert_eq!(ended.unwrap(), Exit::NotMet);
    assert!(
        out.contains("no requests to web-svc from 1 client pod within"),
        "{out}"
    );
    assert!(err.contains("timed out after 5 s"), "{err}");
    assert!(
        err.contains("name the clients with --from deploy/NAME"),
        "{err}"
    );
    assert!(!err.contains("No requests to web-svc"), "{err}");
    assert!(
        err.contains("waiting up to 5 s for the requests to go to web-svc-east: no requests"),
        "{err}"
    );
}

#[tokio::test]
async fn failback_waits_for_every_group() {
    let cluster = FakeCluster::start(&[("a", Proxy::Follows), ("b", Proxy::Dead)]).await;
    let (ended, out, err) = run(&cluster, "failback --all").await;
    assert_eq!(ended.unwrap(), Exit::Done, "{err}");
    for service in ["web-svc", "emoji-svc"] {
        assert_eq!(cluster.seen().weights(service), [1, 0]);
        let line = format!(
            "failed back to {service}; traffic is on {service} (Primary); the requests follow"
        );
        assert!(out.contains(&line), "{out}");
    }
    assert_eq!(cluster.count("/pods?"), 1);
}

#[tokio::test]
async fn a_group_that_is_deleted_meanwhile_does_not_hide_the_others() {
    let cluster = FakeCluster::start(&[("a", Proxy::Follows)]).await;
    let deletion = async {
        while cluster.count("PATCH") < 2 {
            sleep(Duration::from_millis(20)).await;
        }
        cluster.scraped_again("a").await;
        cluster.delete("emoji-svc");
    };
    let work = run(&cluster, "failback --all --timeout 6s");
    let ((ended, out, err), ()) = join(work, deletion).await;
    assert_eq!(ended.unwrap(), Exit::NotMet, "{out}{err}");
    assert!(
        out.contains("traffic is on web-svc (Primary); the requests follow"),
        "{out}"
    );
    assert!(
        out.contains("its requests could not be counted: the group is not what it was"),
        "{out}"
    );
}

/// Nothing is moved by a wait that cannot succeed.
#[tokio::test]
async fn clients_that_cannot_be_asked_are_found_before_the_move() {
    for (proxy, message, next) in [
        (
            Proxy::Forbidden,
            "Forbidden: user \"me\" cannot get pods/portforward",
            "check --rbac traffic",
        ),
        (
            Proxy::Dead,
            "none of 1 client pod answers: a (port 4191: connection refused)",
            "--from deploy/NAME",
        ),
        (
            Proxy::Absent,
            "there are no meshed client pods to ask",
            "--from deploy/NAME",
        ),
    ] {
        let cluster = FakeCluster::start(&[("a", proxy)]).await.at_home();
        let problem = problem(run(&cluster, "force web-svc").await.0);
        assert!(problem.message.contains(message), "{problem:?}");
        let next_lines = problem.next.join("\n");
        assert!(next_lines.contains(next), "{next_lines}");
        assert!(next_lines.contains("nothing was changed"), "{next_lines}");
        assert_eq!(cluster.count("PATCH"), 0);
    }
}

#[tokio::test]
async fn a_dry_run_asks_the_clients_and_does_not_wait() {
    let cluster = FakeCluster::start(&[("a", Proxy::Strays)]).await.at_home();
    let (ended, out, _) = run(&cluster, "force web-svc --dry-run=client").await;
    assert_eq!(ended.unwrap(), Exit::Done);
    assert!(out.ends_with("(dry run)\n"), "{out}");
    assert_eq!(cluster.count("portforward"), 1);
    assert_eq!(cluster.seen().weights("web-svc"), [1, 0]);
}

#[tokio::test]
async fn a_force_that_expires_cannot_wait_for_the_traffic() {
    let cluster = FakeCluster::start(&[("a", Proxy::Follows)]).await.at_home();
    let problem = problem(run(&cluster, "force web-svc --duration 1m").await.0);
    assert_eq!(problem.exit, Exit::Usage);
    assert!(
        problem
            .message
            .starts_with("--traffic cannot be used with --duration"),
        "{problem:?}"
    );
}
