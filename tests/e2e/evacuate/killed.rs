//! A command that was killed goes on when it is run again, and the end is the same.

use http::Method;
use rustix::process::Signal;

use super::{away_group, entries, home_group, order, weights};
use crate::support::{Fault, FaultProxy, Side, TestNamespace};

/// In the order in which they are written: those that do not move come first.
const NAMES: [&str; 3] = ["quiet", "web0", "web1"];

/// Where the command is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// While the patch of this group is on its way.
    Before(usize),
    /// When this group is patched, and the answer is lost.
    After(usize),
}

fn steps() -> impl Iterator<Item = Step> {
    (0..NAMES.len()).flat_map(|group| [Step::Before(group), Step::After(group)])
}

/// Runs the command and kills it at the step, then runs it again.
async fn kill_and_repeat(side: &Side, command: &str, step: Step) {
    let proxy = FaultProxy::before(side).await;
    let path = |group: usize| format!("/trafficsplits/{}", NAMES[group]);
    let (method, path) = match step {
        Step::Before(group) => {
            proxy.inject(Method::PATCH, &path(group), 1, Fault::Hang);
            (Method::PATCH, path(group))
        }
        Step::After(group) => {
            // The command reads the group again, since it does not know.
            proxy.inject(Method::PATCH, &path(group), 1, Fault::CutAfter);
            proxy.inject(Method::GET, &path(group), 1, Fault::Hang);
            (Method::GET, path(group))
        }
    };
    let running = order(side, &format!("{command} --batch 1 --pause 0s"))
        .kubeconfig(proxy.kubeconfig())
        .spawn();
    proxy.until_seen(method, &path, 1).await;
    running.end_with(Signal::KILL).await;
    order(side, command).run().await.success();
}

async fn assert_groups(side: &Side, step: Step, evacuated: bool) {
    for name in NAMES {
        let expected = match (name, evacuated) {
            ("quiet", _) => [1, 0],
            (_, true) => [0, 1],
            (_, false) => [1, 0],
        };
        assert_eq!(weights(side, name).await, expected, "{name}, {step:?}");
        let count = entries(side, name).await.len();
        assert_eq!(count, usize::from(evacuated), "{name}, {step:?}");
    }
}

#[tokio::test]
async fn at_every_step() {
    let ns = TestNamespace::new("evac-killed").await;
    let side = &ns.west;
    home_group(side, "quiet", &ns.name).await;
    for name in ["web0", "web1"] {
        away_group(side, name, &ns.name, 1).await;
    }
    for step in steps() {
        kill_and_repeat(side, &format!("evacuate {} --id CHG-6", ns.name), step).await;
        assert_groups(side, step, true).await;
        kill_and_repeat(side, &format!("return {} --id CHG-6", ns.name), step).await;
        assert_groups(side, step, false).await;
    }
}
