//! What was measured against what was asked for.

use std::borrow::Cow;
use std::fmt;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

use crate::rounds::Spread;

/// What a figure should reach.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// More is better.
    AtLeast {
        /// The gate.
        must: f64,
        /// The goal.
        aim: f64,
    },
    /// Less is better.
    AtMost {
        /// The gate.
        must: f64,
        /// The goal.
        aim: f64,
    },
    /// It is shown only.
    None,
}

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The goal is reached.
    Aim,
    /// The gate is passed.
    Must,
    /// The gate is not passed.
    Short,
    /// Nothing was asked for.
    None,
}

/// What the figures of a row count.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Pieces of work in a second; what is judged is ours by theirs.
    Rate,
    /// Nanoseconds; what is judged is ours by theirs.
    Time,
    /// Bytes; what is judged is ours.
    Bytes,
    /// Parts of a hundred; what is judged is ours less theirs.
    Percent,
    /// Milliseconds; what is judged is ours.
    Milliseconds,
}

/// One comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Which of our backends it is about, or `http`, or `codec`.
    pub backend: Cow<'static, str>,
    /// What is done.
    pub workload: String,
    /// Who else does it.
    pub peer: Cow<'static, str>,
    /// What `ours` and `theirs` count.
    pub unit: Unit,
    /// Our figure, the median of the rounds.
    pub ours: f64,
    /// The peer's figure, the median of the rounds.
    pub theirs: Option<f64>,
    /// What is judged: see [`Unit`].
    pub judged: Spread,
    /// What it should reach.
    pub goal: Goal,
    /// Whether it does.
    pub mark: Mark,
    /// What was measured.
    pub rounds: Vec<Round>,
}

/// The figures of one round.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Round {
    /// Ours.
    pub ours: f64,
    /// The peer's.
    pub theirs: Option<f64>,
}

impl Row {
    /// What at least one round gave for our backend, a workload and a peer.
    pub fn new(
        (backend, workload, peer): (&'static str, String, &'static str),
        unit: Unit,
        goal: Goal,
        rounds: Vec<Round>,
    ) -> Self {
        let (ours, theirs, judged) = unit.figures(&rounds);
        Self {
            backend: backend.into(),
            workload,
            peer: peer.into(),
            unit,
            ours,
            theirs,
            judged,
            goal,
            mark: goal.mark(judged.median),
            rounds,
        }
    }

    /// Takes more rounds of the same into account.
    pub fn add(&mut self, rounds: Vec<Round>) {
        self.rounds.extend(rounds);
        (self.ours, self.theirs, self.judged) = self.unit.figures(&self.rounds);
        self.mark = self.goal.mark(self.judged.median);
    }
}

impl Goal {
    /// How the figure stands to it.
    pub fn mark(self, figure: f64) -> Mark {
        let (must, aim) = match self {
            Self::AtLeast { must, aim } => (figure >= must, figure >= aim),
            Self::AtMost { must, aim } => (figure <= must, figure <= aim),
            Self::None => return Mark::None,
        };
        match (must, aim) {
            (_, true) => Mark::Aim,
            (true, false) => Mark::Must,
            (false, false) => Mark::Short,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aim => "aim",
            Self::Must => "must",
            Self::Short => "SHORT",
            Self::None => "",
        })
    }
}

impl Unit {
    /// The medians of ours and theirs, and what is judged.
    fn figures(self, rounds: &[Round]) -> (f64, Option<f64>, Spread) {
        let judged = |round: &Round| match (self, round.theirs) {
            (Self::Rate | Self::Time, Some(theirs)) => round.ours / theirs,
            (Self::Percent, Some(theirs)) => round.ours - theirs,
            _ => round.ours,
        };
        let theirs: Option<Vec<f64>> = rounds.iter().map(|round| round.theirs).collect();
        (
            Spread::of(rounds.iter().map(|round| round.ours)).median,
            theirs.map(|theirs| Spread::of(theirs).median),
            Spread::of(rounds.iter().map(judged)),
        )
    }

    /// A figure with its unit, short.
    pub fn show(self, figure: f64) -> String {
        match self {
            Self::Rate => format!("{}/s", with_prefix(figure)),
            Self::Time if figure < 1e3 => format!("{figure:.0} ns"),
            Self::Time if figure < 1e6 => format!("{:.3} µs", Digits(figure / 1e3)),
            Self::Time if figure < 1e9 => format!("{:.3} ms", Digits(figure / 1e6)),
            Self::Time => format!("{:.3} s", Digits(figure / 1e9)),
            Self::Bytes => format!("{figure:.0} B"),
            Self::Percent => format!("{figure:.2} %"),
            Self::Milliseconds => format!("{figure:.2} ms"),
        }
    }
}

