//! Which names Kubernetes accepts, see
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.

/// Whether `name` is a DNS-1035 label, as Service names are: at most 63 of `a-z`, `0-9` and `-`,
/// starting with a letter and not ending with `-`.
pub fn is_service_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|byte| *byte != b'-')
        && bytes.iter().all(inner)
}

/// Whether `name` is a DNS-1123 subdomain, as most object names are: labels of `a-z`, `0-9` and
/// `-`, joined by dots, at most 253 characters in all.
pub fn is_object_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        label.bytes().all(inner)
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Whether `value` is a valid label value: empty, or at most 63 letters, digits, `-`, `_` and `.`,
/// with a letter or a digit at both ends.
pub fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63 && bytes.iter().all(inner) && is_end(bytes.first()) && is_end(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services() {
        for good in ["a", "web-svc", "web-svc-east", &"a".repeat(63)] {
            assert!(is_service_name(good), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "1a",
            "Web",
            "a.b",
            "a b",
            "a,b",
            "a)",
            "ä",
            &"a".repeat(64),
        ] {
            assert!(!is_service_name(bad), "{bad}");
        }
    }

    #[test]
    fn names_of_objects() {
        for good in ["a", "1", "web-svc-failover", "web.v1", &"a".repeat(253)] {
            assert!(is_object_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            "a..b",
            "a.-b",
            "a-.b",
            "A",
            "a_b",
            "a/b",
            "ä",
            &"a".repeat(254),
        ] {
            assert!(!is_object_name(bad), "{bad}");
        }
    }

    #[test]
    fn values_of_labels() {
        for good in ["", "a", "1", "Linkerd_failover.v1-x", &"a".repeat(63)] {
            assert!(is_label_value(good), "{good}");
        }
        for bad in ["-a", "a-", ".", "a_", "a b", "a/b", "ä", &"a".repeat(64)] {
            assert!(!is_label_value(bad), "{bad}");
        }
    }
}
