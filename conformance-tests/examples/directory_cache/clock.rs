//! The host's clock, read once an operation.

use std::time::{Duration, SystemTime};

use session_core::{Deadline, Expiry, TimeToLive, unix_millis_rounded_up};

/// One reading, in milliseconds since 1970.
///
/// Durations count from the reading rounded up and deadlines are judged by it rounded down, so that
/// no entry ends early by a part of a millisecond.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    down: i64,
    up: i64,
}

impl Now {
    pub(crate) fn read() -> Self {
        let now = SystemTime::now();
        let up = unix_millis_rounded_up(now);
        // One nanosecond more reaches the next millisecond only from a whole one.
        let is_whole = unix_millis_rounded_up(now + Duration::from_nanos(1)) > up;
        Self {
            down: up - i64::from(!is_whole),
            up,
        }
    }

    /// When an entry of this expiry ends; `kept` is the deadline that is there.
    pub(crate) fn deadline(self, expiry: Expiry, kept: Deadline) -> Deadline {
        match expiry {
            Expiry::Keep => kept,
            Expiry::In(_) => expiry.deadline(self.up),
            Expiry::At(_) | Expiry::Never => expiry.deadline(self.down),
        }
    }

    pub(crate) fn is_before(self, deadline: Deadline) -> bool {
        deadline.time_to_live(self.down).is_some()
    }

    /// What is left of a live entry, never more than was asked for.
    pub(crate) fn left(self, deadline: Deadline) -> TimeToLive {
        let least = TimeToLive::Remaining(Duration::from_millis(1));
        deadline.time_to_live(self.up).unwrap_or(least)
    }
}
