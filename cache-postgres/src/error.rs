//! What the driver reports, in the terms of the contract.
//!
//! Neither a message nor a source quotes what the server wrote: its messages and details may hold
//! keys and values. The SQLSTATE says the same to who operates it, and the server's own log says
//! the rest.

use std::fmt;
use std::io;
use std::sync::Arc;

use session_core::{Error, ErrorKind, Outcome};

/// The name that errors carry.
pub(crate) const BACKEND: &str = "postgres";

/// An error before it is known for which operation; many calls may share one.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) outcome: Outcome,
    message: Option<&'static str>,
    source: Option<Arc<Cause>>,
}

/// How far a statement had come when the driver failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No statement was sent.
    Connecting,
    Running,
}

/// The driver's error without anything that a caller or a server put into it.
#[derive(Debug)]
enum Cause {
    Server {
        code: String,
    },
    Io {
        kind: io::ErrorKind,
        message: String,
    },
    Tls(String),
    Driver(&'static str),
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, outcome: Outcome) -> Self {
        Self {
            kind,
            outcome,
            message: None,
            source: None,
        }
    }

    pub(crate) fn with_message(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }

    /// The time is over and nothing has come back.
    pub(crate) fn silence(stage: Stage) -> Self {
        match stage {
            Stage::Connecting => Self::new(ErrorKind::Timeout, Outcome::NotApplied)
                .with_message("the server did not accept a connection in time"),
            Stage::Running => Self::new(ErrorKind::Timeout, Outcome::Unknown),
        }
    }

    /// The same failure for a call that did not send anything.
    pub(crate) fn before_sending(self) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            outcome: Outcome::NotApplied,
            ..self
        }
    }

    /// Whether this tells of a server that refuses or is silent, as an outage does.
    pub(crate) fn is_outage(&self) -> bool {
        self.kind == ErrorKind::Unavailable
            || (self.kind == ErrorKind::Timeout && self.source.is_none())
    }

    pub(crate) fn is_silence_after_sending(&self) -> bool {
        self.kind == ErrorKind::Timeout && self.source.is_none() && self.outcome == Outcome::Unknown
    }

    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        let mut error = Error::new(self.kind, BACKEND, operation).with_outcome(self.outcome);
        if let Some(message) = self.message {
            error = error.with_message(message);
        }
        if let Some(source) = self.source {
            error = error.with_source(SharedCause(source));
        }
        error
    }
}

/// Converts what the driver reports.
pub(crate) fn failure(error: &sqlx::Error, stage: Stage) -> Failure {
    let (kind, applied, message, cause) = match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default().into_owned();
            let (kind, outcome, message) = by_sqlstate(&code);
            (kind, outcome, message, Cause::Server { code })
        }
        sqlx::Error::Io(error) => {
            let message = error.to_string();
            (
                ErrorKind::Unavailable,
                Outcome::Unknown,
                None,
                Cause::Io {
                    kind: error.kind(),
                    message,
                },
            )
        }
        sqlx::Error::Tls(error) => {
            let cause = Cause::Tls(error.to_string());
            let message = Some("the server and this client cannot agree on a TLS connection");
            (ErrorKind::Unavailable, Outcome::Unknown, message, cause)
        }
        sqlx::Error::PoolTimedOut => {
            let cause = Cause::Driver("the pool has no connection to give");
            (ErrorKind::Overloaded, Outcome::NotApplied, None, cause)
        }
        sqlx::Error::PoolClosed => {
            let cause = Cause::Driver("the pool was closed");
            (ErrorKind::Closed, Outcome::NotApplied, None, cause)
        }
        sqlx::Error::Protocol(message)
            if stage == Stage::Connecting && message.contains(NO_ANSWER) =>
        {
            let cause = Cause::Driver("the connection ended before the server had answered");
            (ErrorKind::Unavailable, Outcome::NotApplied, None, cause)
        }
        _ => (
            ErrorKind::Other,
            Outcome::Unknown,
            None,
            Cause::Driver(driver_words(error)),
        ),
    };
    let outcome = if stage == Stage::Connecting {
        Outcome::NotApplied
    } else {
        applied
    };
    Failure {
        kind,
        outcome,
        message,
        source: Some(Arc::new(cause)),
    }
}

/// What the driver reports when a connection ends instead of answering whether TLS will do: it takes
/// the byte that never came for a zero.
const NO_ANSWER: &str = "response from SSLRequest: 0x00";

/// Whether the connection that gave this error can be used again: the server answered with an
/// error and goes on listening.
pub(crate) fn leaves_connection_usable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // A server that became read only may have a successor: the next connection finds it.
            !["08", "57P", "25006", "XX"]
                .iter()
                .any(|class| code.starts_with(class))
        }
        _ => false,
    }
}

/// What an answered error means. Whatever the server answers with an error it has undone, except
/// when it goes down itself, which can happen after the commit.
fn by_sqlstate(code: &str) -> (ErrorKind, Outcome, Option<&'static str>) {
    use ErrorKind::*;
    let (kind, message) = match code {
        "25006" => (ReadOnly, Some("the server takes no writes at present")),
        "3D000" => (
            InvalidInput,
            Some("the server has no database of this name"),
        ),
        "3F000" | "42P01" | "42703" | "42P10" => (
            Corrupt,
            Some("the table is missing or not as this client made it"),
        ),
        "42501" => (
            Denied,
            Some("the role lacks a privilege on the table or its schema"),
        ),
        "53100" => (Full, Some("the server's disk is full")),
        "53200" => (Full, Some("the server is out of memory")),
        "53300" => (Overloaded, Some("the server takes no more connections")),
        "53400" => (Full, None),
        "55P03" => (Overloaded, Some("the entry is locked by somebody else")),
        "57014" => (Timeout, Some("the server cancelled the statement")),
        "57P04" => (InvalidInput, Some("the database was dropped")),
        "40001" | "40P01" => (Conflict, None),
        "40003" => (Unavailable, None),
        _ if code.starts_with("08") || code.starts_with("57P") => (Unavailable, None),
        _ if code.starts_with("28") => (Denied, Some("the server refuses this user")),
        _ if code.starts_with("XX00") => (Corrupt, None),
        _ => (Other, None),
    };
    let outcome = match kind {
        Unavailable => Outcome::Unknown,
        _ => Outcome::NotApplied,
    };
    (kind, outcome, message)
}

/// The driver's texts may quote what did not decode, so they are named and not repeated.
fn driver_words(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Configuration(_) => "the driver refuses its configuration",
        sqlx::Error::Protocol(_) => "the server's answer does not follow the protocol",
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            "the server's answer does not decode"
        }
        sqlx::Error::Encode(_) => "a parameter does not encode",
        _ => "the driver failed",
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { code } => write!(f, "the server answered with SQLSTATE {code}"),
            Self::Io { kind, message } => write!(f, "{message} ({kind:?})"),
            Self::Tls(message) => f.write_str(message),
            Self::Driver(words) => f.write_str(words),
        }
    }
}

/// Gives one cause to many errors.
#[derive(Debug)]
struct SharedCause(Arc<Cause>);

impl fmt::Display for SharedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedCause {}
