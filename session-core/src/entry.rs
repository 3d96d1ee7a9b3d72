//! What a writer asks of an entry and what a reader learns of its time.
//!
//! Time counts in whole milliseconds. A writer gives an [`Expiry`]; the store turns it into a
//! [`Deadline`] on its own clock, once an operation; a reader gets a [`TimeToLive`]. No clock is
//! read here: whose clock counts is the store's decision.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// When a write may happen. Whether it did is the `bool` that `write` gives.
#[derive(Clone, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Only if there is no live entry.
    Absent,
    /// Only if there is a live entry.
    Present,
    /// Only if there is a live entry with exactly these bytes.
    Equals(Bytes),
}

/// How long an entry is to live, as a writer asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Until it is removed.
    Never,
    /// For this long from now, rounded up to whole milliseconds. Zero leaves nothing behind.
    In(Duration),
    /// Until this instant, rounded up to whole milliseconds. A past one leaves nothing behind.
    /// An instant made by a clock that is wrong is off by as much; [`In`](Self::In) is not.
    At(SystemTime),
    /// As long as the live entry that is there would have lived; a new entry never expires.
    Keep,
}

/// What is left of an entry's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// It has no deadline.
    Never,
    /// It expires after this time, which is never zero.
    Remaining(Duration),
}

/// An [`Expiry`] on a store's clock. Backends store it; callers never see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// No deadline.
    Never,
    /// The first millisecond, since 1970 on the store's clock, at which the entry is absent.
    At(i64),
    /// The deadline is not after now: nothing stays behind, and what is there goes.
    Past,
    /// The deadline that the live entry has, or none for a new entry. The backend puts it in.
    Keep,
}

/// The last millisecond of the year 9999 since 1970. A deadline after it is [`Deadline::Never`].
pub const MAX_DEADLINE_MS: i64 = 253_402_300_799_999;

impl Expiry {
    /// Turns the expiry into a deadline on a clock that reads `now_ms` milliseconds since 1970.
    ///
    /// A clock that is finer than a millisecond is read once and rounded twice: up for `In`, so that
    /// no entry ends early by the part that had passed, and down for `At` and for judging what is
    /// live with [`Deadline::time_to_live`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use session_core::{Deadline, Expiry};
    ///
    /// assert_eq!(Expiry::In(Duration::from_micros(1)).deadline(1_000), Deadline::At(1_001));
    /// assert_eq!(Expiry::In(Duration::ZERO).deadline(1_000), Deadline::Past);
    /// assert_eq!(Expiry::In(Duration::MAX).deadline(1_000), Deadline::Never);
    /// ```
    #[inline]
    pub fn deadline(self, now_ms: i64) -> Deadline {
        let deadline = match self {
            Self::Never => return Deadline::Never,
            Self::Keep => return Deadline::Keep,
            Self::In(duration) => millis_rounded_up(duration).saturating_add(now_ms),
            Self::At(instant) => unix_millis_rounded_up(instant),
        };
        if deadline <= now_ms {
            Deadline::Past
        } else if deadline > MAX_DEADLINE_MS {
            Deadline::Never
        } else {
            Deadline::At(deadline)
        }
    }
}

impl Deadline {
    /// What is left at `now_ms`: `None` once the deadline is reached, `Never` without one.
    ///
    /// [`Deadline::Keep`] counts as no deadline, which is what it means for a new entry.
    pub fn time_to_live(self, now_ms: i64) -> Option<TimeToLive> {
        match self {
            Self::Never | Self::Keep => Some(TimeToLive::Never),
            Self::Past => None,
            Self::At(deadline) => {
                let left = u64::try_from(deadline.saturating_sub(now_ms)).ok()?;
                (left > 0).then(|| TimeToLive::Remaining(Duration::from_millis(left)))
            }
        }
    }
}

/// A duration in whole milliseconds, rounded up; `i64::MAX` if there are more.
#[inline]
pub fn millis_rounded_up(duration: Duration) -> i64 {
    // In parts, because a division of 128 bits would cost as much as a look-up in memory.
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    let whole = duration.as_secs().saturating_mul(1_000);
    i64::try_from(whole.saturating_add(rest.into())).unwrap_or(i64::MAX)
}

/// The milliseconds since 1970, rounded up, negative before it; saturating at both ends.
pub fn unix_millis_rounded_up(instant: SystemTime) -> i64 {
    match instant.duration_since(UNIX_EPOCH) {
        Ok(since) => millis_rounded_up(since),
        Err(before) => {
            let before = before.duration().as_millis();
            i64::try_from(before).map_or(i64::MIN, |before| -before)
        }
    }
}

impl std::fmt::Debug for Condition {
    /// Leaves the bytes of `Equals` out: values never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Always => "Always",
            Self::Absent => "Absent",
            Self::Present => "Present",
            Self::Equals(_) => "Equals(..)",
        })
    }
}

impl From<Duration> for Expiry {
    fn from(duration: Duration) -> Self {
        Self::In(duration)
    }
}

/// `None` is [`Expiry::Never`].
impl From<Option<Duration>> for Expiry {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Never, Self::In)
    }
}

impl From<SystemTime> for Expiry {
    fn from(instant: SystemTime) -> Self {
        Self::At(instant)
    }
}

/// What was read can be written back.
impl From<TimeToLive> for Expiry {
    fn from(time_to_live: TimeToLive) -> Self {
        match time_to_live {
            TimeToLive::Never => Self::Never,
            TimeToLive::Remaining(left) => Self::In(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_up_and_never_down() {
        for (nanos, millis) in [(1, 1), (1_000_000, 1), (1_000_001, 2), (1_999_999, 2)] {
            let deadline = Expiry::In(Duration::from_nanos(nanos)).deadline(10);
            assert_eq!(deadline, Deadline::At(10 + millis));
        }
        assert_eq!(millis_rounded_up(Duration::new(7, 999_999_999)), 8_000);
        assert_eq!(millis_rounded_up(Duration::MAX), i64::MAX);
    }

    #[test]
    fn an_instant_is_rounded_up_and_past_when_it_is_not_after_now() {
        let at = |nanos| Expiry::At(UNIX_EPOCH + Duration::from_nanos(nanos));
        assert_eq!(at(5_000_001).deadline(5), Deadline::At(6));
        assert_eq!(at(5_000_000).deadline(5), Deadline::Past);
        assert_eq!(
            Expiry::At(UNIX_EPOCH - Duration::from_secs(1)).deadline(5),
            Deadline::Past
        );
    }

    #[test]
    fn a_deadline_after_the_year_9999_is_never() {
        let left = u64::try_from(MAX_DEADLINE_MS).unwrap() - 5;
        assert_eq!(
            Expiry::In(Duration::from_millis(left)).deadline(5),
            Deadline::At(MAX_DEADLINE_MS)
        );
        assert_eq!(
            Expiry::In(Duration::from_millis(left + 1)).deadline(5),
            Deadline::Never
        );
        assert_eq!(Expiry::In(Duration::MAX).deadline(5), Deadline::Never);
    }

    #[test]
    fn what_is_left_is_never_zero() {
        assert_eq!(Deadline::At(6).time_to_live(6), None);
        assert_eq!(
            Deadline::At(6).time_to_live(5),
            Some(TimeToLive::Remaining(Duration::from_millis(1)))
        );
        assert_eq!(Deadline::Never.time_to_live(5), Some(TimeToLive::Never));
    }
}
