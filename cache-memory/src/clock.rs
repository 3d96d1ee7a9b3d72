//! The clock that deadlines count on: monotonic, in milliseconds since 1970.
//!
//! It is set by the wall clock once, when it is made, and runs on the monotonic clock from then
//! on, so that nothing expires because somebody corrected the time of the host.
//!
//! An exact reading costs as much as a look-up in the map. Most entries are far from their
//! deadline, and for those a coarse reading decides, which the kernel keeps a few milliseconds
//! behind: only within [`COARSE_MARGIN_MS`] of a deadline is the exact clock asked. So what a
//! caller sees is always what the exact clock says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use session_core::{
    Deadline, Expiry, MAX_DEADLINE_MS, TimeToLive, millis_rounded_up, unix_millis_rounded_up,
};

use crate::entry::NEVER;

/// The time of one or several caches; clones are the same clock.
///
/// A cache makes its own. Give one to [`MemoryOptions::clock`](crate::MemoryOptions::clock) to move
/// time in a test, without sleeping:
///
/// ```
/// use std::time::Duration;
/// use cache_memory::{Clock, MemoryCache, MemoryOptions};
/// use session_core::{Condition, Expiry};
///
/// let clock = Clock::frozen();
/// let cache = MemoryCache::with_options(MemoryOptions::new().clock(clock.clone()));
/// let hour = Expiry::In(Duration::from_secs(3600));
/// cache.write_now("key", "value".into(), Condition::Always, hour)?;
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(cache.read_now("key")?, None);
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Milliseconds since 1970 when the clock was made.
    unix_ms: i64,
    started: Option<Started>,
    /// How far [`Clock::advance`] has moved it, in milliseconds.
    ahead_ms: AtomicI64,
}

/// Where a running clock started; a frozen one never did.
#[derive(Debug)]
struct Started {
    exact: Instant,
    coarse: coarsetime::Instant,
}

impl Clock {
    /// A clock that runs.
    pub fn new() -> Self {
        Self::with(Some(Started {
            exact: Instant::now(),
            coarse: coarsetime::Instant::now_without_cache_update(),
        }))
    }

    /// A clock that stands still until it is [advanced](Clock::advance).
    pub fn frozen() -> Self {
        Self::with(None)
    }

    /// Moves the time of every cache with this clock ahead, in whole milliseconds, rounded up.
    pub fn advance(&self, by: Duration) {
        let by = millis_rounded_up(by).min(MAX_DEADLINE_MS);
        let ahead = &self.shared.ahead_ms;
        // The end of time is the deadline that no entry can have.
        let moved = ahead.load(Ordering::Relaxed).saturating_add(by);
        ahead.store(moved.min(MAX_DEADLINE_MS), Ordering::Relaxed);
    }

    fn with(started: Option<Started>) -> Self {
        Self {
            shared: Arc::new(Shared {
                unix_ms: unix_millis_rounded_up(SystemTime::now()),
                started,
                ahead_ms: AtomicI64::new(0),
            }),
        }
    }

    /// The time for one operation, which reads the exact clock at most once.
    #[inline]
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            clock: self,
            exact: None,
        }
    }

    /// The clock's milliseconds, rounded down and rounded up.
    #[inline]
    fn exact(&self) -> (i64, i64) {
        let base = self.base_ms();
        let Some(started) = &self.shared.started else {
            return (base, base);
        };
        // One division for both. In 64 bits it costs little, and they last for 584 years.
        #[allow(clippy::cast_possible_truncation)]
        let nanos = started.exact.elapsed().as_nanos() as u64;
        let (down, up) = (nanos / NANOS_PER_MS, nanos.div_ceil(NANOS_PER_MS));
        (base + down.cast_signed(), base + up.cast_signed())
    }

    /// The clock's milliseconds, wrong by much less than [`COARSE_MARGIN_MS`] either way.
    #[inline]
    fn coarse_ms(&self) -> i64 {
        let base = self.base_ms();
        let Some(started) = &self.shared.started else {
            return base;
        };
        let now = coarsetime::Instant::now_without_cache_update();
        let elapsed = now.duration_since(started.coarse).as_millis();
        base.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX))
    }

    #[inline]
    fn base_ms(&self) -> i64 {
        self.shared.unix_ms + self.shared.ahead_ms.load(Ordering::Relaxed)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// What time it is for one operation. No clock is read until the answer depends on it.
pub(crate) struct Reading<'c> {
    clock: &'c Clock,
    exact: Option<(i64, i64)>,
}

impl Reading<'_> {
    /// Whether an entry with this deadline is absent.
    #[inline]
    pub(crate) fn is_past(&mut self, deadline: i64) -> bool {
        if deadline == NEVER {
            return false;
        }
        if self.exact.is_none() {
            let away = deadline - self.clock.coarse_ms();
            if away.abs() > COARSE_MARGIN_MS {
                return away < 0;
            }
        }
        deadline <= self.now_ms()
    }

    /// The exact time, rounded down: what deadlines are compared with.
    pub(crate) fn now_ms(&mut self) -> i64 {
        self.exact().0
    }

    /// The deadline that an expiry asks for.
    ///
    /// Counts from the time rounded up, so that no entry lives a part of a millisecond too short.
    #[inline]
    pub(crate) fn deadline(&mut self, expiry: Expiry) -> Deadline {
        match expiry {
            Expiry::Never => Deadline::Never,
            Expiry::Keep => Deadline::Keep,
            Expiry::In(_) => expiry.deadline(self.exact().1),
            Expiry::At(instant) => self.deadline_at(instant),
        }
    }

    fn deadline_at(&mut self, instant: SystemTime) -> Deadline {
        if unix_millis_rounded_up(instant) > MAX_DEADLINE_MS {
            return Deadline::Never;
        }
        // The wall clock tells how far away the instant is, and this clock counts that down.
        match instant.duration_since(SystemTime::now()) {
            Err(_) | Ok(Duration::ZERO) => Deadline::Past,
            Ok(left) => {
                let deadline = millis_rounded_up(left).saturating_add(self.exact().1);
                Deadline::At(deadline.min(MAX_DEADLINE_MS))
            }
        }
    }

    /// What is left until a deadline that is not past.
    pub(crate) fn time_to_live(&mut self, deadline: i64) -> TimeToLive {
        if deadline == NEVER {
            return TimeToLive::Never;
        }
        let left = deadline.saturating_sub(self.exact().1).max(1);
        TimeToLive::Remaining(Duration::from_millis(left.unsigned_abs()))
    }

    #[inline]
    fn exact(&mut self) -> (i64, i64) {
        *self.exact.get_or_insert_with(|| self.clock.exact())
    }
}

/// Within this distance of a deadline the exact clock is read. Kernels keep the coarse clock to
/// within 16 ms; the rest is for a machine that stood still.
const COARSE_MARGIN_MS: i64 = 1_000;
const NANOS_PER_MS: u64 = 1_000_000;
