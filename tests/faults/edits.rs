//! People edit the objects while the watch moves traffic.

use std::time::Duration;

use http::Method;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::support::group_fixture::{
    GROUPS, GroupFixture, SETTLE_LIMIT, fallback_of, first_of, for_each,
};
use crate::support::{Fault, FaultProxy, Recorded, Side, TestNamespace, end, plugin, started};

const LABEL: &str = "failover.linkerd.io/controlled-by";
const EDITS: u32 = 5;
/// Longer than an edit takes.
const WRITE_DELAY: Duration = Duration::from_millis(200);

/// Every write is slow, so that edits happen between its read and its end.
#[tokio::test]
async fn edits_by_people_are_kept() {
    let ns = TestNamespace::new("edits").await;
    let side = &ns.west;
    let fixture = GroupFixture::build(side, GROUPS).await;
    let proxy = FaultProxy::before(side).await;
    proxy.disturb(
        Method::PATCH,
        "/trafficsplits/",
        1,
        &[Fault::Delay(WRITE_DELAY)],
    );
    let watch = started(
        plugin()
            .args(["watch"])
            .on(side)
            .kubeconfig(proxy.kubeconfig()),
    )
    .await;
    let kind = |kind: usize| -> Vec<String> {
        fixture
            .names
            .iter()
            .skip(kind)
            .step_by(5)
            .cloned()
            .collect()
    };
    let [noted, grown, deleted, released, reversed] = [0, 1, 2, 3, 4].map(kind);
    let versions = std::sync::Mutex::new(Vec::new());

    let edits = async {
        proxy.until_seen(Method::PATCH, "/trafficsplits/", 1).await;
        tokio::join!(
            for_each(&noted, async |name: &String| note(side, name).await),
            for_each(&grown, async |name: &String| grow(side, name).await),
            for_each(&deleted, async |name: &String| {
                side.traffic_splits()
                    .delete(name, &DeleteParams::default())
                    .await
                    .unwrap();
            }),
            for_each(&released, async |name: &String| {
                let version = release(side, name).await;
                versions.lock().unwrap().push((name.clone(), version));
            }),
            for_each(&reversed, async |name: &String| {
                side.set_weights(name, &[(name, 1), (&fallback_of(name), 1)])
                    .await;
            }),
        );
    };
    tokio::join!(fixture.lose_all_primaries(), edits);
    fixture.until_right(SETTLE_LIMIT).await;
    fixture.restore_all_primaries().await;
    fixture.until_right(SETTLE_LIMIT).await;
    end(watch).await;

    let records = fixture.records().await;
    let version = |name: &String| {
        let record = records.iter().find(|record| record.meta.name == *name);
        record
            .map(|record| record.meta.resource_version.clone())
            .unwrap_or_default()
    };
    let touched: Vec<_> = versions
        .into_inner()
        .unwrap()
        .into_iter()
        .filter(|(name, before)| version(name) != *before)
        .collect();
    assert!(
        touched.is_empty(),
        "written without the label: {}",
        first_of(&touched)
    );
    let refused = |write: &Recorded| matches!(write.status, Some(404 | 409 | 422));
    let met = proxy
        .seen(&Method::PATCH, "/trafficsplits/")
        .iter()
        .filter(|write| refused(write))
        .count();
    assert!(met > 0, "no edit came between a read and its write");
    assert_eq!(records.len(), GROUPS - deleted.len());
    for name in &noted {
        let split = side.split(name).await;
        assert_eq!(
            split["metadata"]["annotations"]["note"],
            EDITS.to_string(),
            "{split}"
        );
        assert_eq!(
            split["metadata"]["labels"]["note"],
            EDITS.to_string(),
            "{split}"
        );
    }
    for name in &grown {
        assert_eq!(side.weights(name).await.len(), 3, "{name}");
    }
}

async fn note(side: &Side, name: &str) {
    for edit in 1..=EDITS {
        let note = json!({"note": edit.to_string()});
        side.edit_split(
            name,
            json!({"metadata": {"annotations": note, "labels": note}}),
        )
        .await;
    }
}

/// Adds a backend, as an editor does: for the version that was read.
async fn grow(side: &Side, name: &str) {
    loop {
        let mut split = side.split(name).await;
        let backends = split["spec"]["backends"].as_array_mut().unwrap();
        backends.push(json!({"service": format!("{name}-north"), "weight": 0}));
        let version = &split["metadata"]["resourceVersion"];
        let patch = json!({"metadata": {"resourceVersion": version}, "spec": split["spec"]});
        if side
            .traffic_splits()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Removes the label. Returns the version after that.
async fn release(side: &Side, name: &str) -> String {
    let patch = Patch::Merge(json!({"metadata": {"labels": {LABEL: null}}}));
    let split = side
        .traffic_splits()
        .patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    split.metadata.resource_version.unwrap()
}
