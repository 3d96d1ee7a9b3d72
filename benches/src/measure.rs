//! The user's own stores: each is filled and asked by ever more tasks.

use std::sync::Arc;

use benches::chart::{Chart, Line};
use benches::page::Page;
use benches::place::Place;
use benches::store::Ours;
use benches::table::{Unit, markdown};
use indicatif::{ProgressBar, ProgressStyle};
use sampler::entries::Entries;
use sampler::sample::{Sample, Shape, Work, laps};
use sampler::work::{Get, Set};
use serde::Serialize;
use session_core::Result;
use tokio::runtime::Runtime;

use crate::Arguments;

/// One operation on one store by so many tasks.
#[derive(Serialize)]
struct Figure {
    store: String,
    operation: &'static str,
    /// The bytes of a value; 0 for a round trip without one.
    size: usize,
    tasks: usize,
    #[serde(flatten)]
    sample: Sample,
    /// What this process holds in memory afterwards, where the system tells.
    resident_bytes: Option<u64>,
}

const OPERATIONS: [&str; 2] = ["get", "set"];

pub(crate) fn run(arguments: &Arguments, runtime: &Runtime) -> Result<()> {
    let laps = 1 + OPERATIONS.len() * arguments.sizes.len() * arguments.tasks.len();
    let progress = ProgressBar::new((laps * arguments.urls.len()) as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left");
    progress.set_style(style.expect("the template is sound"));
    let mut figures = Vec::new();
    for (at, url) in arguments.urls.iter().enumerate() {
        let measured = Store {
            name: name(&arguments.urls, at),
            arguments,
            runtime,
            progress: &progress,
        };
        figures.extend(measured.run(url)?);
    }
    progress.finish_and_clear();
    if arguments.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&figures).expect("figures are JSON")
        );
        return Ok(());
    }
    let table = table(&figures);
    println!("{table}");
    arguments.write(&page(arguments, &figures));
    Ok(())
}

/// The scheme, which tells nothing that is secret, and a number where it does not tell stores apart.
fn name(urls: &[String], at: usize) -> String {
    let scheme = |url: &String| url.split(':').next().unwrap_or_default().to_owned();
    let mine = scheme(&urls[at]);
    if urls.iter().filter(|url| scheme(url) == mine).count() == 1 {
        return mine;
    }
    format!("{mine} {}", at + 1)
}

struct Store<'r> {
    name: String,
    arguments: &'r Arguments,
    runtime: &'r Runtime,
    progress: &'r ProgressBar,
}

impl Store<'_> {
    fn run(&self, url: &str) -> Result<Vec<Figure>> {
        let place = Place::named(url);
        let ours = Arc::new(self.runtime.block_on(Ours::connect(url))?);
        let mut figures = vec![self.lap("round trip", 0, 1, Ping(ours.clone()))];
        let count = self.arguments.entries.unwrap_or(10_000);
        for &size in &self.arguments.sizes {
            // Large values are fewer, so that no store is filled with gigabytes.
            let count = count.min(MOST_BYTES / size.max(1)).max(1);
            let entries = Arc::new(Entries::under(&place.prefix, count, size));
            let filled = self.runtime.block_on(ours.fill(&entries));
            if filled.is_ok() {
                for &tasks in &self.arguments.tasks {
                    let get = Get(ours.clone(), entries.clone());
                    figures.push(self.lap("get", size, tasks, get));
                    let set = Set(ours.clone(), entries.clone());
                    figures.push(self.lap("set", size, tasks, set));
                }
            }
            self.runtime.block_on(ours.clear(&place.prefix))?;
            filled?;
        }
        Ok(figures)
    }

    fn lap(&self, operation: &'static str, size: usize, tasks: usize, work: impl Work) -> Figure {
        let Self { name, progress, .. } = self;
        progress.set_message(format!("{name}, {operation}, {size} B, {tasks} tasks"));
        let length = self.arguments.plan().of_tasks();
        let lap = laps(self.runtime.handle(), Arc::new(work));
        lap(Shape::Tasks(tasks), length / 4);
        let sample = lap(Shape::Tasks(tasks), length * 2);
        progress.inc(1);
        Figure {
            store: name.clone(),
            operation,
            size,
            tasks,
            sample,
            resident_bytes: resident(),
        }
    }
}

/// What all values of one size take at most.
const MOST_BYTES: usize = 64 << 20;

/// Asks whether the store is there: a round trip and nothing else.
struct Ping(Arc<Ours>);

impl Work for Ping {
    async fn run(&self, _: u64) {
        self.0.cache.ping().await.expect("the store answers");
    }
}

/// What this process holds in memory; only Linux tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1_024)
}

fn table(figures: &[Figure]) -> String {
    let header = [
        "store",
        "operation",
        "bytes",
        "tasks",
        "rate",
        "p50",
        "p99",
        "p99.9",
        "process",
    ];
    let rows = figures.iter().map(cells);
    markdown(&header, &[2, 3, 4, 5, 6, 7, 8], rows)
}

fn cells(figure: &Figure) -> Vec<String> {
    let sample = &figure.sample;
    let time = |nanoseconds| Unit::Time.show(nanoseconds as f64);
    let resident = figure
        .resident_bytes
        .map(|bytes| format!("{} MiB", bytes >> 20));
    vec![
        figure.store.clone(),
        figure.operation.to_owned(),
        figure.size.to_string(),
        figure.tasks.to_string(),
        Unit::Rate.show(sample.rate),
        time(sample.p50),
        time(sample.p99),
        time(sample.p999),
        resident.unwrap_or_default(),
    ]
}

fn page(arguments: &Arguments, figures: &[Figure]) -> Page {
    let mut page = Page::new("Stores compared");
    page.text(
        "Each task asks again when it has its answer, so a store that stalls is asked less often \
         meanwhile (a closed loop). “Round trip” is a request without a value by one task. \
         “Process” is the memory of the measuring program, not of the server.",
    );
    for &size in &arguments.sizes {
        for operation in OPERATIONS {
            let rate = |sample: &Sample| sample.rate;
            let rates = lines(figures, operation, size, rate);
            let title = format!("{operation}, {size} B: operations a second by tasks");
            page.chart(&Chart {
                title,
                lines: rates,
            });
            let late = |sample: &Sample| sample.p99 as f64 / 1e3;
            let late = lines(figures, operation, size, late);
            let title = format!("{operation}, {size} B: 99 of 100 within so many µs, by tasks");
            page.chart(&Chart { title, lines: late });
        }
    }
    page.table(
        &[
            "store",
            "operation",
            "bytes",
            "tasks",
            "rate",
            "p50",
            "p99",
            "p99.9",
            "process",
        ],
        figures.iter().map(cells),
    );
    page
}

fn lines(
    figures: &[Figure],
    operation: &str,
    size: usize,
    y: impl Fn(&Sample) -> f64,
) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for figure in figures {
        if figure.operation == operation && figure.size == size {
            let point = (figure.tasks as f64, y(&figure.sample));
            Line::extend(&mut lines, &figure.store, point);
        }
    }
    lines
}
