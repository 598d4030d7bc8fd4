//! Text that is safe to print, and fits, and words that several commands share.

pub mod nearest;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::model::{Carrier, GroupId};

/// Text from a cluster or a user without control characters, escape sequences and characters that turn the
/// direction of writing: each becomes a space.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|character| {
            if is_harmless(character) {
                character
            } else {
                ' '
            }
        })
        .collect()
}

/// The same for text of several lines.
pub fn clean_lines(text: &str) -> String {
    let harmless = |character| character == '\n' || is_harmless(character);
    text.chars()
        .map(|character| if harmless(character) { character } else { ' ' })
        .collect()
}

/// JSON that is safe to print as it is: what could move a cursor or turn the direction of writing is escaped, so
/// that programs still read what is there. Outside of strings JSON has no such characters.
pub fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_harmless(character) || character == '\n' {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    out
}

pub fn is_harmless(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    !character.is_control() && !turns && !breaks
}

/// The longest line about one group, for people: long enough for every line of ours with names of usual length.
pub const LONGEST_LINE: usize = 1000;

/// The start of a text, with an ellipsis where it was cut.
pub fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let start: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{start}…")
}

/// Text without the names and passwords that its URLs have before the host.
pub fn without_userinfo(text: &str) -> String {
    const START: &str = "://";
    let mut parts = text.split(START);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority =
            part.find(|letter: char| "/?#\"'".contains(letter) || letter.is_whitespace());
        let end = authority.unwrap_or(part.len());
        let host = part[..end].rfind('@').map_or(0, |at| at + 1);
        out.push_str(START);
        out.push_str(&part[host..]);
    }
    out
}

/// A word as a shell takes it.
pub fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,%+".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A name from a cluster or a user as a command line that is suggested has it.
pub fn word(text: &str) -> String {
    shell_word(&clean(text))
}

/// A command line of ours on one group.
pub fn command_on(command: &str, group: &GroupId, rest: &str) -> String {
    format!(
        "kubectl failover {command} {} {rest}",
        word(&group.short_name())
    )
}

/// As much of a text as fits into so many columns of a terminal, with an ellipsis where it was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used <= columns
    };
    format!("{}…", text.chars().take_while(fits).collect::<String>())
}

/// What makes a GitOps tool leave weights alone that it has not set.
pub fn way_out(owner: &str, carrier: Carrier) -> String {
    let weights = match carrier {
        Carrier::Split => ".spec.backends[].weight",
        Carrier::Route => {
            ".spec.rules[].backendRefs[].weight, .spec.rules[].backendRefs[].namespace"
        }
    };
    match owner {
        "Argo CD" => format!(
            "in its Application set spec.ignoreDifferences to jqPathExpressions: [{weights}] and the sync option \
             RespectIgnoreDifferences=true"
        ),
        "Flux" => "annotate it there with kustomize.toolkit.fluxcd.io/ssa: IfNotPresent".to_owned(),
        _ => "take it out of the release, or do not upgrade that while traffic is away".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_is_left() {
        assert_eq!(
            clean("a\u{1b}[2Jb\nc\td\u{202e}e\u{9b}f\u{61c}g"),
            "a [2Jb c d e f g"
        );
        assert_eq!(clean("web-svc-öst → 東"), "web-svc-öst → 東");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}\u{7f}\nö";
        let json = clean_json(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(
            json.chars()
                .all(|character| is_harmless(character) || character == '\n'),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
    }

    #[test]
    fn nothing_before_the_host_of_a_url_is_shown() {
        assert_eq!(
            without_userinfo("https://me:pw@host:6443/path@x"),
            "https://host:6443/path@x"
        );
        assert_eq!(without_userinfo("http://host/"), "http://host/");
        assert_eq!(
            without_userinfo("a \"ftp://me:p@w@host\" and b://c@d, e@f"),
            "a \"ftp://host\" and b://d, e@f"
        );
        assert_eq!(without_userinfo("me@host"), "me@host");
    }

    #[test]
    fn a_shell_runs_nothing_of_a_name() {
        assert_eq!(word("x;touch${IFS}/tmp/y;#"), "'x;touch${IFS}/tmp/y;#'");
        assert_eq!(word("a'$(b)\n`c`"), r"'a'\''$(b) `c`'");
        assert_eq!(word("~root"), "'~root'");
        assert_eq!(word("other/web-svc"), "other/web-svc");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
