//! The parents of a route, and what the fields of references to Services mean to Linkerd.

use serde::{Deserialize, Deserializer};

use crate::model::ServiceRef;

/// The parent that a route is attached to: a Gateway if no kind is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ParentRef {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    #[serde(deserialize_with = "port")]
    pub port: Option<u16>,
}

impl ParentRef {
    /// Whether it is a Service.
    pub fn is_service(&self) -> bool {
        self.kind
            .as_deref()
            .is_some_and(|kind| is_service(self.group.as_deref(), kind))
    }

    /// Returns the Service, for a route in the namespace `home`.
    pub fn service(&self, home: &str) -> ServiceRef {
        ServiceRef::new(self.namespace.as_deref().unwrap_or(home), &self.name)
    }
}

/// Whether a reference names a Service. Like Linkerd's policy controller, it also accepts `core`
/// for the core API group, and ignores the case.
pub(super) fn is_service(group: Option<&str>, kind: &str) -> bool {
    group.is_none_or(|group| group.is_empty() || group.eq_ignore_ascii_case("core"))
        && kind.eq_ignore_ascii_case("Service")
}

/// Reads a port. Linkerd reads a number that is not a port as a missing port.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let number = Option::<i64>::deserialize(deserializer)?;
    Ok(number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port > 0))
}
