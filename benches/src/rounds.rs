//! Those that are compared take turns, round after round, so that whatever else the machine does
//! falls on all of them.

use std::time::Duration;

use sampler::sample::{Lap, Sample, Shape, Work, laps};
use tokio::runtime::Handle;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each gets a turn that counts; one more comes first, to warm up.
    pub rounds: usize,
    /// How long a turn of threads is.
    pub threads_lap: Duration,
    /// How long a turn of tasks is, of which a round has several.
    pub tasks_lap: Duration,
    /// How often each has a turn in a round of tasks.
    pub tasks_turns: usize,
}

impl Plan {
    /// How long tasks are measured in a round.
    pub fn of_tasks(&self) -> Duration {
        self.tasks_lap * u32::try_from(self.tasks_turns).unwrap_or(u32::MAX)
    }
}

/// One of those that are compared.
pub struct Contestant {
    name: &'static str,
    lap: Lap,
}

impl Contestant {
    /// Work that is done in this process.
    pub fn new(name: &'static str, runtime: &Handle, work: impl Work) -> Self {
        let lap = laps(runtime, work);
        Self { name, lap }
    }

    /// Anything that can run a lap.
    pub fn with(name: &'static str, lap: impl Fn(Shape, Duration) -> Sample + 'static) -> Self {
        let lap = Box::new(lap);
        Self { name, lap }
    }

    /// What it is called in the table.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// The samples of one contestant, one a round.
#[derive(Clone, Debug)]
pub struct Samples {
    /// What the contestant is called in the table.
    pub name: &'static str,
    /// One a round, in the order of the rounds.
    pub rounds: Vec<Sample>,
}

/// Runs the rounds. In each, another contestant begins.
///
/// Tasks have several short turns in a round, and the round's figures are the medians of theirs: how a
/// kernel places clients and servers on few processors changes by tenths of a second, and with it the time
/// of a lone request by a third.
pub fn compete(plan: &Plan, shape: Shape, contestants: &[Contestant]) -> Vec<Samples> {
    let (length, turns) = match shape {
        Shape::Threads(_) => (plan.threads_lap, 1),
        Shape::Tasks(_) => (plan.tasks_lap, plan.tasks_turns),
    };
    let mut samples: Vec<_> = contestants
        .iter()
        .map(|contestant| Samples {
            name: contestant.name,
            rounds: Vec::new(),
        })
        .collect();
    for contestant in contestants {
        (contestant.lap)(shape, length / 2);
    }
    for round in 0..plan.rounds {
        let mut laps = vec![Vec::new(); contestants.len()];
        for turn in 0..turns {
            for next in 0..contestants.len() {
                let at = (round + turn + next) % contestants.len();
                laps[at].push((contestants[at].lap)(shape, length));
            }
        }
        for (samples, laps) in samples.iter_mut().zip(&laps) {
            samples.rounds.push(middle(laps));
        }
    }
    samples
}

/// The median of each figure.
fn middle(laps: &[Sample]) -> Sample {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let time = |figure: fn(&Sample) -> u64| {
        Spread::of(laps.iter().map(|lap| figure(lap) as f64)).median as u64
    };
    Sample {
        rate: Spread::of(laps.iter().map(|lap| lap.rate)).median,
        p50: time(|lap| lap.p50),
        p99: time(|lap| lap.p99),
        p999: time(|lap| lap.p999),
    }
}

/// A figure of several rounds.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Spread {
    /// The smallest.
    pub low: f64,
    /// The one in the middle.
    pub median: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    /// Of at least one figure, in any order.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            0 => f64::midpoint(figures[middle - 1], figures[middle]),
            _ => figures[middle],
        };
        Self {
            low: figures[0],
            median,
            high: figures[figures.len() - 1],
        }
    }

    /// Of a figure that does not vary.
    pub fn one(figure: f64) -> Self {
        Self::of([figure])
    }
}

impl Samples {
    /// A figure of each round.
    pub fn spread(&self, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(figure))
    }

    /// This contestant's figure by another's of the same round.
    pub fn ratio(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> Spread {
        let rounds = self.rounds.iter().zip(&other.rounds);
        Spread::of(rounds.map(|(ours, theirs)| figure(ours) / figure(theirs)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.low, spread.high), (1.0, 3.0));
    }

    #[test]
    fn a_round_is_the_middle_of_its_turns() {
        let rates = RefCell::new(vec![7.0, 8.0, 60.0, 5.0, 90.0, 1.0, 0.0]);
        let contestant = Contestant::with("one", move |_, _| Sample {
            rate: rates.borrow_mut().pop().unwrap_or_default(),
            p99: 3,
            ..Sample::default()
        });
        let plan = Plan {
            rounds: 2,
            threads_lap: Duration::ZERO,
            tasks_lap: Duration::ZERO,
            tasks_turns: 3,
        };
        let samples = compete(&plan, Shape::Tasks(1), &[contestant]);
        let rates: Vec<_> = samples[0].rounds.iter().map(|round| round.rate).collect();
        assert_eq!(rates, [5.0, 8.0]);
        assert_eq!(samples[0].rounds[0].p99, 3);
    }
}
