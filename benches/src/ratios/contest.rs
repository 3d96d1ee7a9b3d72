//! From a contest to rows of the table.

use benches::rounds::{Contestant, Samples, compete};
use benches::table::{Goal, Round, Row, Unit};
use sampler::sample::{Sample, Shape};

use crate::ratios::Setting;

/// One workload: what it is called and by how many it is done.
pub(crate) struct Contest<'s> {
    pub(crate) setting: &'s Setting,
    pub(crate) backend: &'static str,
    pub(crate) workload: String,
    pub(crate) shape: Shape,
}

impl Contest<'_> {
    /// Runs ours, which is the first, and all others; a row of rates for each of those.
    pub(crate) fn rates(self, ours: Contestant, peers: Vec<(Contestant, Goal)>) -> Vec<Row> {
        let (peers, goals): (Vec<_>, Vec<_>) = peers.into_iter().unzip();
        let contestants: Vec<_> = std::iter::once(ours).chain(peers).collect();
        let samples = self.run(&contestants);
        self.rows(&samples, &goals, Unit::Rate, |sample| sample.rate)
    }

    /// Runs the rounds and says so.
    pub(crate) fn run(&self, contestants: &[Contestant]) -> Vec<Samples> {
        eprintln!("  {} {}", self.backend, self.described());
        compete(&self.setting.plan, self.shape, contestants)
    }

    /// One row for each peer, judged by the ratio of a figure.
    pub(crate) fn rows(
        &self,
        samples: &[Samples],
        goals: &[Goal],
        unit: Unit,
        figure: impl Fn(&Sample) -> f64 + Copy,
    ) -> Vec<Row> {
        let (ours, peers) = samples.split_first().expect("ours is there");
        let row = |(theirs, goal): (&Samples, &Goal)| {
            let rounds = ours.rounds.iter().zip(&theirs.rounds);
            let rounds = rounds.map(|(ours, theirs)| Round {
                ours: figure(ours),
                theirs: Some(figure(theirs)),
            });
            Row::new(
                (self.backend, self.described(), theirs.name),
                unit,
                *goal,
                rounds.collect(),
            )
        };
        peers.iter().zip(goals).map(row).collect()
    }

    /// What a lone request waits beside the plain driver, and what one in a hundred waits among
    /// many, from the samples of one contest.
    pub(crate) fn latencies(&self, samples: &[Samples], plain: &str) -> Vec<Row> {
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

pub(crate) fn at_least(must: f64, aim: f64) -> Goal {
    Goal::AtLeast { must, aim }
}

pub(crate) fn at_most(must: f64, aim: f64) -> Goal {
    Goal::AtMost { must, aim }
}
