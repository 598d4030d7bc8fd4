//! Finds the known name that is closest to a mistyped one.

/// Returns the known name that the user may have meant. Capitals make no difference.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let farthest = (typed.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|name| (distance(typed, name), !name.starts_with(typed), name))
        .filter(|(distance, ..)| *distance <= farthest)
        .min()
        .map(|(.., name)| name)
}

/// How many letters differ; leaving off the end of a name counts as one mistake.
fn distance(typed: &str, name: &str) -> usize {
    const SHORTEST_START: usize = 3;
    let (typed, name) = (typed.to_lowercase(), name.to_lowercase());
    if typed.len() >= SHORTEST_START && name.starts_with(&typed) {
        return 1;
    }
    strsim::osa_distance(&typed, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_recognised_but_another_word_is_not() {
        let known = ["web-svc-failover", "mail-svc-failover", "web"];
        assert_eq!(nearest("web-svc-failovre", known), Some("web-svc-failover"));
        assert_eq!(nearest("webb", known), Some("web"));
        assert_eq!(nearest("mail", known), Some("mail-svc-failover"));
        assert_eq!(nearest("WEB", known), Some("web"));
        let keys = ["failback", "fallbacks"];
        assert_eq!(nearest("fallback", keys), Some("fallbacks"));
        assert_eq!(nearest("emoji", known), None);
        assert_eq!(nearest("", known), None);
    }
}
