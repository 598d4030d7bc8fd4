//! `--max-moves`, the rate limit of moves.

use jiff::{SignedDuration, Timestamp};

use crate::support::{TestNamespace, end, watching};

#[tokio::test]
async fn moves_beyond_the_rate_limit_are_reported_and_delayed() {
    const GROUPS: usize = 6;
    let pause = SignedDuration::from_secs(2);
    let ns = TestNamespace::new("brake").await;
    let names: Vec<String> = (0..GROUPS).map(|number| format!("web-{number}")).collect();
    for name in &names {
        ns.west
            .group(name, &[(name, 1, 1), (&format!("{name}-east"), 0, 1)])
            .await;
    }
    let mut watch = watching(&ns.west, &["--max-moves", "2/2s"]).await;
    for name in &names {
        ns.west.ready(name, 0).await;
    }
    for _ in &names {
        watch.line_containing("-east").await;
    }
    // A busy machine prints the lines late: the objects say when it moved.
    let mut moved: Vec<Timestamp> = Vec::new();
    for name in &names {
        let at = &ns.west.last_move(name).await["at"];
        moved.push(at.as_str().unwrap().parse().unwrap());
    }
    moved.sort();
    // The third of any three has waited until the first was long ago.
    for three in moved.windows(3) {
        assert!(three[0].duration_until(three[2]) > pause / 2, "{moved:?}");
    }
    assert!(
        moved[0].duration_until(moved[GROUPS - 1]) > pause * 3 / 2,
        "{moved:?}"
    );
    let rest = end(watch).await;
    assert!(
        rest.complaints("MORE MOVES ARE DUE THAN --max-moves ALLOWS: ") >= 1,
        "{rest:?}"
    );
    assert!(
        rest.complaints("continuing with at most 2 in 2s.") >= 1,
        "{rest:?}"
    );
}
