//! A collection of objects: its API resource, the selection, and the decoder.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use kube::core::Request;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::cluster::transport::api_resource::{ApiResource, Selection};
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};

/// An object with a resource version, from which a watch can continue.
pub trait Versioned: Send + 'static {
    fn resource_version(&self) -> &str;
}

type Decode<T> = dyn Fn(&RawValue) -> serde_json::Result<T> + Send + Sync;

/// The most objects of a list: more than a large cluster has, and they fit into memory.
const MAX_LIST_OBJECTS: usize = 500_000;

/// A collection to list or watch.
pub struct Collection<T> {
    pub resource: ApiResource,
    /// None: the whole cluster.
    pub namespace: Option<String>,
    pub selection: Selection,
    /// The names of the objects that matter. A list may leave out the others.
    pub names: Option<Arc<BTreeSet<String>>>,
    /// A list with more objects fails.
    pub max_objects: usize,
    decode: Arc<Decode<T>>,
    /// An object could not be decoded, and a warning was issued.
    has_skipped: Arc<AtomicBool>,
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self {
            resource: self.resource,
            namespace: self.namespace.clone(),
            selection: self.selection.clone(),
            names: self.names.clone(),
            max_objects: self.max_objects,
            decode: Arc::clone(&self.decode),
            has_skipped: Arc::clone(&self.has_skipped),
        }
    }
}

impl<T> std::fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection")
            .field("path", &self.path())
            .field("selection", &self.selection)
            .finish()
    }
}

impl<T> Collection<T> {
    /// Selects the objects with these labels.
    pub fn new(
        resource: ApiResource,
        namespace: Option<&str>,
        labels: impl Into<String>,
        decode: impl Fn(&RawValue) -> serde_json::Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self {
            resource,
            namespace: namespace.map(str::to_owned),
            selection: Selection {
                labels: labels.into(),
                fields: String::new(),
            },
            names: None,
            max_objects: MAX_LIST_OBJECTS,
            decode: Arc::new(decode),
            has_skipped: Arc::default(),
        }
    }

    /// Selects only the objects with these fields.
    #[must_use]
    pub fn with_fields(mut self, fields: impl Into<String>) -> Self {
        self.selection.fields = fields.into();
        self
    }

    /// Lets lists leave out objects with other names, if they are many.
    #[must_use]
    pub fn with_names(mut self, names: BTreeSet<String>) -> Self {
        self.names = Some(Arc::new(names));
        self
    }

    /// Lets lists have at most this many objects.
    #[must_use]
    pub fn with_at_most(mut self, max_objects: usize) -> Self {
        self.max_objects = max_objects.min(MAX_LIST_OBJECTS);
        self
    }

    pub fn path(&self) -> String {
        self.resource.collection(self.namespace.as_deref())
    }

    /// Returns the key of the collection's versions. Namespaces share it: versions are the store's.
    pub(crate) fn store_key(&self) -> String {
        self.resource.collection(None)
    }

    /// Waits for a request at most as long as its time limit.
    ///
    /// # Errors
    /// That of the request, or that its time is over.
    pub(crate) async fn within<R>(
        &self,
        after: Duration,
        request: impl Future<Output = RequestResult<R>>,
    ) -> RequestResult<R> {
        let result = timeout(after, request).await;
        result.unwrap_or_else(|_| Err(self.failed(Cause::TimedOut { after })))
    }

    /// Returns the error of a request that reads the collection.
    pub(crate) fn failed(&self, cause: Cause) -> RequestError {
        RequestError::new(&Method::GET, &self.path(), cause)
    }

    /// Builds requests for the collection.
    pub(crate) fn request(&self) -> Request {
        self.resource.request(self.namespace.as_deref())
    }

    /// Decodes an object. An object that cannot be decoded is skipped, so that it does not fail the
    /// whole list. Only the first one is worth a warning: a server may send them without end.
    pub(crate) fn decode(&self, raw: &RawValue) -> Option<T> {
        let skip = |cause: &serde_json::Error| {
            if self.has_skipped.swap(true, Ordering::Relaxed) {
                tracing::debug!(%cause, "an object without readable metadata is skipped");
            } else {
                let path = self.path();
                tracing::warn!(%cause, path, "objects without readable metadata are skipped");
            }
        };
        (self.decode)(raw).inspect_err(skip).ok()
    }
}

impl<T: DeserializeOwned> Collection<T> {
    /// Selects all objects, and decodes them by their type.
    pub fn all(resource: ApiResource, namespace: Option<&str>) -> Self {
        Self::new(resource, namespace, "", |raw| {
            serde_json::from_str(raw.get())
        })
    }
}
