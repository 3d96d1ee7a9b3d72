//! Is there an order of these calls that explains all answers?
//!
//! The calls are those about one key, since a history is linearizable if that of each key is. The
//! search is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with the
//! memory that Lowe added ("Testing for linearizability", 2017): it puts the calls one behind the
//! other, each time one that began before any of those left had ended, follows the contract, and
//! goes back when no call fits. What was tried is remembered as the set of calls that were placed
//! and the entry that they left, because how they came to it does not matter for what follows.
//!
//! A call of unknown outcome has no end: it can be placed at any point behind its beginning, once
//! at most, or left out. A call that fits and cannot have changed anything, such as a read, is placed
//! at once without trying the others first: wherever else it could stand, it can stand here. Of
//! calls of unknown outcome that ask the same, the one that began first comes first.

use std::collections::HashSet;

use super::call::Call;
use super::entry::{Contract, Entry};

/// What the search came to.
#[derive(Debug)]
pub(super) enum Found {
    /// An order explains all answers.
    Order,
    /// None does; the longest that explains its answers, and what it leaves.
    None {
        longest: Vec<usize>,
        left: Option<Entry>,
    },
    /// None was found in [`LIMIT`] steps.
    TooMany,
}

/// Looks for an order of calls about one key, which was absent before, given by their beginnings.
pub(super) fn search(calls: &[Call], contract: Contract) -> Found {
    let mut tried: HashSet<(Placed, Option<Entry>)> = HashSet::new();
    // Where each step was taken from, to tell the order in the end.
    let mut steps: Vec<(usize, usize)> = Vec::new();
    let mut open = vec![Position {
        placed: Placed::none_of(calls.len()),
        entry: None,
        last: NO_STEP,
        count: 0,
    }];
    let mut furthest = (0, NO_STEP, None);
    while let Some(at) = open.pop() {
        if at.count > furthest.0 {
            furthest = (at.count, at.last, at.entry.clone());
        }
        let candidates = at.candidates(calls);
        if candidates.is_done {
            return Found::Order;
        }
        for (index, entry) in at.moves(calls, contract, candidates.calls) {
            let placed = at.placed.with(index);
            if tried.insert((placed.clone(), entry.clone())) {
                steps.push((at.last, index));
                open.push(Position {
                    placed,
                    entry,
                    last: steps.len() - 1,
                    count: at.count + 1,
                });
            }
        }
        if tried.len() > LIMIT {
            return Found::TooMany;
        }
    }
    let (_, mut last, left) = furthest;
    let mut longest = Vec::new();
    while last != NO_STEP {
        let (before, index) = steps[last];
        longest.push(index);
        last = before;
    }
    longest.reverse();
    Found::None { longest, left }
}

/// Some calls placed, and what they left.
struct Position {
    placed: Placed,
    entry: Option<Entry>,
    last: usize,
    count: usize,
}

struct Candidates {
    /// No call of known outcome is left.
    is_done: bool,
    calls: Vec<usize>,
}

impl Position {
    /// The calls that can come next: none that is left had ended when they began.
    fn candidates(&self, calls: &[Call]) -> Candidates {
        let left = || (0..calls.len()).filter(|index| !self.placed.has(*index));
        let first_end = left().map(|index| calls[index].ended).min();
        let first_end = first_end.unwrap_or(Call::NEVER);
        let mut candidates: Vec<usize> = Vec::new();
        for index in left().take_while(|index| calls[*index].began < first_end) {
            let call = &calls[index];
            let is_like_it = |other: &usize| {
                let other = &calls[*other];
                !other.is_known() && other.operation == call.operation
            };
            if call.is_known() || !candidates.iter().any(is_like_it) {
                candidates.push(index);
            }
        }
        Candidates {
            is_done: first_end == Call::NEVER,
            calls: candidates,
        }
    }

    /// What can be done next, the most promising last.
    fn moves(
        &self,
        calls: &[Call],
        contract: Contract,
        candidates: Vec<usize>,
    ) -> Vec<(usize, Option<Entry>)> {
        let mut moves = Vec::new();
        for index in candidates {
            let call = &calls[index];
            for after in contract.after(self.entry.as_ref(), call) {
                let changes = after != self.entry;
                if !changes && call.changed_nothing() {
                    return vec![(index, after)];
                }
                // A call of unknown outcome that changes nothing can as well be left out.
                if changes || call.is_known() {
                    moves.push((index, after));
                }
            }
        }
        moves.sort_by_key(|(index, _)| std::cmp::Reverse(calls[*index].ended));
        moves
    }
}

/// A set of calls.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Placed(Box<[u64]>);

impl Placed {
    fn none_of(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)].into())
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn with(&self, index: usize) -> Self {
        let mut words = self.0.clone();
        words[index / 64] |= 1 << (index % 64);
        Self(words)
    }
}

const NO_STEP: usize = usize::MAX;

/// Calls of one key are some hundred, and of unknown outcome a dozen: this is out of reach unless
/// something is wrong.
const LIMIT: usize = 300_000;
