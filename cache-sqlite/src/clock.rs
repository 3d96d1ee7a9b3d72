//! The host's wall clock, since the file outlives the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::{Deadline, Expiry, TimeToLive, unix_millis_rounded_up};

/// One reading of the clock, which serves a whole operation.
///
/// A deadline is reached when its millisecond begins, so what is live is asked with the reading
/// rounded down. A duration counts from the reading rounded up, so that no entry ends early by the
/// part of a millisecond that had passed when it was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Milliseconds since 1970, rounded down.
    pub(crate) millis: i64,
    rounded_up: i64,
}

impl Now {
    pub(crate) fn read() -> Self {
        Self::at(SystemTime::now())
    }

    pub(crate) fn at(instant: SystemTime) -> Self {
        let rounded_up = unix_millis_rounded_up(instant);
        // Before 1970 the two are taken as one; such a clock is wrong by more than that.
        let part = instant
            .duration_since(UNIX_EPOCH)
            .is_ok_and(|since| since.subsec_nanos() % 1_000_000 != 0);
        Self {
            millis: rounded_up - i64::from(part),
            rounded_up,
        }
    }

    pub(crate) fn deadline(self, expiry: Expiry) -> Deadline {
        match expiry {
            Expiry::In(_) => expiry.deadline(self.rounded_up),
            Expiry::At(_) | Expiry::Never | Expiry::Keep => expiry.deadline(self.millis),
        }
    }

    /// What is left of the life of an entry that is live: never more than was asked for, never
    /// zero.
    pub(crate) fn left(self, deadline: Option<i64>) -> TimeToLive {
        let Some(deadline) = deadline else {
            return TimeToLive::Never;
        };
        let left = u64::try_from(deadline.saturating_sub(self.rounded_up)).unwrap_or(0);
        TimeToLive::Remaining(Duration::from_millis(left.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(micros: u64) -> Now {
        Now::at(UNIX_EPOCH + Duration::from_micros(micros))
    }

    #[test]
    fn no_entry_ends_early_or_is_said_to_live_longer_than_asked() {
        for micros in [5_000, 5_001, 5_999] {
            let written = now(micros);
            let Deadline::At(deadline) = written.deadline(Expiry::In(Duration::from_millis(1)))
            else {
                panic!("a millisecond is no deadline in the past");
            };
            assert!(u64::try_from(deadline).unwrap() * 1_000 >= micros + 1_000);
            assert_eq!(
                written.left(Some(deadline)),
                TimeToLive::Remaining(Duration::from_millis(1))
            );
            assert!(now(micros + 999).millis < deadline);
        }
    }

    #[test]
    fn an_instant_is_past_from_its_own_millisecond_on() {
        let at = Expiry::At(UNIX_EPOCH + Duration::from_millis(6));
        assert_eq!(now(5_999).deadline(at), Deadline::At(6));
        assert_eq!(now(6_000).deadline(at), Deadline::Past);
        assert_eq!(
            now(5_999).deadline(Expiry::In(Duration::ZERO)),
            Deadline::Past
        );
    }

    #[test]
    fn what_is_left_is_never_zero() {
        assert_eq!(
            now(5_001).left(Some(6)),
            TimeToLive::Remaining(Duration::from_millis(1))
        );
    }
}
