//! The report for a terminal.

use std::fmt::Write as _;

use super::{CaseReport, Report, SIGNS, StoreReport, Verdict};
use crate::runner::footprint::Footprint;

/// The whole report as text.
pub(in crate::runner) fn text(report: &Report) -> String {
    let mut text = String::new();
    for (n, store) in report.stores.iter().enumerate() {
        let _ = writeln!(text, "[{}] {}", n + 1, store.name);
    }
    text.push('\n');
    text += &matrix(report);
    let _ = writeln!(text, "{SIGNS}\n");
    for (n, store) in report.stores.iter().enumerate() {
        text += &remarks(n + 1, store);
    }
    for (n, store) in report.stores.iter().enumerate() {
        for case in store.failures() {
            text += &failure(n + 1, store, case);
        }
    }
    if report.interrupted {
        text += "The run was interrupted: it proves nothing.\n";
    }
    let verdict = if report.passed {
        "passed"
    } else {
        "NOT PASSED"
    };
    let _ = writeln!(text, "{verdict}: {}", report.summary());
    text
}

/// Groups and levels by stores, in columns.
fn matrix(report: &Report) -> String {
    let mut rows = vec![vec!["level".to_owned(), "group".to_owned()]];
    rows[0].extend((1..=report.stores.len()).map(|n| format!("[{n}]")));
    let mut last = 0;
    for (group, level) in report.groups() {
        let shown = if level == last {
            String::new()
        } else {
            level.to_string()
        };
        last = level;
        let mut row = vec![shown, group.to_owned()];
        let cell = |store: &StoreReport| store.tally(|case| case.group == group).cell();
        row.extend(report.stores.iter().map(cell));
        rows.push(row);
    }
    rows.push(Vec::new());
    for level in report.levels() {
        let mut row = vec![level.to_string(), Report::level_name(level).to_owned()];
        let cell = |store: &StoreReport| store.tally(|case| case.level == level).cell();
        row.extend(report.stores.iter().map(cell));
        rows.push(row);
    }
    columns(&rows)
}

/// Rows with every column as wide as its widest cell.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}   ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// What there is to say of a store beside its failures.
fn remarks(number: usize, store: &StoreReport) -> String {
    let mut text = String::new();
    if let Some(reached) = store.reached() {
        let _ = writeln!(text, "[{number}] {reached}");
    }
    for (group, reason) in store.lacks() {
        let _ = writeln!(text, "[{number}] lacks {group}: {reason}");
    }
    for remark in footprint(store.footprint.as_ref()) {
        let _ = writeln!(text, "[{number}] {remark}");
    }
    text.push('\n');
    text
}

/// What a run touched, in sentences.
pub(super) fn footprint(footprint: Option<&Footprint>) -> Vec<String> {
    let Some(footprint) = footprint else {
        return vec!["touched nothing else: the stores ended with their clients".to_owned()];
    };
    let mut lines = Vec::new();
    if footprint.is_clean() {
        lines.push(format!(
            "touched nothing else: {} entries written beside the namespace stayed as they were, \
             and nothing is left",
            footprint.sentinels
        ));
    }
    for touched in &footprint.touched {
        lines.push(format!("TOUCHED an entry beside the namespace: {touched}"));
    }
    if footprint.left > 0 {
        lines.push(format!(
            "LEFT {} keys in the namespace after `flush_all`",
            footprint.left
        ));
    }
    if let Some(error) = &footprint.error {
        lines.push(format!("NOT CLEANED: {error}"));
    }
    let sample = &footprint.sample;
    if sample.entries > 0 {
        lines.push(format!(
            "of {} entries of others that were looked at, {} changed (by this run or by others) \
             and {} expired when they should",
            sample.entries, sample.changed, sample.expired
        ));
    }
    lines
}

/// A case that failed: what it proves, what it saw, how to repeat it.
fn failure(number: usize, store: &StoreReport, case: &CaseReport) -> String {
    let mut text = format!("✗ [{number}] {}::{}", case.group, case.name);
    if case.probation {
        text += " (on probation: does not count)";
    }
    let _ = write!(text, "\n    {}", case.proves);
    if !case.promises.is_empty() {
        let _ = write!(text, " [{}]", case.promises.join(", "));
    }
    text.push('\n');
    if let Verdict::Failed { complaints } = &case.verdict {
        for complaint in complaints {
            let _ = writeln!(text, "    {}", complaint.message.replace('\n', "\n    "));
            if let Some(at) = &complaint.at {
                let _ = writeln!(text, "    at {at}");
            }
        }
    }
    let _ = writeln!(
        text,
        "    again: conformance-tests {} '{}'\n",
        case.repeat(),
        store.name
    );
    text
}
