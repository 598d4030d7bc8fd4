//! Values of flags as kubectl and linkerd write them.

use std::time::Duration;

/// A duration as Go writes it, such as `5m0s`, `1h2m3s` or `300ms`; zero needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const NO_DURATION: &str = "a duration is a number with a unit, such as 10s or 1m30s";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| NO_DURATION.to_owned())?;
    Duration::try_from(span).map_err(|_| "a duration is not negative".to_owned())
}

/// A time limit: a duration or, as kubectl has it, a number of seconds.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).or_else(|_| parse_duration(text))
}

/// A boolean as Go's flags take it.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err("it is either true or false".to_owned()),
    }
}

/// How much to say: a boolean, or a level as kubectl has it.
pub fn parse_verbosity(text: &str) -> Result<u8, String> {
    let level = || text.parse().map_err(|_| "it is true, false or a number".to_owned());
    parse_bool(text).map(u8::from).or_else(|_| level())
}

/// The members of lists: `a`, `a,b`, and `[a,b]` as Go prints one.
pub fn members(lists: &[String]) -> Vec<String> {
    let inner = |list: &str| -> Vec<String> {
        let list = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(list);
        let members = list.split(',').map(str::trim).filter(|member| !member.is_empty());
        members.map(str::to_owned).collect()
    };
    lists.iter().flat_map(|list| inner(list)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        let millis = |text: &str| parse_duration(text).map(|duration| duration.as_millis());
        let good = [
            ("5m0s", 300_000),
            ("1h2m3s", 3_723_000),
            ("300ms", 300),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("2.5s", 2_500),
            ("0", 0),
            ("0s", 0),
        ];
        for (text, expected) in good {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
        for bad in ["", "5", "m", "five", "-1s", "5m0"] {
            assert!(millis(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_timeout_may_be_a_number_of_seconds() {
        assert_eq!(parse_timeout("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse_timeout("0"), Ok(Duration::ZERO));
        assert_eq!(parse_timeout("1m0s"), Ok(Duration::from_secs(60)));
        assert!(parse_timeout("-7").is_err());
    }

    #[test]
    fn lists_of_go() {
        let of = |lists: &[&str]| members(&lists.iter().map(|&list| list.to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["[]"]), [""; 0]);
        assert_eq!(of(&["", "a"]), ["a"]);
        assert_eq!(of(&["[a,b]", "c", "d, e"]), ["a", "b", "c", "d", "e"]);
        assert_eq!(of(&["system:masters"]), ["system:masters"]);
    }
}
