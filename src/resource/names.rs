//! What Kubernetes lets through as a name.

/// Whether `name` is a DNS-1035 label, as names of services are: at most 63 of `a-z`, `0-9` and `-`, the first a
/// letter, the last no `-`.
pub fn is_service_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|byte| *byte != b'-')
        && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::is_service_name;

    #[test]
    fn names_of_services() {
        for good in ["a", "web-svc", "web-svc-east", &"a".repeat(63)] {
            assert!(is_service_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "1a", "Web", "a.b", "a b", "a,b", "a)", "ä", &"a".repeat(64)] {
            assert!(!is_service_name(bad), "{bad}");
        }
    }
}
