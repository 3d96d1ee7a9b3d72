//! How far a run is, on standard error: bars on a terminal, lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::work::{Job, Outcome};

/// The progress on all targets.
pub(super) struct Progress {
    bars: Vec<Line>,
    on_terminal: bool,
}

/// The progress on one target.
struct Line {
    bar: ProgressBar,
    name: String,
    all: u64,
    done: u64,
    failed: u64,
}

impl Progress {
    /// For targets with their numbers of cases.
    pub(super) fn new(targets: impl IntoIterator<Item = (String, usize)>) -> Self {
        let together = MultiProgress::new();
        let lines = targets.into_iter().map(|(name, all)| {
            let all = all as u64;
            let bar = together.add(ProgressBar::new(all));
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(250));
            Line {
                bar,
                name,
                all,
                done: 0,
                failed: 0,
            }
        });
        Self {
            bars: lines.collect(),
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    pub(super) fn begun(&self, job: Job) {
        let line = &self.bars[job.target];
        line.bar
            .set_message(format!("{}{}", failed(line.failed), job.case.group));
    }

    pub(super) fn ended(&mut self, job: Job, outcome: &Outcome) {
        let line = &mut self.bars[job.target];
        line.done += 1;
        line.failed += u64::from(matches!(outcome, Outcome::Failed(_)));
        line.bar.set_position(line.done);
        // Ten lines for each target are enough for a log.
        let step = (line.all / 10).max(1);
        if !self.on_terminal && (line.done.is_multiple_of(step) || line.done == line.all) {
            say(&format!(
                "{}: {} of {}, {}",
                line.name,
                line.done,
                line.all,
                match line.failed {
                    0 => "none failed".to_owned(),
                    n => format!("{n} failed"),
                }
            ));
        }
    }

    /// Takes the bars away, so that the report has the screen.
    pub(super) fn close(&self) {
        for line in &self.bars {
            line.bar.finish_and_clear();
        }
    }
}

/// A line for people, beside the report.
pub(super) fn say(line: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn failed(count: u64) -> String {
    match count {
        0 => String::new(),
        n => format!("{n} failed, "),
    }
}

const TEMPLATE: &str = "{bar:24} {pos:>3} of {len}  {prefix}  {msg}";
