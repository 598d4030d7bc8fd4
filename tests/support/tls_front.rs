//! A TLS server in front of a scripted server, for tests of certificates.

use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
};

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

impl Certificate {
    /// A certificate of its own, signed by its own key.
    pub fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        change(&mut params);
        let key = KeyPair::generate().expect("a key is made");
        let certificate = params.self_signed(&key).expect("the certificate is made");
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A server's certificate and its authority's.
pub struct ServerCertificate {
    pub leaf: Certificate,
    pub authority: String,
}

impl ServerCertificate {
    /// A certificate for 127.0.0.1, issued by an authority.
    pub fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key is made");
        let authority =
            CertifiedIssuer::self_signed(authority, key).expect("the authority is made");
        let mut params = CertificateParams::default();
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        change(&mut params);
        let key = KeyPair::generate().expect("a key is made");
        let leaf = params
            .signed_by(&key, &authority)
            .expect("the certificate is made");
        Self {
            leaf: Certificate {
                certificate: leaf.pem(),
                key: key.serialize_pem(),
            },
            authority: authority.pem(),
        }
    }
}

/// A server that ends TLS, and passes on what it reads. The client certificates that it takes may
/// change.
pub struct TlsFront {
    pub url: String,
    allowed: Arc<Mutex<Option<Vec<CertificateDer<'static>>>>>,
}

impl TlsFront {
    /// Starts it in front of an `http://` address. `clients` are the certificates that it takes;
    /// without them, it does not ask for any.
    pub async fn start(
        to: &str,
        certificate: &Certificate,
        clients: Option<&[&Certificate]>,
    ) -> Self {
        let allowed = Arc::new(Mutex::new(clients.map(|clients| {
            clients
                .iter()
                .map(|client| der(&client.certificate))
                .collect()
        })));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions are supported");
        let verifier = AllowList(Arc::clone(&allowed));
        let config = config.with_client_cert_verifier(Arc::new(verifier));
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("it is a key");
        let config = config.with_single_cert(vec![der(&certificate.certificate)], key);
        let mut config = config.expect("the certificate can be used");
        // Each handshake is a whole one.
        config.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let url = format!(
            "https://{}",
            listener.local_addr().expect("it has an address")
        );
        let to = to.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(stream).await else {
                        return;
                    };
                    let Ok(mut server) = TcpStream::connect(to).await else {
                        return;
                    };
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                    let _ = client.shutdown().await;
                });
            }
        });
        Self { url, allowed }
    }

    /// Takes these client certificates from now on.
    pub fn allow(&self, clients: &[&Certificate]) {
        let clients = clients.iter().map(|client| der(&client.certificate));
        *self.allowed.lock().expect("no test thread panicked") = Some(clients.collect());
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is a certificate")
}

/// Takes listed certificates, whatever is in them.
#[derive(Debug)]
struct AllowList(Arc<Mutex<Option<Vec<CertificateDer<'static>>>>>);

impl ClientCertVerifier for AllowList {
    fn offer_client_auth(&self) -> bool {
        self.0.lock().expect("no test thread panicked").is_some()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let allowed = self.0.lock().expect("no test thread panicked");
        if allowed
            .iter()
            .flatten()
            .any(|allowed| allowed == certificate)
        {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::Expired.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
