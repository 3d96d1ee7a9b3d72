//! Makes a sequence that fails as short and as plain as a few seconds allow.

use std::time::{Duration, Instant};

use session_core::Condition;

use super::operation::{Life, Operation, Step};
use super::{Bench, Disagreement};

/// How long shortening may take, beside the minute that a case has.
const PATIENCE: Duration = Duration::from_secs(15);

/// Shortens greedily: leaves out ever smaller parts, then makes each step plainer, as long as the
/// store and the map still disagree somewhere.
pub(super) async fn shorten(
    bench: &Bench<'_>,
    steps: &[Step],
    found: Disagreement,
) -> (Vec<Step>, Disagreement) {
    let mut search = Search {
        bench,
        until: Instant::now() + PATIENCE,
        steps: steps[..=found.at].to_vec(),
        found,
    };
    let mut part = search.steps.len().div_ceil(2);
    while part > 0 {
        let before = search.steps.len();
        search.leave_out(part).await;
        let shorter = search.steps.len() < before;
        // Single steps are tried again, since one that went may have needed another.
        part = if part == 1 && shorter { 1 } else { part / 2 };
    }
    search.make_plainer().await;
    (search.steps, search.found)
}

struct Search<'b, 's> {
    bench: &'b Bench<'s>,
    until: Instant,
    /// The shortest sequence so far; its last step is the one that disagrees.
    steps: Vec<Step>,
    found: Disagreement,
}

impl Search<'_, '_> {
    async fn leave_out(&mut self, part: usize) {
        let mut at = 0;
        while at < self.steps.len() {
            let mut shorter = self.steps.clone();
            shorter.drain(at..(at + part).min(self.steps.len()));
            if !self.still_fails(shorter).await {
                at += part;
            }
        }
    }

    async fn make_plainer(&mut self) {
        let mut at = 0;
        while at < self.steps.len() {
            let mut plainer = plainer(&self.steps[at].operation).into_iter();
            let tried = loop {
                let Some(operation) = plainer.next() else {
                    break false;
                };
                let mut steps = self.steps.clone();
                steps[at].operation = operation;
                if self.still_fails(steps).await {
                    break true;
                }
            };
            if !tried {
                at += 1;
            }
        }
    }

    /// Takes the sequence if it fails too.
    async fn still_fails(&mut self, steps: Vec<Step>) -> bool {
        if Instant::now() > self.until {
            return false;
        }
        let Some(found) = self.bench.attempt(&steps).await else {
            return false;
        };
        self.steps = steps;
        self.steps.truncate(found.at + 1);
        self.found = found;
        true
    }
}

/// The operation with one thing less to think about, in each way.
fn plainer(operation: &Operation) -> Vec<Operation> {
    match operation {
        Operation::ReadAll(keys) => without_each(keys).map(Operation::ReadAll).collect(),
        Operation::RemoveAll(keys) => without_each(keys).map(Operation::RemoveAll).collect(),
        Operation::WriteAll(entries, life) => without_each(entries)
            .map(|fewer| Operation::WriteAll(fewer, *life))
            .chain(plainer_life(*life).map(|life| Operation::WriteAll(entries.clone(), life)))
            .collect(),
        Operation::Write(key, value, condition, life) => {
            let write = |condition: &Condition, life| {
                Operation::Write(key.clone(), value.clone(), condition.clone(), life)
            };
            let always = (*condition != Condition::Always).then_some(&Condition::Always);
            let always = always.map(|always| write(always, *life));
            let lives = plainer_life(*life).map(|life| write(condition, life));
            always.into_iter().chain(lives).collect()
        }
        Operation::Increment(key, by, life) => plainer_life(*life)
            .map(|life| Operation::Increment(key.clone(), *by, life))
            .collect(),
        _ => Vec::new(),
    }
}

fn without_each<T: Clone>(list: &[T]) -> impl Iterator<Item = Vec<T>> + '_ {
    (0..list.len()).map(|left_out| {
        let mut fewer = list.to_vec();
        fewer.remove(left_out);
        fewer
    })
}

fn plainer_life(life: Life) -> impl Iterator<Item = Life> {
    (life != Life::Never).then_some(Life::Never).into_iter()
}
