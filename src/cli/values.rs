//! Parsers for the values of flags, in the forms that kubectl and linkerd accept.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{EventKind, MaxMoves};
use crate::resource::{KINDS, kinds_called};

/// Parses a duration in Go's format, such as `5m0s`, `1h2m3s` or `300ms`; zero needs no unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a number with a unit, such as 10s or 1m30s";
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| EXPECTED.to_owned())?;
    limited(Duration::try_from(span).map_err(|_| "a duration cannot be negative".to_owned())?)
}

/// Parses the name of an event of a group.
pub fn parse_event(name: &str) -> Result<EventKind, String> {
    EventKind::named(name).ok_or_else(|| {
        let names = EventKind::ALL.map(EventKind::name);
        format!("expected one of: {}", names.join(", "))
    })
}

/// A point in time: by date, or by how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    At(Timestamp),
    Ago(Duration),
}

impl TimeLimit {
    /// Returns the time, by the API server's clock.
    pub fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

/// Parses a point in time: a date with a time and a zone, or a duration before now.
pub fn parse_time_limit(text: &str) -> Result<TimeLimit, String> {
    if let Ok(time) = text.parse() {
        return Ok(TimeLimit::At(time));
    }
    parse_duration(text).map(TimeLimit::Ago).map_err(|_| {
        "expected a time with its zone, such as 2026-11-26T03:00:00Z, or how long ago it was, such \
         as 2h"
            .to_owned()
    })
}

/// Parses how long something lasts before it expires.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("--duration must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

/// Limits a duration, since later times do not fit every clock.
fn limited(duration: Duration) -> Result<Duration, String> {
    const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    if duration > MAX_DURATION {
        Err("a duration can be at most 100 years".to_owned())
    } else {
        Ok(duration)
    }
}

/// Parses an identifier: one word that fits a line.
pub fn parse_identifier(text: &str) -> Result<String, String> {
    const MAX_IDENTIFIER_CHARS: usize = 64;
    let is_word = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic());
    if !is_word || text.len() > MAX_IDENTIFIER_CHARS {
        return Err(format!(
            "expected one word of at most {MAX_IDENTIFIER_CHARS} letters, digits and signs, such \
             as CHG-77"
        ));
    }
    Ok(text.to_owned())
}

/// Parses a timeout: a duration or, as in kubectl, a number of seconds.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) => limited(Duration::from_secs(seconds)),
        Err(_) => parse_duration(text),
    }
}

/// Parses a rate limit: a number of moves and a duration, such as `20/1m`.
pub fn parse_max_moves(text: &str) -> Result<MaxMoves, String> {
    const EXPECTED: &str = "expected a number of moves and a duration, such as 20/1m";
    let (most, within) = text.split_once('/').ok_or(EXPECTED)?;
    let most = most.parse().ok().filter(|most| *most > 0).ok_or(EXPECTED)?;
    let within = parse_duration(within).map_err(|_| EXPECTED)?;
    if within.is_zero() {
        Err(EXPECTED.to_owned())
    } else {
        Ok(MaxMoves { most, within })
    }
}

/// Checks that `text` names a kind of object that can carry a group.
pub fn parse_kind(text: &str) -> Result<String, String> {
    if kinds_called(text).is_empty() {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.info().name).collect();
        return Err(format!("expected one of: {}", known.join(", ")));
    }
    Ok(text.to_owned())
}

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandWords {
    pub program: String,
    pub arguments: Vec<String>,
}

/// Splits a command into words, as a shell does.
pub fn parse_command(text: &str) -> Result<CommandWords, String> {
    let mut words = shlex::split(text)
        .ok_or("a quote is not closed")?
        .into_iter();
    let program = words
        .next()
        .filter(|program| !program.is_empty())
        .ok_or("expected a program")?;
    Ok(CommandWords {
        program,
        arguments: words.collect(),
    })
}

/// Parses an address to listen on: a port of localhost (`9090`, `:9090`), or an IP address and a port.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse() {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    let address = text.replacen("localhost:", "127.0.0.1:", 1).parse();
    address.map_err(|_| {
        "expected a port, or an IP address and a port, such as 9090 or 0.0.0.0:9090".to_owned()
    })
}

