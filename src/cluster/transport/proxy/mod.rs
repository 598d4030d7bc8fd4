//! The proxy through which an API server is reached: `proxy-url` of the kubeconfig, else `HTTPS_PROXY`
//! or `HTTP_PROXY`, unless `NO_PROXY` lists the server.

mod no_proxy;

use std::fmt;

use http::Uri;
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use self::no_proxy::bypasses;
use crate::problem::Problem;

/// Where the kubeconfig names a proxy.
pub const PROXY_URL: &str = "proxy-url";

#[derive(Clone)]
pub struct Proxy {
    /// Without user and password.
    pub uri: Uri,
    pub login: Option<Login>,
    /// The variable or the key of the kubeconfig that names it.
    pub origin: &'static str,
}

/// The user and the password of a proxy.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.uri.to_string();
        write!(f, "{} ({})", uri.trim_end_matches('/'), self.origin)
    }
}

impl Proxy {
    /// Parses the address of a proxy. Without a scheme, it is an HTTP proxy.
    ///
    /// # Errors
    /// If it is not a URL, or kubectl cannot use its scheme either.
    pub fn parse(url: &str, origin: &'static str) -> Result<Self, Problem> {
        let url = url.trim();
        let with_scheme = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let invalid = || {
            // What is no URL may have a password anywhere before the host.
            let (scheme, rest) = with_scheme.split_once("://").unwrap_or_default();
            let host = rest.rsplit('@').next().unwrap_or_default();
            let shown = format!("{scheme}://{host}");
            Problem::new(format!("the proxy {shown:?} in {origin} cannot be used"))
                .next("write it as http://, https:// or socks5:// with a host and a port")
        };
        let uri: Uri = with_scheme.parse().map_err(|_| invalid())?;
        let scheme = uri.scheme_str().unwrap_or_default().to_lowercase();
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            "socks5" | "socks5h" => 1080,
            _ => return Err(invalid()),
        };
        let authority = uri.authority().ok_or_else(invalid)?;
        let port = authority.port_u16().unwrap_or(default_port);
        let host = authority.host();
        let userinfo = authority
            .as_str()
            .rsplit_once('@')
            .map(|(userinfo, _)| userinfo);
        let uri = Uri::builder()
            .scheme(scheme.as_str())
            .authority(format!("{host}:{port}"))
            .path_and_query(PathAndQuery::from_static("/"))
            .build()
            .map_err(|_| invalid())?;
        let login = userinfo.map(Login::parse);
        Ok(Self { uri, login, origin })
    }

    /// Says how to connect without the proxy.
    pub fn how_to_avoid(&self) -> &'static str {
        if self.origin == PROXY_URL {
            "remove proxy-url from the kubeconfig's cluster"
        } else {
            "list the server in NO_PROXY"
        }
    }

    /// Returns the proxy that the environment names for a server.
    ///
    /// # Errors
    /// If the variable cannot be used.
    pub fn of_environment(server: &Uri) -> Result<Option<Self>, Problem> {
        Self::of_variables(server, |name| std::env::var(name).ok())
    }

    fn of_variables(
        server: &Uri,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Problem> {
        let first = |names: [&'static str; 2]| {
            let values = names
                .into_iter()
                .filter_map(|name| Some((name, value(name)?)));
            values.into_iter().find(|(_, value)| !value.is_empty())
        };
        let (variables, default_port) = match server.scheme_str() {
            Some("http") => (["HTTP_PROXY", "http_proxy"], 80),
            _ => (["HTTPS_PROXY", "https_proxy"], 443),
        };
        let Some((origin, url)) = first(variables) else {
            return Ok(None);
        };
        let (_, no_proxy) = first(["NO_PROXY", "no_proxy"]).unwrap_or_default();
        let port = server.port_u16().unwrap_or(default_port);
        if bypasses(&no_proxy, server.host().unwrap_or_default(), port) {
            return Ok(None);
        }
        // A CGI server sets HTTP_PROXY from a header of its client.
        if default_port == 80 && value("REQUEST_METHOD").is_some_and(|method| !method.is_empty()) {
            return Err(
                Problem::new(format!("{origin} is not used while REQUEST_METHOD is set"))
                    .next("unset one of them, or set proxy-url in the kubeconfig"),
            );
        }
        Self::parse(&url, origin).map(Some)
    }
}

