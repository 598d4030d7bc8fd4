//! The figures as a table and as JSON.

use std::path::PathBuf;

use serde::Serialize;

/// The target of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// At most this many times the floor.
    Times(f64),
    /// At most this much.
    Most(f64),
    /// For information.
    None,
}

#[derive(Debug, Clone, Serialize)]
struct Figure {
    row: String,
    figure: f64,
    unit: &'static str,
    floor: Option<f64>,
    ratio: Option<f64>,
    target: String,
    reached: Option<bool>,
}

#[derive(Debug, Serialize)]
pub struct Report {
    quick: bool,
    machine: String,
    figures: Vec<Figure>,
}

impl Report {
    pub fn new(quick: bool) -> Self {
        Self {
            quick,
            machine: machine(),
            figures: Vec::new(),
        }
    }

    pub fn add(
        &mut self,
        row: impl Into<String>,
        figure: f64,
        unit: &'static str,
        floor: Option<f64>,
        target: Target,
    ) {
        let ratio = floor.map(|floor| figure / floor);
        let (target, reached) = match target {
            Target::Times(most) => (format!("≤ {most} ×"), ratio.map(|ratio| ratio <= most)),
            Target::Most(most) => (format!("≤ {most} {unit}"), Some(figure <= most)),
            Target::None => ("-".to_owned(), None),
        };
        let figure = Figure {
            row: row.into(),
            figure,
            unit,
            floor,
            ratio,
            target,
            reached,
        };
        eprintln!("{}", line(&figure));
        self.figures.push(figure);
    }

    /// Writes the report as JSON.
    pub fn write(&self) {
        let text = serde_json::to_string_pretty(self).expect("a report is JSON");
        std::fs::write(path(), text).expect("the report can be written");
    }

    pub fn print(&self) {
        println!("{}", self.machine);
        println!("| row | figure | floor | ratio | target | reached |\n|---|---|---|---|---|---|");
        self.figures
            .iter()
            .for_each(|figure| println!("{}", line(figure)));
        println!("\nas JSON: {}", path().display());
    }
}

fn line(figure: &Figure) -> String {
    let Figure {
        row,
        figure,
        unit,
        floor,
        ratio,
        target,
        reached,
    } = figure;
    let floor = floor.map_or("-".to_owned(), |floor| format!("{floor:.2} {unit}"));
    let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let reached = match reached {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    };
    format!("| {row} | {figure:.2} {unit} | {floor} | {ratio} | {target} | {reached} |")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("failover-bench.json")
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default();
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let (processor, memory) = (
        field(&read("/proc/cpuinfo"), "model name"),
        field(&read("/proc/meminfo"), "MemTotal"),
    );
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} cores of {processor}, {memory} of memory, load {load} at the start")
}
