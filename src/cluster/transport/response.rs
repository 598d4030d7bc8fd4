//! Reads responses: whole bodies and errors, of a bounded size.

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;

use super::error::{Cause, StatusBody};
use crate::text::shorten;

/// A longer Retry-After is reduced to this, since traffic may have to move before.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);
/// The most bytes of one object, wherever it is read. etcd stores at most 1.5 MiB by default.
pub const MAX_OBJECT_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of an error's body.
const MAX_ERROR_BYTES: usize = 1024 * 1024;
/// A longer message of the server is truncated to this.
const MAX_MESSAGE_CHARS: usize = 1000;

/// Reads a whole body.
pub async fn body_of(response: Response<Body>) -> Result<Bytes, Cause> {
    let body = Limited::new(response.into_body(), MAX_OBJECT_BYTES);
    let whole = body.collect().await.map_err(|cause| {
        if cause.is::<LengthLimitError>() {
            Cause::too_large("it", MAX_OBJECT_BYTES)
        } else {
            Cause::unreachable(cause)
        }
    });
    Ok(whole?.to_bytes())
}

/// Returns the error in a response with an error status.
pub async fn refusal(response: Response<Body>) -> Cause {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = Limited::new(response.into_body(), MAX_ERROR_BYTES);
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let StatusBody {
        reason, message, ..
    } = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let message = if message.is_empty() {
        status.to_string()
    } else {
        message
    };
    Cause::Status {
        code: status.as_u16(),
        reason,
        message: shortened(&message),
        retry_after,
    }
}

/// Returns a message of the server, at most so long that it can be shown.
pub fn shortened(message: &str) -> String {
    shorten(message, MAX_MESSAGE_CHARS)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn retry(value: HeaderValue) -> Option<Duration> {
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    proptest! {
        #[test]
        fn retry_after_is_capped(seconds in any::<u64>()) {
            let capped = Duration::from_secs(seconds).min(MAX_RETRY_AFTER);
            prop_assert_eq!(retry(seconds.into()), Some(capped));
        }

        #[test]
        fn any_bytes_are_an_invalid_or_a_capped_retry_after(bytes in any::<Vec<u8>>()) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                prop_assert!(retry(value).is_none_or(|delay| delay <= MAX_RETRY_AFTER));
            }
        }
    }
}
