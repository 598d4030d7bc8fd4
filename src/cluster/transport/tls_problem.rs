//! Why a TLS connection failed: which certificate was not accepted, what about it, and what to do.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// How a problem of the server's certificate begins.
const SERVER_CERTIFICATE: &str = "its certificate";

/// Why a TLS connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TlsProblem {
    what: String,
    next: &'static str,
    is_about_client: bool,
}

impl TlsProblem {
    /// Finds the TLS error among the causes of an error.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Self::of(found);
            }
            // The source of an io::Error is that of the error inside it.
            let inside = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            cause = match inside {
                Some(inside) => Some(inside),
                None => error.source(),
            };
        }
        None
    }

    /// Says what to do.
    pub fn next(&self) -> &'static str {
        self.next
    }

    /// Returns whether the server's certificate was not accepted.
    pub fn is_about_server(&self) -> bool {
        self.what.starts_with(SERVER_CERTIFICATE)
    }

    /// Returns whether the server refused the client certificate, or its absence.
    pub fn is_about_client(&self) -> bool {
        self.is_about_client
    }

    fn of(error: &rustls::Error) -> Option<Self> {
        match error {
            rustls::Error::InvalidCertificate(cause) => {
                let (what, next) = about_server(cause);
                Some(Self {
                    what: format!("{SERVER_CERTIFICATE} {what}"),
                    next,
                    is_about_client: false,
                })
            }
            rustls::Error::AlertReceived(alert) => {
                Some(about_client(*alert).unwrap_or_else(|| about_handshake(*alert)))
            }
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Some(Self {
                what: "it does not speak TLS".to_owned(),
                next: "check the port in the kubeconfig's server; without TLS, write http://",
                is_about_client: false,
            }),
            _ => None,
        }
    }
}

fn about_client(alert: AlertDescription) -> Option<TlsProblem> {
    use AlertDescription as Alert;
    let what = match alert {
        Alert::CertificateExpired => "it refused the client certificate: it has expired",
        Alert::CertificateRevoked => "it refused the client certificate: it was revoked",
        Alert::UnknownCA => "it refused the client certificate: it does not trust its issuer",
        Alert::CertificateRequired => "it asks for a client certificate",
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::AccessDenied => "it refused the client certificate",
        _ => return None,
    };
    Some(TlsProblem {
        what: format!("{what} (TLS alert {alert:?})"),
        next: "log in again for another client certificate, or ask who issued it",
        is_about_client: true,
    })
}

/// Says why the server ended a handshake for a reason other than the client certificate itself.
fn about_handshake(alert: AlertDescription) -> TlsProblem {
    use AlertDescription as Alert;
    let (what, next) = match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity => (
            "it has no TLS cipher or key type in common with this program",
            "issue its certificate with a key of P-256, P-384, Ed25519 or RSA of 2048 bits or \
             more (P-521 is not supported), and allow TLS 1.3, or TLS 1.2 with ECDHE",
        ),
        Alert::ProtocolVersion => (
            "it supports neither TLS 1.2 nor TLS 1.3",
            "allow TLS 1.2 or TLS 1.3 on the server",
        ),
        Alert::DecryptError => (
            "it refused the signature of the handshake: the client key does not belong to the \
             client certificate",
            "set client-key in the kubeconfig to the key of client-certificate",
        ),
        Alert::UnrecognisedName => (
            "it does not know the server name",
            "choose a name that it has with --tls-server-name",
        ),
        _ => (
            "it ended the TLS handshake",
            "look at the log of the API server, or of the load balancer before it",
        ),
    };
    TlsProblem {
        what: format!("{what} (TLS alert {alert:?})"),
        next,
        is_about_client: false,
    }
}

/// Says what about the server's certificate was not accepted, and what to do.
fn about_server(error: &CertificateError) -> (String, &'static str) {
    const RENEW: &str = "renew the API server's certificate, or correct this machine's clock";
    const NAME: &str = "issue one with the server's name or address in subjectAltName, or choose a \
                        name that it has with --tls-server-name";
    const ISSUER: &str = "set certificate-authority in the kubeconfig to what issued it; if you do not \
                          know its issuer, someone may have intercepted the connection";
    const LEAF: &str = "issue one with basicConstraints CA:FALSE, and name its issuer as the \
                        certificate authority";
    const VERSION: &str = "issue one of version 3: openssl x509 -req … -extfile FILE, with \
                           subjectAltName and basicConstraints in FILE";
    const ALGORITHM: &str = "issue one with a key of P-256, P-384, Ed25519 or RSA of 2048 bits or \
                             more, signed with SHA-256 or better";
    match error {
        CertificateError::Expired => ("has expired".to_owned(), RENEW),
        CertificateError::ExpiredContext { not_after, .. } => {
            (format!("expired {}", time(not_after.as_secs())), RENEW)
        }
        CertificateError::NotValidYet => ("is not valid yet".to_owned(), RENEW),
        CertificateError::NotValidYetContext { not_before, .. } => (
            format!("is valid from {} on", time(not_before.as_secs())),
            RENEW,
        ),
        CertificateError::NotValidForName => ("is for another name".to_owned(), NAME),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let expected = expected.to_str();
            let what = if presented.is_empty() {
                format!(
                    "names no host, so it is not for {expected} (the common name does not count)"
                )
            } else {
                format!(
                    "is for {}, not for {expected}",
                    presented
                        .iter()
                        .map(|name| bare(name))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            };
            (what, NAME)
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            "is not issued by a certificate authority that is trusted here".to_owned(),
            ISSUER,
        ),
        CertificateError::Revoked => ("was revoked".to_owned(), RENEW),
        other => {
            let cause = format!("{other:?}");
            if cause.contains("CaUsedAsEndEntity") {
                (
                    "is that of a certificate authority (CA:TRUE)".to_owned(),
                    LEAF,
                )
            } else if cause.contains("UnsupportedCertVersion") {
                ("is of X.509 version 1".to_owned(), VERSION)
            } else if cause.contains("UnsupportedSignatureAlgorithm") {
                (
                    "or its issuer's has a key or a signature of an unsupported type".to_owned(),
                    ALGORITHM,
                )
            } else {
                (format!("cannot be verified: {other}"), ISSUER)
            }
        }
    }
}

/// Strips the type from a name, such as `DnsName("web.example")`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').map_or(name, |(_, inside)| inside);
    inside.trim_matches(['"', ')'])
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "at another time".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alert_has_a_cause_and_a_mend() {
        use AlertDescription as Alert;
        let of = |alert| TlsProblem::of(&rustls::Error::AlertReceived(alert)).unwrap();
        assert!(
            of(Alert::HandshakeFailure)
                .next()
                .contains("P-521 is not supported")
        );
        assert!(
            of(Alert::DecryptError)
                .to_string()
                .contains("client key does not belong")
        );
        for alert in [
            Alert::ProtocolVersion,
            Alert::InternalError,
            Alert::Unknown(200),
        ] {
            let problem = of(alert);
            assert!(!problem.is_about_client() && !problem.next().contains("VPN"));
        }
    }
}
