//! From a contest to rows of the table.

use benches::rounds::{Contestant, Plan, Samples, compete};
use benches::table::{Goal, Row, Unit};
use sampler::sample::{Sample, Shape};

use crate::ratios::Setting;

/// One workload: what it is called and by how many it is done.
pub(crate) struct Contest<'s> {
    pub(crate) setting: &'s Setting,
    pub(crate) backend: &'static str,
    pub(crate) workload: String,
    pub(crate) shape: Shape,
}

impl<'s> Contest<'s> {
    /// Runs ours, which is the first, and all others; a row of rates for each of those.
    pub(crate) fn rates(self, ours: Contestant, peers: Vec<(Contestant, Goal)>) -> Vec<Row> {
        self.part(1, ours, peers).rows()
    }

    /// The same for one part of so many of the rounds.
    pub(crate) fn part(
        self,
        parts: usize,
        ours: Contestant,
        peers: Vec<(Contestant, Goal)>,
    ) -> Bout<'s> {
        eprintln!("  {} {}", self.backend, self.described());
        let (peers, goals): (Vec<_>, _) = peers.into_iter().unzip();
        let contestants: Vec<_> = std::iter::once(ours).chain(peers).collect();
        let plan = Plan {
            rounds: self.setting.plan.rounds.div_ceil(parts),
            ..self.setting.plan
        };
        let samples = compete(&plan, self.shape, &contestants);
        Bout {
            contest: self,
            goals,
            samples,
            plain: None,
        }
    }

    /// One row for each peer, judged by the ratio of a figure.
    fn rows(
        &self,
        samples: &[Samples],
        goals: &[Goal],
        unit: Unit,
        figure: impl Fn(&Sample) -> f64 + Copy,
    ) -> Vec<Row> {
        let (ours, peers) = samples.split_first().expect("ours is there");
        let row = |(theirs, goal): (&Samples, &Goal)| {
            let judged = ours.ratio(theirs, figure);
            Row {
                backend: self.backend.into(),
                workload: self.described(),
                peer: theirs.name.into(),
                unit,
                ours: ours.spread(figure).median,
                theirs: Some(theirs.spread(figure).median),
                judged,
                goal: *goal,
                mark: goal.mark(judged.median),
            }
        };
        peers.iter().zip(goals).map(row).collect()
    }

    /// What a lone request waits beside the plain driver, and what one in a hundred waits among
    /// many, from the samples of one contest.
    fn latencies(&self, samples: &[Samples], plain: &str) -> Vec<Row> {
        let peers = || samples.iter().skip(1);
        let latency = |what: &str, goals: &[Goal], figure: fn(&Sample) -> f64| {
            let mut rows = self.rows(samples, goals, Unit::Time, figure);
            for row in &mut rows {
                row.workload += what;
            }
            rows
        };
        match self.shape {
            Shape::Tasks(1) => {
                let goals: Vec<_> = peers()
                    .map(|peer| match peer.name == plain {
                        true => at_most(1.1, 1.0),
                        false => Goal::None,
                    })
                    .collect();
                latency(", median time", &goals, |sample| sample.p50 as f64)
            }
            Shape::Tasks(64) => {
                let goals: Vec<_> = peers().map(|_| at_most(1.0, 1.0)).collect();
                latency(", p99 of the time", &goals, |sample| sample.p99 as f64)
            }
            _ => Vec::new(),
        }
    }

    fn described(&self) -> String {
        let (count, one, many) = match self.shape {
            Shape::Threads(threads) => (threads, "thread", "threads"),
            Shape::Tasks(tasks) => (tasks, "task", "tasks"),
        };
        let who = if count == 1 { one } else { many };
        format!("{}, {count} {who}", self.workload)
    }
}

/// A contest and what it gave so far.
pub(crate) struct Bout<'s> {
    contest: Contest<'s>,
    goals: Vec<Goal>,
    /// Those of ours, then those of each peer.
    samples: Vec<Samples>,
    /// The plain driver, if latencies are shown.
    plain: Option<&'static str>,
}

impl Bout<'_> {
    /// Shows latencies too, that of a lone request beside this peer's.
    pub(crate) fn with_latencies(mut self, plain: &'static str) -> Self {
        self.plain = Some(plain);
        self
    }

    fn add(&mut self, more: Self) {
        for (samples, more) in self.samples.iter_mut().zip(more.samples) {
            samples.rounds.extend(more.rounds);
        }
    }

    fn rows(&self) -> Vec<Row> {
        let (contest, samples) = (&self.contest, &self.samples);
        let mut rows = contest.rows(samples, &self.goals, Unit::Rate, |sample| sample.rate);
        let latencies = self.plain.map(|plain| contest.latencies(samples, plain));
        rows.extend(latencies.into_iter().flatten());
        rows
    }
}

/// Goes through contests so many times and measures a part of the rounds each time: what a machine
/// does for seconds or minutes then falls on a part of each, and not on all of one.
pub(crate) fn in_passes<'s>(passes: usize, measure: impl Fn(usize) -> Vec<Bout<'s>>) -> Vec<Row> {
    let mut bouts = measure(passes);
    for _ in 1..passes {
        for (bout, more) in bouts.iter_mut().zip(measure(passes)) {
            bout.add(more);
        }
    }
    bouts.iter().flat_map(Bout::rows).collect()
}

pub(crate) fn at_least(must: f64, aim: f64) -> Goal {
    Goal::AtLeast { must, aim }
}

pub(crate) fn at_most(must: f64, aim: f64) -> Goal {
    Goal::AtMost { must, aim }
}
