//! Where a read runs: on the calling thread while reads are short, elsewhere while they are not.
//!
//! A read from memory takes a few microseconds, a fifth of what a hop to another thread costs, so
//! it is done where it is asked for. A read that waits for the disk holds up every other task of
//! the runtime's thread; so when four of a few took long, the next ones run elsewhere, and then
//! some try again. Fewer prove nothing: where threads compete for processors, some reads are
//! interrupted for as long as a disk takes, the more of them the more threads read elsewhere.
//!
//! And since a read on the calling thread never waits, a task that only reads would never let
//! another one run; so now and then it is told to.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How long reads take at present.
///
/// Threads may overwrite each other's counts: an estimate needs no more.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What takes longer has waited for something.
    long: Duration,
    /// Grows with each long read and shrinks with each short one.
    suspicion: AtomicU32,
    /// How many reads are still to run elsewhere.
    away: AtomicU32,
    /// How many did the last time; twice as many will if the next try fails.
    spell: AtomicU32,
    /// The time spent on calling threads since a task last gave way, in nanoseconds.
    held: AtomicU64,
}

impl Pace {
    pub(crate) fn of_reads() -> Self {
        Self::new(LONG_READ)
    }

    pub(crate) fn of_writes() -> Self {
        Self::new(LONG_WRITE)
    }

    fn new(long: Duration) -> Self {
        Self {
            long,
            suspicion: AtomicU32::new(0),
            away: AtomicU32::new(0),
            spell: AtomicU32::new(0),
            held: AtomicU64::new(0),
        }
    }

    /// Whether the next read may run on the calling thread.
    pub(crate) fn is_short(&self) -> bool {
        let away = self.away.load(Ordering::Relaxed);
        if away > 0 {
            self.away.store(away - 1, Ordering::Relaxed);
        }
        away == 0
    }

    /// Whether the last reads were so long that the next ones run elsewhere.
    pub(crate) fn is_long(&self) -> bool {
        self.away.load(Ordering::Relaxed) > 0
    }

    /// Takes note of a read on the calling thread; `true` if the task should give way.
    pub(crate) fn note(&self, took: Duration) -> bool {
        let suspicion = self.suspicion.load(Ordering::Relaxed);
        if took > self.long {
            let suspicion = suspicion + SUSPICION;
            self.suspicion.store(suspicion, Ordering::Relaxed);
            if suspicion >= PROOF {
                self.leave();
            }
        } else if suspicion > 0 {
            self.suspicion.store(suspicion - 1, Ordering::Relaxed);
        } else if self.spell.load(Ordering::Relaxed) > 0 {
            self.spell.store(0, Ordering::Relaxed);
        }
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let held = self.held.load(Ordering::Relaxed).saturating_add(took);
        let enough = held >= TURN;
        self.held
            .store(if enough { 0 } else { held }, Ordering::Relaxed);
        enough
    }

    /// Sends the next reads elsewhere; those after them are suspect from the start.
    fn leave(&self) {
        let spell = self.spell.load(Ordering::Relaxed).saturating_mul(2);
        let spell = spell.clamp(SHORTEST_SPELL, LONGEST_SPELL);
        self.spell.store(spell, Ordering::Relaxed);
        self.away.store(spell, Ordering::Relaxed);
        self.suspicion.store(PROOF / 2, Ordering::Relaxed);
    }
}

/// A read that takes longer has waited for something.
const LONG_READ: Duration = Duration::from_micros(100);

/// The same of a write with its commit.
const LONG_WRITE: Duration = Duration::from_millis(1);

/// What a long read adds; each short one takes one away.
const SUSPICION: u32 = 8;

/// Four long reads among few are no chance, and two are not where reads were long before.
const PROOF: u32 = 4 * SUSPICION;

/// How many reads run elsewhere before one tries again on the calling thread.
const SHORTEST_SPELL: u32 = 64;

/// The same, after many tries that failed.
const LONGEST_SPELL: u32 = 4_096;

/// After this time on the calling thread, in nanoseconds, other tasks have their turn.
const TURN: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Duration = Duration::from_millis(1);
    const MEMORY: Duration = Duration::from_micros(10);

    /// How many of the next reads leave the calling thread before one tries again.
    fn away(pace: &Pace) -> usize {
        (0..100_000).take_while(|_| !pace.is_short()).count()
    }

    #[test]
    fn a_few_long_reads_among_short_ones_are_chance() {
        let pace = Pace::of_reads();
        for _ in 0..100 {
            pace.note(DISK);
            pace.note(DISK);
            for _ in 0..20 {
                pace.note(MEMORY);
            }
            assert_eq!(away(&pace), 0);
        }
    }

    #[test]
    fn long_reads_leave_and_tries_that_fail_become_rarer() {
        let pace = Pace::of_reads();
        pace.note(DISK);
        pace.note(DISK);
        for spell in [64, 128, 256, 512, 1_024, 2_048, 4_096, 4_096] {
            pace.note(DISK);
            pace.note(DISK);
            assert_eq!(away(&pace), spell);
        }
        for _ in 0..20 {
            pace.note(MEMORY);
        }
        for _ in 0..4 {
            pace.note(DISK);
        }
        assert_eq!(away(&pace), 64, "short reads make up for it");
    }

    #[test]
    fn a_task_gives_way_after_its_turn() {
        let pace = Pace::of_reads();
        assert_eq!((0..1_000).filter(|_| pace.note(MEMORY)).count(), 100);
    }
}
