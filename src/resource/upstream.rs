//! Linkerd's own failover controller (<https://linkerd.io/2/tasks/automatic-failover/>), and which
//! objects it manages.

use super::{Kind as _, LabelSelector, Record, TrafficSplit};

/// The field manager of the controller's writes.
pub const UPSTREAM_MANAGER: &str = "failover.linkerd.io";

/// Why no backend can stand by in a group that the controller manages.
pub const REMOVES_STANDBYS: &str = "Linkerd's failover controller manages the group and writes only the weights 0 and 1: it would \
                                    take the standbys away";

/// The namespace that the controller's chart installs it in.
pub const DEFAULT_NAMESPACE: &str = "linkerd-failover";

/// A controller that is installed. Whoever may label a namespace can make it look like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The namespace that it is installed in.
    pub namespace: String,
    /// The name of its Deployment.
    pub deployment: String,
    /// At least one of its pods is ready.
    pub is_ready: bool,
    /// The label selector of the objects that it manages.
    pub selector: String,
}

impl Upstream {
    /// Whether it is in the namespace of the controller's chart. Tenants of the cluster do not own
    /// that namespace.
    pub fn is_in_default_namespace(&self) -> bool {
        self.namespace == DEFAULT_NAMESPACE
    }

    /// Whether it manages this object. In another namespace than the chart's, it manages only
    /// objects whose backends it wrote last: a tenant can pretend that only of its own objects.
    pub fn manages(&self, record: &Record) -> bool {
        let is_evident =
            self.is_in_default_namespace() || record.last_editor() == Some(UPSTREAM_MANAGER);
        self.is_ready && is_evident && self.selects(record)
    }

    /// A selector that cannot be parsed selects every TrafficSplit.
    fn selects(&self, record: &Record) -> bool {
        let is_split = record.kind.info().kind == TrafficSplit.info().kind;
        let selects = |selector: LabelSelector| selector.matches(&record.meta.labels);
        is_split && LabelSelector::parse(&self.selector).map_or(true, selects)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    fn split(manager: &str) -> Record {
        let object = json!({
            "metadata": {
                "name": "web",
                "namespace": "shop",
                "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
                "managedFields": [{"manager": manager, "fieldsV1": {"f:spec": {"f:backends": {}}}}],
            },
            "spec": {"service": "web", "backends": [
                {"service": "web", "weight": 1},
                {"service": "web-east", "weight": 0},
            ]},
        });
        TrafficSplit.read(&to_raw_value(&object).unwrap()).unwrap()
    }

    fn installed(namespace: &str, is_ready: bool) -> Upstream {
        Upstream {
            namespace: namespace.into(),
            deployment: "linkerd-failover".into(),
            is_ready,
            selector: "failover.linkerd.io/controlled-by=linkerd-failover".into(),
        }
    }

    #[test]
    fn the_controller_of_the_chart_manages_what_it_selects() {
        let upstream = installed("linkerd-failover", true);
        assert!(upstream.manages(&split("kubectl-edit")));
        let other = Upstream {
            selector: "failover.linkerd.io/controlled-by=other".into(),
            ..upstream
        };
        assert!(!other.manages(&split(UPSTREAM_MANAGER)));
    }

    #[test]
    fn a_namespace_that_a_tenant_labels_takes_no_group_of_others() {
        let tenant = installed("tenant", true);
        assert!(!tenant.manages(&split("kubectl-edit")));
        assert!(!tenant.manages(&split(super::super::FIELD_MANAGER)));
        assert!(tenant.manages(&split(UPSTREAM_MANAGER)));
    }

    #[test]
    fn without_a_ready_pod_it_manages_nothing() {
        for namespace in ["linkerd-failover", "tenant"] {
            let upstream = installed(namespace, false);
            assert!(!upstream.manages(&split(UPSTREAM_MANAGER)));
        }
    }
}
