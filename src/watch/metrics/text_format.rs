//! The two text formats that Prometheus's clients ask for, and their content negotiation.
//! prometheus-client writes OpenMetrics alone; the `prometheus` crate, which writes the older
//! format, has no collectors that encode their series at the scrape.

/// The text format of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    OpenMetrics,
    /// Prometheus's own, version 0.0.4, which every client reads.
    Prometheus,
}

impl TextFormat {
    /// Returns the format that these `Accept` headers prefer, as Prometheus's Go library does.
    pub fn negotiate<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let ranges = accept.flat_map(|header| header.split(','));
        let mut best = (0.0, Self::Prometheus);
        for (format, quality) in ranges.filter_map(accepted) {
            // Of two that are preferred alike, the first one.
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Returns the format that a media range of an `Accept` header names, and its quality.
fn accepted(range: &str) -> Option<(TextFormat, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let (format, versions) = match parts.next()?.to_ascii_lowercase().as_str() {
        // Clients that ask for 0.0.1 read 1.0.0.
        "application/openmetrics-text" => (TextFormat::OpenMetrics, ["0.0.1", "1.0.0"].as_slice()),
        "text/plain" => (TextFormat::Prometheus, ["0.0.4"].as_slice()),
        _ => return None,
    };
    let mut quality = 1.0;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => quality = value.trim().parse().ok()?,
            "version" if !versions.contains(&value.trim().trim_matches('"')) => return None,
            _ => {}
        }
    }
    Some((format, quality))
}

/// Rewrites OpenMetrics text as prometheus-client encodes it into Prometheus's text format. There
/// the descriptors carry the names of the samples, and units, infos and the end do not exist.
pub(super) fn prometheus_text(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.split_inclusive('\n') {
        if !line.starts_with('#') {
            out.push_str(line);
        } else if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ');
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|line| line.trim_end().split_once(' '))
        {
            let (end, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            // It ends with the line's end.
            let help = help.take().map_or("\n", |(_, help)| help);
            out.extend(["# HELP ", name, end, " ", help]);
            out.extend(["# TYPE ", name, end, " ", kind, "\n"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::metrics::registry::Metrics;

    #[test]
    fn the_accept_header_chooses_the_format() {
        use TextFormat::{OpenMetrics, Prometheus};
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,\
                            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let prometheus_2 = "application/openmetrics-text; version=0.0.1,\
                            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let protobuf_first = "application/vnd.google.protobuf;\
                              proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
                              application/openmetrics-text;version=1.0.0;q=0.6,\
                              text/plain;version=0.0.4;q=0.3";
        let text_first = "text/plain;version=0.0.4;q=0.6, Application/OpenMetrics-Text; version=\"1.0.0\"; Q=0.5";
        for (accept, format) in [
            (prometheus_3, OpenMetrics),
            (prometheus_2, OpenMetrics),
            (protobuf_first, OpenMetrics),
            (text_first, Prometheus),
            ("application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text;q=0", Prometheus),
            ("application/openmetrics-text;version=2.0.0", Prometheus),
            ("application/openmetrics-text;q=x", Prometheus),
            ("text/plain;version=0.0.4", Prometheus),
            ("text/plain, application/openmetrics-text", Prometheus),
            ("*/*", Prometheus),
            (
                "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
                Prometheus,
            ),
            ("", Prometheus),
        ] {
            assert_eq!(
                TextFormat::negotiate([accept].into_iter()),
                format,
                "{accept}"
            );
        }
        assert_eq!(TextFormat::negotiate([].into_iter()), Prometheus);
        let two = ["text/plain;q=0.1", "application/openmetrics-text;q=0.2"];
        assert_eq!(TextFormat::negotiate(two.into_iter()), OpenMetrics);
    }

    #[test]
    fn the_text_format_has_the_same_samples() {
        let open_metrics = "# HELP a_writes Writes.\n# TYPE a_writes counter\n\
                            a_writes_total{context=\"west\"} 3\n\
                            # HELP a_at_seconds When.\n# TYPE a_at_seconds gauge\n\
                            # UNIT a_at_seconds seconds\na_at_seconds 1.5\n\
                            # HELP a_build The # TYPE of it.\n# TYPE a_build info\n\
                            a_build_info{version=\"1\"} 1\n# EOF\n";
        assert_eq!(
            prometheus_text(open_metrics),
            "# HELP a_writes_total Writes.\n# TYPE a_writes_total counter\n\
             a_writes_total{context=\"west\"} 3\n\
             # HELP a_at_seconds When.\n# TYPE a_at_seconds gauge\n\
             a_at_seconds 1.5\n\
             # HELP a_build_info The # TYPE of it.\n# TYPE a_build_info gauge\n\
             a_build_info{version=\"1\"} 1\n"
        );
        let metrics = Metrics::new(true);
        metrics.expect("west");
        let [open, plain] = [TextFormat::OpenMetrics, TextFormat::Prometheus]
            .map(|format| metrics.text(format).unwrap());
        let samples = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(samples(&open), samples(&plain));
        assert!(open.ends_with("# EOF\n"));
    }
}