/// Parses a boolean as Go's flags do.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Parses a log level: a boolean, or a number as in kubectl.
pub fn parse_verbosity(text: &str) -> Result<u8, String> {
    let level = || {
        text.parse()
            .map_err(|_| "expected true, false or a number".to_owned())
    };
    parse_bool(text).map(u8::from).or_else(|_| level())
}

/// Returns the items of lists such as `a`, `a,b`, and `[a,b]` as Go prints them.
pub fn members(lists: &[String]) -> Vec<String> {
    let inner = |list: &str| -> Vec<String> {
        let list = list
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(list);
        let members = list
            .split(',')
            .map(str::trim)
            .filter(|member| !member.is_empty());
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
        assert!(parse_timeout("18446744073709551615").is_err());
    }

    #[test]
    fn rates_are_a_number_and_a_duration() {
        let within = Duration::from_secs(60);
        assert_eq!(parse_max_moves("20/1m"), Ok(MaxMoves { most: 20, within }));
        for bad in ["", "20", "0/1m", "-1/1m", "20/", "20/0s", "20/1", "/1m"] {
            assert!(parse_max_moves(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn commands_are_split_into_words() {
        let words = |text: &str| parse_command(text).map(|words| (words.program, words.arguments));
        let owned = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(words("notify"), Ok(("notify".to_owned(), owned(&[]))));
        let shell = (
            "sh".to_owned(),
            owned(&["-c", "echo \"$FAILOVER_TO\" >> log"]),
        );
        assert_eq!(words("sh -c 'echo \"$FAILOVER_TO\" >> log'"), Ok(shell));
        for bad in ["", "  ", "''", "sh -c 'echo"] {
            assert!(parse_command(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bare_port_listens_on_localhost_only() {
        let of = |text: &str| parse_address(text).map(|address| address.to_string());
        for local in ["9090", ":9090", "localhost:9090", "127.0.0.1:9090"] {
            assert_eq!(of(local).as_deref(), Ok("127.0.0.1:9090"), "{local}");
        }
        assert_eq!(of("0.0.0.0:9090").as_deref(), Ok("0.0.0.0:9090"));
        assert_eq!(of("[::]:9090").as_deref(), Ok("[::]:9090"));
        for bad in ["", ":", "host:9090", "99999", "0.0.0.0"] {
            assert!(parse_address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_of_go() {
        let of = |lists: &[&str]| {
            members(
                &lists
                    .iter()
                    .map(|&list| list.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&["[]"]), [""; 0]);
        assert_eq!(of(&["", "a"]), ["a"]);
        assert_eq!(of(&["[a,b]", "c", "d, e"]), ["a", "b", "c", "d", "e"]);
        assert_eq!(of(&["system:masters"]), ["system:masters"]);
    }

    proptest::proptest! {
        /// Every parsed duration fits any clock.
        #[test]
        fn any_text_is_parsed_or_refused(text in proptest::prop_oneof!["\\PC*", "[0-9]{1,20}[smh/]?[0-9]{0,20}[smh]?"]) {
            let moment = std::time::Instant::now();
            for duration in [parse_duration(&text), parse_timeout(&text), parse_max_moves(&text).map(|it| it.within)] {
                proptest::prop_assert!(duration.is_err() || moment.checked_add(duration.unwrap()).is_some());
            }
            let _ = (parse_command(&text).is_ok(), parse_bool(&text).is_ok(), parse_verbosity(&text).is_ok(), members(&[text]));
        }

        #[test]
        fn quoted_words_of_a_command_are_kept(program in "[^\0]+", arguments in proptest::collection::vec("[^\0]*", 0..5)) {
            let words = std::iter::once(program.as_str()).chain(arguments.iter().map(String::as_str));
            let typed = shlex::try_join(words).unwrap();
            proptest::prop_assert_eq!(parse_command(&typed), Ok(CommandWords { program, arguments }));
        }
    }
}
