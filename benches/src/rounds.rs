//! Those that are compared take turns, round after round, so that whatever else the machine does
//! falls on all of them.

use std::sync::Arc;
use std::time::Duration;

use sampler::sample::{Lap, Sample, Shape, Work, laps};
use sampler::turns::{Call, calls, lap_by_turns};
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
    /// Its calls and where they are made, if that is this process.
    calls: Option<(Handle, Call)>,
}

impl Contestant {
    /// Work that is done in this process.
    pub fn new(name: &'static str, runtime: &Handle, work: impl Work) -> Self {
        let work = Arc::new(work);
        Self {
            name,
            lap: laps(runtime, work.clone()),
            calls: Some((runtime.clone(), calls(work))),
        }
    }

    /// Anything that can run a lap.
    pub fn with(name: &'static str, lap: impl Fn(Shape, Duration) -> Sample + 'static) -> Self {
        let lap = Box::new(lap);
        Self {
            name,
            lap,
            calls: None,
        }
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
/// For tasks a round is several short turns: how a kernel places clients and servers on few processors
/// changes by tenths of a second, and with it the time of a lone request by half. Lone tasks in this
/// process therefore make their calls by turns.
pub fn compete(plan: &Plan, shape: Shape, contestants: &[Contestant]) -> Vec<Samples> {
    let (length, turns) = match shape {
        Shape::Threads(_) => (plan.threads_lap, 1),
        Shape::Tasks(_) => (plan.tasks_lap, plan.tasks_turns),
    };
    let by_turns = by_turns(shape, contestants);
    let lap = |number: usize, length| match &by_turns {
        Some((runtime, calls)) => {
            let all = length * u32::try_from(calls.len()).unwrap_or(u32::MAX);
            lap_by_turns(runtime, calls, all, number)
        }
        None => one_by_one(shape, contestants, length, number),
    };
    lap(0, length / 2);
    let mut samples: Vec<_> = contestants
        .iter()
        .map(|contestant| Samples {
            name: contestant.name,
            rounds: Vec::new(),
        })
        .collect();
    for round in 0..plan.rounds * turns {
        let sampled = lap(round, length);
        for (samples, sample) in samples.iter_mut().zip(sampled) {
            samples.rounds.push(sample);
        }
    }
    samples
}

/// The calls of all, if it is a lone task that makes them, and where.
fn by_turns(shape: Shape, contestants: &[Contestant]) -> Option<(&Handle, Vec<Call>)> {
    let calls = contestants
        .iter()
        .map(|contestant| contestant.calls.as_ref());
    let calls: Vec<_> = calls.collect::<Option<_>>()?;
    let (runtime, _) = calls.first().filter(|_| shape == Shape::Tasks(1))?;
    let of_all = calls.iter().map(|(_, call)| call.clone());
    Some((runtime, of_all.collect()))
}

/// A lap of each; the number says who begins.
fn one_by_one(
    shape: Shape,
    contestants: &[Contestant],
    length: Duration,
    number: usize,
) -> Vec<Sample> {
    let mut samples = vec![Sample::default(); contestants.len()];
    for next in 0..contestants.len() {
        let at = (number + next) % contestants.len();
        samples[at] = (contestants[at].lap)(shape, length);
    }
    samples
}

/// A figure of several rounds.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
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
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::runtime::Runtime;

    use super::*;

    struct Count(Arc<AtomicU64>);

    impl Work for Count {
        async fn run(&self, _number: u64) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

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

    #[test]
    fn a_lone_task_makes_as_many_calls_of_each() {
        let runtime = Runtime::new().unwrap();
        let counts = [0, 0].map(|zero| Arc::new(AtomicU64::new(zero)));
        let contestants = counts.each_ref().map(|count| {
            let work = Count(count.clone());
            Contestant::new("counted", runtime.handle(), work)
        });
        let plan = Plan {
            rounds: 2,
            threads_lap: Duration::ZERO,
            tasks_lap: Duration::from_millis(2),
            tasks_turns: 1,
        };
        let samples = compete(&plan, Shape::Tasks(1), &contestants);
        let [ours, theirs] = counts.map(|count| count.load(Ordering::Relaxed));
        assert_eq!(ours, theirs);
        assert!(samples.iter().all(|samples| samples.rounds.len() == 2));
        let rates = samples.iter().flat_map(|samples| &samples.rounds);
        assert!(rates.clone().all(|sample| sample.rate > 0.0));
    }
}
