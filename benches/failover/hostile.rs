//! Objects that a hostile tenant writes: as large as the API server permits, and edited all the time.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::fixture::{Fixture, service, split, splits};
use super::requests::{MERGE_PATCH, send};

const NAME: &str = "hostile";
const BACKENDS: usize = 40_000;
const MEMBERS: usize = 20_000;
const EDIT_EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub enum Hostile {
    /// A split with many backends, which is no valid group.
    Split,
    /// A group whose backends are federated services with many members in many clusters.
    Federation,
}

impl Hostile {
    pub fn words(self) -> &'static str {
        match self {
            Self::Split => "a split of 40,000 backends",
            Self::Federation => "a federated service of 20,000 members",
        }
    }

    pub async fn create(self, fixture: &Fixture) {
        let mut object = split(NAME);
        match self {
            Self::Split => {
                let backend = |i| json!({"service": format!("a{i:05}"), "weight": 0});
                let backends: Vec<Value> = (0..BACKENDS).map(backend).collect();
                object["spec"]["backends"] = backends.into();
            }
            Self::Federation => {
                for name in [NAME.to_owned(), format!("{NAME}-east")] {
                    let path = services(fixture);
                    fixture.post(&path, federation(&name)).await;
                }
            }
        }
        fixture.post(&splits(&fixture.namespace), object).await;
    }

    /// Edits the object again and again.
    pub async fn edit(self, fixture: &Fixture) {
        let collection = match self {
            Self::Split => splits(&fixture.namespace),
            Self::Federation => services(fixture),
        };
        let path = format!("{collection}/{NAME}");
        for number in 0u64.. {
            let edit = json!({"metadata": {"annotations": {"x": number.to_string()}}});
            let edit = edit.to_string().into_bytes();
            send(&fixture.client, Method::PATCH, &path, MERGE_PATCH, edit).await;
            tokio::time::sleep(EDIT_EVERY).await;
        }
    }
}

fn services(fixture: &Fixture) -> String {
    format!("/api/v1/namespaces/{}/services", fixture.namespace)
}

fn federation(name: &str) -> Value {
    let members = (0..MEMBERS).map(|i| format!("a{i:05}@c{}", i % 100));
    let members: Vec<String> = members.collect();
    let mut object = service(name);
    object["metadata"]["labels"] = json!({"mirror.linkerd.io/mirrored-service": "true"});
    object["metadata"]["annotations"] =
        json!({"multicluster.linkerd.io/remote-discovery": members.join(",")});
    object
}
