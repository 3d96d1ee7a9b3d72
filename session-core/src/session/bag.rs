//! The session bag: values beside the typed session, one cache entry each.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::current::CurrentSession;
use super::error::SessionResult;
use crate::entry::Expiry;

/// Values of any type that live and go with a session, one cache entry per key.
#[derive(Clone)]
pub struct SessionBag {
    current: CurrentSession,
}

impl SessionBag {
    /// Reads a value; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn get<V: DeserializeOwned>(&self, _key: &str) -> SessionResult<Option<V>> {
        todo!()
    }

    /// Writes a value that lives as long as the session; makes the session if there is none.
    ///
    /// # Errors
    ///
    /// `Removed`, `RequestOnly`, `Store`.
    pub async fn set<V: Serialize + Sync + ?Sized>(
        &self,
        _key: &str,
        _value: &V,
    ) -> SessionResult<()> {
        todo!()
    }

    /// Writes a value with an expiry of its own, never beyond the session's absolute limit.
    ///
    /// # Errors
    ///
    /// As [`set`](SessionBag::set).
    pub async fn set_with<V: Serialize + Sync + ?Sized>(
        &self,
        _key: &str,
        _value: &V,
        _expiry: impl Into<Expiry> + Send,
    ) -> SessionResult<()> {
        todo!()
    }

    /// Removes a value; `true` if there was one.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn remove(&self, _key: &str) -> SessionResult<bool> {
        todo!()
    }

    /// The keys, sorted.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn keys(&self) -> SessionResult<Vec<String>> {
        todo!()
    }

    /// Removes all values and gives how many there were.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn remove_all(&self) -> SessionResult<u64> {
        todo!()
    }

    pub(super) fn new(current: CurrentSession) -> Self {
        Self { current }
    }
}

impl fmt::Debug for SessionBag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionBag").field(&self.current).finish()
    }
}
