//! The annotations of a route that make Linkerd's proxies retry requests, see
//! <https://linkerd.io/2/reference/retries/>.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::KindInfo;
use super::annotations::LinkerdAnnotations;
use super::meta::Annotations;
use crate::model::outages::RetryScope;

/// The statuses of HTTP responses to retry.
pub const HTTP_RETRY: &str = "retry.linkerd.io/http";
/// The codes of gRPC responses to retry.
pub const GRPC_RETRY: &str = "retry.linkerd.io/grpc";
/// How often a request is retried. Without it, once.
pub const RETRY_LIMIT: &str = "retry.linkerd.io/limit";

/// How often a request is retried by default: as often as an endpoint fails before the breaker
/// opens.
pub const DEFAULT_RETRY_LIMIT: u16 = 3;

/// The statuses of failed requests. Linkerd takes those of successes too, and would repeat them.
const STATUSES: RangeInclusive<u16> = 400..=599;
/// The codes that Linkerd can retry.
const GRPC_CODES: [&str; 5] = [
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Which requests the proxies repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryConditions {
    /// None: the annotations are removed.
    Off,
    /// Those without a response, and those with any 5xx.
    ServerErrors,
    /// Those without a response, and those with 502, 503 or 504.
    GatewayErrors,
    /// Those that no backend has received.
    Unsent,
    /// Those with these responses, as Linkerd writes them.
    Custom(String),
}

impl fmt::Display for RetryConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::ServerErrors => "5xx",
            Self::GatewayErrors => "gateway-error",
            Self::Unsent => "unsent",
            Self::Custom(list) => list,
        })
    }
}

impl FromStr for RetryConditions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "5xx" => Ok(Self::ServerErrors),
            "gateway-error" => Ok(Self::GatewayErrors),
            "unsent" => Ok(Self::Unsent),
            custom if is_http(custom) || is_grpc(custom) => Ok(Self::Custom(custom.to_owned())),
            _ => Err(format!(
                "expected 5xx, gateway-error, unsent, off, HTTP statuses from 400 to 599 such as \
                 500,502-504, or gRPC codes: {}",
                GRPC_CODES.join(", ")
            )),
        }
    }
}

impl RetryConditions {
    /// Returns the annotations of a route of this kind. None as the value removes the annotation.
    ///
    /// # Errors
    /// If Linkerd retries nothing of this kind, or not such responses.
    pub fn annotations(&self, kind: &KindInfo, limit: u16) -> Result<LinkerdAnnotations, String> {
        let Some(key) = kind.retry_key else {
            return Err(format!(
                "Linkerd retries no requests of a {}: only routes have retries",
                kind.kind
            ));
        };
        let conditions = match (self, key == GRPC_RETRY) {
            (Self::Off, _) => return Ok([(key, None), (RETRY_LIMIT, None)].into()),
            // Without conditions, Linkerd retries what its proxies could send to no endpoint.
            (Self::Unsent, _) => None,
            (Self::ServerErrors, false) => Some("5xx".to_owned()),
            (Self::GatewayErrors, false) => Some("gateway-error".to_owned()),
            (Self::ServerErrors, true) => Some("internal,unavailable,deadline-exceeded".to_owned()),
            // The codes with which proxies answer where HTTP has 502, 503 and 504.
            (Self::GatewayErrors, true) => Some("unavailable,deadline-exceeded".to_owned()),
            (Self::Custom(list), is_grpc_route) if is_grpc(list) == is_grpc_route => {
                Some(list.clone())
            }
            (Self::Custom(list), true) => {
                return Err(format!(
                    "{list} are HTTP statuses: a GRPCRoute has gRPC codes"
                ));
            }
            (Self::Custom(list), false) => {
                return Err(format!("{list} are gRPC codes: only a GRPCRoute has those"));
            }
        };
        Ok([(key, conditions), (RETRY_LIMIT, Some(limit.to_string()))].into())
    }

