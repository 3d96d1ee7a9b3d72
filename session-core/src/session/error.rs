//! What a session operation can fail with.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// The result of every session operation.
pub type SessionResult<T> = std::result::Result<T, SessionError>;

/// Says why a session operation failed. No form of it holds an id, a key or a value.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The session is not there any more: signed out, ended by an administrator, or expired.
    ///
    /// What was about to be stored was not: a session that was removed stays removed.
    Removed,
    /// Somebody else changed the session since it was loaded, or changed it again and again.
    ///
    /// Nothing was stored. Load again, or use [`Session::update`](crate::Session::update).
    Conflict,
    /// A hook refused.
    Rejected {
        /// The hook's words, as it gave them to [`Rejection::new`].
        reason: String,
    },
    /// The session lives in this request only, so nothing can be kept with it.
    RequestOnly,
    /// The store failed, or a value could not be encoded or decoded.
    Store(Error),
}

impl SessionError {
    /// Whether the same call may succeed later without anybody changing it.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Conflict => true,
            _ => false,
        }
    }

    /// Whether something does not decode.
    pub(super) fn is_codec(&self) -> bool {
        matches!(self, Self::Store(error) if error.kind() == ErrorKind::Codec)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => f.write_str("the session is not there any more"),
            Self::Conflict => f.write_str("the session was changed by others"),
            Self::Rejected { reason } => write!(f, "the session was refused: {reason}"),
            Self::RequestOnly => f.write_str("the session lives in this request only"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl StdError for SessionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // The store's error is shown in place, so its cause is the next in the chain.
            Self::Store(error) => error.source(),
            _ => None,
        }
    }
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// A hook's refusal, with a reason for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    reason: String,
}

impl Rejection {
    /// Refuses for this reason, which may be shown to the user.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl From<Rejection> for SessionError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected {
            reason: rejection.reason,
        }
    }
}
