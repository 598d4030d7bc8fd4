//! Lists and watches of a server that misbehaves, with a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::collection::{Collection, Versioned};
use super::list::list;
use super::watch::follow;
use super::watch_event::Event;
use crate::cluster::test_server::{Answer, TestServer};
use crate::cluster::transport::api_resource::{ENDPOINT_SLICES, SERVICES};
use crate::cluster::{Cluster, RequestError};

const WATCH: &str = "watch=true";
const PROBE: &str = "limit=1&";
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
struct TestObject {
    metadata: TestMeta,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestMeta {
    name: String,
    resource_version: String,
}

impl Versioned for TestObject {
    fn resource_version(&self) -> &str {
        &self.metadata.resource_version
    }
}

fn slices() -> Collection<TestObject> {
    Collection::all(ENDPOINT_SLICES, Some("ns"))
}

fn is_watch(request: &str) -> bool {
    request.contains(WATCH)
}

fn is_probe(request: &str) -> bool {
    format!("{request}&").contains(PROBE)
}

/// Follows a collection for some time. Returns the names in each list, and the other events.
async fn followed(cluster: Cluster, time: Duration) -> Vec<(Duration, String)> {
    let (events, mut received) = mpsc::unbounded_channel();
    let started = Instant::now();
    let following = follow(cluster, slices(), |event| {
        let text = match event {
            Event::Listed(objects) => {
                let names: Vec<_> = objects.into_iter().map(|it| it.metadata.name).collect();
                format!("listed {}", names.join(","))
            }
            Event::Applied(object) => format!("applied {}", object.metadata.resource_version),
            Event::Deleted(_) => "deleted".to_owned(),
            Event::Alive => "alive".to_owned(),
            Event::SlowList => "slow".to_owned(),
            Event::Failed(error) => format!("failed {}", error.cause),
        };
        let _ = events.send((started.elapsed(), text));
        async { true }
    });
    assert!(timeout(time, following).await.is_err());
    received.close();
    let mut seen = Vec::new();
    while let Some(event) = received.recv().await {
        seen.push(event);
    }
    seen
}

/// As [`followed`], while the Services of the same cluster are followed too.
async fn followed_beside_services(server: &TestServer, time: Duration) -> Vec<(Duration, String)> {
    let cluster = server.cluster(None).await;
    let services = Collection::<TestObject>::all(SERVICES, Some("ns"));
    let other = follow(cluster.clone(), services, |_| async { true });
    tokio::join!(followed(cluster, time), timeout(time, other)).0
}

fn lists(events: &[(Duration, String)]) -> Vec<Duration> {
    let lists = events.iter().filter(|(_, text)| text.starts_with("listed"));
    lists.map(|(at, _)| *at).collect()
}

/// A watch that is closed after its time.
fn quiet() -> Answer {
    Answer::watch().end(20_000)
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_of_a_restored_store_is_listed_again() {
    let restored = AtomicU64::new(0);
    let server = TestServer::start(move |request| match request {
        _ if is_watch(request) => quiet(),
        _ if is_probe(request) => {
            restored.store(1, Ordering::Relaxed);
            Answer::list(21, &[])
        }
        _ if restored.load(Ordering::Relaxed) == 1 => Answer::list(21, &["new"]),
        _ => Answer::list(1324, &["old"]),
    })
    .await;
    let events = followed(server.cluster(None).await, MINUTE / 2).await;
    let expected = ["listed old", "alive", "alive", "listed new", "alive"];
    let seen: Vec<&str> = events.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(seen, expected);
    assert!(events[3].0 < Duration::from_secs(21), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_collection_is_not_listed_again_while_nothing_is_stored() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => quiet(),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, 5 * MINUTE).await;
    assert_eq!(lists(&events).len(), 1, "{events:?}");
    assert!(server.seen(WATCH).len() >= 14);
}

/// Slices are quiet. The watch of Services reports a bookmark with this version.
fn quiet_beside_services(request: &str, version: u64) -> Answer {
    match request {
        _ if request.contains("/services") && is_watch(request) => {
            Answer::watch().line(18_000, "BOOKMARK", version).end(2_000)
        }
        _ if is_watch(request) => quiet(),
        _ if request.contains("/services") => Answer::list(7, &["a"]),
        _ => Answer::list(8, &["a"]),
    }
}

fn probes_of_slices(server: &TestServer) -> usize {
    server.seen("slices?limit=1").len() - server.seen("slices?limit=1000").len()
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_not_checked_while_other_watches_show_a_healthy_server() {
    let server = TestServer::start(|request| quiet_beside_services(request, 9)).await;
    let events = followed_beside_services(&server, 5 * MINUTE).await;
    assert_eq!(lists(&events).len(), 1, "{events:?}");
    assert_eq!(probes_of_slices(&server), 0);
}

/// Another kind may have a store of its own, so it does not vouch for ever.
#[tokio::test(start_paused = true)]
async fn a_watch_that_stays_quiet_is_checked_after_5_minutes() {
    let server = TestServer::start(|request| quiet_beside_services(request, 9)).await;
    followed_beside_services(&server, 6 * MINUTE).await;
    assert_eq!(probes_of_slices(&server), 1);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_checked_if_the_others_show_only_older_versions() {
    let server = TestServer::start(|request| quiet_beside_services(request, 7)).await;
    followed_beside_services(&server, MINUTE / 2).await;
    assert_eq!(probes_of_slices(&server), 1);
}

/// Answers to writes of Leases have new versions, but do not show that watches work.
#[tokio::test(start_paused = true)]
async fn a_quiet_watch_is_checked_if_only_answers_show_new_versions() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => quiet(),
        _ => Answer::list(8, &["a"]),
    })
    .await;
    let cluster = server.cluster(None).await;
    let store = cluster.store.clone();
    let leases = async {
        for version in 9.. {
            tokio::time::sleep(Duration::from_secs(5)).await;
            store.observe(&store.before("lease"), &version.to_string());
        }
    };
    tokio::select! {
        _ = followed(cluster, MINUTE / 2) => {}
        () = leases => {}
    }
    assert_eq!(probes_of_slices(&server), 1);
}

/// Once it has answered a list, a server sends a bookmark with that list's version.
#[tokio::test(start_paused = true)]
async fn a_watch_that_stays_behind_the_store_is_listed_again() {
    let version = AtomicU64::new(7);
    let server = TestServer::start(move |request| match request {
        _ if is_watch(request) => quiet(),
        _ => Answer::list(version.fetch_add(1, Ordering::Relaxed), &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, Duration::from_secs(50)).await;
    let at: Vec<u64> = lists(&events).iter().map(Duration::as_secs).collect();
    assert_eq!(at, [0, 40]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_with_bookmarks_goes_on_from_their_version() {
    let version = AtomicU64::new(7);
    let server = TestServer::start(move |request| match request {
        _ if is_watch(request) => {
            let next = version.fetch_add(1, Ordering::Relaxed) + 1;
            Answer::watch().line(18_000, "BOOKMARK", next).end(2_000)
        }
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, 2 * MINUTE).await;
    assert_eq!(lists(&events).len(), 1, "{events:?}");
    assert_eq!(server.seen("resourceVersion=9").len(), 1);
    assert_eq!(server.seen(PROBE).len(), 0);
}

/// Every follower of the cluster lists again, also those whose watches show nothing.
#[tokio::test(start_paused = true)]
async fn a_bookmark_that_goes_back_lists_everything_again() {
    let server = TestServer::start(|request| match request {
        _ if request.contains("/services") && is_watch(request) => Answer::watch()
            .line(3_000, "BOOKMARK", 21)
            .end(MINUTE.as_secs() * 1000),
        _ if is_watch(request) => Answer::watch().end(MINUTE.as_secs() * 1000),
        _ => Answer::list(1324, &["a"]),
    })
    .await;
    let events = followed_beside_services(&server, Duration::from_millis(3_500)).await;
    let at: Vec<u64> = lists(&events).iter().map(Duration::as_secs).collect();
    assert_eq!(at, [0, 3], "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_goes_back_lists_everything_again() {
    let lists_of_services = AtomicU64::new(0);
    let server = TestServer::start(move |request| match request {
        _ if request.contains("/services") && is_watch(request) => Answer::watch().end(3_000),
        _ if is_watch(request) => Answer::watch().end(MINUTE.as_secs() * 1000),
        _ if request.contains("/services") => {
            let nth = lists_of_services.fetch_add(1, Ordering::Relaxed);
            Answer::list(if nth == 0 { 1324 } else { 21 }, &["a"])
        }
        _ => Answer::list(1324, &["a"]),
    })
    .await;
    let events = followed_beside_services(&server, Duration::from_secs(5)).await;
    assert!(lists(&events)[1] < Duration::from_secs(4), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_followed_by_a_list() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch().line(1_000, "ADDED", 8).end(4_000),
        _ => Answer::list(8, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, Duration::from_secs(12)).await;
    assert_eq!(lists(&events).len(), 3, "{events:?}");
    let watches = server.seen(WATCH).len();
    assert_eq!(watches, 3);
}

fn longest_gap(at: &[Duration]) -> Duration {
    let gaps = at.windows(2).map(|two| two[1] - two[0]);
    gaps.max().unwrap_or_default()
}

/// A proxy that buffers responses holds the headers back until the watch ends.
#[tokio::test(start_paused = true)]
async fn where_a_proxy_holds_watches_back_the_server_is_polled() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch()
            .line(18_000, "BOOKMARK", 9)
            .end(2_000)
            .held(),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let cluster = server.cluster(None).await;
    let events = followed(cluster, 10 * MINUTE).await;
    assert!(
        events.iter().all(|(_, text)| text == "listed a"),
        "{events:?}"
    );
    let lists = lists(&events);
    assert!(
        longest_gap(&lists) < Duration::from_millis(10_500),
        "{lists:?}"
    );
    let later: Vec<Duration> = lists
        .iter()
        .filter(|at| **at > MINUTE / 2)
        .copied()
        .collect();
    assert!(
        longest_gap(&later) < Duration::from_millis(3_500),
        "{later:?}"
    );
    assert!(
        server.seen(WATCH).len() < 12,
        "watches are tried once a minute"
    );
}

/// Headers and lines show nothing if they arrive with the end of the watch.
#[tokio::test(start_paused = true)]
async fn where_lines_arrive_only_at_the_end_of_a_watch_the_server_is_polled() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch().line(20_000, "ADDED", 9).end(10),
        _ => Answer::list(9, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, 5 * MINUTE).await;
    let later: Vec<Duration> = lists(&events)
        .into_iter()
        .filter(|at| *at > MINUTE)
        .collect();
    assert!(
        later.len() > 60 && longest_gap(&later) < Duration::from_millis(3_500),
        "{later:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn watches_that_are_empty_at_once_do_not_keep_a_server_busy() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch(),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, 2 * MINUTE).await;
    let lists = lists(&events);
    assert!((35..45).contains(&lists.len()), "{}", lists.len());
    assert!(
        longest_gap(&lists) < Duration::from_millis(3_500),
        "{lists:?}"
    );
    let watches = events.iter().filter(|(_, text)| text == "alive").count();
    assert!(watches < 5, "no watch without lines is believed: {watches}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_after_a_line_does_not_keep_a_server_busy() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch().line(0, "ADDED", 8),
        _ => Answer::list(8, &["a"]),
    })
    .await;
    followed(server.cluster(None).await, 2 * MINUTE).await;
    let watches = server.seen(WATCH).len();
    assert!((40..150).contains(&watches), "{watches}");
}

#[tokio::test(start_paused = true)]
async fn watches_are_used_again_once_they_work() {
    let started = Instant::now();
    let server = TestServer::start(move |request| match request {
        _ if is_watch(request) && started.elapsed() < MINUTE / 2 => Answer::hang(),
        _ if is_watch(request) => Answer::watch().line(5_000, "ADDED", 9).end(15_000),
        _ => Answer::list(9, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, 5 * MINUTE).await;
    let last = *lists(&events).last().unwrap();
    assert!(last < 2 * MINUTE, "{last:?}");
    assert!(events.last().unwrap().0 > 4 * MINUTE, "the watches serve");
}

/// kube-apiserver refuses the requests for a kind until its cache has been filled.
#[tokio::test(start_paused = true)]
async fn a_kind_that_was_just_defined_is_waited_for() {
    const MESSAGE: &str = "storage is (re)initializing";
    let body = format!(r#"{{"kind":"Status","code":429,"message":"{MESSAGE}"}}"#);
    let head = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\r\n";
    let nth = AtomicU64::new(0);
    let busy = Answer::default().then(0, &format!("{head}{body}"));
    let refused = busy.clone();
    let server = TestServer::start(move |_| match nth.fetch_add(1, Ordering::Relaxed) {
        0..3 => busy.clone(),
        _ => Answer::list(21, &["new"]),
    })
    .await;
    let (objects, _) = list(&server.cluster(None).await, &slices()).await.unwrap();
    assert_eq!(objects[0].metadata.name, "new");

    let started = Instant::now();
    let server = TestServer::start(move |_| refused.clone()).await;
    let error = list(&server.cluster(None).await, &slices()).await;
    assert!(error.unwrap_err().cause.to_string().contains(MESSAGE));
    assert!(started.elapsed() < Duration::from_secs(10), "{started:?}");
}

/// A server that has everything at once: it hangs, refuses, is restored, and holds watches back.
#[tokio::test(start_paused = true)]
async fn after_any_mix_of_faults_the_last_list_is_no_older_than_the_faults() {
    let started = Instant::now();
    let nth = Arc::new(AtomicU64::new(0));
    let healed = 5 * MINUTE;
    let server = TestServer::start(move |request| {
        let is_healed = started.elapsed() > healed;
        match (
            nth.fetch_add(1, Ordering::Relaxed) * 7 % 11,
            is_watch(request),
        ) {
            (_, true) if is_healed => Answer::watch().line(18_000, "BOOKMARK", 30).end(2_000),
            (_, false) if is_healed => Answer::list(21, &["new"]),
            (0, _) => Answer::hang(),
            (1, _) => Answer::status(429, "retry-after: 300\r\n"),
            (2, _) => Answer::status(503, "retry-after: 120\r\n"),
            (3, _) => Answer::status(500, ""),
            (4, true) => Answer::status(410, ""),
            (5, true) => Answer::watch(),
            (6, true) => quiet(),
            (7, true) => Answer::watch()
                .line(18_000, "ADDED", 1330)
                .end(2_000)
                .held(),
            (8, true) => Answer::watch().line(2_000, "BOOKMARK", 5).end(18_000),
            (_, true) => Answer::watch().line(2_000, "ADDED", 1330).end(100),
            (6..=8, false) => Answer::list(1320, &["old"]),
            (_, false) => Answer::list(1324, &["old"]),
        }
    })
    .await;
    let events = followed(server.cluster(None).await, healed + 2 * MINUTE).await;
    let healed_at = events
        .iter()
        .find(|(_, text)| text == "listed new")
        .unwrap()
        .0;
    assert!(
        healed_at < healed + Duration::from_secs(45),
        "{healed_at:?}"
    );
    assert!(events.len() < 1000, "{}", events.len());
}

async fn list_of(
    server: &TestServer,
    timeout: Option<Duration>,
) -> (Result<Vec<String>, RequestError>, Duration) {
    let started = Instant::now();
    let listed = list(&server.cluster(timeout).await, &slices()).await;
    let names = listed.map(|(objects, _)| objects.into_iter().map(|it| it.metadata.name).collect());
    (names, started.elapsed())
}

/// What is too much for one list may be little for each namespace.
#[tokio::test(start_paused = true)]
async fn a_list_that_takes_long_is_reported_while_it_goes_on() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => quiet(),
        _ => Answer::watch().then(6_000, r#"{"metadata":{"resourceVersion":"9"},"items":[]}"#),
    })
    .await;
    let events = followed(server.cluster(None).await, Duration::from_secs(10)).await;
    let seen: Vec<(u64, &str)> = events
        .iter()
        .map(|(at, text)| (at.as_secs(), text.as_str()))
        .collect();
    assert_eq!(seen[..2], [(3, "slow"), (6, "listed ")], "{seen:?}");
}

/// There is nothing that each namespace could be asked.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_not_a_slow_list() {
    let server = TestServer::start(|_| Answer::hang()).await;
    let events = followed(server.cluster(None).await, MINUTE).await;
    assert!(events.iter().all(|(_, text)| text != "slow"), "{events:?}");
}

/// With small pages on a slow line, the server forgets the version that the first pages showed.
#[tokio::test(start_paused = true)]
async fn a_list_that_expires_between_pages_is_read_at_once() {
    let server = TestServer::start(|request| match request {
        _ if request.contains("continue") => Answer::status(410, ""),
        _ if request.contains("limit") => Answer::page(7, &["a"]),
        // It takes longer than one page may.
        _ => Answer::watch().then(60_000, r#"{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b","resourceVersion":"1"}}]}"#),
    })
    .await;
    let (names, took) = list_of(&server, None).await;
    assert_eq!(names.unwrap(), ["b"]);
    assert!(took < 2 * MINUTE, "{took:?}");
}

#[tokio::test]
async fn pages_without_end_end_with_an_error_in_time() {
    let server = TestServer::start(|_| Answer::page(7, &["a"])).await;
    let (names, took) = list_of(&server, Some(Duration::from_millis(100))).await;
    assert!(names.is_err() && took < Duration::from_secs(2), "{took:?}");
    assert!(server.seen("limit").len() <= 1_001);
}

#[tokio::test]
async fn an_object_without_end_ends_a_list() {
    let server = TestServer::start(|_| {
        let endless = "x".repeat(100_000);
        Answer::ok(r#"{"metadata":{},"items":[{"metadata":{"name":""#)
            .then(0, &endless)
            .endless()
    })
    .await;
    let (names, took) = list_of(&server, None).await;
    let error = names.unwrap_err().to_string();
    assert!(error.contains("more than 16 MiB"), "{error}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn objects_without_end_end_a_list() {
    let server = TestServer::start(|_| {
        let object = r#"{"metadata":{"name":"a","resourceVersion":"1"}},"#.repeat(1_000);
        Answer::ok(r#"{"metadata":{},"items":["#)
            .then(0, &object)
            .endless()
    })
    .await;
    let (names, _) = list_of(&server, None).await;
    let error = names.unwrap_err().to_string();
    assert!(error.contains("more than 500000 objects"), "{error}");
}

/// Returns the value of a query parameter.
fn parameter(request: &str, name: &str) -> Option<usize> {
    let (_, after) = request.split_once(&format!("{name}="))?;
    let digits = after.split(|next: char| !next.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// An object of 8 MiB.
fn large_object(number: usize) -> String {
    let padding = "x".repeat(8 * 1024 * 1024);
    format!(r#"{{"metadata":{{"name":"{number}","resourceVersion":"1"}},"padding":"{padding}"}}"#)
}

/// A list whose first objects are large, as one tenant can make them. Pages of usual size are too
/// large to be read.
fn with_large_objects(request: &str, large: usize) -> Answer {
    let (all, first) = (1000, parameter(request, "continue").unwrap_or_default());
    let limit = parameter(request, "limit").unwrap_or(all);
    let end = all.min(first + limit);
    let next_page = if end < all {
        end.to_string()
    } else {
        String::new()
    };
    let meta = format!(r#"{{"resourceVersion":"7","continue":"{next_page}"}}"#);
    let head = Answer::ok(&format!(r#"{{"metadata":{meta},"items":["#));
    if limit > all {
        return head.then(0, &format!("{},", large_object(0))).endless();
    }
    let object = |number: usize| match number {
        _ if number < large => large_object(number),
        _ => format!(r#"{{"metadata":{{"name":"{number}","resourceVersion":"1"}}}}"#),
    };
    let objects: Vec<String> = (first..end).map(object).collect();
    head.then(0, &objects.join(",")).then(0, "]}")
}

#[tokio::test]
async fn a_page_of_large_objects_is_read_again_as_smaller_pages() {
    let server = TestServer::start(|request| with_large_objects(request, 12)).await;
    let (names, _) = list_of(&server, None).await;
    let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(names.unwrap(), expected);
    assert!(server.seen("limit").len() < 30, "pages grow again");
}

/// A server may ignore the limit of a page, as the watch cache of an API server does.
#[tokio::test]
async fn a_server_that_ignores_the_limit_of_a_page_is_asked_twice() {
    let server = TestServer::start(|_| with_large_objects("", 10)).await;
    let (names, _) = list_of(&server, None).await;
    assert_eq!(names.unwrap().len(), 1000);
    assert_eq!(server.seen("GET").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_its_server_does_not_end_is_listed_again() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => (8..120).fold(Answer::watch(), |answer, version| {
            answer.line(1_000, "MODIFIED", version)
        }),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, MINUTE).await;
    let lists = lists(&events);
    assert!(
        lists.len() > 1 && lists[1] <= Duration::from_secs(42),
        "{lists:?}"
    );
}

#[tokio::test]
async fn a_line_without_end_ends_a_watch() {
    let server = TestServer::start(|request| match request {
        _ if is_watch(request) => Answer::watch().then(0, &"x".repeat(100_000)).endless(),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let (failed, mut failures) = mpsc::unbounded_channel();
    let cluster = server.cluster(None).await;
    follow(cluster, slices(), |event| {
        let goes_on = event.failure().is_none();
        if let Event::Failed(error) = event {
            let _ = failed.send(error.to_string());
        }
        async move { goes_on }
    })
    .await;
    let error = failures.recv().await.unwrap();
    assert!(error.contains("more than 16 MiB"), "{error}");
}

#[tokio::test]
async fn bodies_without_end_are_errors() {
    let server = TestServer::start(|request| {
        let head = if request.contains("error") {
            "HTTP/1.1 500 Scripted\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\n\r\n"
        };
        Answer::default()
            .then(0, head)
            .then(0, &"x".repeat(100_000))
            .endless()
    })
    .await;
    let cluster = server.cluster(None).await;
    let object = cluster.get_path::<serde_json::Value>("/object").await;
    let error = object.unwrap_err().to_string();
    assert!(error.contains("more than 16 MiB"), "{error}");
    let error = cluster.get_path::<serde_json::Value>("/error").await;
    assert_eq!(error.unwrap_err().code(), Some(500));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_minutes_delays_a_list_by_at_most_10_s() {
    let server = TestServer::start(|_| Answer::status(503, "retry-after: 300\r\n")).await;
    followed(server.cluster(None).await, 5 * MINUTE).await;
    let seen = server.seen("GET");
    assert!(seen.len() >= 30, "{}", seen.len());
}

/// A night of a dead API server: nothing piles up, and the first answer counts.
#[tokio::test(start_paused = true)]
async fn a_night_without_an_answer_is_followed_by_a_list_at_once() {
    let started = Instant::now();
    let night = 8 * 60 * MINUTE;
    let server = TestServer::start(move |request| match request {
        _ if started.elapsed() > MINUTE && started.elapsed() < night => Answer::hang(),
        _ if is_watch(request) => quiet(),
        _ => Answer::list(7, &["a"]),
    })
    .await;
    let events = followed(server.cluster(None).await, night + MINUTE).await;
    let last = *lists(&events).last().unwrap();
    assert!(last < night + Duration::from_secs(15), "{last:?}");
    assert!(server.seen("GET").len() < 4_000);
    assert!(events.len() < 4_000, "{}", events.len());
}

const FEW_NAMES: [&str; 3] = ["a", "b", "gone"];

/// A namespace of 5,000 Services.
fn crowded(request: &str) -> Answer {
    match request {
        _ if is_watch(request) => Answer::watch().line(18_000, "BOOKMARK", 9).end(2_000),
        _ if is_probe(request) => Answer::first_of(7, "other", 4_999),
        _ if request.ends_with("/gone") => Answer::status(404, ""),
        _ if request.ends_with("/a") => Answer::object(5, "a"),
        _ if request.ends_with("/b") => Answer::object(8, "b"),
        _ => Answer::list(7, &["a", "b", "other", "another"]),
    }
}

fn few_services() -> Collection<TestObject> {
    let names = FEW_NAMES.map(str::to_owned);
    Collection::all(SERVICES, Some("ns")).with_names(names.into())
}

async fn names_in_list(server: &TestServer) -> (Vec<String>, String) {
    let listed = list(&server.cluster(None).await, &few_services()).await;
    let (objects, version) = listed.unwrap();
    let mut names: Vec<_> = objects.into_iter().map(|it| it.metadata.name).collect();
    names.sort();
    (names, version)
}

#[tokio::test]
async fn few_objects_of_a_large_collection_are_read_by_name() {
    let server = TestServer::start(crowded).await;
    let (names, version) = names_in_list(&server).await;
    assert_eq!(
        (names, version.as_str()),
        (vec!["a".into(), "b".into()], "7")
    );
    assert_eq!(server.seen("GET").len(), 1 + FEW_NAMES.len());
    assert!(server.seen("limit=1")[0] < server.seen("/services/a")[0]);
}

#[tokio::test]
async fn a_collection_is_listed_if_it_is_small_or_does_not_say_how_large_it_is() {
    for others in [Some(500), None] {
        let server = TestServer::start(move |request| match others {
            _ if !is_probe(request) => crowded(request),
            Some(others) => Answer::first_of(7, "a", others),
            None => Answer::page(7, &["a"]),
        })
        .await;
        let (names, _) = names_in_list(&server).await;
        assert_eq!(names, ["a", "another", "b", "other"], "{others:?}");
        assert_eq!(server.seen("GET").len(), 2);
    }
}

#[tokio::test]
async fn without_the_right_to_get_objects_the_collection_is_listed() {
    let server = TestServer::start(|request| match request {
        _ if request.contains("/services/") => Answer::status(403, ""),
        _ => crowded(request),
    })
    .await;
    let (names, _) = names_in_list(&server).await;
    assert_eq!(names, ["a", "another", "b", "other"]);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_fails_the_list() {
    let server = TestServer::start(|request| match request {
        _ if request.ends_with("/b") => Answer::status(500, ""),
        _ => crowded(request),
    })
    .await;
    let listed = list(&server.cluster(None).await, &few_services()).await;
    assert_eq!(listed.unwrap_err().code(), Some(500));
}

/// What changes after the version that was read first arrives by the watch.
#[tokio::test(start_paused = true)]
async fn a_watch_of_few_objects_starts_from_the_version_before_they_were_read() {
    let server = TestServer::start(crowded).await;
    let cluster = server.cluster(None).await;
    let following = follow(cluster, few_services(), |_| async { true });
    assert!(timeout(MINUTE, following).await.is_err());
    let watches = server.seen(WATCH).len();
    assert_eq!(server.seen("resourceVersion=7").len(), 1);
    assert_eq!(server.seen("resourceVersion=9").len(), watches - 1);
    assert_eq!(server.seen("GET").len(), watches + 1 + FEW_NAMES.len());
}
