//! Paths of the API.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A kind's place in the API, such as `apis/discovery.k8s.io/v1` and `endpointslices`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiResource {
    pub api: &'static str,
    pub plural: &'static str,
}

impl ApiResource {
    pub const fn new(api: &'static str, plural: &'static str) -> Self {
        Self { api, plural }
    }

    /// All of them, in one namespace or, without one, in the cluster.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => format!(
                "/{}/namespaces/{}/{}",
                self.api,
                escape(namespace),
                self.plural
            ),
            None => format!("/{}/{}", self.api, self.plural),
        }
    }

    pub fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(Some(namespace)), escape(name))
    }

    /// One object of a kind that has no namespaces.
    pub fn cluster_object(&self, name: &str) -> String {
        format!("{}/{}", self.collection(None), escape(name))
    }
}

pub const SERVICES: ApiResource = ApiResource::new("api/v1", "services");
pub const SECRETS: ApiResource = ApiResource::new("api/v1", "secrets");
pub const NAMESPACES: ApiResource = ApiResource::new("api/v1", "namespaces");
pub const ENDPOINT_SLICES: ApiResource =
    ApiResource::new("apis/discovery.k8s.io/v1", "endpointslices");
pub const EVENTS: ApiResource = ApiResource::new("apis/events.k8s.io/v1", "events");
pub const SERVICE_PROFILES: ApiResource =
    ApiResource::new("apis/linkerd.io/v1alpha2", "serviceprofiles");
pub const LEASES: ApiResource = ApiResource::new("apis/coordination.k8s.io/v1", "leases");
pub const DEPLOYMENTS: ApiResource = ApiResource::new("apis/apps/v1", "deployments");
pub const PODS: ApiResource = ApiResource::new("api/v1", "pods");
pub const SELF_SUBJECT_ACCESS_REVIEWS: ApiResource =
    ApiResource::new("apis/authorization.k8s.io/v1", "selfsubjectaccessreviews");
pub const SELF_SUBJECT_REVIEWS: ApiResource =
    ApiResource::new("apis/authentication.k8s.io/v1", "selfsubjectreviews");

/// Which objects of a collection are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub labels: String,
    pub fields: String,
}

impl Selection {
    pub fn labels(labels: impl Into<String>) -> Self {
        Self {
            labels: labels.into(),
            fields: String::new(),
        }
    }
}

/// Adds query parameters to a path; those without a value are left out.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(separator);
        out.push_str(name);
        out.push('=');
        out.push_str(&escape(value));
        separator = '&';
    }
    out
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(
            ENDPOINT_SLICES.object("ns", "a/../b?c"),
            "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices/a%2F..%2Fb%3Fc"
        );
    }

    #[test]
    fn empty_parameters_are_left_out() {
        assert_eq!(
            with_query("/x", &[("a", ""), ("labelSelector", "k in (a,b)")]),
            "/x?labelSelector=k%20in%20%28a%2Cb%29"
        );
    }
}
