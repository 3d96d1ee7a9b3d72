//! The page of a comparison.

use benches::chart::{Chart, Line};
use benches::dots;
use benches::page::Page;
use benches::table::{HEADER, Row, Unit, cells};

/// The ratios, the rates by tasks of all that were compared, and the table.
pub(crate) fn page(rows: &[Row]) -> Page {
    let mut page = Page::new("Beside others");
    page.text(
        "Ours by theirs, the median of paired rounds and the line from the lowest to the highest; the \
         upright stroke is what a row must reach. Of each workload the peer that is hardest to beat.",
    );
    page.drawing(&dots::svg(&dots::hardest(rows)));
    for chart in charts(rows) {
        page.chart(&chart);
    }
    page.table(&HEADER, rows.iter().map(cells));
    page
}

/// A plot for each workload that was done by several numbers of tasks: ours and every peer.
fn charts(rows: &[Row]) -> Vec<Chart> {
    let mut charts: Vec<Chart> = Vec::new();
    for row in rows.iter().filter(|row| matches!(row.unit, Unit::Rate)) {
        let Some((workload, tasks)) = by_tasks(&row.workload) else {
            continue;
        };
        let title = format!("{}, {workload}: operations a second by tasks", row.backend);
        let at = charts.iter().position(|chart| chart.title == title);
        let at = at.unwrap_or_else(|| {
            let lines = Vec::new();
            charts.push(Chart { title, lines });
            charts.len() - 1
        });
        let lines = &mut charts[at].lines;
        Line::extend(lines, "ours", (tasks, row.ours));
        if let Some(theirs) = row.theirs {
            Line::extend(lines, &row.peer, (tasks, theirs));
        }
    }
    charts.retain(|chart| chart.lines.iter().any(|line| line.len() > 1));
    charts
}

/// `get, 16 tasks` is `get` by 16.
fn by_tasks(workload: &str) -> Option<(&str, f64)> {
    let (workload, tasks) = workload
        .strip_suffix('s')
        .unwrap_or(workload)
        .rsplit_once(", ")?;
    let tasks = tasks.strip_suffix(" task")?.parse().ok()?;
    Some((workload, tasks))
}
