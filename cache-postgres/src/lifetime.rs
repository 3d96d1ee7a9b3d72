//! What a write asks of the row that is there and of the time that the entry is to live.

use session_core::{Expiry, MAX_DEADLINE_MS, millis_rounded_up, unix_millis_rounded_up};

/// An [`Expiry`] in the form in which it is sent; the server adds its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Never,
    Keep,
    /// Past on any clock.
    Past,
    /// Milliseconds from now.
    In(i64),
    /// Milliseconds since 1970, past or not.
    Until(i64),
}

/// What the row that is there must be, without the bytes that `Equals` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Always,
    Absent,
    Present,
    Equals,
}

impl Lifetime {
    /// Each once; the amounts do not count.
    pub(crate) const ALL: [Self; 5] = [
        Self::Never,
        Self::Keep,
        Self::Past,
        Self::In(0),
        Self::Until(0),
    ];

    /// The place in [`ALL`](Self::ALL).
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Never => 0,
            Self::Keep => 1,
            Self::Past => 2,
            Self::In(_) => 3,
            Self::Until(_) => 4,
        }
    }

    /// The milliseconds to send; 0 where the statement does not look at them.
    pub(crate) fn amount(self) -> i64 {
        match self {
            Self::In(millis) | Self::Until(millis) => millis,
            Self::Never | Self::Keep | Self::Past => 0,
        }
    }
}

impl From<Expiry> for Lifetime {
    fn from(expiry: Expiry) -> Self {
        match expiry {
            Expiry::Never => Self::Never,
            Expiry::Keep => Self::Keep,
            Expiry::In(duration) => match millis_rounded_up(duration) {
                0 => Self::Past,
                millis if millis > MAX_DEADLINE_MS => Self::Never,
                millis => Self::In(millis),
            },
            Expiry::At(instant) => match unix_millis_rounded_up(instant) {
                millis if millis <= 0 => Self::Past,
                millis if millis > MAX_DEADLINE_MS => Self::Never,
                millis => Self::Until(millis),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn what_no_clock_needs_to_decide_is_decided_here() {
        let expiries = [
            (Expiry::In(Duration::ZERO), Lifetime::Past),
            (Expiry::In(Duration::from_nanos(1)), Lifetime::In(1)),
            (Expiry::In(Duration::MAX), Lifetime::Never),
            (Expiry::At(UNIX_EPOCH), Lifetime::Past),
            (
                Expiry::At(UNIX_EPOCH + Duration::from_micros(1_001)),
                Lifetime::Until(2),
            ),
        ];
        for (expiry, lifetime) in expiries {
            assert_eq!(Lifetime::from(expiry), lifetime);
        }
    }
}