    /// Says what the proxies repeat, and what that means for the requests.
    pub fn in_words(&self, kind: &KindInfo, limit: u16) -> String {
        let is_grpc = kind.retry_key == Some(GRPC_RETRY);
        let times = if limit == 1 {
            "once".to_owned()
        } else {
            format!("up to {limit} times")
        };
        let (what, but) = match self {
            Self::Off => return "Linkerd repeats no requests".to_owned(),
            Self::ServerErrors if is_grpc => (
                "requests that reach no endpoint, lose their connection, or are answered \
                 internal, unavailable or deadline-exceeded",
                "a backend may have done such a request already",
            ),
            Self::GatewayErrors if is_grpc => (
                "requests that reach no endpoint, lose their connection, or are answered \
                 unavailable or deadline-exceeded",
                "a backend may have done one that lost its connection",
            ),
            Self::ServerErrors => (
                "requests that reach no endpoint, lose their connection, or are answered 5xx",
                "a backend may have done such a request already",
            ),
            Self::GatewayErrors => (
                "requests that reach no endpoint, lose their connection, or are answered 502, \
                 503 or 504",
                "a backend may have done one that lost its connection",
            ),
            Self::Unsent => (
                "requests that no endpoint has received",
                "never what a backend may have done",
            ),
            Self::Custom(list) => {
                return format!(
                    "Linkerd repeats requests that reach no endpoint or are answered {list}, \
                     {times}"
                );
            }
        };
        format!("Linkerd repeats {what}, {times}; {but}")
    }
}

/// Returns the requests of a route that Linkerd's proxies repeat. The annotations of a route replace
/// those of its Service, all of them.
pub fn scope(kind: &KindInfo, route: &Annotations, service: &Annotations) -> Option<RetryScope> {
    let key = kind.retry_key?;
    let is_set = |it: &&Annotations| {
        [key, RETRY_LIMIT]
            .iter()
            .any(|key| it.linkerds(key).is_some())
    };
    let annotations = [route, service].into_iter().find(is_set)?;
    let limit = match annotations.linkerds(RETRY_LIMIT).map(str::parse) {
        // Linkerd ignores all of the annotations if it cannot read one.
        Some(Err(_)) => return None,
        None | Some(Ok(0)) => 1,
        Some(Ok(limit)) => limit,
    };
    let conditions = annotations.linkerds(key).map(str::to_lowercase);
    let conditions = conditions.as_deref();
    let covers = |http: &[u16], grpc: &[&str]| match conditions {
        None => false,
        Some(list) if key == GRPC_RETRY => grpc
            .iter()
            .all(|code| list.split(',').any(|it| it == *code)),
        Some(list) => {
            let ranges = || list.split(',').filter_map(statuses);
            http.iter()
                .all(|status| ranges().any(|range| range.contains(status)))
        }
    };
    let is_valid = |list: &str| {
        if key == GRPC_RETRY {
            is_grpc(list)
        } else {
            is_http(list)
        }
    };
    conditions.is_none_or(is_valid).then(|| RetryScope {
        limit,
        gateway_errors: covers(&[502, 503, 504], &["unavailable", "deadline-exceeded"]),
        server_errors: covers(
            &[500, 502, 503, 504],
            &["internal", "unavailable", "deadline-exceeded"],
        ),
    })
}

fn is_grpc(list: &str) -> bool {
    list.split(',').all(|code| GRPC_CODES.contains(&code))
}

fn is_http(list: &str) -> bool {
    list.split(',').all(|part| statuses(part).is_some())
}

