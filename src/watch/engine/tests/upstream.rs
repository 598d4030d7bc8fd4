//! Beside Linkerd's own failover controller, or a namespace that a tenant made look like its.

use super::*;
use crate::resource::meta::{ManagedFields, OwnedFields};
use crate::resource::upstream::{UPSTREAM_MANAGER, Upstream};

fn installed(namespace: &str, is_ready: bool) -> Upstream {
    Upstream {
        namespace: namespace.into(),
        deployment: "linkerd-failover".into(),
        is_ready,
        selector: "failover.linkerd.io/controlled-by=x".into(),
    }
}

fn reverted(mut record: Record) -> Record {
    record.meta.managed_fields = vec![ManagedFields {
        manager: UPSTREAM_MANAGER.to_owned(),
        time: None,
        subresource: String::new(),
        owned: OwnedFields {
            backends: true,
            orders: false,
        },
    }];
    record
}

impl Harness {
    fn left_to_upstream(&mut self) -> Vec<String> {
        self.take(|effect| match effect {
            Effect::Report(Notice::ManagedByUpstream { group, .. }) => Some(group.name.clone()),
            _ => None,
        })
    }

    fn upstream_found(&mut self, upstream: Upstream) {
        self.engine.upstream_found(vec![upstream], self.now);
        self.settle();
    }
}

#[test]
fn the_controller_of_the_chart_takes_its_groups_while_it_is_ready() {
    let mut harness = Harness::at_home();
    harness.upstream_found(installed("linkerd-failover", false));
    assert!(harness.left_to_upstream().is_empty());
    assert!(harness.engine.run_by_upstream().is_empty());
    harness.upstream_found(installed("linkerd-failover", true));
    assert_eq!(harness.left_to_upstream(), ["web"]);
    assert_eq!(harness.engine.run_by_upstream(), [id()]);
}

#[test]
fn a_tenant_that_pretends_to_run_the_controller_takes_only_its_own_groups() {
    let backends = [("web", 1), ("web-east", 0)];
    let mut harness = Harness::new(&backends);
    let watch = harness.started()[0];
    harness.list(watch, &[("web", 1), ("web-east", 1)]);
    let theirs = named(group(1, &backends, None), "theirs");
    harness.edit(reverted(theirs));
    harness.upstream_found(installed("tenant", true));
    assert_eq!(harness.left_to_upstream(), ["theirs"]);
    // A watch of all groups still starts.
    assert!(harness.engine.run_by_upstream().is_empty());

    harness.slice_changed(watch, "web", 0);
    assert_eq!(harness.writes().len(), 1);
}
