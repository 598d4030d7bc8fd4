//! Reads Prometheus's text format (exposition format) as it arrives.
//!
//! The crates for it (prometheus-parse, openmetrics-parser) hold whole documents and all their
//! labels in memory, and need a regex or grammar engine. A proxy has thousands of series, of which
//! few matter here, and anybody may have written them.

use std::borrow::Cow;

/// The most bytes of one answer.
const MAX_METRICS_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of one line. Those of a proxy have about 1,000.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// The most labels of one series.
const MAX_LABELS: usize = 128;

/// The metrics are larger than any that a proxy should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    #[error("its metrics have more than {} MiB", MAX_METRICS_BYTES / (1024 * 1024))]
    Metrics,
    #[error("its metrics have a line of more than {} KiB", MAX_LINE_BYTES / 1024)]
    Line,
}

/// One line of metrics: a series and its value.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    pub name: &'a str,
    labels: &'a str,
    pub value: f64,
}

impl<'a> Sample<'a> {
    /// Parses a line. Returns none for comments and for what is not in the format.
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let end = line.find(['{', ' ', '\t'])?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_at_checked(end_of_labels(rest)?)?,
            None => ("", rest),
        };
        let value = rest.trim_start_matches('}').split_whitespace().next()?;
        Some(Self {
            name,
            labels,
            value: value.parse().ok()?,
        })
    }

    /// Returns the labels up to the first one that is not in the format.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        let mut rest = self.labels;
        std::iter::from_fn(move || {
            let (name, quoted) = rest.split_once("=\"")?;
            let (value, after) = unquote(quoted)?;
            rest = after.trim_start().trim_start_matches(',').trim_start();
            Some((name.trim(), value))
        })
        .take(MAX_LABELS)
    }
}

/// Returns the place of the brace that ends the labels: it is not inside quotes.
fn end_of_labels(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'}' if !is_quoted => return Some(place),
            _ => {}
        }
    }
    None
}

/// Returns the text before the closing quote without escapes, and what follows the quote.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let plain = text.find(['"', '\\'])?;
    if text.as_bytes().get(plain) == Some(&b'"') {
        return Some((Cow::Borrowed(&text[..plain]), &text[plain + 1..]));
    }
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &text[place + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            _ => value.push(character),
        }
    }
    None
}

/// Splits the parts of an answer into lines, and these into samples.
#[derive(Debug, Default)]
pub struct ExpositionReader {
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    bytes: usize,
}

impl ExpositionReader {
    /// Reads the next part of an answer.
    ///
    /// # Errors
    /// If the answer or a line of it is too large.
    pub fn read(
        &mut self,
        mut part: &[u8],
        mut take: impl FnMut(Sample<'_>),
    ) -> Result<(), TooLarge> {
        self.bytes += part.len();
        if self.bytes > MAX_METRICS_BYTES {
            return Err(TooLarge::Metrics);
        }
        while let Some(end) = part.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = part.split_at(end);
            part = &rest[1..];
            if self.partial.is_empty() {
                take_line(line, &mut take);
            } else {
                self.keep(line)?;
                take_line(&std::mem::take(&mut self.partial), &mut take);
            }
        }
        self.keep(part)
    }

    /// Reads the last line, which may lack its end.
    pub fn finish(self, mut take: impl FnMut(Sample<'_>)) {
        take_line(&self.partial, &mut take);
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        if self.partial.len() + part.len() > MAX_LINE_BYTES {
            return Err(TooLarge::Line);
        }
        self.partial.extend_from_slice(part);
        Ok(())
    }
}

fn take_line(line: &[u8], take: &mut impl FnMut(Sample<'_>)) {
    if let Some(sample) = str::from_utf8(line).ok().and_then(Sample::parse) {
        take(sample);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = (String, Vec<(String, String)>, f64);

    fn read_in_parts(text: &[u8], part: usize) -> Result<Vec<Read>, TooLarge> {
        let mut samples = Vec::new();
        let mut take = |sample: Sample<'_>| {
            let labels = sample
                .labels()
                .map(|(name, value)| (name.to_owned(), value.into_owned()));
            samples.push((sample.name.to_owned(), labels.collect(), sample.value));
        };
        let mut reader = ExpositionReader::default();
        for part in text.chunks(part) {
            reader.read(part, &mut take)?;
        }
        reader.finish(&mut take);
        Ok(samples)
    }

    fn read(text: &str) -> Vec<Read> {
        read_in_parts(text.as_bytes(), 7).unwrap()
    }

    fn sample(name: &str, labels: &[(&str, &str)], value: f64) -> Read {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        (name.to_owned(), labels.iter().map(owned).collect(), value)
    }

    #[test]
    fn samples_have_names_labels_and_values() {
        assert_eq!(
            read(
                "# HELP a Some help {with=\"braces\"} 1\n# TYPE a counter\n\
                 a{b=\"c\",d=\"e \\\"}\\\\ \\n,\",} 3\n\
                 b 1.5e3 1795664900000\nc{} +Inf\nd{e=\"\"} NaN"
            )[..3],
            [
                sample("a", &[("b", "c"), ("d", "e \"}\\ \n,")], 3.0),
                sample("b", &[], 1500.0),
                sample("c", &[], f64::INFINITY),
            ]
        );
    }

    #[test]
    fn what_is_not_in_the_format_is_left_out() {
        for line in [
            "",
            "a",
            "a{",
            "a{b=\"c} 1",
            "{",
            "a{b=\"c\"}",
            "a b",
            "\u{0} \u{0}",
        ] {
            assert_eq!(read(line), [], "{line:?}");
        }
    }

    #[test]
    fn large_answers_are_refused() {
        let line = vec![b'a'; MAX_LINE_BYTES + 1];
        assert_eq!(read_in_parts(&line, 1000), Err(TooLarge::Line));
        let line = [vec![b'a'; MAX_LINE_BYTES - 1], vec![b'\n']].concat();
        let answer = line.repeat(MAX_METRICS_BYTES / MAX_LINE_BYTES + 1);
        assert_eq!(read_in_parts(&answer, 1 << 20), Err(TooLarge::Metrics));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_parts_are_read_alike(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            text in "[a{}=\",\\\\ 1\n]{0,100}",
            part in 1..50_usize,
        ) {
            for text in [bytes.as_slice(), text.as_bytes()] {
                let texts = |read: Vec<Read>| format!("{read:?}");
                let whole = read_in_parts(text, 10_000).unwrap();
                prop_assert_eq!(texts(read_in_parts(text, part).unwrap()), texts(whole));
            }
        }
    }
}
