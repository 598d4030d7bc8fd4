//! `traffic --watch`: a table that is redrawn after each window, or lines where there is no
//! terminal.

use ratatui::style::Style;

use super::measure::TrafficMeter;
use super::print::TrafficPage;
use crate::cli::TrafficFormat;
use crate::model::traffic::TrafficReport;
use crate::output::screen::Screen;
use crate::output::spinner::Spinner;
use crate::problem::Exit;
use crate::process::signals::Interrupts;
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
            frame = vec![heading(&reports), String::new()];
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

fn draw(screen: &mut Screen, lines: &[impl AsRef<str>]) -> anyhow::Result<bool> {
    screen.draw(|buffer| {
        let area = buffer.area;
        for (row, line) in (area.top()..area.bottom()).zip(lines) {
            let width = area.width.into();
            buffer.set_stringn(0, row, line.as_ref(), width, Style::default());
        }
    })
}

fn remember(history: &mut Vec<Vec<f64>>, reports: &[TrafficReport]) {
    let rows = reports.iter().flat_map(|report| &report.rows);
    let count = rows.clone().count();
    if history.len() != count {
        // Groups were left out.
        history.clear();
        history.resize_with(count, Vec::new);
    }
    for (sparks, row) in history.iter_mut().zip(rows) {
        if sparks.len() == MAX_SPARKS {
            sparks.remove(0);
        }
        sparks.push(row.traffic.rps);
    }
}