/// Returns the statuses that one of Linkerd's conditions names: `500`, `502-504`, `5xx`.
fn statuses(condition: &str) -> Option<RangeInclusive<u16>> {
    match condition {
        "5xx" => return Some(500..=599),
        "gateway-error" => return Some(502..=504),
        _ => {}
    }
    let (first, last) = condition.split_once('-').unwrap_or((condition, condition));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let is_range = STATUSES.contains(&first) && STATUSES.contains(&last) && first <= last;
    is_range.then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::resource::{GRPC_ROUTE, HTTP_ROUTE, Kind as _, TrafficSplit};

    fn written(text: &str, kind: &KindInfo) -> Result<Option<String>, String> {
        let annotations = text.parse::<RetryConditions>()?.annotations(kind, 3)?;
        let key = kind.retry_key.unwrap();
        Ok(annotations.get(key).cloned().flatten())
    }

    #[test]
    fn conditions_are_written_in_the_words_of_each_kind() {
        let both = [
            ("5xx", "5xx", "internal,unavailable,deadline-exceeded"),
            (
                "gateway-error",
                "gateway-error",
                "unavailable,deadline-exceeded",
            ),
        ];
        for (typed, http, grpc) in both {
            assert_eq!(written(typed, HTTP_ROUTE.info()), Ok(Some(http.into())));
            assert_eq!(written(typed, GRPC_ROUTE.info()), Ok(Some(grpc.into())));
        }
        for list in ["503", "500,502-504", "5xx,429"] {
            assert_eq!(written(list, HTTP_ROUTE.info()), Ok(Some(list.into())));
            assert!(written(list, GRPC_ROUTE.info()).is_err());
        }
        assert_eq!(
            written("internal", GRPC_ROUTE.info()),
            Ok(Some("internal".into()))
        );
        assert!(written("internal", HTTP_ROUTE.info()).is_err());
        for kind in [HTTP_ROUTE.info(), GRPC_ROUTE.info()] {
            assert_eq!(written("unsent", kind), Ok(None));
            assert_eq!(written("off", kind), Ok(None));
        }
        assert!(
            RetryConditions::ServerErrors
                .annotations(TrafficSplit.info(), 3)
                .is_err()
        );
    }

    #[test]
    fn the_annotations_are_read_as_linkerd_reads_them() {
        let read = |values: &[(&str, &str)]| -> Annotations {
            let object = serde_json::to_string(&BTreeMap::from_iter(values.iter().copied()));
            serde_json::from_str(&object.unwrap()).unwrap()
        };
        let none = Annotations::default();
        let scope = |route: &Annotations, service: &Annotations| {
            let scope = scope(HTTP_ROUTE.info(), route, service)?;
            Some((scope.limit, scope.gateway_errors, scope.server_errors))
        };
        let cases = [
            (
                &[(HTTP_RETRY, "5xx"), (RETRY_LIMIT, "3")][..],
                Some((3, true, true)),
            ),
            (
                &[(HTTP_RETRY, "5XX"), (RETRY_LIMIT, "0")],
                Some((1, true, true)),
            ),
            (&[(HTTP_RETRY, "gateway-error")], Some((1, true, false))),
            (&[(HTTP_RETRY, "500,502-503,504")], Some((1, true, true))),
            (&[(HTTP_RETRY, "503")], Some((1, false, false))),
            (&[(RETRY_LIMIT, "2")], Some((2, false, false))),
            (&[(HTTP_RETRY, "5xx"), (RETRY_LIMIT, "-1")], None),
            (&[(HTTP_RETRY, "5xx,teapot")], None),
            (&[(GRPC_RETRY, "internal")], None),
            (&[], None),
        ];
        for (values, expected) in cases {
            assert_eq!(scope(&read(values), &none), expected, "{values:?}");
            assert_eq!(scope(&none, &read(values)), expected, "{values:?}");
        }
        let (route, service) = (read(&[(RETRY_LIMIT, "2")]), read(&[(HTTP_RETRY, "5xx")]));
        assert_eq!(scope(&route, &service), Some((2, false, false)));
    }

    #[test]
    fn what_linkerd_does_not_know_is_refused() {
        for bad in [
            "",
            "web",
            "6xx",
            "99",
            "600",
            "504-502",
            "500,",
            "500,internal",
            "data-loss",
        ] {
            assert!(bad.parse::<RetryConditions>().is_err(), "{bad:?}");
        }
    }
}
