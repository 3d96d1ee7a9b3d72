//! The ratios of a comparison as dots, one row below the other, with what each must reach.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::chart::{range, short};
use crate::table::{Goal, Mark, Row, Unit};

type Area<'t> = DrawingArea<SVGBackend<'t>, Shift>;
type Drawn<'t> = Result<(), DrawingAreaErrorKind<<SVGBackend<'t> as DrawingBackend>::ErrorType>>;

/// Rates by rates of a peer: of each workload the row that comes least far beyond its gate.
pub fn hardest(rows: &[Row]) -> Vec<&Row> {
    let mut hardest: Vec<(&Row, f64)> = Vec::new();
    for row in rows {
        let (Unit::Rate, Goal::AtLeast { must, .. }) = (row.unit, row.goal) else {
            continue;
        };
        let lead = row.judged.median / must;
        let is_same = |(other, _): &&mut (&Row, f64)| {
            (&other.backend, &other.workload) == (&row.backend, &row.workload)
        };
        match hardest.iter_mut().find(is_same) {
            Some(other) if other.1 <= lead => {}
            Some(other) => *other = (row, lead),
            None => hardest.push((row, lead)),
        }
    }
    hardest.into_iter().map(|(row, _)| row).collect()
}

/// The drawing, black on white.
///
/// # Panics
///
/// Never: a drawing in memory succeeds.
pub fn svg(rows: &[&Row]) -> String {
    let mut text = String::new();
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX / ROW / 2);
    let size = (LABELS + PLOT, count * ROW + AXIS);
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    draw(&area, rows).expect("a drawing in memory succeeds");
    drop(area);
    text
}

fn draw<'t>(area: &Area<'t>, rows: &[&Row]) -> Drawn<'t> {
    area.fill(&WHITE)?;
    let (labels, plot) = area.split_horizontally(LABELS);
    let font = ("sans-serif", 13).into_font().color(&BLACK);
    let right = font.pos(Pos::new(HPos::Right, VPos::Center));
    let middles = (0..).map(|row: i32| row * ROW.cast_signed() + ROW.cast_signed() / 2);
    for (row, middle) in rows.iter().zip(middles) {
        let label = format!("{} {} / {}", row.backend, row.workload, row.peer);
        let at = (LABELS.cast_signed() - 8, middle);
        labels.draw(&Text::new(label, at, right.clone()))?;
    }
    let figures = rows
        .iter()
        .flat_map(|row| [row.judged.low, row.judged.high, 1.0]);
    let (low, high) = range(figures);
    let mut chart = ChartBuilder::on(&plot)
        .margin_right(16)
        .x_label_area_size(AXIS)
        .build_cartesian_2d((low..high).log_scale(), rows.len() as f64..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .label_style(("sans-serif", 13))
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(TRANSPARENT)
        .x_label_formatter(&|ratio| short(*ratio))
        .draw()?;
    chart.draw_series(LineSeries::new(
        [(1.0, 0.0), (1.0, rows.len() as f64)],
        BLACK.mix(0.5),
    ))?;
    for (at, row) in rows.iter().enumerate() {
        let middle = at as f64 + 0.5;
        let color = match row.mark {
            Mark::Short => RGBColor(200, 60, 0),
            _ => RGBColor(0, 114, 178),
        };
        let spread = [(row.judged.low, middle), (row.judged.high, middle)];
        chart.draw_series(LineSeries::new(spread, color.mix(0.6)))?;
        if let Goal::AtLeast { must, .. } = row.goal {
            let tick = [(must, middle - 0.35), (must, middle + 0.35)];
            chart.draw_series(LineSeries::new(tick, BLACK.stroke_width(2)))?;
        }
        let dot = Circle::new((row.judged.median, middle), 4, color.filled());
        chart.draw_series([dot])?;
    }
    area.present()
}

const LABELS: u32 = 430;
const PLOT: u32 = 390;
const ROW: u32 = 18;
const AXIS: u32 = 28;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Round;

    fn row(workload: &str, peer: &'static str, ratio: f64, goal: Goal) -> Row {
        let round = Round {
            ours: ratio,
            theirs: Some(1.0),
        };
        let name = ("memory", workload.to_owned(), peer);
        Row::new(name, Unit::Rate, goal, vec![round])
    }

    #[test]
    fn each_workload_is_drawn_beside_the_peer_that_is_hardest_to_beat() {
        let must = |must| Goal::AtLeast { must, aim: must };
        let rows = [
            row("get", "slow", 4.0, must(3.0)),
            row("get", "quick", 1.1, must(1.0)),
            row("get", "shown only", 0.5, Goal::None),
            row("set", "quick", 0.9, must(1.0)),
        ];
        let hardest = hardest(&rows);
        let names: Vec<_> = hardest
            .iter()
            .map(|row| (row.workload.as_str(), &*row.peer))
            .collect();
        assert_eq!(names, [("get", "quick"), ("set", "quick")]);

        let drawing = svg(&hardest);
        assert!(drawing.contains("memory get / quick"));
        // A dot each, the short one in another colour.
        assert_eq!(drawing.matches("<circle").count(), 2);
        assert_eq!(drawing.matches(r##"<circle cx"##).count(), 2);
        assert!(drawing.contains("#C83C00") && drawing.contains("#0072B2"));
    }
}
