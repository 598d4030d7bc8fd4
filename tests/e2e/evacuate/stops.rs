//! Evacuations that stop before the end.

use rustix::process::Signal;

use super::{away_group, entries, order, weights};
use crate::support::{Side, TestNamespace};

async fn three(side: &Side, cluster: &str) {
    for name in ["web0", "web1", "web2"] {
        away_group(side, name, cluster, 1).await;
    }
}

#[tokio::test]
async fn a_group_that_is_worse_off_stops_it() {
    let ns = TestNamespace::new("evac-worse").await;
    let side = &ns.west;
    three(side, &ns.name).await;
    let command = format!("evacuate {} --id CHG-8", ns.name);
    let mut evacuation = order(side, &format!("{command} --batch 1 --pause 5m")).spawn();
    evacuation.stderr_line_containing("1 of 3 moved").await;
    side.ready("web0", 0).await;
    let (status, out, err) = evacuation.wait_and_collect().await;
    let (out, err) = (out.join("\n"), err.join("\n"));
    assert_eq!(status.code(), Some(1), "{out}\n{err}");
    assert!(
        out.contains("1 moved") && out.contains("2 not reached"),
        "{out}"
    );
    for text in [
        "stopped, since a group is worse off after its traffic moved",
        "/web0 is now ",
        &format!("to go on: kubectl failover evacuate {} --id CHG-8", ns.name),
        &format!("to undo it: kubectl failover return {} --id CHG-8", ns.name),
    ] {
        assert!(err.contains(text), "{text}: {err}");
    }
    assert_eq!(weights(side, "web1").await, [1, 0]);

    let undo = format!("return {} --id CHG-8", ns.name);
    order(side, &undo).run().await.success();
    assert_eq!(weights(side, "web0").await, [1, 0]);
}

#[tokio::test]
async fn ctrl_c_stops_between_two_groups() {
    let ns = TestNamespace::new("evac-ctrl-c").await;
    let side = &ns.west;
    three(side, &ns.name).await;
    let command = format!("evacuate {} --id CHG-9", ns.name);
    let mut evacuation = order(side, &format!("{command} --batch 1 --pause 5m")).spawn();
    evacuation.stderr_line_containing("1 of 3 moved").await;
    let (status, out, err) = evacuation.end_and_collect(Signal::INT).await;
    let err = err.join("\n");
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(out.join("\n").contains("1 moved, 2 not reached"), "{out:?}");
    assert!(
        err.contains("stopped by Ctrl-C; 2 groups not reached"),
        "{err}"
    );
    for (name, expected) in [("web0", [0, 1]), ("web1", [1, 0]), ("web2", [1, 0])] {
        assert_eq!(weights(side, name).await, expected);
        assert_eq!(
            entries(side, name).await.len(),
            usize::from(expected == [0, 1])
        );
    }
    let rest = order(side, &command).run().await.success();
    rest.stdout_contains("2 moved, 1 already so");
    for name in ["web0", "web1", "web2"] {
        assert_eq!(weights(side, name).await, [0, 1]);
    }
}

#[tokio::test]
async fn traffic_that_came_back_meanwhile_is_named_at_the_end() {
    let ns = TestNamespace::new("evac-back").await;
    let side = &ns.west;
    three(side, &ns.name).await;
    let command = format!("evacuate {} --id CHG-10", ns.name);
    let mut evacuation = order(side, &format!("{command} --batch 2 --pause 15s")).spawn();
    evacuation.stderr_line_containing("2 of 3 moved").await;
    let undo = format!("return {} --id CHG-10", ns.name);
    order(side, &undo).run().await.success();
    let (status, out, err) = evacuation.wait_and_collect().await;
    let (out, err) = (out.join("\n"), err.join("\n"));
    assert_eq!(status.code(), Some(1), "{out}\n{err}");
    assert!(out.contains("1 moved, 2 came back"), "{out}");
    for name in ["web0", "web1"] {
        let line = format!(
            "came back: west {}/{name}: traffic is on {name}-north: ",
            ns.name
        );
        assert!(err.contains(&line), "{line}: {err}");
        assert_eq!(weights(side, name).await, [1, 0]);
    }
    order(side, &command).run().await.success();
    assert_eq!(weights(side, "web0").await, [0, 1]);
}
