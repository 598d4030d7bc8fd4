//! `traffic --watch`: a table that is redrawn after each window, or lines where there is no
//! terminal.

use std::collections::BTreeSet;

use ratatui::style::Style;

use super::measure::TrafficMeter;
use super::print::TrafficPage;
use crate::cli::TrafficFormat;
use crate::commands::args::query::place_in_context;
use crate::model::traffic::TrafficReport;
use crate::model::traffic_findings::count;
use crate::output::screen::Screen;
use crate::output::spinner::Spinner;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
use crate::text::{cut, wrap};
use crate::view::traffic::{TrafficFaults, heading};

/// How many windows a sparkline has.
const MAX_SPARKS: usize = 20;

/// Counts until a signal arrives or standard output is closed.
pub async fn run(meter: &mut TrafficMeter, page: &TrafficPage) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::listen()?;
    let is_drawn = page.streams.out_is_terminal() && page.format != TrafficFormat::Json;
    let spinner = Spinner::new(&page.streams);
    spinner.show(&meter.in_progress());
    let mut screen: Option<Screen> = None;
    let mut frame: Vec<String> = Vec::new();
    let mut history: Vec<Vec<f64>> = Vec::new();
    let mut last: Option<Vec<TrafficReport>> = None;
    let mut reported_lost = 0;
    let mut known = TrafficFaults::new();
    meter.leave_out_lost();
    loop {
        let lost = |line: &str| match &mut screen {
            Some(screen) => {
                let frame = std::iter::once(line).chain(frame.iter().map(String::as_str));
                // That the terminal is gone shows at the next frame.
                let _ = draw(screen, &frame.collect::<Vec<_>>());
            }
            None => page.streams.say(line),
        };
        let next = async {
            match last {
                None => meter.next().await,
                Some(_) => meter.again(None, lost).await,
            }
        };
        let reports = tokio::select! {
            _ = interrupts.next() => break,
            () = page.streams.closed() => break,
            reports = next => reports?,
        };
        spinner.clear();
        let left_out = meter.lost();
        let left_out = left_out.map(|problem| format!("left out: {}", problem.message));
        let left_out: Vec<String> = left_out.collect();
        if is_drawn {
            remember(&mut history, &reports);
            let columns = page.streams.terminal_size().0;
            frame = vec![title(meter), heading(&reports), String::new()];
            frame.extend(page.frame(&reports, Some(columns), Some(&history)));
            frame.extend(left_out);
            let screen = match &mut screen {
                Some(screen) => screen,
                none => none.insert(Screen::enter(&page.streams, false)?),
            };
            draw(screen, &frame)?;
        } else {
            for line in left_out.iter().skip(reported_lost) {
                page.streams.say(line);
            }
            reported_lost = left_out.len();
            page.print_lines(meter, &reports, &mut known)?;
        }
        last = Some(reports);
    }
    if let (Some(mut screen), Some(reports)) = (screen, last) {
        screen.leave()?;
        page.print(meter, &reports, None)?;
    }
    Ok(Exit::Done)
}

/// Says which cluster the numbers are of, and when they were counted.
fn title(meter: &TrafficMeter) -> String {
    let namespaces = meter.groups().map(|group| group.id.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.collect();
    let mut namespaces = namespaces.into_iter();
    let only = namespaces.next().filter(|_| namespaces.len() == 0);
    let clock = meter.cluster.clock().now().strftime("%H:%M:%SZ");
    format!("{}  {clock}", place_in_context(&meter.cluster, only))
}

/// Breaks lines that are too long at spaces. What does not fit into the height is left out, whole
/// lines only, so that no command is cut.
fn fitted(lines: &[impl AsRef<str>], width: usize, height: usize) -> Vec<String> {
    let broken = lines.iter().map(|line| wrap(line.as_ref(), width));
    let broken: Vec<Vec<String>> = broken.collect();
    let all: usize = broken.iter().map(Vec::len).sum();
    if all <= height {
        return broken.concat();
    }
    let mut fitted: Vec<String> = Vec::new();
    let mut left_out = broken.len();
    for pieces in broken {
        if fitted.len() + pieces.len() >= height {
            break;
        }
        left_out -= 1;
        fitted.extend(pieces);
    }
    fitted.push(cut(&format!("({})", count(left_out, "more line")), width));
    fitted
}

fn draw(screen: &mut Screen, lines: &[impl AsRef<str>]) -> anyhow::Result<bool> {
    screen.draw(|buffer| {
        let area = buffer.area;
        let width = area.width.into();
        let lines = fitted(lines, width, area.height.into());
        for (row, line) in (area.top()..area.bottom()).zip(lines) {
            buffer.set_stringn(0, row, line, width, Style::default());
        }
    })
}

fn remember(history: &mut Vec<Vec<f64>>, reports: &[TrafficReport]) {
    let rows = reports
        .iter()
        .flat_map(|report| report.rows.iter().map(move |row| (report, row)));
    let count = rows.clone().count();
    if history.len() != count {
        // Groups were left out.
        history.clear();
        history.resize_with(count, Vec::new);
    }
    for (sparks, (report, row)) in history.iter_mut().zip(rows) {
        if sparks.len() == MAX_SPARKS {
            sparks.remove(0);
        }
        let is_known = report.clients.answered() > 0;
        sparks.push(if is_known { row.traffic.rps } else { f64::NAN });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_cut() {
        let lines = [
            "NAME     WEIGHT",
            "web-svc       1",
            "",
            "web-svc: nothing",
            "  next: kubectl failover status web-svc --context west",
        ];
        assert_eq!(fitted(&lines, 60, 5), lines);
        let narrow = fitted(&lines, 20, 9);
        assert_eq!(narrow[..4], lines[..4]);
        let words = |lines: &[String]| lines.join(" ").split_whitespace().collect::<String>();
        assert_eq!(words(&narrow[4..]), lines[4].replace(' ', ""));
        // The command does not fit, so that it is left out.
        assert_eq!(fitted(&lines, 20, 6)[4..], ["(1 more line)"]);
    }
}
