//! What one key of a store may hold, and what a call makes of it: the contract for one key, one
//! call at a time.
//!
//! Whether an entry is still live is not always known, because a call takes a while and the store's
//! clock is the store's. So a deadline is an interval, and a call that runs while it may be passing
//! may find the entry or not.

use bytes::Bytes;
use session_core::{Condition, TimeToLive};

use super::call::{Answer, Call, Life, Operation};

/// A live entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) value: Bytes,
    pub(super) deadline: Option<Deadline>,
}

/// The milliseconds between which a deadline lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Deadline {
    earliest: i64,
    latest: i64,
}

/// What holds for one key of a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contract {
    /// By how many milliseconds the store's clock and its steps may differ from the recorder's.
    pub(super) slack: i64,
}

impl Contract {
    /// What a key that held `before` may hold after a call, for each way in which the store could
    /// have given the answer; none if it could not.
    pub(super) fn after(self, before: Option<&Entry>, call: &Call) -> Vec<Option<Entry>> {
        let deadline = before.and_then(|entry| entry.deadline);
        let may_be_live = deadline.is_none_or(|deadline| call.from < deadline.latest);
        let may_be_over = deadline.is_some_and(|deadline| call.to >= deadline.earliest);
        let mut found = Vec::with_capacity(2);
        if before.is_none() || may_be_live {
            found.push(before);
        }
        if may_be_over {
            found.push(None);
        }
        let outcomes = found.into_iter().map(|found| self.outcome(found, call));
        let fitting = outcomes.filter(|(answer, _)| self.fits(call, answer));
        fitting.map(|(_, after)| after).collect()
    }

    /// The answer to a call that finds this, and what it leaves.
    fn outcome(self, found: Option<&Entry>, call: &Call) -> (Answer, Option<Entry>) {
        let same = || found.cloned();
        match &call.operation {
            Operation::Read => (
                Answer::Value(found.map(|entry| entry.value.clone())),
                same(),
            ),
            // How long it still lives is compared with the deadline, in `fits`.
            Operation::ReadWithTimeToLive => {
                let entry = found.map(|entry| (entry.value.clone(), self.left(entry, call)));
                (Answer::Entry(entry), same())
            }
            Operation::Write(value, condition, life) => {
                let holds = match condition {
                    Condition::Always => true,
                    Condition::Absent => found.is_none(),
                    Condition::Present => found.is_some(),
                    Condition::Equals(expected) => {
                        found.is_some_and(|entry| entry.value == expected)
                    }
                };
                let after = match holds {
                    true => self.stored(value.clone(), *life, found, call),
                    false => same(),
                };
                (Answer::Happened(holds), after)
            }
            Operation::Remove => (Answer::Happened(found.is_some()), None),
            Operation::Increment(by, life) => {
                let count = found.map_or(Some(0), |entry| number(&entry.value));
                let Some(sum) = count.map(|count| count + by) else {
                    return (Answer::NotANumber, same());
                };
                // A live counter keeps its deadline.
                let life = if found.is_some() { Life::Keep } else { *life };
                let after = self.stored(sum.to_string().into(), life, found, call);
                (Answer::Sum(sum), after)
            }
            Operation::SetTimeToLive(life) => {
                let after =
                    found.and_then(|entry| self.stored(entry.value.clone(), *life, found, call));
                (Answer::Happened(found.is_some()), after)
            }
        }
    }

    /// The entry that a write leaves.
    fn stored(self, value: Bytes, life: Life, found: Option<&Entry>, call: &Call) -> Option<Entry> {
        let deadline = match life {
            Life::Never => None,
            Life::Keep => found.and_then(|entry| entry.deadline),
            Life::In(0) => return None,
            Life::In(millis) => Some(Deadline {
                earliest: call.from + i64::from(millis) - self.slack,
                latest: call.to.saturating_add(i64::from(millis) + self.slack),
            }),
        };
        Some(Entry { value, deadline })
    }

    /// Some life that the entry may have left when the call asks.
    fn left(self, entry: &Entry, call: &Call) -> TimeToLive {
        let Some(Answer::Entry(Some((_, seen)))) = &call.answer else {
            return TimeToLive::Never;
        };
        let (TimeToLive::Remaining(left), Some(deadline)) = (seen, entry.deadline) else {
            return match entry.deadline {
                None => TimeToLive::Never,
                Some(_) => TimeToLive::Remaining(std::time::Duration::ZERO),
            };
        };
        let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        let least = deadline.earliest - call.to - self.slack;
        let most = deadline.latest.saturating_sub(call.from - self.slack);
        match (least..=most).contains(&millis) && millis > 0 {
            true => *seen,
            false => TimeToLive::Remaining(std::time::Duration::ZERO),
        }
    }

    /// Whether an answer is the one that came back, as far as that is known.
    fn fits(self, call: &Call, answer: &Answer) -> bool {
        call.answer.as_ref().is_none_or(|seen| seen == answer)
    }
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
