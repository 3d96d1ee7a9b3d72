//! A page that needs nothing beside it: for a desk, a phone and paper, light and dark.

use std::fmt::Write;
use std::io;
use std::path::Path;

use crate::chart::{COLORS, Chart};

/// A page while it is put together.
#[derive(Clone, Debug)]
pub struct Page {
    body: String,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        let body = format!("<title>{0}</title>\n<h1>{0}</h1>\n", escaped(title));
        Self { body }
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: &str) {
        self.add(format_args!("<p>{}</p>\n", escaped(text)));
    }

    /// Adds a plot with its title and legend, unless it has no lines.
    pub fn chart(&mut self, chart: &Chart) {
        if chart.lines.is_empty() {
            return;
        }
        let title = escaped(&chart.title);
        self.add(format_args!("<figure>\n<figcaption><b>{title}</b><br>"));
        for (line, (red, green, blue)) in chart.lines.iter().zip(COLORS.iter().cycle()) {
            let name = escaped(&line.name);
            self.add(format_args!(
                "<span style=\"color:rgb({red},{green},{blue})\">●</span> {name} "
            ));
        }
        self.add(format_args!("</figcaption>\n{}\n</figure>\n", chart.svg()));
    }

    /// Adds a drawing as it is.
    pub fn drawing(&mut self, svg: &str) {
        self.add(format_args!("<div>{svg}</div>\n"));
    }

    /// Adds a table.
    pub fn table(&mut self, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.body += "<div class=\"wide\"><table>\n<tr>";
        for cell in header {
            self.add(format_args!("<th>{}</th>", escaped(cell)));
        }
        self.body += "</tr>\n";
        for row in rows {
            self.body += "<tr>";
            for cell in row {
                self.add(format_args!("<td>{}</td>", escaped(&cell)));
            }
            self.body += "</tr>\n";
        }
        self.body += "</table></div>\n";
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// What the operating system gives if it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, format!("{HEAD}{}", self.body))
    }

    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.body.write_fmt(text);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto; padding: 0 1rem; }
figure { display: inline-block; margin: 0 1rem 1.5rem 0; width: 100%; max-width: 32rem; }
svg { width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #8886; text-align: right; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
@media print { body { font-size: 10pt; max-width: none; } figure, tr { break-inside: avoid; } }
</style>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text() {
        let mut page = Page::new("a < b");
        page.text("<script>");
        page.table(&["x"], [vec!["&".to_owned()]].into_iter());
        assert!(!page.body.contains("<script>"));
        assert!(page.body.contains("a &lt; b") && page.body.contains("<td>&amp;</td>"));
    }
}
