//! How a seed becomes a sequence. What it is made of stands in [`choices`](super::choices).

use std::collections::BTreeSet;

use bytes::Bytes;
use session_core::Condition;

use super::operation::{Life, Operation, Step};

/// The choices for the sequences of one case.
pub(super) struct Plan {
    /// The name of the case.
    pub(super) case: &'static str,
    /// The views of the store: itself (empty) and namespaces of it.
    pub(super) views: &'static [&'static str],
    /// How many sequences the case tries.
    pub(super) seeds: u64,
    pub(super) keys: Vec<String>,
    pub(super) values: Vec<Bytes>,
    pub(super) prefixes: Vec<String>,
    pub(super) numbers: &'static [i64],
    pub(super) lives: &'static [Life],
    /// A kind of operation for each time that it stands here.
    pub(super) kinds: Vec<Kind>,
    pub(super) length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Read,
    ReadAll,
    ReadWithTimeToLive,
    GetTimeToLive,
    List,
    Write,
    WriteAll,
    Increment,
    SetTimeToLive,
    Copy,
    Remove,
    RemoveAll,
    RemoveStartingWith,
    RemoveExpired,
    FlushAll,
    Pass,
}

impl Plan {
    /// The sequence of a seed, and after it a look at all that is there.
    pub(super) fn sequence(&self, seed: u64) -> Vec<Step> {
        let mut dice = Dice::of(seed, &self.keys);
        let mut steps: Vec<Step> = (0..self.length).map(|_| self.step(&mut dice)).collect();
        for view in 0..self.views.len() {
            let look = self.look().into_iter();
            steps.extend(look.map(|operation| Step { view, operation }));
        }
        steps
    }

    /// Reads all that may be there, in each way.
    fn look(&self) -> Vec<Operation> {
        let is_key = |key: &&String| !key.is_empty() && !key.contains('\0');
        let keys: BTreeSet<&String> = self.keys.iter().filter(is_key).collect();
        let all = keys.iter().map(|key| (*key).clone()).collect();
        let mut look = vec![Operation::List(String::new()), Operation::ReadAll(all)];
        for key in keys {
            look.push(Operation::Read(key.clone()));
            look.push(Operation::ReadWithTimeToLive(key.clone()));
        }
        look
    }

    fn step(&self, dice: &mut Dice) -> Step {
        Step {
            view: dice.below(self.views.len()),
            operation: self.operation(dice),
        }
    }

    fn operation(&self, dice: &mut Dice) -> Operation {
        let key = dice.key(&self.keys);
        match *dice.pick(&self.kinds) {
            Kind::Read => Operation::Read(key),
            Kind::ReadAll => Operation::ReadAll(self.some_keys(dice)),
            Kind::ReadWithTimeToLive => Operation::ReadWithTimeToLive(key),
            Kind::GetTimeToLive => Operation::GetTimeToLive(key),
            Kind::List => Operation::List(dice.pick(&self.prefixes).clone()),
            Kind::Write => Operation::Write(
                key,
                dice.pick(&self.values).clone(),
                self.condition(dice),
                *dice.pick(self.lives),
            ),
            Kind::WriteAll => {
                let keys = self.some_keys(dice).into_iter();
                let entries = keys.map(|key| (key, dice.pick(&self.values).clone()));
                let entries = entries.collect();
                Operation::WriteAll(entries, *dice.pick(self.lives))
            }
            Kind::Increment => {
                Operation::Increment(key, *dice.pick(self.numbers), *dice.pick(self.lives))
            }
            Kind::SetTimeToLive => Operation::SetTimeToLive(key, *dice.pick(self.lives)),
            Kind::Copy => Operation::Copy(key, dice.key(&self.keys)),
            Kind::Remove => Operation::Remove(key),
            Kind::RemoveAll => Operation::RemoveAll(self.some_keys(dice)),
            Kind::RemoveStartingWith => {
                Operation::RemoveStartingWith(dice.pick(&self.prefixes).clone())
            }
            Kind::RemoveExpired => Operation::RemoveExpired,
            Kind::FlushAll => Operation::FlushAll,
            Kind::Pass => Operation::Pass(2),
        }
    }

    fn condition(&self, dice: &mut Dice) -> Condition {
        match dice.below(6) {
            0 | 1 => Condition::Always,
            2 => Condition::Absent,
            3 => Condition::Present,
            _ => Condition::Equals(dice.pick(&self.values).clone()),
        }
    }

    fn some_keys(&self, dice: &mut Dice) -> Vec<String> {
        let count = dice.below(2 * self.keys.len().min(6));
        (0..count).map(|_| dice.key(&self.keys)).collect()
    }
}

/// Throws that prefer some keys.
struct Dice {
    dice: crate::dice::Dice,
    /// The keys that most steps of this sequence are about.
    favourites: [String; 2],
}

impl Dice {
    fn of(seed: u64, keys: &[String]) -> Self {
        let mut dice = crate::dice::Dice::of(seed);
        let favourites = [(); 2].map(|()| dice.pick(keys).clone());
        Self { dice, favourites }
    }

    fn key(&mut self, keys: &[String]) -> String {
        match self.below(4) {
            n @ (0 | 1) => self.favourites[n].clone(),
            2 => self.favourites[0].clone(),
            _ => self.pick(keys).clone(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.dice.below(end)
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        self.dice.pick(list)
    }
}
