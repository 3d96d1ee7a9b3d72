//! The report for a README or a release.

use std::fmt::Write as _;

use super::{Report, SIGNS, StoreReport, Verdict, text};

/// The whole report as Markdown.
pub(in crate::runner) fn markdown(report: &Report) -> String {
    let mut out = String::from("# Conformance\n\n");
    let verdict = if report.passed {
        "Passed"
    } else {
        "**Not passed**"
    };
    let _ = writeln!(
        out,
        "{verdict}: {}. Suite {}, {}.\n",
        report.summary(),
        report.suite,
        report.began
    );
    if report.interrupted {
        out += "The run was interrupted: it proves nothing.\n\n";
    }
    matrix(&mut out, report);
    let _ = writeln!(out, "\n{SIGNS}\n");
    for store in &report.stores {
        let _ = writeln!(out, "## `{}`\n", store.name);
        if let Some(reached) = store.reached() {
            let _ = writeln!(out, "- {reached}");
        }
        for (group, reason) in store.lacks() {
            let _ = writeln!(out, "- lacks `{group}`: {}", escaped(reason));
        }
        for remark in text::footprint(store.footprint.as_ref()) {
            let _ = writeln!(out, "- {}", escaped(&remark));
        }
        out.push('\n');
        failures(&mut out, store);
    }
    out
}

fn matrix(out: &mut String, report: &Report) {
    let names: Vec<String> = report
        .stores
        .iter()
        .map(|store| format!("`{}`", store.name))
        .collect();
    let _ = writeln!(out, "| level | group | {} |", names.join(" | "));
    let _ = writeln!(out, "| --- | --- |{}", " --- |".repeat(report.stores.len()));
    for (group, level) in report.groups() {
        let cell = |store: &StoreReport| store.tally(|case| case.group == group).cell();
        let cells: Vec<String> = report.stores.iter().map(cell).collect();
        let _ = writeln!(out, "| {level} | `{group}` | {} |", cells.join(" | "));
    }
    for level in report.levels() {
        let cell = |store: &StoreReport| store.tally(|case| case.level == level).cell();
        let cells: Vec<String> = report.stores.iter().map(cell).collect();
        let _ = writeln!(
            out,
            "| {level} | {} | {} |",
            Report::level_name(level),
            cells.join(" | ")
        );
    }
}

fn failures(out: &mut String, store: &StoreReport) {
    for case in store.failures() {
        let Verdict::Failed { complaints } = &case.verdict else {
            continue;
        };
        let probation = if case.probation {
            " (on probation)"
        } else {
            ""
        };
        let _ = writeln!(out, "### ✗ `{}::{}`{probation}\n", case.group, case.name);
        let promises = match case.promises.is_empty() {
            true => String::new(),
            false => format!(" ({})", case.promises.join(", ")),
        };
        let _ = writeln!(
            out,
            "{}{promises} Again with `{}`.\n",
            case.proves,
            case.repeat()
        );
        for complaint in complaints {
            // An indented block: a message may hold a fence.
            let message = complaint.message.replace('\n', "\n    ");
            let _ = writeln!(out, "    {message}");
        }
        out.push('\n');
    }
}

/// Text that Markdown takes for nothing but text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\*<>[]|#".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
