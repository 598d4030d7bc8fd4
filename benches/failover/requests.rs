//! Minimal requests to the API server.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt as _};
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kubectl_failover::internals::connector;
use serde_json::Value;

pub const JSON: &str = "application/json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const MERGE_PATCH: &str = "application/merge-patch+json";
pub const CONTEXT: &str = "west";

/// Returns a client with the same connections as the plugin's, without layers above them.
pub async fn client(kubeconfig: &Path) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig can be read");
    let options = KubeConfigOptions {
        context: Some(CONTEXT.to_owned()),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(file, &options)
        .await
        .expect("the context can be used");
    connector::client(config)
        .await
        .expect("a client can be made")
        .client
}

/// Sends one request. Panics if it fails.
pub async fn send(client: &Client, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Bytes {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", kind);
    let request = request
        .header("accept", JSON)
        .body(Body::from(body))
        .expect("a request can be made");
    let answer = client.send(request).await.expect("the API server answers");
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("the answer is whole")
        .to_bytes();
    assert!(
        status.is_success(),
        "{path}: {status} {}",
        String::from_utf8_lossy(&body)
    );
    body
}

pub async fn get(client: &Client, path: &str) -> Value {
    serde_json::from_slice(&send(client, Method::GET, path, JSON, Vec::new()).await).expect("JSON")
}

/// Awaits many requests, a limited number of them at once.
pub async fn at_once<F: Future<Output = ()>>(
    connections: usize,
    requests: impl Iterator<Item = F>,
) {
    stream::iter(requests)
        .buffer_unordered(connections)
        .collect::<()>()
        .await;
}

/// A watch of a collection from its current state, line by line.
pub struct Watch {
    body: Body,
    buffer: BytesMut,
}

impl Watch {
    /// Opens a watch of what changes from now on.
    pub async fn open(client: &Client, collection: &str) -> Self {
        let now = get(client, &format!("{collection}?limit=1")).await;
        let version = now["metadata"]["resourceVersion"]
            .as_str()
            .expect("a list has a version");
        Self::from(client, collection, version).await
    }

    /// Opens a watch that begins with an event for each object that exists.
    pub async fn of_all(client: &Client, collection: &str) -> Self {
        Self::from(client, collection, "").await
    }

    async fn from(client: &Client, collection: &str, version: &str) -> Self {
        let path = format!("{collection}?watch=true&timeoutSeconds=3600&resourceVersion={version}");
        let request = Request::get(path)
            .header("accept", JSON)
            .body(Body::empty())
            .expect("a request");
        let answer = client.send(request).await.expect("the API server answers");
        assert!(
            answer.status().is_success(),
            "{collection} can't be watched: {}",
            answer.status()
        );
        Self {
            body: answer.into_body(),
            buffer: BytesMut::new(),
        }
    }

    /// Returns the next line. None: the watch has ended.
    pub async fn next(&mut self) -> Option<Bytes> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                return Some(self.buffer.split_to(searched + at + 1).freeze());
            }
            searched = self.buffer.len();
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}
