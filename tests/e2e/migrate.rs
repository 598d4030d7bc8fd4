//! `migrate`: TrafficSplits become routes, and back.

mod killed;
mod profiles;
mod refusals;
mod rights;
mod story;

use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::{Output, Plugin, Side, accept_http_route, plugin};

const LABEL: &str = "failover.linkerd.io/controlled-by";
const POLL: Duration = Duration::from_millis(20);

fn http_routes(side: &Side) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    Api::namespaced_with(
        side.client.clone(),
        &side.namespace,
        &ApiResource::from_gvk(&kind),
    )
}

async fn route(side: &Side, name: &str) -> Option<Value> {
    let found = http_routes(side).get_opt(name).await.unwrap();
    found.map(|route| serde_json::to_value(route).unwrap())
}

async fn split(side: &Side, name: &str) -> Option<Value> {
    let found = side.traffic_splits().get_opt(name).await.unwrap();
    found.map(|split| serde_json::to_value(split).unwrap())
}

/// The weights of the only rule of a route.
fn weights_of_route(route: &Value) -> Vec<u64> {
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
    backends
        .iter()
        .map(|it| it["weight"].as_u64().unwrap())
        .collect()
}

fn weights_of_split(split: &Value) -> Vec<u64> {
    let backends = split["spec"]["backends"].as_array().unwrap();
    backends
        .iter()
        .map(|it| it["weight"].as_u64().unwrap())
        .collect()
}

fn is_group(object: &Value) -> bool {
    object["metadata"]["labels"][LABEL].is_string()
}

/// The annotations of the group, without that of the migration.
fn annotations(object: &Value) -> Value {
    let mut annotations = object["metadata"]["annotations"].clone();
    let map = annotations.as_object_mut().unwrap();
    map.retain(|key, _| {
        key.starts_with("failover.linkerd.io/") && !key.ends_with("/migrated-from")
    });
    annotations
}

/// A command as an operator types it.
fn typed(side: &Side, command: &str) -> Plugin {
    plugin().args(command.split(' ')).on(side)
}

async fn run(side: &Side, command: &str) -> Output {
    typed(side, command).run().await
}

/// Accepts every route of the namespace until it is dropped.
struct Acceptor(JoinHandle<()>);

impl Acceptor {
    fn of(side: &Side) -> Self {
        let side = side.clone();
        Self(tokio::spawn(async move {
            loop {
                let routes = http_routes(&side).list(&ListParams::default()).await;
                for route in routes.map(|list| list.items).unwrap_or_default() {
                    if route.data["status"]["parents"][0].is_null() {
                        accept_http_route(&side, route.metadata.name.as_deref().unwrap()).await;
                    }
                }
                tokio::time::sleep(POLL).await;
            }
        }))
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the two objects of one group: at every moment one of them carries the group, and of two
/// groups the one that takes over is the newer one.
struct Observer(JoinHandle<()>);

impl Observer {
    fn of(side: &Side, name: &str) -> Self {
        let (side, name) = (side.clone(), name.to_owned());
        Self(tokio::spawn(async move {
            loop {
                // The object that goes is read first, so the other one must be there later.
                let forward = async {
                    let gone = split(&side, &name).await;
                    (gone, route(&side, &name).await)
                };
                let back = async {
                    let gone = route(&side, &name).await;
                    (split(&side, &name).await, gone)
                };
                let seen = [forward.await, back.await];
                let groups = |(split, route): &(Option<Value>, Option<Value>)| {
                    check(split.as_ref(), route.as_ref())
                };
                assert!(seen.iter().map(groups).any(|groups| groups > 0), "{seen:?}");
                tokio::time::sleep(POLL).await;
            }
        }))
    }

    async fn end(self) {
        assert!(!self.0.is_finished(), "{:?}", self.0.await);
        self.0.abort();
    }
}

/// The number of groups. Of two, the one that takes over must be the newer one.
fn check(split: Option<&Value>, route: Option<&Value>) -> usize {
    let groups: Vec<&Value> = [split, route]
        .into_iter()
        .flatten()
        .filter(|object| is_group(object))
        .collect();
    let from = |object: &Value| -> Option<Value> {
        let note = &object["metadata"]["annotations"]["failover.linkerd.io/migrated-from"];
        serde_json::from_str(note.as_str()?).ok()
    };
    let created = |object: &Value| object["metadata"]["creationTimestamp"].to_string();
    match groups.as_slice() {
        [] | [_] => {}
        [one, other] => {
            let (older, newer) = if created(one) < created(other) {
                (one, other)
            } else {
                (other, one)
            };
            assert_ne!(created(older), created(newer));
            assert_eq!(
                from(newer).unwrap()["uid"],
                older["metadata"]["uid"],
                "the newer one takes over"
            );
        }
        more => panic!("{more:?}"),
    }
    groups.len()
}
