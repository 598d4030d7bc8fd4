//! The events of a watch, and how its lines are decoded.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::collection::{Collection, Versioned};
use super::list_decoder::Envelope;
use crate::cluster::transport::error::{Cause, RequestError, StatusBody};
use crate::cluster::transport::response::shortened;
use crate::cluster::transport::store_history::is_older;

#[derive(Debug)]
pub enum Event<T> {
    /// All objects of the collection. Objects that are not listed no longer exist.
    Listed(Vec<T>),
    Applied(T),
    Deleted(T),
    /// Nothing changed, but the server responded.
    Alive,
    /// A list takes long, although the server responds. It goes on.
    SlowList,
    /// A list or a watch failed, and will be retried. "Not found" means that the server does not
    /// serve the collection, so it has no objects.
    Failed(RequestError),
}

impl<T> Event<T> {
    pub fn failure(&self) -> Option<&RequestError> {
        match self {
            Self::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Returns whether the server does not serve the collection.
    pub fn is_absent(&self) -> bool {
        self.failure().is_some_and(RequestError::is_not_found)
    }
}

/// A line that ends its watch.
pub enum LineError {
    /// The version is too old. List again.
    Expired,
    /// The version is older than the last one: the store was restored. List again.
    Restored,
    Failed(Cause),
}

#[derive(Deserialize)]
struct WatchLine<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Decodes a line of a watch, and advances the version.
pub fn decode_line<T: Versioned>(
    collection: &Collection<T>,
    line: &[u8],
    version: &mut String,
) -> Result<Event<T>, LineError> {
    let unreadable = |cause| LineError::Failed(Cause::unreadable(&cause));
    let WatchLine { kind, object } = serde_json::from_slice(line).map_err(unreadable)?;
    match kind {
        "ADDED" | "MODIFIED" | "DELETED" => {
            let Some(decoded) = collection.decode(object) else {
                return Ok(Event::Alive);
            };
            advance(version, decoded.resource_version())?;
            Ok(if kind == "DELETED" {
                Event::Deleted(decoded)
            } else {
                Event::Applied(decoded)
            })
        }
        "BOOKMARK" => {
            let bookmark: Envelope = serde_json::from_str(object.get()).map_err(unreadable)?;
            advance(version, &bookmark.metadata.resource_version)?;
            Ok(Event::Alive)
        }
        "ERROR" => {
            let StatusBody {
                code,
                reason,
                message,
            } = serde_json::from_str(object.get()).unwrap_or_default();
            if code == 410 {
                return Err(LineError::Expired);
            }
            Err(LineError::Failed(Cause::Status {
                code,
                reason,
                message: shortened(&message),
                retry_after: None,
            }))
        }
        other => Err(LineError::Failed(Cause::Unreadable {
            how: format!("a watch event of type {other:?}"),
        })),
    }
}

/// Advances the version of a watch. Versions of one store only increase.
fn advance(version: &mut String, next: &str) -> Result<(), LineError> {
    if is_older(next, version) {
        return Err(LineError::Restored);
    }
    next.clone_into(version);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::listwatch::list_decoder::ListMeta;
    use crate::cluster::transport::api_resource::ENDPOINT_SLICES;

    #[derive(Deserialize)]
    struct TestObject {
        metadata: ListMeta,
    }

    impl Versioned for TestObject {
        fn resource_version(&self) -> &str {
            &self.metadata.resource_version
        }
    }

    fn read(line: &[u8]) -> (Result<Event<TestObject>, LineError>, String) {
        let collection = Collection::all(ENDPOINT_SLICES, Some("ns"));
        let mut version = "before".to_owned();
        (decode_line(&collection, line, &mut version), version)
    }

    fn line(kind: &str, version: &str) -> String {
        serde_json::json!({"type": kind, "object": {"metadata": {"resourceVersion": version}}})
            .to_string()
    }

    proptest! {
        #[test]
        fn bytes_that_are_not_an_event_end_a_watch_and_keep_the_version(bytes in any::<Vec<u8>>()) {
            let (event, version) = read(&bytes);
            prop_assert!(matches!(event, Err(LineError::Failed(_))));
            prop_assert_eq!(version, "before");
        }

        #[test]
        fn a_line_that_was_cut_off_is_an_error(kind in "ADDED|MODIFIED|DELETED|BOOKMARK", cut in 0..40_usize) {
            let line = line(&kind, "7");
            let cut = cut.min(line.len() - 1);
            prop_assert!(read(&line.as_bytes()[..cut]).0.is_err());
        }

        #[test]
        fn events_advance_the_version(kind in "ADDED|MODIFIED|DELETED|BOOKMARK", version in "[0-9]{1,20}") {
            let (event, after) = read(line(&kind, &version).as_bytes());
            prop_assert!(event.is_ok());
            prop_assert_eq!(after, version);
        }

        #[test]
        fn a_version_that_goes_back_shows_a_restore(kind in "ADDED|MODIFIED|DELETED|BOOKMARK", version in 1_u64..) {
            let collection = Collection::<TestObject>::all(ENDPOINT_SLICES, Some("ns"));
            let mut known = version.to_string();
            let line = line(&kind, &(version - 1).to_string());
            let event = decode_line(&collection, line.as_bytes(), &mut known);
            prop_assert!(matches!(event, Err(LineError::Restored)));
            prop_assert_eq!(known, version.to_string());
        }

        #[test]
        fn errors_end_a_watch(code in any::<u16>(), message in any::<String>()) {
            let line = serde_json::json!({"type": "ERROR", "object": {"code": code, "message": message}});
            let (event, _) = read(line.to_string().as_bytes());
            prop_assert_eq!(matches!(event, Err(LineError::Expired)), code == 410);
            prop_assert!(event.is_err());
        }
    }
}
