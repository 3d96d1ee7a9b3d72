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
    /// How long a turn of tasks is.
    pub tasks_lap: Duration,
    /// How many turns of tasks a round stands for.
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
/// For tasks a round is several short ones: how a kernel places clients and servers on few processors
/// changes by tenths of a second, and with it the time of a lone request by half, which therefore has
/// more and shorter ones.
pub fn compete(plan: &Plan, shape: Shape, contestants: &[Contestant]) -> Vec<Samples> {
    let (length, turns) = match shape {
        Shape::Threads(_) => (plan.threads_lap, 1),
        Shape::Tasks(1) => (
            plan.tasks_lap / SHORTER_FOR_ONE,
            plan.tasks_turns * MORE_FOR_ONE,
        ),
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
    for round in 0..plan.rounds * turns {
        for next in 0..contestants.len() {
            let at = (round + next) % contestants.len();
            samples[at]
                .rounds
                .push((contestants[at].lap)(shape, length));
        }
    }
    samples
}

/// How many times as many turns a lone task has.
const MORE_FOR_ONE: usize = 15;
/// Which part of another's turn they are.
const SHORTER_FOR_ONE: u32 = 5;

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
    use std::rc::Rc;

    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.low, spread.high), (1.0, 3.0));
    }

    #[test]
    fn each_has_as_many_turns_and_another_one_is_first() {
        let order = Rc::new(RefCell::new(String::new()));
        let contestant = |name: &'static str| {
            let order = order.clone();
            Contestant::with(name, move |_, _| {
                order.borrow_mut().push_str(name);
                Sample::default()
            })
        };
        let plan = Plan {
            rounds: 1,
            threads_lap: Duration::ZERO,
            tasks_lap: Duration::ZERO,
            tasks_turns: 3,
        };
        let samples = compete(&plan, Shape::Tasks(2), &[contestant("a"), contestant("b")]);
        assert!(samples.iter().all(|samples| samples.rounds.len() == 3));
        let warm_up = 2;
        assert_eq!(order.borrow()[warm_up..], *"abbaab");
    }
}
