//! Obtains the credentials of a user: a header, a client certificate, or both.

use jiff::Timestamp;
use kube::Config;
use kube::config::AuthInfo;

use super::credentials::CredentialsError;
use super::exec;
use super::identity::Identity;
use super::renewal::Renewal;
use super::token;
use super::token_source::AuthorizationFilter;
use crate::text::clean;

/// The credentials of a user, and when to obtain newer ones.
pub struct Authentication {
    pub authorization: Option<AuthorizationFilter>,
    pub identity: Option<Identity>,
    pub renewal: Option<Renewal>,
}

impl Authentication {
    /// Takes the credentials out of a configuration. A credential plugin runs once, and blocks.
    ///
    /// # Errors
    /// If the plugin fails, or a file cannot be read.
    pub fn take(config: &mut Config) -> Result<Self, CredentialsError> {
        let mut identity = Identity::take(&mut config.auth_info)?;
        let AuthInfo {
            username,
            password,
            token,
            token_file,
            exec,
            auth_provider,
            ..
        } = std::mem::take(&mut config.auth_info);
        let mut expires = None;
        let source = if let Some(exec) = exec {
            let given = exec::run(&exec)?;
            let plugin = exec.command.unwrap_or_default();
            expires = given.expires;
            let certificate = given.certificate;
            identity = certificate.map(|(chain, key)| Identity::of_plugin(&plugin, chain, &key));
            let what = format!("the token from {}", clean(&plugin));
            given
                .token
                .map(|token| token::fixed(&token, &what))
                .transpose()?
        } else if let Some(provider) = auth_provider {
            token::from_provider(provider)?
        } else if let Some(file) = token_file {
            Some(token::from_file(file.into(), token.as_ref())?)
        } else if let Some(user) = username {
            Some(token::basic(&user, password.as_ref())?)
        } else {
            token
                .map(|token| token::fixed(&token, "the token"))
                .transpose()?
        };
        let of_certificate = identity.as_ref().and_then(Identity::expires);
        let ends = expires.into_iter().chain(of_certificate).min();
        Ok(Self {
            authorization: source.map(AuthorizationFilter::from),
            identity,
            renewal: ends.map(|ends| Renewal::before(ends, Timestamp::now())),
        })
    }
}
