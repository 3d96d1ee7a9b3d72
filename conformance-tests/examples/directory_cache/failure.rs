//! What the work on files can fail with, and the error that a caller sees of it.

use std::io;

use session_core::{Error, ErrorKind, Scope};

/// Why work on files failed.
pub(crate) enum Failure {
    /// The file system refused.
    Io(io::Error),
    /// The contract has a kind for it.
    Kind(ErrorKind),
}

impl Failure {
    /// The error of an operation. What the standard library tells of files shows no path.
    pub(crate) fn into_error(self, scope: &Scope, operation: &'static str) -> Error {
        match self {
            Self::Kind(kind) => scope.error(kind, operation),
            Self::Io(cause) => scope.error(kind(&cause), operation).with_source(cause),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

fn kind(cause: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match cause.kind() {
        // Of a single entry it is a miss and does not come here: the directory itself is gone.
        Io::NotFound | Io::NotADirectory => ErrorKind::Unavailable,
        Io::PermissionDenied => ErrorKind::Denied,
        Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Other,
    }
}
