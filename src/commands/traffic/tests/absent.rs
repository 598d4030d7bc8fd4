//! Clients that are not there, go away, or do not answer.

use std::time::{Duration, Instant};

use futures::future::join;
use tokio::time::timeout;

use super::fake_cluster::{FakeCluster, Proxy};
use super::{json, problem, traffic};
use crate::cli::Command;
use crate::commands::env::CommandEnv;
use crate::commands::traffic::run;
use crate::problem::Exit;

/// Runs `traffic -w` for a while. Returns what it printed.
async fn watch(cluster: &FakeCluster, arguments: &str, time: Duration) -> (String, String) {
    let server = format!("--server {} --token token -n emojivoto", cluster.url);
    let line = format!("traffic web-svc -w --window 2s {server} {arguments}");
    let (env, command, captured) = CommandEnv::of_test(line.trim_end());
    let Command::Traffic(args) = command else {
        panic!("{command:?}")
    };
    let ended = timeout(time, run(&env, &args)).await;
    assert!(ended.is_err(), "{ended:?}");
    (captured.out(), captured.err())
}

fn windows(out: &str) -> usize {
    out.lines()
        .filter(|line| line.contains(" web-svc weight="))
        .count()
}

#[tokio::test]
async fn windows_are_as_long_as_asked_although_nobody_answers() {
    for (pods, forwards) in [
        (&[][..], 0),
        (&[("dead", Proxy::Dead)][..], 4),
        (&[("bare", Proxy::Absent)][..], 0),
    ] {
        let cluster = FakeCluster::start(pods).await;
        let (out, err) = watch(&cluster, "", Duration::from_secs(5)).await;
        assert!((2..=3).contains(&windows(&out)), "{out}{err}");
        assert!(cluster.count("portforward") <= forwards, "{pods:?}");
        assert!(cluster.count("/pods?") <= 2, "the lists are few");
        assert!(out.contains("rps=- "), "{out}");
        assert!(!out.contains("rps=0.0"), "{out}");
    }
}

#[tokio::test]
async fn a_wait_without_clients_is_no_busy_loop() {
    let cluster = FakeCluster::start(&[("dead", Proxy::Dead)]).await;
    let (ended, ..) = traffic(&cluster, "--for rps>1000 --timeout 5s").await;
    assert_eq!(problem(ended).exit, Exit::NotMet);
    assert!(cluster.count("portforward") <= 4);
}

#[tokio::test]
async fn a_pod_that_takes_the_place_of_another_is_found_soon() {
    let cluster = FakeCluster::start(&[("old", Proxy::Counts)]).await;
    let rollout = async {
        cluster.scraped_again("old").await;
        cluster.replace("old", "new", Proxy::Counts);
    };
    let watch = watch(&cluster, "", Duration::from_secs(14));
    let ((out, err), ()) = join(watch, rollout).await;
    let last = out.lines().last().unwrap();
    assert!(
        last.contains("web-svc-east weight=1 share=100%"),
        "{out}{err}"
    );
    assert!(last.ends_with("pods=1/1"), "{out}");
    assert!(cluster.count("/old/portforward") <= 4);
    assert!(cluster.count("/pods?") <= 4);
}

#[tokio::test]
async fn a_condition_is_not_met_if_nobody_counts() {
    for (pods, why) in [
        (&[][..], "there are no meshed client pods to ask"),
        (&[("dead", Proxy::Dead)][..], "no client pod answered"),
    ] {
        let cluster = FakeCluster::start(pods).await;
        for goal in ["failfast<=0", "rps<=0", "rps>=0", "waiting(web-svc)<1"] {
            let arguments = format!("--for {goal} --timeout 1s");
            let (ended, ..) = traffic(&cluster, &arguments).await;
            let problem = problem(ended);
            assert_eq!(problem.exit, Exit::NotMet, "{goal}");
            assert!(
                problem.next[0].ends_with(&format!(" is unknown: {why}")),
                "{problem:?}"
            );
        }
        let report = json(&cluster, "").await;
        assert_eq!(report["windowSeconds"], 0.0);
        for number in ["rps", "waiting", "failfast", "tcpConnections"] {
            assert!(report["total"][number].is_null(), "{number}");
            assert!(report["backends"][0][number].is_null(), "{number}");
        }
    }
}

#[tokio::test]
async fn pods_that_are_being_deleted_are_not_asked() {
    let cluster =
        FakeCluster::start(&[("going", Proxy::Terminates), ("well", Proxy::Counts)]).await;
    let report = json(&cluster, "").await;
    assert_eq!(report["clients"]["pods"], 1);
    assert_eq!(cluster.count("/going/portforward"), 0);
}

#[tokio::test]
async fn a_pod_that_goes_silent_holds_nobody_up() {
    let cluster = FakeCluster::start(&[("lost", Proxy::GoesSilent), ("well", Proxy::Counts)]).await;
    let started = Instant::now();
    let (ended, out, _) = traffic(&cluster, "").await;
    let took = started.elapsed();
    assert_eq!(ended.unwrap(), Exit::Done);
    assert!(took < Duration::from_secs(2 + 2 + 2), "{took:?}");
    let heading = out.lines().next();
    assert_eq!(
        heading,
        Some("web-svc: 2s of requests from 1 of 2 client pods")
    );
    assert!(out.contains("1 of 2 pods did not answer: lost"), "{out}");
}

#[tokio::test]
async fn the_heading_says_that_nobody_answered() {
    let cluster = FakeCluster::start(&[("dead", Proxy::Dead)]).await;
    let (_, out, _) = traffic(&cluster, "").await;
    assert_eq!(
        out.lines().next(),
        Some("web-svc: no requests counted, none of 1 client pod answered")
    );
    let cluster = FakeCluster::start(&[]).await;
    let (_, out, _) = traffic(&cluster, "").await;
    assert_eq!(
        out.lines().next(),
        Some("web-svc: no requests counted, no meshed client pods")
    );
}

#[tokio::test]
async fn an_api_server_that_goes_away_in_mid_window_is_given_up_soon() {
    let cluster = FakeCluster::start(&[("a", Proxy::Counts)]).await;
    let partition = async {
        cluster.scraped_again("a").await;
        cluster.go_away();
    };
    let started = Instant::now();
    let ((ended, ..), ()) = join(traffic(&cluster, ""), partition).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    let problem = problem(ended);
    assert!(
        problem
            .next
            .join("\n")
            .contains("went away during the window"),
        "{problem:?}"
    );
}

#[tokio::test]
async fn lines_name_what_is_wrong_once() {
    let cluster = FakeCluster::start(&[("dead", Proxy::Dead), ("well", Proxy::Counts)]).await;
    let (out, _) = watch(&cluster, "", Duration::from_secs(7)).await;
    assert!(windows(&out) >= 2, "{out}");
    assert_eq!(
        out.matches("1 of 2 pods did not answer: dead").count(),
        1,
        "{out}"
    );
    assert!(out.contains(" pods=1/2\n"), "{out}");
}
