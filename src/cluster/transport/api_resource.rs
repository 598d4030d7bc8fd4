//! API resources: the paths of kinds of objects, and selections of objects.

use std::fmt::Write as _;

use kube::core::Request;

/// The API path and plural of a kind, such as `apis/discovery.k8s.io/v1` and `endpointslices`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiResource {
    pub api: &'static str,
    pub plural: &'static str,
}

impl ApiResource {
    pub const fn new(api: &'static str, plural: &'static str) -> Self {
        Self { api, plural }
    }

    /// Returns the path of all objects in one namespace or, without one, in the cluster. The API
    /// server reads an empty segment for the namespace as all namespaces, so no path has one.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let Self { api, plural } = self;
        match namespace.map(namespace_or_default) {
            Some(namespace) => format!("/{api}/namespaces/{}/{plural}", path_segment(namespace)),
            None => format!("/{api}/{plural}"),
        }
    }

    /// Builds requests for objects in one namespace or, without one, in the cluster.
    pub fn request(&self, namespace: Option<&str>) -> Request {
        Request::new(self.collection(namespace))
    }
}

pub const SERVICES: ApiResource = ApiResource::new("api/v1", "services");
pub const SECRETS: ApiResource = ApiResource::new("api/v1", "secrets");
pub const LINKS: ApiResource = ApiResource::new("apis/multicluster.linkerd.io/v1alpha3", "links");
pub const NAMESPACES: ApiResource = ApiResource::new("api/v1", "namespaces");
pub const ENDPOINT_SLICES: ApiResource =
    ApiResource::new("apis/discovery.k8s.io/v1", "endpointslices");
pub const EVENTS: ApiResource = ApiResource::new("apis/events.k8s.io/v1", "events");
pub const SERVICE_PROFILES: ApiResource =
    ApiResource::new("apis/linkerd.io/v1alpha2", "serviceprofiles");
pub const CONFIG_MAPS: ApiResource = ApiResource::new("api/v1", "configmaps");
pub const LEASES: ApiResource = ApiResource::new("apis/coordination.k8s.io/v1", "leases");
pub const DEPLOYMENTS: ApiResource = ApiResource::new("apis/apps/v1", "deployments");
pub const PODS: ApiResource = ApiResource::new("api/v1", "pods");
pub const SELF_SUBJECT_ACCESS_REVIEWS: ApiResource =
    ApiResource::new("apis/authorization.k8s.io/v1", "selfsubjectaccessreviews");
pub const SUBJECT_ACCESS_REVIEWS: ApiResource =
    ApiResource::new("apis/authorization.k8s.io/v1", "subjectaccessreviews");
pub const SELF_SUBJECT_REVIEWS: ApiResource =
    ApiResource::new("apis/authentication.k8s.io/v1", "selfsubjectreviews");

/// Which objects of a collection to select. Empty selectors select all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub labels: String,
    pub fields: String,
}

impl Selection {
    /// Returns the label selector of a request; none selects all.
    pub fn label_selector(&self) -> Option<String> {
        selector(&self.labels)
    }

    /// Returns the field selector of a request; none selects all.
    pub fn field_selector(&self) -> Option<String> {
        selector(&self.fields)
    }
}

fn selector(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns the namespace that a name means. As for kubectl, an empty name means `default`.
pub fn namespace_or_default(name: &str) -> &str {
    if name.is_empty() { "default" } else { name }
}

/// Escapes a name as one segment of a path. kube's request builder does not escape names, so every
/// byte that RFC 3986 does not list as unreserved is escaped here.
pub fn path_segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut segment, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(byte.into());
            }
            // Writing to a String cannot fail.
            _ => _ = write!(segment, "%{byte:02X}"),
        }
        segment
    })
}

#[cfg(test)]
mod tests {
    use kube::api::GetParams;

    use super::*;

    #[test]
    fn names_cannot_escape_their_path_segment() {
        let request = ENDPOINT_SLICES
            .request(Some("n/s"))
            .get(&path_segment("a/../b?c"), &GetParams::default());
        assert_eq!(
            request.unwrap().uri(),
            "/apis/discovery.k8s.io/v1/namespaces/n%2Fs/endpointslices/a%2F..%2Fb%3Fc"
        );
    }
    #[test]
    fn an_empty_namespace_is_not_all_namespaces() {
        assert_eq!(
            LEASES.collection(Some("")),
            LEASES.collection(Some("default"))
        );
        let request = LEASES.request(Some("")).get("name", &GetParams::default());
        assert_eq!(
            request.unwrap().uri(),
            "/apis/coordination.k8s.io/v1/namespaces/default/leases/name"
        );
    }
}
