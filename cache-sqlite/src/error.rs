//! What can go wrong below, and what the contract calls it.

use std::time::Duration;

use rusqlite::{ErrorCode, ffi};
use session_core::{Error, ErrorKind, Outcome};

/// The name that errors carry.
pub(crate) const BACKEND: &str = "sqlite";

/// Why a piece of work on a connection did not give its answer.
///
/// It is made where the cause is known and becomes an [`Error`] where the operation is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    /// SQLite failed. Its own words are not kept, since they may hold a path.
    Sqlite(ffi::Error),
    /// A row is not as the schema says.
    Malformed,
    /// A rule of the contract or of this backend, in its own words if it has some.
    Rule(ErrorKind, Option<&'static str>),
    /// A value of this many bytes is too long for where it was to be read.
    TooLong(usize),
}

impl Failure {
    /// Converts the failure of an operation that left the store as it was.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        let error = |kind| Error::new(kind, BACKEND, operation).with_outcome(Outcome::NotApplied);
        match self {
            Self::Sqlite(cause) => error(kind(cause.code)).with_source(cause),
            Self::Malformed => {
                error(ErrorKind::Corrupt).with_message("the table is not as this backend makes it")
            }
            Self::Rule(kind, None) => error(kind),
            Self::Rule(kind, Some(message)) => error(kind).with_message(message),
            Self::TooLong(_) => error(ErrorKind::Other),
        }
    }

    /// Whether another connection holds the lock that was needed.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Whether there was no room, so that less at once may find some.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DiskFull))
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(cause) => Some(cause.code),
            Self::Malformed | Self::Rule(..) | Self::TooLong(_) => None,
        }
    }
}

/// Private to this backend, for `?` in front of every call of the driver.
impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        error
            .sqlite_error()
            .map_or(Self::Malformed, |cause| Self::Sqlite(*cause))
    }
}

/// The store's file is gone from its path, or another one stands there.
pub(crate) const GONE: Failure = Failure::Rule(
    ErrorKind::Unavailable,
    Some("the file was removed or replaced; put it back, or connect anew"),
);

/// An `InvalidInput` error of `connect`.
pub(crate) fn refuse(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, BACKEND, "connect").with_message(message)
}

/// The error of a call that waited for its turn until its time was over.
pub(crate) fn overloaded(operation: &'static str, waited: Duration) -> Error {
    Error::new(ErrorKind::Overloaded, BACKEND, operation).with_message(format!(
        "the call did not get its turn within {} ms",
        waited.as_millis()
    ))
}

/// The error of a call whose work had begun and did not end within its time.
pub(crate) fn timed_out(operation: &'static str, outcome: Outcome) -> Error {
    Error::new(ErrorKind::Timeout, BACKEND, operation).with_outcome(outcome)
}

/// What the contract calls an error of SQLite.
fn kind(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Overloaded,
        ErrorCode::DiskFull => ErrorKind::Full,
        ErrorCode::ReadOnly => ErrorKind::ReadOnly,
        ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied => ErrorKind::Denied,
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => ErrorKind::Corrupt,
        ErrorCode::SystemIoFailure => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}
