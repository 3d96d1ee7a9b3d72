//! The one error type of the contract, and what a caller can ask it.
//!
//! A missing or expired key, a condition that did not hold and a removal of nothing are answers,
//! never errors. What is an error says three things: its [`ErrorKind`], whether trying again can
//! help ([`Error::is_transient`]) and whether the store may have changed ([`Error::outcome`]).
//! No key, value, session id or password is part of it.

use std::error::Error as StdError;
use std::fmt;

/// The result of every operation of the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A boxed cause, as [`Error::with_source`] takes it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Says why an operation failed.
///
/// Branch on [`kind`](Error::kind), [`is_transient`](Error::is_transient) and
/// [`outcome`](Error::outcome); show people the [`Display`](fmt::Display) form, which names the
/// backend, the operation and what is wrong, and follow [`source`](StdError::source) for the cause
/// as the driver told it.
///
/// ```
/// use session_core::{Error, ErrorKind, Outcome};
///
/// let error = Error::new(ErrorKind::Unavailable, "redis", "write").with_outcome(Outcome::Unknown);
/// assert!(error.is_transient());
/// assert_eq!(error.to_string(), "redis write: the store cannot be reached");
/// ```
pub struct Error(Box<Facts>);

/// Apart, so that a result takes no more than its value, and handing it on costs no more.
struct Facts {
    kind: ErrorKind,
    outcome: Outcome,
    backend: &'static str,
    operation: &'static str,
    message: Option<Box<str>>,
    source: Option<BoxError>,
}

/// What went wrong, as far as a caller would act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A key, value, name, URL or option that the contract refuses; nothing was sent.
    InvalidInput,
    /// `increment` met a value that is not a canonical 64-bit decimal integer.
    NotANumber,
    /// A counter would leave the range of `i64`.
    Overflow,
    /// A value could not be encoded, or what is stored does not decode as the type asked for.
    Codec,
    /// The store cannot be reached, or the connection was lost.
    Unavailable,
    /// The store did not answer within the client's time-out.
    Timeout,
    /// A queue, pool or lock is taken; nothing was done.
    Overloaded,
    /// The store can be read only, at present or for good.
    ReadOnly,
    /// The store has no room: memory, disk or quota.
    Full,
    /// The store refuses this user, or its file may not be opened.
    Denied,
    /// What is there is damaged, or no store of this kind.
    Corrupt,
    /// The client was closed.
    Closed,
    /// Others changed the entry again and again, or since it was read.
    Conflict,
    /// Anything else, a garbled answer among it.
    Other,
}

/// Whether the store may have changed. `Unknown` is what a lost reply leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing of the operation was applied.
    NotApplied,
    /// The operation may have been applied, or may still be.
    Unknown,
}

impl Error {
    /// Makes an error of a kind for a backend (`"sqlite"`) and an operation (`"write"`).
    ///
    /// The outcome starts as what the kind alone tells: `Unknown` for `Unavailable`, `Timeout`,
    /// `Corrupt` and `Other`, `NotApplied` for the rest.
    pub fn new(kind: ErrorKind, backend: &'static str, operation: &'static str) -> Self {
        Self(Box::new(Facts {
            kind,
            outcome: kind.outcome(),
            backend,
            operation,
            message: None,
            source: None,
        }))
    }

    /// Says more exactly whether the store may have changed.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// The same for a call of several steps that had changed the store before one of them failed.
    #[must_use]
    pub fn after_changes(self, changed: bool) -> Self {
        match changed {
            true => self.with_outcome(Outcome::Unknown),
            false => self,
        }
    }

    /// Says what is wrong in a clause for people, in place of the kind's own words.
    ///
    /// It may name limits, parameters and what would be right, but no key, value, id, password or
    /// URL with credentials.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Box<str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Keeps the cause, which must hold no key, value, id or password either.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the store may have changed.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// The backend that failed: `"memory"`, `"sqlite"`, `"redis"`, `"postgres"`, or a stranger's.
    pub fn backend(&self) -> &'static str {
        self.0.backend
    }

    /// The operation that failed, by its name in the traits.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Whether the same call may succeed later without anybody changing it.
    ///
    /// True for `Unavailable`, `Timeout`, `Overloaded`, `Conflict` and `ReadOnly`. Ask
    /// [`outcome`](Error::outcome) before repeating what must not happen twice.
    pub fn is_transient(&self) -> bool {
        use ErrorKind::*;
        matches!(
            self.0.kind,
            Unavailable | Timeout | Overloaded | Conflict | ReadOnly
        )
    }
}

impl ErrorKind {
    fn outcome(self) -> Outcome {
        match self {
            Self::Unavailable | Self::Timeout | Self::Corrupt | Self::Other => Outcome::Unknown,
            _ => Outcome::NotApplied,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::InvalidInput => "the input is not valid",
            Self::NotANumber => "the stored value is not a 64-bit integer",
            Self::Overflow => "the result does not fit a 64-bit integer",
            Self::Codec => "the value cannot be encoded, or what is stored cannot be decoded",
            Self::Unavailable => "the store cannot be reached",
            Self::Timeout => "the store did not answer in time",
            Self::Overloaded => "too much is waiting for the store",
            Self::ReadOnly => "the store can only be read",
            Self::Full => "the store has no room left",
            Self::Denied => "the store refuses access",
            Self::Corrupt => "the store is damaged or of another kind",
            Self::Closed => "the client is closed",
            Self::Conflict => "the entry was changed by others",
            Self::Other => "the store failed",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.message.as_deref().unwrap_or(self.0.kind.words());
        write!(f, "{} {}: {words}", self.0.backend, self.0.operation)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("outcome", &self.0.outcome)
            .field("backend", &self.0.backend)
            .field("operation", &self.0.operation)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
