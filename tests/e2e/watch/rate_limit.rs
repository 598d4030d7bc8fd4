//! `--max-moves`, the rate limit of moves.

use std::time::{Duration, Instant};

use crate::support::{TestNamespace, end, watching};

#[tokio::test]
async fn moves_beyond_the_rate_limit_are_reported_and_delayed() {
    const GROUPS: usize = 6;
    let pause = Duration::from_secs(2);
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
    let mut told = Vec::new();
    for _ in &names {
        watch.line_containing("-east").await;
        told.push(Instant::now());
    }
    // The third of any three has waited until the first was long ago. Each answer may take a
    // moment.
    for three in told.windows(3) {
        assert!(three[2].duration_since(three[0]) > pause / 2, "{told:?}");
    }
    assert!(
        told[GROUPS - 1].duration_since(told[0]) > pause * 3 / 2,
        "{told:?}"
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
