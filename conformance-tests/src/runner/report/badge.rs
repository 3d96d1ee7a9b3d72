//! A badge for a README, drawn here.

use super::Report;
use super::html::escaped;

/// A badge as SVG: what was proved, in words and in colour.
pub(in crate::runner) fn badge(report: &Report) -> String {
    let (words, colour) = message(report);
    draw("conformance", &words, colour)
}

/// A level is claimed only by a run of all its cases.
fn message(report: &Report) -> (String, &'static str) {
    const GREEN: &str = "#2f7d32";
    const RED: &str = "#b3261e";
    const GREY: &str = "#5f6368";
    let sum =
        |of: fn(&super::StoreReport) -> usize| -> usize { report.stores.iter().map(of).sum() };
    let (passed, failed) = (sum(|store| store.passed), sum(|store| store.failed));
    if report.interrupted {
        ("interrupted".to_owned(), GREY)
    } else if !report.passed {
        (format!("{failed} of {} failed", passed + failed), RED)
    } else {
        // What every one of the stores has reached.
        match report.stores.iter().map(|store| store.level).min() {
            Some(level) if level > 0 => (format!("level {level}"), GREEN),
            _ => (format!("{passed} cases of a part"), GREY),
        }
    }
}

/// Two boxes with text. Fonts differ, so each text is told how long it is.
fn draw(label: &str, words: &str, colour: &str) -> String {
    let (left, right) = (width(label), width(words));
    let total = left + right;
    let (label_at, words_at) = (left / 2, left + right / 2);
    let (label_long, words_long) = (left - 2 * PAD, right - 2 * PAD);
    let words = escaped(words);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="20" role="img" aria-label="{label}: {words}">
<title>{label}: {words}</title>
<clipPath id="r"><rect width="{total}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#333b41"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="{label_at}" y="14" textLength="{label_long}">{label}</text>
<text x="{words_at}" y="14" textLength="{words_long}">{words}</text>
</g>
</svg>
"##
    )
}

const PAD: usize = 6;

fn width(text: &str) -> usize {
    // About what the fonts above take for letters of size 11.
    text.chars().count() * 13 / 2 + 2 * PAD
}
