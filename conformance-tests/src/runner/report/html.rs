//! The report as one page that needs no other file, for screen, phone and paper.

use std::fmt::Write as _;

use super::{CaseReport, Report, SIGNS, Tally, Verdict, text};

/// The whole report as a page.
pub(in crate::runner) fn html(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    stores(&mut out, report);
    matrix(&mut out, report);
    failures(&mut out, report);
    cases(&mut out, report);
    out += "</main>\n</body>\n</html>\n";
    out
}

fn head(out: &mut String, report: &Report) {
    let (class, verdict) = match (report.interrupted, report.passed) {
        (true, _) => ("bad", "Interrupted: no proof"),
        (false, true) => ("good", "✓ Passed"),
        (false, false) => ("bad", "✗ Not passed"),
    };
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Conformance: {verdict}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n\
         <h1>Conformance of cache stores</h1>\n\
         <p class=\"soft\">Suite {}, {}.</p>\n\
         <p class=\"verdict {class}\">{verdict}</p>\n<p>{}.</p>\n",
        include_str!("page.css"),
        escaped(report.suite),
        escaped(&report.began),
        escaped(&report.summary()),
    );
}

fn stores(out: &mut String, report: &Report) {
    out.push_str("<h2>Stores</h2>\n<ol class=\"stores\">\n");
    for (n, store) in report.stores.iter().enumerate() {
        let _ = write!(
            out,
            "<li><span class=\"number\">{}</span><code>{}</code>\n<ul>\n",
            n + 1,
            escaped(&store.name)
        );
        if let Some(reached) = store.reached() {
            let _ = writeln!(out, "<li>{reached}</li>");
        }
        for (group, reason) in store.lacks() {
            let _ = writeln!(out, "<li>lacks {group}: {}</li>", escaped(reason));
        }
        let is_clean = store
            .footprint
            .as_ref()
            .is_none_or(|footprint| footprint.is_clean());
        let class = if is_clean { "" } else { " class=\"bad\"" };
        for remark in text::footprint(store.footprint.as_ref()) {
            let _ = writeln!(out, "<li{class}>{}</li>", escaped(&remark));
        }
        out.push_str("</ul>\n</li>\n");
    }
    out.push_str("</ol>\n");
}

fn matrix(out: &mut String, report: &Report) {
    let _ = writeln!(
        out,
        "<h2>Groups and levels</h2>\n<div class=\"scroll\">\n<table>\n<caption>{SIGNS}</caption>"
    );
    columns(
        out,
        report,
        "<th scope=\"col\">Level</th><th scope=\"col\">Group</th>",
    );
    for (group, level) in report.groups() {
        let _ = write!(out, "<tr><td>{level}</td><th scope=\"row\">{group}</th>");
        tallies(out, report, |case| case.group == group);
    }
    for level in report.levels() {
        let _ = write!(
            out,
            "<tr class=\"total\"><td>{level}</td><th scope=\"row\">{}</th>",
            Report::level_name(level)
        );
        tallies(out, report, |case| case.level == level);
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

/// The head of a table with a column for each store.
fn columns(out: &mut String, report: &Report, before: &str) {
    let _ = write!(out, "<thead><tr>{before}");
    for (n, store) in report.stores.iter().enumerate() {
        let _ = write!(
            out,
            "<th scope=\"col\"><span class=\"number\" title=\"{0}\">{1}</span>\
             <span class=\"hidden\">{0}</span></th>",
            escaped(&store.name),
            n + 1
        );
    }
    out.push_str("</tr></thead>\n<tbody>\n");
}

/// A cell for each store, and the end of the row.
fn tallies(out: &mut String, report: &Report, of: impl Fn(&CaseReport) -> bool) {
    for store in &report.stores {
        let Tally {
            passed,
            failed,
            lacking,
            not_run,
        } = store.tally(&of);
        out.push_str("<td>");
        for (count, class, sign, word) in [
            (failed, "bad", "✗", "failed"),
            (passed, "good", "✓", "passed"),
            (lacking, "none", "–", "lacking"),
            (not_run, "none", "·", "not run"),
        ] {
            if count > 0 {
                let _ = write!(
                    out,
                    "<span class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {count}\
                     <span class=\"hidden\"> {word}</span></span>"
                );
            }
        }
        out.push_str("</td>");
    }
    out.push_str("</tr>\n");
}

fn failures(out: &mut String, report: &Report) {
    if report
        .stores
        .iter()
        .all(|store| store.failures().next().is_none())
    {
        return;
    }
    out.push_str("<h2>What failed</h2>\n");
    for (n, store) in report.stores.iter().enumerate() {
        for case in store.failures() {
            let Verdict::Failed { complaints } = &case.verdict else {
                continue;
            };
            let probation = if case.probation {
                " (on probation: does not count)"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "<section>\n<h3><span class=\"number\">{}</span>{}::{}{probation}</h3>\n\
                 <p>{} <span class=\"soft\">{}</span></p>",
                n + 1,
                case.group,
                case.name,
                with_code(case.proves),
                escaped(&case.promises.join(", "))
            );
            for complaint in complaints {
                let at = complaint
                    .at
                    .as_ref()
                    .map(|at| format!("\nat {at}"))
                    .unwrap_or_default();
                let _ = writeln!(
                    out,
                    "<pre>{}{}</pre>",
                    escaped(&complaint.message),
                    escaped(&at)
                );
            }
            let _ = writeln!(
                out,
                "<p class=\"soft\">Again: <code>conformance-tests {} {}</code></p>\n</section>",
                escaped(&case.repeat()),
                escaped(&store.name)
            );
        }
    }
}

/// Every case with what it proves, in the order of the table.
fn cases(out: &mut String, report: &Report) {
    let Some(first) = report.stores.first() else {
        return;
    };
    out.push_str("<h2>What was proved</h2>\n");
    for (group, _) in report.groups() {
        let _ = writeln!(
            out,
            "<details>\n<summary>{group}</summary>\n<div class=\"scroll\">\n<table class=\"cases\">"
        );
        columns(out, report, "<th scope=\"col\">Case</th>");
        // All stores have the same cases in the same order.
        for (at, case) in first
            .cases
            .iter()
            .enumerate()
            .filter(|(_, case)| case.group == group)
        {
            let _ = write!(
                out,
                "<tr><th scope=\"row\">{}<code class=\"name\">{} {}</code></th>",
                with_code(case.proves),
                case.name,
                escaped(&case.promises.join(" "))
            );
            for store in &report.stores {
                let (class, sign, word) = match store.cases[at].verdict {
                    Verdict::Passed => ("good", "✓", "passed"),
                    Verdict::Failed { .. } => ("bad", "✗", "failed"),
                    Verdict::Lacking { .. } => ("none", "–", "lacking"),
                    Verdict::NotRun => ("none", "·", "not run"),
                };
                let _ = write!(
                    out,
                    "<td class=\"{class}\"><span aria-hidden=\"true\">{sign}</span>\
                     <span class=\"hidden\">{word}</span></td>"
                );
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n</details>\n");
    }
}

/// Text in which what stands between backticks is code.
fn with_code(text: &str) -> String {
    let mut out = String::new();
    for (n, part) in text.split('`').enumerate() {
        let part = escaped(part);
        match n % 2 {
            0 => out += &part,
            _ => out = format!("{out}<code>{part}</code>"),
        }
    }
    out
}

/// Text that HTML and SVG take for nothing but text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}
