//! One in five writes of groups fails, and half of those of Events and Leases.

use std::time::Duration;

use http::Method;

use crate::faults::story::Story;
use crate::support::group_fixture::{GROUPS, GroupFixture, SETTLE_LIMIT};
use crate::support::{Fault, FaultProxy, Recorded, TestNamespace, end, plugin, started};

/// The Retry-After of an answer with code 429.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The faults of one write in five.
pub const FAULTS: [Fault; 4] = [
    Fault::Answer(503, None),
    Fault::Answer(429, Some(1)),
    Fault::CutBefore,
    Fault::CutAfter,
];

#[tokio::test]
async fn one_in_five_writes_fails_and_every_group_moves_once() {
    let ns = TestNamespace::new("writes").await;
    let fixture = GroupFixture::build(&ns.west, GROUPS).await;
    let proxy = FaultProxy::before(&ns.west).await;
    proxy.disturb(Method::PATCH, "/trafficsplits/", 5, &FAULTS);
    proxy.disturb(Method::POST, "/events", 2, &FAULTS);
    for method in [Method::POST, Method::PUT] {
        proxy.disturb(method, "/leases", 2, &FAULTS);
    }
    let watch = plugin()
        .args(["watch", "-o", "json"])
        .on(&ns.west)
        .kubeconfig(proxy.kubeconfig());
    let watch = started(watch).await;

    fixture.lose_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, GROUPS);
    fixture.restore_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    assert_eq!(fixture.away().await, 0);

    let rest = end(watch).await;
    let story = Story::of(&rest);
    story.is_whole();
    assert_eq!(story.moves(), 2 * GROUPS, "{:#?}", rest.stderr);
    assert_eq!(
        fixture.generations().await,
        3 * GROUPS as i64,
        "some were written twice"
    );
    assert_waits_as_asked(&proxy.seen(&Method::PATCH, "/trafficsplits/"));
    assert!(
        proxy.writes() >= 2 * GROUPS * 5 / 4 - GROUPS / 5,
        "{} writes",
        proxy.writes()
    );
}

/// After an answer with Retry-After, the group is not written before that time.
fn assert_waits_as_asked(writes: &[Recorded]) {
    let mut put_off = 0;
    for (place, refused) in writes
        .iter()
        .enumerate()
        .filter(|(_, write)| write.status == Some(429))
    {
        let next = writes[place + 1..]
            .iter()
            .find(|write| write.path == refused.path);
        let waited = next.map(|next| next.at - refused.at);
        assert!(
            waited.is_none_or(|waited| waited >= RETRY_AFTER),
            "{}: {waited:?}",
            refused.path
        );
        put_off += usize::from(waited.is_some());
    }
    assert!(put_off > 0, "no write was put off");
}