/// All rows as a table for a terminal.
pub fn show(rows: &[Row]) -> String {
    markdown(&HEADER, &[2, 4, 5, 6, 7, 8], rows.iter().map(cells))
}

/// What stands above the [cells] of a row.
pub const HEADER: [&str; 10] = [
    "backend",
    "workload",
    "ours",
    "peer",
    "theirs",
    "judged",
    "low … high",
    "must",
    "aim",
    "mark",
];

/// A row as text.
pub fn cells(row: &Row) -> Vec<String> {
    let (must, aim) = match row.goal {
        Goal::AtLeast { must, aim } => (format!("≥ {must}"), format!("≥ {aim}")),
        Goal::AtMost { must, aim } => (format!("≤ {must}"), format!("≤ {aim}")),
        Goal::None => Default::default(),
    };
    let theirs = row.theirs.map(|theirs| row.unit.show(theirs));
    let Spread { low, median, high } = row.judged;
    vec![
        row.backend.clone().into_owned(),
        row.workload.clone(),
        row.unit.show(row.ours),
        row.peer.clone().into_owned(),
        theirs.unwrap_or_default(),
        format!("{:.3}", Digits(median)),
        format!("{:.3} … {:.3}", Digits(low), Digits(high)),
        must,
        aim,
        row.mark.to_string(),
    ]
}

/// A table in Markdown, so that what a terminal shows can be kept.
pub fn markdown(
    header: &[&str],
    numbers: &[usize],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn with_prefix(figure: f64) -> String {
    match figure {
        ..1e3 => format!("{:.3} ", Digits(figure)),
        ..1e6 => format!("{:.3} k", Digits(figure / 1e3)),
        _ => format!("{:.3} M", Digits(figure / 1e6)),
    }
}

/// A number with as many significant digits as its precision says.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        let before = match self.0.abs() {
            ..10.0 => 1,
            ..100.0 => 2,
            ..1_000.0 => 3,
            _ => 4,
        };
        write!(f, "{:.*}", digits.saturating_sub(before), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_marked_by_its_goal() {
        let more = Goal::AtLeast {
            must: 1.0,
            aim: 2.0,
        };
        assert_eq!(more.mark(2.0), Mark::Aim);
        assert_eq!(more.mark(1.5), Mark::Must);
        assert_eq!(more.mark(0.9), Mark::Short);
        let less = Goal::AtMost {
            must: 110.0,
            aim: 90.0,
        };
        assert_eq!(less.mark(90.0), Mark::Aim);
        assert_eq!(less.mark(100.0), Mark::Must);
        assert_eq!(less.mark(111.0), Mark::Short);
        assert_eq!(Goal::None.mark(0.0), Mark::None);
    }

    #[test]
    fn a_row_is_judged_by_the_median_of_all_its_rounds() {
        let rounds = |figures: &[(f64, f64)]| {
            let round = |&(ours, theirs)| Round {
                ours,
                theirs: Some(theirs),
            };
            figures.iter().map(round).collect()
        };
        let goal = Goal::AtLeast {
            must: 1.0,
            aim: 2.0,
        };
        let name = ("memory", "get".to_owned(), "peer");
        // The ratio of medians would be another.
        let mut row = Row::new(name, Unit::Rate, goal, rounds(&[(1.0, 2.0), (4.0, 1.0)]));
        row.add(rounds(&[(6.0, 4.0)]));
        assert_eq!(
            (row.ours, row.theirs, row.judged.median),
            (4.0, Some(2.0), 1.5)
        );
        assert_eq!((row.judged.low, row.judged.high), (0.5, 4.0));
        assert_eq!(row.mark, Mark::Must);
        row.add(rounds(&[(3.0, 1.0), (3.0, 1.0)]));
        assert_eq!(row.mark, Mark::Aim);

        let name = ("memory", "hit ratio".to_owned(), "peer");
        let row = Row::new(name, Unit::Percent, goal, rounds(&[(90.0, 88.5)]));
        assert_eq!(row.judged.median, 1.5);
        let name = ("memory", "heap".to_owned(), "peer");
        let row = Row::new(name, Unit::Bytes, goal, rounds(&[(90.0, 103.0)]));
        assert_eq!(row.judged.median, 90.0);
    }

    #[test]
    fn figures_are_shown_with_three_digits() {
        assert_eq!(Unit::Rate.show(12_345_678.0), "12.3 M/s");
        assert_eq!(Unit::Rate.show(987.6), "988 /s");
        assert_eq!(Unit::Time.show(1_234.0), "1.23 µs");
        assert_eq!(Unit::Time.show(250.0), "250 ns");
    }
}
