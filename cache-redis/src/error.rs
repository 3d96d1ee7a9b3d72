//! What went wrong below, told in the contract's words.
//!
//! Redis names its errors by a code at the start of the line; the code decides, not the driver's
//! classes. Servers quote commands and their arguments in some messages, so that of a message only
//! what is known to quote nothing is kept.

use std::fmt;
use std::sync::Arc;

use redis::ServerError;
use session_core::{Error, ErrorKind, Outcome};

pub(crate) const BACKEND: &str = "redis";

/// Why a request to a server failed; becomes an [`Error`] once the operation is known.
///
/// Cheap to clone, because one lost connection fails many calls.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) outcome: Outcome,
    cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure of which it is known that the server changed nothing.
    pub(crate) fn not_applied(kind: ErrorKind, cause: impl Into<Arc<str>>) -> Self {
        let cause = Some(cause.into());
        Self {
            kind,
            outcome: Outcome::NotApplied,
            cause,
        }
    }

    /// A failure after which the server may have changed.
    pub(crate) fn unknown(kind: ErrorKind, cause: impl Into<Arc<str>>) -> Self {
        let cause = Some(cause.into());
        Self {
            kind,
            outcome: Outcome::Unknown,
            cause,
        }
    }

    /// No answer within the call's time.
    pub(crate) fn silence() -> Self {
        Self::unknown(ErrorKind::Timeout, "the server did not answer")
    }

    /// An answer that the protocol does not allow for what was asked.
    pub(crate) fn unexpected() -> Self {
        Self::unknown(ErrorKind::Other, "the answer is not one to the question")
    }

    /// The failure of a call of which a part may have been applied all the same.
    pub(crate) fn in_part(mut self, is_applied: bool) -> Self {
        if is_applied {
            self.outcome = Outcome::Unknown;
        }
        self
    }

    /// The failure as the caller of an operation sees it.
    pub(crate) fn of(self, operation: &'static str) -> Error {
        let error = Error::new(self.kind, BACKEND, operation).with_outcome(self.outcome);
        match self.cause {
            Some(cause) => error.with_source(Cause(cause)),
            None => error,
        }
    }
}

/// The connection failed; whether the server had the request by then nobody knows.
pub(crate) fn cut(error: &std::io::Error) -> Failure {
    Failure::unknown(ErrorKind::Unavailable, error.to_string())
}

/// The server ended the connection.
pub(crate) fn closed() -> Failure {
    Failure::unknown(ErrorKind::Unavailable, "the server closed the connection")
}

/// An answer that cannot be read. What it was is not told: it may quote a value.
pub(crate) fn garbled() -> Failure {
    Failure::unknown(ErrorKind::Other, "the answer is garbled")
}

/// A connection that could not be opened: nothing was sent.
pub(crate) fn opening(error: &std::io::Error) -> Failure {
    Failure::not_applied(ErrorKind::Unavailable, error.to_string())
}

/// An answer that is an error. The server says so before it changes anything, save where the
/// connection or the script ended half-way.
pub(crate) fn server(error: &ServerError) -> Failure {
    let code = code(error);
    let kind = match code {
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => ErrorKind::Unavailable,
        // A client of a cluster follows these.
        "MOVED" | "ASK" | "CROSSSLOT" => {
            let cause = "the server is part of a cluster, whose URL begins with redis+cluster";
            return Failure::not_applied(ErrorKind::InvalidInput, cause);
        }
        "BUSY" => ErrorKind::Overloaded,
        "READONLY" | "NOREPLICAS" => ErrorKind::ReadOnly,
        "OOM" | "MISCONF" => ErrorKind::Full,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" => ErrorKind::Denied,
        "ERR" => match error.details() {
            Some(text) if text.contains("max number of clients") => ErrorKind::Overloaded,
            Some(text) if text.contains("invalid password") || text.contains("AUTH") => {
                ErrorKind::Denied
            }
            Some(text) if text.contains("DB index") => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        },
        _ => ErrorKind::Other,
    };
    Failure::not_applied(kind, message(code, error.details()))
}

/// The code of an error, also where an older server wrapped it into a script's error.
pub(crate) fn code(error: &ServerError) -> &str {
    if error.code() == "ERR"
        && let Some((_, inner)) = error.details().unwrap_or_default().rsplit_once(": -")
    {
        let code = inner.split(' ').next().unwrap_or_default();
        if !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return code;
        }
    }
    error.code()
}

/// Code and text of an error, up to where the server starts to quote.
fn message(code: &str, details: Option<&str>) -> String {
    let details = details.unwrap_or_default();
    let plain = details.split(['\'', '`', '"']).next().unwrap_or_default();
    let plain = plain.split(" script:").next().unwrap_or_default();
    format!("{code} {}", plain.trim_end())
}

/// The text of a failure as the `source()` of an error.
struct Cause(Arc<str>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Cause {}
