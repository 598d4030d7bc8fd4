//! Words of a suggested command line.

use super::clean;

/// Quotes a name from a cluster or a user for a shell, if needed.
pub fn word(text: &str) -> String {
    let text = clean(text);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,%+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_does_not_run_any_part_of_a_name() {
        assert_eq!(word("x;touch${IFS}/tmp/y;#"), "'x;touch${IFS}/tmp/y;#'");
        assert_eq!(word("a'$(b)\n`c`"), r"'a'\''$(b) `c`'");
        assert_eq!(word("~root"), "'~root'");
        assert_eq!(word("other/web-svc"), "other/web-svc");
    }
}