impl Login {
    fn parse(userinfo: &str) -> Self {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            user: decode(user),
            password: decode(password).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_shown_without_its_password() {
        for url in ["http://us er:s3cret@proxy:1", "ftp://me:s3@cret@proxy"] {
            let problem = Proxy::parse(url, PROXY_URL).unwrap_err().to_string();
            assert!(!problem.contains("cret@"), "{problem}");
        }
    }

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Result<Option<String>, Problem> {
        let value = |name: &str| {
            let mut found = variables.iter().filter(|(variable, _)| *variable == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        let found = Proxy::of_variables(&server.parse().unwrap(), value)?;
        Ok(found.map(|proxy| proxy.to_string()))
    }

    fn ok(found: &str) -> Result<Option<String>, Problem> {
        Ok(Some(found.to_owned()))
    }

    #[test]
    fn the_variables_are_those_of_the_servers_scheme() {
        let (https, http) = ("https://10.0.0.1:6443", "http://10.0.0.1:8080");
        let both = [("HTTPS_PROXY", "secure:1"), ("HTTP_PROXY", "plain:2")];
        assert_eq!(proxy(https, &both), ok("http://secure:1 (HTTPS_PROXY)"));
        assert_eq!(proxy(http, &both), ok("http://plain:2 (HTTP_PROXY)"));
        assert_eq!(proxy(https, &both[1..]), Ok(None));
        assert_eq!(proxy(https, &[("ALL_PROXY", "all:3")]), Ok(None));
        let lower = [("HTTPS_PROXY", ""), ("https_proxy", "lower:1")];
        assert_eq!(proxy(https, &lower), ok("http://lower:1 (https_proxy)"));
        assert_eq!(proxy(https, &[("HTTPS_PROXY", "")]), Ok(None));
        assert_eq!(proxy(https, &[]), Ok(None));
    }

    #[test]
    fn the_server_and_not_the_proxy_is_compared_with_no_proxy() {
        let variables = |no_proxy| [("HTTPS_PROXY", "127.0.0.1:3128"), ("NO_PROXY", no_proxy)];
        let used = ok("http://127.0.0.1:3128 (HTTPS_PROXY)");
        let server = "https://10.0.0.1:6443";
        assert_eq!(proxy(server, &variables("127.0.0.1,localhost,.corp")), used);
        assert_eq!(proxy(server, &variables("127.0.0.1,10.0.0.0/8,")), Ok(None));
        assert_eq!(proxy(server, &variables(",,")), used);
        let lower = [("https_proxy", "p:1"), ("NO_PROXY", ""), ("no_proxy", "*")];
        assert_eq!(proxy(server, &lower), Ok(None));
    }

    #[test]
    fn proxies_without_a_port_use_the_schemes() {
        for (url, shown) in [
            ("proxy", "http://proxy:80 (HTTPS_PROXY)"),
            ("https://proxy", "https://proxy:443 (HTTPS_PROXY)"),
            ("socks5://proxy", "socks5://proxy:1080 (HTTPS_PROXY)"),
            (
                "http://me:p%40ss@proxy:8080/path",
                "http://proxy:8080 (HTTPS_PROXY)",
            ),
            ("HTTP://[::1]:8080", "http://[::1]:8080 (HTTPS_PROXY)"),
        ] {
            assert_eq!(
                proxy("https://a", &[("HTTPS_PROXY", url)]),
                ok(shown),
                "{url}"
            );
        }
        let login = Proxy::parse("socks5://me:p%40ss@proxy", PROXY_URL)
            .unwrap()
            .login
            .unwrap();
        assert_eq!(login.user, "me");
        assert_eq!(login.password.expose_secret(), "p@ss");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        for url in [
            "ftp://me:secret@proxy",
            "http://me:secret@",
            "http://me:secret@a b",
        ] {
            let problem = proxy("https://a", &[("https_proxy", url)]).unwrap_err();
            assert!(
                problem.message.contains("in https_proxy cannot be used"),
                "{problem:?}"
            );
            assert!(!problem.message.contains("secret"), "{problem:?}");
        }
        let cgi = [("HTTP_PROXY", "proxy"), ("REQUEST_METHOD", "GET")];
        assert!(proxy("http://a", &cgi).is_err());
    }
}
