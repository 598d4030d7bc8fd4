//! `NO_PROXY`: which servers are reached without the proxy of the environment. The rules are Go's
//! (golang.org/x/net/http/httpproxy), since kubectl follows those. hyper-util's matcher is not used:
//! it has curl's rules, without ports and loopback addresses.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Returns whether a server is reached without a proxy: `no_proxy` lists it, or it is this machine.
pub fn bypasses(no_proxy: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']']).to_lowercase();
    let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    let members = no_proxy
        .split(',')
        .map(|member| member.trim().to_lowercase());
    members.filter(|member| !member.is_empty()).any(|member| {
        member == "*"
            || match ip {
                Some(ip) => lists_address(&member, ip, port),
                None => lists_host(&member, &host, port),
            }
    })
}

fn lists_address(member: &str, ip: IpAddr, port: u16) -> bool {
    if let Ok(network) = member.parse::<IpNet>() {
        return network.contains(&ip);
    }
    let (listed, of_port) = split_port(member);
    let listed = listed.parse::<IpAddr>().ok();
    listed.is_some_and(|listed| listed.to_canonical() == ip) && is_port(of_port, port)
}

/// `example.com` lists the host and all below it; `.example.com` and `*.example.com` list all below.
fn lists_host(member: &str, host: &str, port: u16) -> bool {
    let (listed, of_port) = split_port(member);
    let listed = listed
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(listed);
    let is_listed = match listed.strip_prefix('.') {
        Some(_) => host.ends_with(listed),
        None => {
            host == listed
                || host
                    .strip_suffix(listed)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    };
    !listed.is_empty() && is_listed && is_port(of_port, port)
}

/// Splits `HOST:PORT` and `[IPv6]:PORT`.
fn split_port(member: &str) -> (&str, Option<&str>) {
    match member.rsplit_once(':') {
        _ if member.parse::<Ipv6Addr>().is_ok() => (member, None),
        Some((host, port)) => (host.trim_matches(['[', ']']), Some(port)),
        None => (member, None),
    }
}

fn is_port(listed: Option<&str>, port: u16) -> bool {
    listed.is_none_or(|listed| listed == port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list and the hosts of Go's own test (golang.org/x/net/http/httpproxy, `UseProxyTests`).
    #[test]
    fn the_hosts_of_gos_test_are_listed_as_there() {
        let list = "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, \
                    192.168.1.3:80, 10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, \
                    [2001:db8::52:0:3]:80, 2002:db8:a::45/64";
        for (host, proxied) in [
            ("localhost", false),
            ("127.0.0.1", false),
            ("127.0.0.2", false),
            ("[::1]", false),
            ("[::2]", true),
            ("192.168.1.1", false),
            ("192.168.1.2", true),
            ("192.168.1.3", false),
            ("192.168.1.4", true),
            ("10.0.0.2", false),
            ("[2001:db8::52:0:1]", false),
            ("[2001:db8::52:0:2]", true),
            ("[2001:db8::52:0:3]", false),
            ("[2002:db8:a::123]", false),
            ("[fe80::424b:c8be:1643:a1b6]", true),
            ("barbaz.net", true),
            ("www.barbaz.net", false),
            ("foobar.com", false),
            ("www.foobar.com", false),
            ("foofoobar.com", true),
            ("baz.com", true),
            ("localhost.net", true),
            ("local.localhost", true),
            ("barbarbaz.net", true),
            ("wildcard.io", true),
            ("nested.wildcard.io", false),
            ("awildcard.io", true),
        ] {
            assert_eq!(bypasses(list, host, 80), !proxied, "{host}");
            assert!(bypasses("*", host, 80), "{host}");
        }
    }

    #[test]
    fn odd_members_list_nothing_and_empty_ones_are_passed_over() {
        let lists = |list: &str| bypasses(list, "api.example.com", 6443);
        for odd in [
            "",
            ",",
            ", ,",
            ":1",
            ":6443",
            ".",
            "*.",
            "[",
            "]",
            "[]",
            "*example.com",
            "::",
            "/8",
        ] {
            assert!(!lists(odd), "{odd:?}");
            assert!(lists(&format!("{odd},,EXAMPLE.com:6443,")), "{odd:?}");
        }
        assert!(!lists("example.com:443") && lists("a,*") && lists("Api.Example.Com"));
        assert!(bypasses("10.0.0.0/8", "::ffff:10.1.2.3", 443));
        assert!(bypasses("::ffff:10.1.2.3", "10.1.2.3", 443));
        assert!(bypasses("", "::ffff:127.0.0.1", 443));
    }
}
