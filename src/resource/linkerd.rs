//! The labels and annotations of Linkerd multicluster, see
//! <https://linkerd.io/2/reference/multicluster/>, and the name of its policy controller.

/// The `controllerName` of Linkerd's policy controller in the status of routes.
pub const POLICY_CONTROLLER: &str = "linkerd.io/policy-controller";
/// The label that exports a Service: `true` through the gateway, `remote-discovery` without it.
pub const EXPORTED: &str = "mirror.linkerd.io/exported";
/// The label of a mirror Service.
pub const MIRRORED_SERVICE: &str = "mirror.linkerd.io/mirrored-service";
/// The label of the Service that Linkerd makes for another cluster's gateway.
pub const MIRRORED_GATEWAY: &str = "mirror.linkerd.io/mirrored-gateway";
/// The label with the name of the mirrored cluster.
pub const CLUSTER_NAME: &str = "mirror.linkerd.io/cluster-name";
/// The label of the mirror of one pod of a headless Service.
pub const HEADLESS_MIRROR: &str = "mirror.linkerd.io/headless-mirror-svc-name";
/// The annotation with the mirrored Service's name: `NAME.NAMESPACE.svc.DOMAIN`.
pub const REMOTE_FQ_NAME: &str = "mirror.linkerd.io/remote-svc-fq-name";
/// The label of a mirror in a flat network (the cluster's name), and the annotation of a federated
/// Service (`NAME@CLUSTER`, joined by commas).
pub const REMOTE_DISCOVERY: &str = "multicluster.linkerd.io/remote-discovery";
/// The label with the Service's name in the mirrored cluster of a flat network.
pub const REMOTE_SERVICE: &str = "multicluster.linkerd.io/remote-service";
/// The annotation of a federated Service with its member in the same cluster.
pub const LOCAL_DISCOVERY: &str = "multicluster.linkerd.io/local-discovery";
