//! A namespace for each test, in both clusters.

use std::fmt::Debug;

use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{dump, objects, sandbox};

/// The label that keeps the sandbox from accepting the routes of a namespace.
pub const POLICY_CONTROLLER: &str = "failover.linkerd.io/sandbox-policy-controller";

/// A namespace of one test in both clusters. It is deleted when it goes out of scope, unless it has
/// no Services: deletion costs the API server much time. If the test has failed, its objects are
/// printed first.
pub struct TestNamespace {
    pub name: String,
    pub west: Side,
    pub east: Side,
}

/// The namespace in one of the clusters.
#[derive(Clone)]
pub struct Side {
    pub context: &'static str,
    pub namespace: String,
    pub client: Client,
}

impl TestNamespace {
    /// `purpose` becomes part of the name: lower case letters and hyphens.
    pub async fn new(purpose: &str) -> Self {
        let sandbox = sandbox::shared();
        let name = unique_name(purpose);
        let side = async |context| {
            let side = Side {
                context,
                namespace: name.clone(),
                client: sandbox.client(context).await,
            };
            side.create_namespace().await;
            side
        };
        Self {
            west: side("west").await,
            east: side("east").await,
            name: name.clone(),
        }
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        let name = self.name.clone();
        // A runtime of its own, since the test's runtime may be the one that is unwinding.
        let farewell = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime can be made").block_on(async {
                for context in ["west", "east"] {
                    let client = sandbox::shared().client(context).await;
                    if failed {
                        eprintln!("{}", dump::namespace(&client, context, &name).await);
                    }
                    let services: Api<Service> = Api::namespaced(client.clone(), &name);
                    let services = services.list(&ListParams::default().limit(1)).await;
                    if services.is_ok_and(|services| services.items.is_empty()) {
                        continue;
                    }
                    let namespaces: Api<Namespace> = Api::all(client);
                    let _ = namespaces.delete(&name, &DeleteParams::background()).await;
                }
            });
        });
        let _ = farewell.join();
    }
}

impl Side {
    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of a kind that has no namespaces.
    pub fn cluster_api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    /// The TrafficSplits of the namespace, at v1alpha2.
    pub fn traffic_splits(&self) -> Api<DynamicObject> {
        let resource = objects::traffic_split_resource("v1alpha2");
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Creates an object from JSON in this namespace.
    pub async fn create<K>(&self, object: serde_json::Value) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Serialize
            + Debug,
    {
        let object: K = serde_json::from_value(object).expect("the object is well-formed");
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
            .expect("the object is created")
    }

    /// Creates the namespace. Its routes are accepted only by tests.
    pub async fn create_namespace(&self) {
        self.create_namespace_with(serde_json::json!({
            "failover-test": "true",
            POLICY_CONTROLLER: "disabled",
        }))
        .await;
    }

    /// Has the sandbox accept the routes of the namespace, as Linkerd's policy controller does.
    pub async fn accept_routes(&self) {
        let label = serde_json::json!({"metadata": {"labels": {POLICY_CONTROLLER: null}}});
        self.cluster_api::<Namespace>()
            .patch(
                &self.namespace,
                &PatchParams::default(),
                &Patch::Merge(label),
            )
            .await
            .expect("the label is removed");
    }

    pub async fn create_namespace_with(&self, labels: serde_json::Value) {
        let object = serde_json::json!({"metadata": {"name": self.namespace, "labels": labels}});
        let object: Namespace =
            serde_json::from_value(object).expect("the namespace is well-formed");
        self.cluster_api()
            .create(&PostParams::default(), &object)
            .await
            .expect("the namespace is created");
    }
}

fn unique_name(purpose: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{purpose}-{}-{count}", std::process::id())
}
