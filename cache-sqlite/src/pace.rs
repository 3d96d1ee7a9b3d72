//! Where a read runs: on the calling thread while reads are short, elsewhere while they are not.
//!
//! A read from memory takes a few microseconds, a fifth of what a hop to another thread costs, so
//! it is done where it is asked for. A read that waits for the disk would hold up every other task
//! of the runtime's thread; which of the two it will be shows in how long the last ones took. And
//! since a read on the calling thread never waits, a task that only reads would never let another
//! one run; so now and then it is told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long reads take at present.
///
/// Threads may overwrite each other's counts: an estimate needs no more.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The running average of the last reads, in nanoseconds.
    average: AtomicU64,
    /// The time spent on calling threads since a task last gave way, in nanoseconds.
    held: AtomicU64,
}

impl Pace {
    /// Whether the next read may run on the calling thread.
    pub(crate) fn is_short(&self) -> bool {
        self.average.load(Ordering::Relaxed) <= SHORT
    }

    /// Takes note of a read, wherever it ran.
    pub(crate) fn note(&self, took: Duration) {
        let took = nanos(took).min(LONGEST);
        let average = self.average.load(Ordering::Relaxed);
        let average = average - average / READS + took / READS;
        self.average.store(average, Ordering::Relaxed);
    }

    /// Takes note of a read on the calling thread; `true` if the task should give way.
    pub(crate) fn note_here(&self, took: Duration) -> bool {
        self.note(took);
        let held = self
            .held
            .load(Ordering::Relaxed)
            .saturating_add(nanos(took));
        let enough = held >= TURN;
        self.held
            .store(if enough { 0 } else { held }, Ordering::Relaxed);
        enough
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// A read that takes longer on average than this, in nanoseconds, costs more than a hop.
const SHORT: u64 = 60_000;

/// No single read counts for more, in nanoseconds: where threads compete for processors, some are
/// interrupted for as long as a disk takes.
const LONGEST: u64 = 1_000_000;

/// The average is over about this many reads.
const READS: u64 = 32;

/// After this time on the calling thread, in nanoseconds, other tasks have their turn.
const TURN: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_reads_leave_the_calling_thread_and_come_back_when_they_are_short_again() {
        let pace = Pace::default();
        assert!(pace.is_short());
        pace.note(Duration::from_secs(1));
        assert!(pace.is_short(), "one may be chance");
        for _ in 0..5 {
            pace.note(Duration::from_millis(1));
        }
        assert!(!pace.is_short());
        for _ in 0..100 {
            pace.note(Duration::from_micros(20));
        }
        assert!(pace.is_short());
    }

    #[test]
    fn a_task_gives_way_after_its_turn() {
        let pace = Pace::default();
        let turns = (0..1_000).filter(|_| pace.note_here(Duration::from_micros(10)));
        assert_eq!(turns.count(), 100);
    }
}
