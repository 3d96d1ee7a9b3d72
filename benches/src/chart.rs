//! A plot as SVG: both axes logarithmic, since tasks, entries and times differ by powers of ten.

use plotters::prelude::*;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// One for each store.
    pub lines: Vec<Line>,
}

/// The points of one store, from left to right.
#[derive(Clone, Debug)]
pub struct Line {
    /// What the store is called in the legend.
    pub name: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Adds a point to the line of this name, unless it ends there, or begins that line.
    pub fn extend(lines: &mut Vec<Self>, name: &str, point: (f64, f64)) {
        if let Some(line) = lines.iter_mut().find(|line| line.name == name) {
            if line.points.last() != Some(&point) {
                line.points.push(point);
            }
            return;
        }
        let (name, points) = (name.to_owned(), vec![point]);
        lines.push(Self { name, points });
    }

    /// How many points it has.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.points.len()
    }
}

/// Told apart on white, on black and, by lightness, on paper.
pub(crate) const COLORS: [(u8, u8, u8); 6] = [
    (0, 114, 178),
    (230, 120, 0),
    (0, 158, 115),
    (204, 90, 160),
    (140, 110, 220),
    (150, 130, 60),
];

/// Wide enough for a desk, and its text large enough for a phone.
const SIZE: (u32, u32) = (520, 320);

impl Chart {
    /// The drawing. What is black in it takes the colour of the text around it.
    ///
    /// # Panics
    ///
    /// Never: a drawing in memory succeeds.
    pub fn svg(&self) -> String {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        self.draw(&area).expect("a drawing in memory succeeds");
        drop(area);
        text.replace("#000000", "currentColor")
    }

    fn draw<'t>(
        &self,
        area: &DrawingArea<SVGBackend<'t>, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'t> as DrawingBackend>::ErrorType>> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (left, right) = range(points().map(|point| point.0));
        let (low, high) = decades(range(points().map(|point| point.1)));
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(28)
            .y_label_area_size(64)
            .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
        let font = ("sans-serif", 14).into_font().color(&BLACK);
        chart
            .configure_mesh()
            .label_style(font)
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .axis_style(BLACK)
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| short(*y))
            .draw()?;
        for (line, color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let color = RGBColor(color.0, color.1, color.2);
            let points = line.points.iter().copied();
            chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?;
            chart.draw_series(points.map(|point| Circle::new(point, 3, color.filled())))?;
        }
        area.present()
    }
}

/// A little more than the figures span.
pub(crate) fn range(figures: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = figures
        .filter(|figure| *figure > 0.0)
        .fold((f64::MAX, f64::MIN_POSITIVE), |(low, high), figure| {
            (low.min(figure), high.max(figure))
        });
    if low > high {
        return (1.0, 10.0);
    }
    (low / 1.2, high * 1.2)
}

/// Whole powers of ten, so that the axis has two labels at least.
fn decades((low, high): (f64, f64)) -> (f64, f64) {
    let power = |exponent: f64| 10.0_f64.powf(exponent);
    (power(low.log10().floor()), power(high.log10().ceil()))
}

pub(crate) fn short(figure: f64) -> String {
    match figure {
        ..0.995 => format!("{figure:.2}"),
        ..1e3 => format!("{figure:.0}"),
        ..1e6 => format!("{:.0}k", figure / 1e3),
        _ => format!("{:.0}M", figure / 1e6),
    }
}
