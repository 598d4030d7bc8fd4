//! Makes text safe to print: removes control characters, and passwords from URLs.

/// Replaces control characters, escape sequences and characters that change the direction of
/// writing with spaces.
pub fn clean(text: &str) -> String {
    replace(text, is_harmless)
}

/// Like [`clean`], but keeps line breaks.
pub fn clean_lines(text: &str) -> String {
    replace(text, is_harmless_or_newline)
}

/// Escapes in JSON what [`clean`] would replace, so that programs read the same text. JSON has such
/// characters in strings only, and all of them lie below U+10000.
pub fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if is_harmless_or_newline(character) {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    out
}

/// Removes user names and passwords from URLs.
pub fn without_userinfo(text: &str) -> String {
    const SCHEME_END: &str = "://";
    let mut parts = text.split(SCHEME_END);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let authority =
            part.find(|letter: char| "/?#\"'".contains(letter) || letter.is_whitespace());
        let end = authority.unwrap_or(part.len());
        let host = part[..end].rfind('@').map_or(0, |at| at + 1);
        out.push_str(SCHEME_END);
        out.push_str(&part[host..]);
    }
    out
}

/// Returns the error's message without the operating system's number for it.
pub fn without_code(error: &std::io::Error) -> String {
    let message = error.to_string();
    let code = error.raw_os_error();
    let suffix = code.map(|code| format!(" (os error {code})"));
    let short = suffix.and_then(|suffix| message.strip_suffix(&suffix).map(str::to_owned));
    short.unwrap_or(message)
}

fn replace(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let replaced = |character| if is_kept(character) { character } else { ' ' };
    text.chars().map(replaced).collect()
}

fn is_harmless(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let breaks = matches!(character, '\u{2028}' | '\u{2029}');
    !character.is_control() && !turns && !breaks
}

fn is_harmless_or_newline(character: char) -> bool {
    character == '\n' || is_harmless(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
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
        assert!(json.chars().all(is_harmless_or_newline), "{json}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
    }

    #[test]
    fn user_names_and_passwords_are_removed_from_urls() {
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
}
