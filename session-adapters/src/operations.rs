//! What all adapters do, in terms of the cache: one call of the store for each.
//!
//! A session is one entry: JSON of what the framework keeps of it, under its framework's prefix and
//! its id, with the framework's deadline. No write here is unconditional.

use std::pin::Pin;

use serde::Serialize;
use session_core::{
    CacheClientExtended, Codec, Condition, Error, ErrorKind, Expiry, Result, SessionError,
    SessionResult,
};

use crate::store::{CacheSessionStore, WhenGone};

/// How many ids are tried for a new session. A second one is needed once in the life of a universe,
/// so more of them say that the store or the generator is broken.
pub(crate) const ID_TRIES: usize = 4;

impl<C: CacheClientExtended> CacheSessionStore<C> {
    /// Stores a new session; `false` if its key is taken, and then nothing changed.
    pub(crate) async fn write_new(
        &self,
        key: &str,
        data: &(impl Serialize + Sync),
        expiry: Expiry,
    ) -> Result<bool> {
        let value = Codec::Json.encode(data)?;
        self.cache
            .write(key, value, Condition::Absent, expiry)
            .await
    }

    /// Stores a session over the one that is there, and restores none that is not; `false` if there
    /// is none.
    ///
    /// The value is made at once: what waits for the store keeps nothing that it was made of.
    pub(crate) fn write_live<'a>(
        &'a self,
        key: &'a str,
        data: &(impl Serialize + Sync),
        expiry: Expiry,
    ) -> Result<Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>> {
        let value = Codec::Json.encode(data)?;
        Ok(self.cache.write(key, value, Condition::Present, expiry))
    }

    /// What a save answers that found its session, or did not.
    pub(crate) fn judge(&self, live: bool) -> SessionResult<()> {
        match self.when_gone {
            WhenGone::Fail if !live => Err(SessionError::Removed),
            _ => Ok(()),
        }
    }
}

/// The answer to [`ID_TRIES`] ids that were all taken.
pub(crate) fn no_free_id() -> Error {
    Error::new(ErrorKind::Other, "session", "create")
        .with_message("every new session id was taken already")
}
