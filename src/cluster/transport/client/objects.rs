//! Requests for objects: gets, creates, patches, replaces and deletes one.

use http::Method;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams};
use kube::core::request;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::exchange::timed_out;
use super::{BuiltRequest, Cluster};
use crate::cluster::transport::api_resource::{ApiResource, path_segment};
use crate::cluster::transport::error::{Cause, RequestError, RequestResult};
use crate::cluster::transport::response::body_of;

impl Cluster {
    /// Gets a document of the API server itself, such as `/version`.
    pub async fn get_path<T: DeserializeOwned>(&self, path: &str) -> RequestResult<T> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(request::Error::BuildRequest);
        self.json(Method::GET, path, request).await
    }

    /// Gets one object.
    pub async fn get<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> RequestResult<T> {
        let target = resource.request(namespace);
        let request = target.get(&path_segment(name), &GetParams::default());
        self.json(Method::GET, &target.url_path, request).await
    }

    /// Gets one object. Returns None if the object or its kind does not exist.
    pub async fn find<T>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        decode: impl Fn(&RawValue) -> serde_json::Result<T>,
    ) -> RequestResult<Option<T>> {
        let found = self.get::<Box<RawValue>>(resource, Some(namespace), name);
        match found.await {
            Ok(raw) => decode(&raw).map(Some).map_err(|cause| {
                let path = resource.collection(Some(namespace));
                RequestError::new(&Method::GET, &path, Cause::unreadable(&cause))
            }),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object and returns it as the server stored it.
    pub async fn create<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: Option<&str>,
        params: &PostParams,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let target = resource.request(namespace);
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let request = body.and_then(|body| target.create(params, body));
        self.json(Method::POST, &target.url_path, request).await
    }

    /// Applies a JSON patch to an object and returns it as the server stored it.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        params: &PatchParams,
        patch: json_patch::Patch,
    ) -> RequestResult<T> {
        let target = resource.request(Some(namespace));
        let request = target.patch(&path_segment(name), params, &Patch::Json::<()>(patch));
        self.json(Method::PATCH, &target.url_path, request).await
    }

    /// Replaces an object and returns it as the server stored it.
    pub async fn replace<T: DeserializeOwned>(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        object: &impl Serialize,
    ) -> RequestResult<T> {
        let target = resource.request(Some(namespace));
        let body = serde_json::to_vec(object).map_err(request::Error::SerializeBody);
        let request =
            body.and_then(|body| target.replace(&path_segment(name), &PostParams::default(), body));
        self.json(Method::PUT, &target.url_path, request).await
    }

    /// Deletes an object. The server refuses with 409 if the preconditions do not hold.
    pub async fn delete(
        &self,
        resource: ApiResource,
        namespace: &str,
        name: &str,
        params: &DeleteParams,
    ) -> RequestResult<()> {
        let target = resource.request(Some(namespace));
        let request = target.delete(&path_segment(name), params);
        let deleted: RequestResult<IgnoredAny> =
            self.json(Method::DELETE, &target.url_path, request).await;
        deleted.map(|_| ())
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: BuiltRequest,
    ) -> RequestResult<T> {
        let path = request
            .as_ref()
            .map_or(path, |request| request.uri().path())
            .to_owned();
        let failed = |cause| RequestError::new(&method, &path, cause);
        let whole = async {
            let response = self.exchange(&method, &path, request).await?;
            body_of(response).await.map_err(failed)
        };
        let body = tokio::time::timeout(self.timeout, whole)
            .await
            .unwrap_or_else(|_| Err(failed(timed_out(&method, &path, self.timeout))))?;
        serde_json::from_slice(&body).map_err(|cause| failed(Cause::unreadable(&cause)))
    }
}
