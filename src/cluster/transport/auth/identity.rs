//! Client certificates. They are sent as they are, since only the server has to understand them:
//! rustls's own check of a certificate and its key refuses X.509 version 1, which Go sends.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::config::AuthInfo;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use x509_cert::der::{Decode as _, Encode as _};

use super::credentials::CredentialsError;
use crate::text::{clean, without_code};

/// A client certificate with its key, as PEM.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<u8>,
    key: SecretSlice<u8>,
    /// Where the certificate comes from.
    origin: String,
}

impl Identity {
    /// Takes the client certificate out of a user.
    ///
    /// # Errors
    /// If it cannot be read, or has no key.
    pub fn take(user: &mut AuthInfo) -> Result<Option<Self>, CredentialsError> {
        let data = user.client_certificate_data.take();
        let key_data = user.client_key_data.take();
        let (file, key_file) = (user.client_certificate.take(), user.client_key.take());
        let Some((chain, origin)) = read("client-certificate", data.as_deref(), file.as_deref())?
        else {
            return Ok(None);
        };
        let key_data = key_data.as_ref().map(SecretString::expose_secret);
        let Some((key, _)) = read("client-key", key_data, key_file.as_deref())? else {
            return Err(unusable(
                &origin,
                "it has no key",
                "set client-key in the kubeconfig",
            ));
        };
        let key = SecretSlice::from(key);
        Ok(Some(Self { chain, key, origin }))
    }

    /// Takes the certificate that a credential plugin printed.
    pub fn of_plugin(plugin: &str, chain: String, key: &SecretString) -> Self {
        Self {
            chain: chain.into_bytes(),
            key: SecretSlice::from(key.expose_secret().as_bytes().to_vec()),
            origin: format!("the client certificate from {}", clean(plugin)),
        }
    }

    /// Returns the end of the certificate's validity, if it can be read.
    pub fn expires(&self) -> Option<Timestamp> {
        let leaf = CertificateDer::pem_slice_iter(&self.chain).find_map(Result::ok)?;
        let parsed = x509_cert::Certificate::from_der(&leaf).ok()?;
        let end = parsed.tbs_certificate.validity.not_after.to_unix_duration();
        Timestamp::from_second(end.as_secs().try_into().ok()?).ok()
    }

    /// Returns what answers a server that asks for a client certificate.
    ///
    /// # Errors
    /// If the certificate or the key cannot be read, or they do not belong together.
    pub fn resolver(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<dyn ResolvesClientCert>, CredentialsError> {
        const NEW: &str = "get another certificate: log in again, or ask who issued it";
        let refused = |why: &str| unusable(&self.origin, why, NEW);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .filter_map(Result::ok)
            .collect();
        if chain.is_empty() {
            return Err(refused("it is not a certificate in PEM format"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret()).map_err(|_| {
            unusable(
                &self.origin,
                "its key is not an unencrypted private key in PEM format",
                "decrypt the key with: openssl pkey -in KEY -out NEW",
            )
        })?;
        let key = provider.key_provider.load_private_key(key);
        let key = key.map_err(|_| {
            refused(
                "keys of this type are not supported; those of P-256, P-384, Ed25519 and RSA are",
            )
        })?;
        let certified = CertifiedKey::new(chain, key);
        if belongs_to_another(&certified) {
            return Err(unusable(
                &self.origin,
                "its key belongs to another certificate",
                "set client-key to the key of client-certificate",
            ));
        }
        Ok(Arc::new(SingleCertAndKey::from(certified)))
    }
}

/// Returns whether the key is certainly not that of the certificate, of whatever version.
fn belongs_to_another(certified: &CertifiedKey) -> bool {
    let leaf = certified.cert.first();
    let leaf = leaf.and_then(|leaf| x509_cert::Certificate::from_der(leaf).ok());
    let certificate = leaf.map(|leaf| leaf.tbs_certificate.subject_public_key_info.to_der());
    match (certificate, certified.key.public_key()) {
        (Some(Ok(certificate)), Some(key)) => certificate != key.as_ref(),
        _ => false,
    }
}

/// Reads the data, or else the file. Also returns a description.
fn read(
    key: &str,
    data: Option<&str>,
    file: Option<&str>,
) -> Result<Option<(Vec<u8>, String)>, CredentialsError> {
    const MEND: &str = "correct it in the kubeconfig";
    if let Some(data) = data {
        let origin = format!("{key}-data of the kubeconfig");
        let packed: String = data.split_ascii_whitespace().collect();
        let decoded = STANDARD.decode(packed);
        let decoded = decoded.map_err(|_| unusable(&origin, "it is not valid base64", MEND))?;
        return Ok(Some((decoded, origin)));
    }
    let Some(file) = file else { return Ok(None) };
    let origin = format!("{key} {}", clean(file));
    let bytes = std::fs::read(Path::new(file));
    let bytes = bytes.map_err(|cause| {
        let why = format!("it cannot be read: {}", without_code(&cause));
        unusable(&origin, &why, MEND)
    })?;
    Ok(Some((bytes, origin)))
}

fn unusable(certificate: &str, why: &str, next: &'static str) -> CredentialsError {
    CredentialsError::ClientCertificate(format!("{certificate} cannot be used: {why}"), next)
}
